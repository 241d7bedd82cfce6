//! The tasks that need Python: its scripts compile; the golden numbers can be made again; adapters travel both ways.

use std::{
    env::consts::EXE_SUFFIX,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

use crate::stage::{Outcome, capture, count};

/// What the scripts import; everything else comes with these.
const PACKAGES: [&str; 3] = ["adapters==1.3.0", "peft==0.21.2", "safetensors"];

/// What pip writes when it could not reach a package index, one of them at least.
const UNREACHABLE: [&str; 4] =
    ["connection broken", "Max retries exceeded", "Temporary failure in name resolution", "(from versions: none)"];

/// The stage: every script is at least well-formed Python.
pub(crate) fn check(shell: &Shell) -> Result<Outcome> {
    if !has_python(shell) {
        return Ok(Outcome::Skipped("there is no python3".to_owned()));
    }
    let mut scripts = shell.read_dir("scripts")?;
    scripts.extend(shell.read_dir("benches/peers").unwrap_or_default());
    scripts.retain(|path| path.extension().is_some_and(|extension| extension == "py"));
    let compiled = count(scripts.len(), "script");
    let compile = cmd!(shell, "python3 -m py_compile {scripts...}").env("PYTHONPYCACHEPREFIX", "target/python");
    Ok(capture(compile)?.outcome(|_| compiled))
}

/// Remakes the fixtures.
pub(crate) fn fixtures(shell: &Shell, environment: &Path) -> Result<()> {
    match prepare(shell, environment)? {
        Environment::Absent(reason) => bail!("the fixtures cannot be made: {reason}"),
        Environment::Ready(python) => Ok(cmd!(shell, "{python} scripts/make_fixtures.py").run()?),
    }
}

/// Runs the comparison with the Python library, which prints a table. An error if they disagree; where they cannot be
/// compared it says so, and that is none.
pub(crate) fn round_trip(shell: &Shell, environment: &Path) -> Result<()> {
    let python = match prepare(shell, environment)? {
        Environment::Absent(reason) => {
            println!("skipped: {reason}");
            return Ok(());
        }
        Environment::Ready(python) => python,
    };
    cmd!(shell, "cargo build --release --package adaptune").run()?;
    let binary = target_folder(shell).join("release").join(format!("adaptune{EXE_SUFFIX}"));
    Ok(cmd!(shell, "{python} scripts/round_trip.py --adaptune {binary}").run()?)
}

/// A virtual environment with `PACKAGES` in it.
pub(crate) enum Environment {
    Ready(PathBuf),
    /// Why there is none.
    Absent(String),
}

/// Completes the environment that is there, or makes one.
pub(crate) fn prepare(shell: &Shell, folder: &Path) -> Result<Environment> {
    if !has_python(shell) {
        return Ok(Environment::Absent("there is no python3".to_owned()));
    }
    let python = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    if !python.exists() {
        cmd!(shell, "python3 -m venv {folder}").run()?;
    }
    println!("installing {} (minutes, the first time)", PACKAGES.join(" and "));
    let install = capture(cmd!(shell, "{python} -m pip install --quiet {PACKAGES...}"))?;
    if install.success {
        return Ok(Environment::Ready(python));
    }
    if is_unreachable(&install.output) {
        return Ok(Environment::Absent("the package index cannot be reached".to_owned()));
    }
    bail!("{} could not be installed:\n{}", PACKAGES.join(" and "), install.output.trim_end())
}

fn has_python(shell: &Shell) -> bool {
    capture(cmd!(shell, "python3 --version")).is_ok_and(|version| version.success)
}

fn is_unreachable(output: &str) -> bool {
    UNREACHABLE.iter().any(|message| output.contains(message))
}

pub(crate) fn target_folder(shell: &Shell) -> PathBuf {
    shell.current_dir().join(shell.var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreachable_index_is_told_from_a_refusal() {
        let retries = "WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError'";
        let unknown =
            "ERROR: Could not find a version that satisfies the requirement adapters==1.3.0 (from versions: none)";
        let refusal =
            "ERROR: Could not find a version that satisfies the requirement adapters==9 (from versions: 1.2.0, 1.3.0)";
        assert!(is_unreachable(retries) && is_unreachable(unknown));
        assert!(!is_unreachable(refusal) && !is_unreachable("ERROR: No space left on device"));
    }

    #[test]
    fn broken_scripts_are_found() {
        let shell = Shell::new().unwrap();
        let folder = shell.create_temp_dir().unwrap();
        shell.change_dir(folder.path());
        shell.write_file("scripts/good.py", "print('good')\n").unwrap();
        if !has_python(&shell) {
            assert_eq!(check(&shell).unwrap(), Outcome::Skipped("there is no python3".to_owned()));
            return;
        }
        assert_eq!(check(&shell).unwrap(), Outcome::Passed("1 script".to_owned()));
        shell.write_file("scripts/bad.py", "print('bad'\n").unwrap();
        let Outcome::Failed { output, .. } = check(&shell).unwrap() else { panic!("bad.py was not found") };
        assert!(output.contains("bad.py"), "{output}");
    }
}
