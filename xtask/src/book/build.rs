//! Makes a website of the pages with mdBook, in `target/book`.
//!
//! Formulas between dollars become MathML, which browsers draw themselves: no script, no style and no font comes with them.

use std::{
    env,
    env::consts::EXE_SUFFIX,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

use super::{
    bare,
    pages::{FOLDER, pages, pictures, summary},
};
use crate::{
    links,
    python::target_folder,
    stage::{capture, read},
};

/// The programs and their versions, all of which cargo installs.
const TOOLS: [(&str, &str); 2] = [("mdbook", "0.5.4"), ("mdbook-katex", "0.10.0")];

/// Where links lead that leave the book.
const REPOSITORY: &str = "https://github.com/adaptune/adaptune/blob/main";

/// Builds the book if its programs are installed, and gives what the website needs from elsewhere.
pub(crate) fn if_installed(shell: &Shell) -> Result<Option<Vec<String>>> {
    if TOOLS.iter().all(|(name, version)| is_installed(shell, name, version)) { run(shell).map(Some) } else { Ok(None) }
}

/// The same, with all that has to be installed for it. `None`, and a word on the screen, where no registry can be reached.
pub(crate) fn install_and_build(shell: &Shell) -> Result<Option<Vec<String>>> {
    for (name, version) in TOOLS {
        if !is_installed(shell, name, version) && !install(shell, name, version)? {
            println!("skipped: {name} {version} is not installed, and the package registry cannot be reached");
            return Ok(None);
        }
    }
    let problems = run(shell)?;
    println!("{}", website(shell).join("index.html").display());
    Ok(Some(problems))
}

fn is_installed(shell: &Shell, name: &str, version: &str) -> bool {
    let program = program(shell, name);
    let said = read(cmd!(shell, "{program} --version"));
    said.is_ok_and(|said| said.trim().ends_with(version))
}

/// False if the registry cannot be reached.
fn install(shell: &Shell, name: &str, version: &str) -> Result<bool> {
    println!("installing {name} {version} (minutes, once)");
    let root = tools(shell);
    let install = cmd!(shell, "cargo install {name} --version ={version} --locked --root {root}");
    let run = capture(install.env("CARGO_TARGET_DIR", root.join("build")))?;
    let is_offline = ["Couldn't resolve host", "Could not resolve host", "failed to download", "Could not connect"];
    match run.success {
        true => Ok(true),
        false if is_offline.iter().any(|message| run.output.contains(message)) => Ok(false),
        false => bail!("{name} could not be installed:\n{}", run.output.trim_end()),
    }
}

fn run(shell: &Shell) -> Result<Vec<String>> {
    let source = stage_pages(shell)?;
    let (mdbook, website) = (program(shell, "mdbook"), website(shell));
    let paths = env::join_paths([tools(shell).join("bin")].into_iter().chain(env::split_paths(&path())))?;
    let build = capture(cmd!(shell, "{mdbook} build {source} --dest-dir {website}").env("PATH", paths))?;
    if !build.success {
        bail!("mdBook failed:\n{}", build.output.trim_end());
    }
    bare::problems(&website)
}

fn path() -> OsString {
    env::var_os("PATH").unwrap_or_default()
}

fn tools(shell: &Shell) -> PathBuf {
    target_folder(shell).join("tools")
}

fn website(shell: &Shell) -> PathBuf {
    target_folder(shell).join("book")
}

fn program(shell: &Shell, name: &str) -> PathBuf {
    tools(shell).join("bin").join(format!("{name}{EXE_SUFFIX}"))
}

/// Copies pages and pictures to where mdBook reads them. Links to files that are no part of the website lead to the repository.
fn stage_pages(shell: &Shell) -> Result<PathBuf> {
    let (root, staged) = (shell.current_dir(), target_folder(shell).join("book-source"));
    shell.remove_path(&staged)?;
    let mut parts: Vec<PathBuf> = pages(&root)?;
    parts.push(summary());
    parts.extend(pictures(&root)?);
    for part in &parts {
        let to = staged.join(part.strip_prefix(FOLDER)?);
        if part.extension().is_some_and(|extension| extension == "md") {
            let text = fs::read_to_string(root.join(part)).with_context(|| part.display().to_string())?;
            shell.write_file(to, links::redirected(&text, |target| outside(part, target, &parts)))?;
        } else {
            shell.create_dir(to.parent().unwrap_or(&staged))?;
            shell.copy_file(root.join(part), to)?;
        }
    }
    shell.copy_file(root.join(FOLDER).join("book.toml"), &staged)?;
    Ok(staged)
}

/// Where a link of a page has to lead instead if what it names is no part of the website.
fn outside(page: &Path, target: &str, parts: &[PathBuf]) -> Option<String> {
    let path = target.split('#').next().unwrap_or_default();
    if path.is_empty() || path.contains("://") || path.starts_with("mailto:") {
        return None;
    }
    let place = joined(page.parent().unwrap_or(Path::new("")), path);
    (!parts.contains(&place)).then(|| format!("{REPOSITORY}/{}{}", place.display(), &target[path.len()..]))
}

/// A path relative to a folder, without `..` in it.
fn joined(folder: &Path, path: &str) -> PathBuf {
    let mut place = folder.to_owned();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                place.pop();
            }
            name => place.push(name),
        }
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_leave_the_book_lead_to_the_repository() {
        let parts = ["docs/README.md", "docs/a.md", "docs/b/c.md"].map(PathBuf::from);
        let outside = |page: &str, target: &str| outside(Path::new(page), target, &parts);
        for inside in ["a.md", "a.md#part", "#part", "https://example.org/x.md", "b/c.md", "mailto:a@b.c"] {
            assert_eq!(outside("docs/README.md", inside), None, "{inside}");
        }
        assert_eq!(outside("docs/b/c.md", "../a.md"), None);
        assert_eq!(outside("docs/a.md", "../README.md#use"), Some(format!("{REPOSITORY}/README.md#use")));
        assert_eq!(outside("docs/b/c.md", "../results/x.tsv"), Some(format!("{REPOSITORY}/docs/results/x.tsv")));
    }
}
