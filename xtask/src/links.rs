//! Links between the files of the project: every relative link in a Markdown file leads to a file that is there, and every
//! listing that the book takes from the source is still in it.

use std::{fs, path::Path};

/// One problem for each link of `text` that leads nowhere. `file` is where the text lies, below `root`.
pub(crate) fn problems(root: &Path, file: &Path, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let mut fence = None;
    for (number, line) in (1..).zip(text.lines()) {
        let mut broken: Vec<String> = included(line).filter_map(|target| include_problem(root, file, target)).collect();
        if !is_fenced(&mut fence, line) {
            let prose = without_code(line);
            broken.extend(targets(&prose).into_iter().filter_map(|target| link_problem(root, file, target)));
        }
        problems.extend(broken.into_iter().map(|problem| format!("{}:{number}: {problem}", file.display())));
    }
    problems
}

/// Whether a line belongs to a fenced block of code, its fences included. `fence` is the one that is open.
pub(crate) fn is_fenced(fence: &mut Option<&'static str>, line: &str) -> bool {
    let line = line.trim_start();
    match *fence {
        Some(mark) => {
            if line.starts_with(mark) {
                *fence = None;
            }
            true
        }
        None => {
            *fence = ["```", "~~~"].into_iter().find(|mark| line.starts_with(mark));
            fence.is_some()
        }
    }
}

/// What stands between backticks is no link, though a link may have it as its text.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

/// Where the links of a line lead: `[text](target)`, `[name]: target`, `src="target"` and `href="target"`.
fn targets(line: &str) -> Vec<&str> {
    let mut targets: Vec<&str> = [("](", [')', ' ']), ("src=\"", ['"', '"']), ("href=\"", ['"', '"'])]
        .into_iter()
        .flat_map(|(opening, closing)| line.split(opening).skip(1).filter_map(move |rest| rest.split(closing).next()))
        .collect();
    if let Some((_, target)) = line.split_once("]: ").filter(|(name, _)| name.starts_with('[')) {
        targets.extend(target.split_whitespace().next());
    }
    targets
}

fn link_problem(root: &Path, file: &Path, target: &str) -> Option<String> {
    let path = target.trim_matches(['<', '>']).split('#').next().unwrap_or_default();
    // Item paths such as `crate::Layout` are rustdoc's to resolve, and it does.
    if path.is_empty() || path.contains("://") || path.starts_with("mailto:") || path.contains("::") {
        return None;
    }
    resolve(root, file, path).err()
}

/// The targets of mdBook's `{{#include target}}` and `{{#rustdoc_include target}}`.
fn included(line: &str) -> impl Iterator<Item = &str> {
    line.split("include ").skip(1).filter_map(|rest| rest.split_once("}}")).map(|(target, _)| target.trim())
}

/// A target is a file, and after a colon an anchor, for which the file must have a comment `ANCHOR: name`, or line numbers.
fn include_problem(root: &Path, file: &Path, target: &str) -> Option<String> {
    let (path, anchor) = target.split_once(':').unwrap_or((target, ""));
    let text = match resolve(root, file, path) {
        Ok(text) => text,
        Err(problem) => return Some(problem),
    };
    let is_line_number = anchor.starts_with(|first: char| first.is_ascii_digit() || first == ':');
    let is_there = text.lines().any(|line| line.trim_end().ends_with(&format!("ANCHOR: {anchor}")));
    (!anchor.is_empty() && !is_line_number && !is_there).then(|| format!("{path} has no `ANCHOR: {anchor}`"))
}

/// The text behind a relative path, empty where that is a folder or no text; or what is wrong with the path.
fn resolve(root: &Path, file: &Path, path: &str) -> Result<String, String> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let found = root.join(folder).join(path).canonicalize();
    let found = found.map_err(|_| format!("the link to {path} leads nowhere"))?;
    let root = root.canonicalize().map_err(|error| format!("{}: {error}", root.display()))?;
    if !found.starts_with(root) {
        return Err(format!("the link to {path} leads out of the project"));
    }
    Ok(fs::read_to_string(found).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use xshell::{Shell, TempDir};

    use super::*;

    /// A project with `README.md`, `docs/guide.md` and `src/lib.rs`, which has the anchor `sum`.
    fn project() -> TempDir {
        let shell = Shell::new().unwrap();
        let folder = shell.create_temp_dir().unwrap();
        for (path, text) in [
            ("README.md", "# Project"),
            ("docs/guide.md", "# Guide"),
            ("src/lib.rs", "// ANCHOR: sum\nfn sum() {}\n// ANCHOR_END: sum\n"),
        ] {
            shell.write_file(folder.path().join(path), text).unwrap();
        }
        folder
    }

    fn problems_in(file: &str, text: &str) -> Vec<String> {
        problems(project().path(), Path::new(file), text)
    }

    #[test]
    fn good_links_pass() {
        let text = "\
See [the guide](docs/guide.md#first-steps \"a title\"), [`code`](src/lib.rs) and [the site](https://example.org/x.md).
![picture](docs) [up](#top) [item](crate::Layout) <a href=\"README.md\">here</a> [mail](mailto:a@b.c) [angle](<README.md>)
[name]: docs/guide.md
";
        assert_eq!(problems_in("README.md", text), Vec::<String>::new());
        assert_eq!(problems_in("docs/guide.md", "[up](../README.md)"), Vec::<String>::new());
    }

    #[test]
    fn broken_links_are_named_with_their_lines() {
        let text =
            "fine\n[a](docs/gone.md) [b](docs/guide.md) [`c`](gone.rs)\n\n<img src=\"gone.svg\">\n[d]: gone.md\n";
        assert_eq!(
            problems_in("README.md", text),
            [
                "README.md:2: the link to docs/gone.md leads nowhere",
                "README.md:2: the link to gone.rs leads nowhere",
                "README.md:4: the link to gone.svg leads nowhere",
                "README.md:5: the link to gone.md leads nowhere",
            ]
        );
    }

    #[test]
    fn links_are_relative_to_their_file_and_stay_inside() {
        assert_eq!(problems_in("docs/guide.md", "[a](docs/guide.md)").len(), 1);
        assert_eq!(problems_in("README.md", "[a](..)"), ["README.md:1: the link to .. leads out of the project"]);
    }

    #[test]
    fn code_holds_no_links() {
        let text = "`[a](gone.md)`\n```rust\nlet b = c[i](gone);\n```\n~~~\n[d](gone.md)\n```\n~~~\n[e](gone.md)\n";
        assert_eq!(problems_in("README.md", text), ["README.md:9: the link to gone.md leads nowhere"]);
    }

    #[test]
    fn included_listings_must_exist() {
        let include =
            |target: &str| problems_in("docs/guide.md", &format!("```rust\n{{{{#include {target}}}}}\n```\n"));
        for good in ["../src/lib.rs", "../src/lib.rs:sum", "../src/lib.rs:1:2", "../src/lib.rs::2"] {
            assert_eq!(include(good), Vec::<String>::new(), "{good}");
        }
        assert_eq!(include("../src/gone.rs:sum"), ["docs/guide.md:2: the link to ../src/gone.rs leads nowhere"]);
        assert_eq!(include("../src/lib.rs:product"), ["docs/guide.md:2: ../src/lib.rs has no `ANCHOR: product`"]);
    }
}
