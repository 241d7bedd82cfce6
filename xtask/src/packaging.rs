//! The packages that would be published are made, unpacked, and built without the repository around them.
//!
//! `cargo package` can do the last part too. But where two runs make packages of one version, as they do between two
//! releases, Cargo 1.95 builds the second against what it has kept of the first: whoever uses a new item of a crate below
//! is told that it does not exist.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;
use xshell::{Shell, cmd};

use crate::{
    layering::CRATES,
    stage::{Outcome, capture, count, read},
};

/// The stage. Whatever it needs has been downloaded by the stages before it, so it asks no registry.
pub(crate) fn check(shell: &Shell) -> Result<Outcome> {
    let metadata = read(cmd!(shell, "cargo metadata --format-version 1 --no-deps"))?;
    let workspace = Workspace::read(&serde_json::from_str(&metadata)?)?;
    let target = &workspace.target;

    let packages = CRATES.iter().flat_map(|name| ["--package", name]);
    let package =
        capture(cmd!(shell, "cargo package {packages...} --no-verify --allow-dirty --offline --target-dir {target}"))?;
    if !package.success {
        return Ok(package.failed());
    }
    let unpacked = workspace.unpack(shell)?;
    // The root manifest stands in as configuration for its profiles: with them, all dependencies are built already.
    let build = cmd!(shell, "cargo check --workspace --offline --config Cargo.toml --target-dir {target}");
    let build = build.arg("--manifest-path").arg(unpacked.join("Cargo.toml"));
    Ok(capture(build)?.outcome(|_| count(workspace.packages.len(), "package")))
}

/// What `cargo metadata` says of the workspace.
struct Workspace {
    target: PathBuf,
    /// Such as `adaptune-tensor` and `adaptune-tensor-0.1.0`.
    packages: Vec<(String, String)>,
}

impl Workspace {
    fn read(metadata: &Value) -> Result<Workspace> {
        let target =
            metadata["target_directory"].as_str().context("`cargo metadata` names no target directory")?.into();
        let version = |name: &str| {
            let package = metadata["packages"].as_array()?.iter().find(|package| package["name"] == name)?;
            package["version"].as_str()
        };
        let packages = CRATES.iter().map(|name| {
            let version = version(name).with_context(|| format!("`cargo metadata` does not know {name}"))?;
            Ok(((*name).to_owned(), format!("{name}-{version}")))
        });
        Ok(Workspace { target, packages: packages.collect::<Result<_>>()? })
    }

    /// A fresh folder with all packages in it, as a workspace of their own.
    fn unpack(&self, shell: &Shell) -> Result<PathBuf> {
        let folder = self.target.join("package/unpacked");
        shell.remove_path(&folder)?;
        shell.create_dir(&folder)?;
        for (_, package) in &self.packages {
            let archive = self.target.join("package").join(format!("{package}.crate"));
            // -m: the times in the archive are all the same, but Cargo goes by them to see what has changed.
            read(cmd!(shell, "tar -x -z -m -f {archive} -C {folder}"))?;
        }
        shell.write_file(folder.join("Cargo.toml"), self.manifest())?;
        shell.copy_file("Cargo.lock", &folder)?;
        Ok(folder)
    }

    /// The packages ask for each other by version alone; here they find each other side by side.
    fn manifest(&self) -> String {
        let mut manifest = "[workspace]\nresolver = \"3\"\nmembers = [\"*-*\"]\n\n[patch.crates-io]\n".to_owned();
        for (name, package) in &self.packages {
            manifest += &format!("{name} = {{ path = \"{package}\" }}\n");
        }
        manifest
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn packages_find_each_other_side_by_side() {
        let packages: Vec<Value> = CRATES.iter().map(|name| json!({"name": name, "version": "0.3.7"})).collect();
        let workspace = Workspace::read(&json!({"target_directory": "/t", "packages": packages})).unwrap();
        assert_eq!(workspace.target, PathBuf::from("/t"));
        assert_eq!(workspace.packages.len(), CRATES.len());
        let manifest = workspace.manifest();
        assert!(manifest.contains("\nadaptune-train = { path = \"adaptune-train-0.3.7\" }\n"), "{manifest}");
    }

    #[test]
    fn a_crate_that_cargo_does_not_know_is_named() {
        let metadata = json!({"target_directory": "/t", "packages": [{"name": "adaptune-tensor", "version": "0.3.7"}]});
        let error = Workspace::read(&metadata).err().expect("five crates are missing");
        assert!(error.to_string().contains("does not know adaptune-autograd"), "{error}");
    }
}
