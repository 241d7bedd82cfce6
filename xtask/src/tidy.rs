//! Conventions that no compiler knows of: each is a function from a file, or from the project's folder, to problems.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use xshell::Shell;

use crate::{
    links,
    stage::{Outcome, count},
};

/// Where the project keeps its text; everything else in its folder is somebody's scratch.
const FOLDERS: [&str; 6] = ["benches", "crates", "docs", "scripts", "test-support", "xtask"];

/// Files that every visitor looks for.
const REQUIRED: [&str; 5] = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"];

/// What must not be left in code. Written in two halves, because this file is checked too.
const LEFTOVERS: [&str; 4] =
    [concat!("to", "do!"), concat!("unimpl", "emented!"), concat!("db", "g!"), concat!("#[ig", "nore")];

const UNSAFE: &str = concat!("un", "safe");

/// The only code of the libraries that may be `unsafe`: this module, as a file or as a folder.
const KERNEL: [&str; 2] = ["crates/tensor/src/kernel.rs", "crates/tensor/src/kernel/"];

/// A bench beside another library, which has no safe way in, and beside the processor's own peak.
const UNSAFE_BENCHES: [&str; 2] = ["benches/benches/products.rs", "benches/src/lib.rs"];

/// Every clone of the repository pays for these. Two megabytes were enough for four families of bases; each further one has
/// numbers of its own, at most 40 kB of them.
const FIXTURES: &str = "crates/adapters/tests/fixtures";
const FIXTURES_LIMIT: u64 = 2_150_000;

/// The stage.
pub(crate) fn check(shell: &Shell) -> Result<Outcome> {
    let root = shell.current_dir();
    let files = texts(&root)?;
    let mut problems = missing_files(&root);
    problems.extend(crate_problems(&root)?);
    problems.extend(fixtures_problem(folder_size(&root.join(FIXTURES))?));
    for file in &files {
        let path = root.join(file);
        let text = fs::read_to_string(&path).with_context(|| format!("{} is no text in UTF-8", path.display()))?;
        problems.extend(text_problems(&root, file, &text));
    }
    Ok(Outcome::of_problems(&problems, count(files.len(), "file")))
}

/// Problems of one text; which checks it faces depends on its name.
fn text_problems(root: &Path, file: &Path, text: &str) -> Vec<String> {
    let mut problems = trailing_whitespace(file, text);
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("rs") => {
            problems.extend(missing_documentation(file, text));
            problems.extend(leftovers(file, text));
            problems.extend(stray_unsafe(file, text));
        }
        Some("md") => problems.extend(links::problems(root, file, text)),
        _ => {}
    }
    problems
}

fn trailing_whitespace(file: &Path, text: &str) -> Vec<String> {
    on_lines(file, text, |line| (line.trim_end() != line).then(|| "whitespace at the end of the line".to_owned()))
}

/// A file in a crate says in its first line what it is for.
fn missing_documentation(file: &Path, text: &str) -> Option<String> {
    let covered = ["crates", "test-support", "xtask"].iter().any(|folder| file.starts_with(folder));
    let documented = text.starts_with("//!") || text.starts_with("#![doc");
    (covered && !documented).then(|| format!("{}:1: expected `//!` or `#![doc` in the first line", file.display()))
}

fn leftovers(file: &Path, text: &str) -> Vec<String> {
    on_lines(file, text, |line| {
        let leftover = LEFTOVERS.iter().find(|leftover| has_word(line, leftover))?;
        Some(format!("`{leftover}` must not be left in the code"))
    })
}

/// The compiler denies the keyword too, but would let anyone allow it again.
fn stray_unsafe(file: &Path, text: &str) -> Vec<String> {
    let path = file.to_string_lossy().replace('\\', "/");
    if path == KERNEL[0] || path.starts_with(KERNEL[1]) || UNSAFE_BENCHES.contains(&path.as_str()) {
        return Vec::new();
    }
    on_lines(file, text, |line| {
        let code = line.split("//").next().unwrap_or_default();
        has_word(code, UNSAFE).then(|| format!("`{UNSAFE}` belongs into the kernel module of adaptune-tensor only"))
    })
}

/// Whether a line has `word` where it is not part of a longer name.
fn has_word(line: &str, word: &str) -> bool {
    let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    line.match_indices(word).any(|(start, _)| {
        let joined_before = word.starts_with(is_name) && line[..start].ends_with(is_name);
        let joined_after = word.ends_with(is_name) && line[start + word.len()..].starts_with(is_name);
        !joined_before && !joined_after
    })
}

fn on_lines(file: &Path, text: &str, problem: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let found = (1..).zip(text.split('\n')).filter_map(|(number, line)| Some((number, problem(line)?)));
    found.map(|(number, problem)| format!("{}:{number}: {problem}", file.display())).collect()
}

fn missing_files(root: &Path) -> Vec<String> {
    let missing = REQUIRED.iter().filter(|name| !root.join(name).is_file());
    missing.map(|name| format!("{name} is missing")).collect()
}

/// Every crate explains itself in a README and shows itself in an example.
fn crate_problems(root: &Path) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for folder in entries(&root.join("crates"))?.into_iter().filter(|path| path.is_dir()) {
        let shown = below(root, &folder).display().to_string();
        if !folder.join("README.md").is_file() {
            problems.push(format!("{shown}/README.md is missing"));
        }
        let examples = folder.join("examples");
        if !examples.is_dir() || !entries(&examples)?.iter().any(|path| has_extension(path, "rs")) {
            problems.push(format!("{shown}/examples has no example"));
        }
    }
    Ok(problems)
}

fn fixtures_problem(bytes: u64) -> Option<String> {
    (bytes > FIXTURES_LIMIT).then(|| format!("{FIXTURES} has {bytes} bytes, at most {FIXTURES_LIMIT} are allowed"))
}

fn folder_size(folder: &Path) -> Result<u64> {
    if !folder.is_dir() {
        return Ok(0);
    }
    let mut bytes = 0;
    for path in entries(folder)? {
        bytes += if path.is_dir() { folder_size(&path)? } else { path.metadata()?.len() };
    }
    Ok(bytes)
}

/// All texts of the project, as paths below `root`.
fn texts(root: &Path) -> Result<Vec<PathBuf>> {
    let is_text = |path: &PathBuf| ["md", "py", "rs", "toml"].iter().any(|extension| has_extension(path, extension));
    Ok(files(root)?.into_iter().filter(is_text).collect())
}

/// All files of the project, as paths below `root`.
pub(crate) fn files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found: Vec<PathBuf> = entries(root)?.into_iter().filter(|path| path.is_file()).collect();
    for folder in FOLDERS.iter().map(|name| root.join(name)).filter(|folder| folder.is_dir()) {
        add_files(&folder, &mut found)?;
    }
    Ok(found.into_iter().map(|path| below(root, &path)).collect())
}

fn add_files(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for path in entries(folder)? {
        if path.is_dir() { add_files(&path, found)? } else { found.push(path) }
    }
    Ok(())
}

/// What lies in a folder, in order of name; nothing hidden, nothing that Cargo made.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        if !name.to_string_lossy().starts_with('.') && name != "target" {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

fn below(root: &Path, path: &Path) -> PathBuf {
    path.strip_prefix(root).unwrap_or(path).to_path_buf()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(check: fn(&Path, &str) -> Vec<String>, file: &str, text: &str) -> Vec<String> {
        check(Path::new(file), text)
    }

    #[test]
    fn whitespace_at_the_end_is_found() {
        let text = "a\nb \n\n\t\nc\r\n  d";
        let lines = ["2", "4", "5"].map(|line| format!("x.md:{line}: whitespace at the end of the line"));
        assert_eq!(on(trailing_whitespace, "x.md", text), lines);
    }

    #[test]
    fn the_first_line_documents_the_file() {
        for (file, text, fine) in [
            ("crates/a/src/lib.rs", "#![doc = include_str!(\"../README.md\")]", true),
            ("crates/a/src/b.rs", "//! What it is for.", true),
            ("crates/a/src/b.rs", "\n//! Too late.", false),
            ("xtask/src/b.rs", "use std::fs;", false),
            ("crates/a/examples/b.rs", "", false),
            ("docs/listing.rs", "fn main() {}", true),
        ] {
            assert_eq!(missing_documentation(Path::new(file), text).is_none(), fine, "{file}: {text}");
        }
    }

    #[test]
    fn leftovers_are_found() {
        for leftover in LEFTOVERS {
            let found = on(leftovers, "x.rs", &format!("//! Fine.\n    {leftover}(x);"));
            assert_eq!(found, [format!("x.rs:2: `{leftover}` must not be left in the code")]);
        }
        let longer_names = format!("my_{}(x); let todo = 1; #[cfg(test)]", LEFTOVERS[2]);
        assert_eq!(on(leftovers, "x.rs", &longer_names), Vec::<String>::new());
    }

    #[test]
    fn the_keyword_is_for_the_kernel_alone() {
        let block = format!("let x = {UNSAFE} {{ y }};");
        assert_eq!(on(stray_unsafe, "crates/tensor/src/matmul.rs", &block).len(), 1);
        assert_eq!(on(stray_unsafe, "crates/train/src/kernel.rs", &block).len(), 1);
        assert_eq!(on(stray_unsafe, "crates/tensor/src/kernels.rs", &block).len(), 1);
        assert_eq!(on(stray_unsafe, "crates/tensor/src/kernel.rs", &block), Vec::<String>::new());
        assert_eq!(on(stray_unsafe, "crates/tensor/src/kernel/map.rs", &block), Vec::<String>::new());
    }

    #[test]
    fn lints_and_comments_may_name_it() {
        let text = format!("#![forbid({UNSAFE}_code)]\n// no {UNSAFE} here\nlet x = y; // nor {UNSAFE} there");
        assert_eq!(on(stray_unsafe, "crates/train/src/lib.rs", &text), Vec::<String>::new());
    }

    #[test]
    fn which_checks_a_file_faces_depends_on_its_name() {
        let text = format!("{}\n[a](gone.md) \n", LEFTOVERS[0]);
        let count = |file: &str| text_problems(Path::new("."), Path::new(file), &text).len();
        assert_eq!(count("crates/a/src/lib.rs"), 3); // no documentation, a leftover, whitespace
        assert_eq!(count("README.md"), 2); // a link, whitespace
        assert_eq!(count("Cargo.toml"), 1); // whitespace
    }

    #[test]
    fn an_empty_project_misses_everything() {
        let shell = Shell::new().unwrap();
        let folder = shell.create_temp_dir().unwrap();
        shell.create_dir(folder.path().join("crates/novel/examples")).unwrap();
        assert_eq!(missing_files(folder.path()).len(), REQUIRED.len());
        let expected = ["crates/novel/README.md is missing", "crates/novel/examples has no example"];
        assert_eq!(crate_problems(folder.path()).unwrap(), expected);

        for file in ["crates/novel/README.md", "crates/novel/examples/first.rs"] {
            shell.write_file(folder.path().join(file), "").unwrap();
        }
        assert_eq!(crate_problems(folder.path()).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn texts_are_found_where_the_project_keeps_them() {
        let shell = Shell::new().unwrap();
        let folder = shell.create_temp_dir().unwrap();
        for file in
            ["README.md", "crates/a/src/b.rs", "crates/a/b.bin", "target/c.rs", "docs/.hidden/d.md", "scratch/e.md"]
        {
            shell.write_file(folder.path().join(file), "12345").unwrap();
        }
        assert_eq!(texts(folder.path()).unwrap(), [PathBuf::from("README.md"), PathBuf::from("crates/a/src/b.rs")]);
        assert_eq!(folder_size(&folder.path().join("crates")).unwrap(), 10);
    }

    #[test]
    fn fixtures_stay_small() {
        assert_eq!(fixtures_problem(FIXTURES_LIMIT), None);
        assert!(fixtures_problem(FIXTURES_LIMIT + 1).expect("too large").contains("2150001 bytes"));
    }
}
