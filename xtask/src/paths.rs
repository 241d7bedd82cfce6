//! Paths in the documentation: what stands between backticks and looks like a path of the project is there.
//!
//! Documentation is Markdown and the comments of Rust, without blocks of code and without tests. The changelog is left out: it
//! tells of files that are gone.
//!
//! A path may begin at the project's folder, at the document's own, in Rust at the crate's or its `src`, or at a folder that
//! the same paragraph has named before. Under a heading that names a crate, as in the code map, it begins there. Elsewhere the
//! end of a path is enough, such as `source/tree.rs`, if no other file ends so.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use xshell::Shell;

use crate::{
    links::is_fenced,
    stage::{Outcome, count},
    tidy,
};

/// With these folders begin the paths that begin at the project's.
const TOP: [&str; 7] = ["benches", "crates", "docs", "fuzz", "scripts", "test-support", "xtask"];
/// With these begin paths within a crate.
const IN_CRATE: [&str; 3] = ["examples/", "src/", "tests/"];
/// Names that Rust gives to files of a kind.
const KINDS: [&str; 3] = ["lib.rs", "main.rs", "mod.rs"];
/// Of what has this name there is none: it stands for something that a reader will write.
const STAND_IN: &str = "foo";

/// The stage.
pub(crate) fn check(shell: &Shell) -> Result<Outcome> {
    let root = shell.current_dir();
    let project = Project::new(&root)?;
    let documents = project.files.iter().filter(|file| is_document(file));
    let (mut problems, mut paths) = (Vec::new(), 0);
    for file in documents {
        let text = fs::read_to_string(root.join(file)).with_context(|| file.display().to_string())?;
        let (found, all) = project.problems(file, &text);
        problems.extend(found);
        paths += all;
    }
    Ok(Outcome::of_problems(&problems, count(paths, "path")))
}

fn is_document(file: &Path) -> bool {
    let is_text = file.extension().is_some_and(|extension| extension == "md" || extension == "rs");
    is_text && file != Path::new("CHANGELOG.md")
}

struct Project<'a> {
    root: &'a Path,
    files: Vec<PathBuf>,
    /// The files and their folders.
    places: BTreeSet<PathBuf>,
}

impl Project<'_> {
    fn new(root: &Path) -> Result<Project<'_>> {
        let files = tidy::files(root)?;
        let places = files.iter().flat_map(|file| file.ancestors().map(Path::to_owned)).collect();
        Ok(Project { root, files, places })
    }

    /// A problem for each path of a document that is not there, and how many paths it has.
    fn problems(&self, file: &Path, text: &str) -> (Vec<String>, usize) {
        let (mut problems, mut paths) = (Vec::new(), 0);
        let mut reader = Reader { bases: bases(file), heading: None, named: Vec::new() };
        for (number, line) in prose(file, text) {
            reader.begin(line);
            for path in spans(line).filter(|span| is_path(span)) {
                paths += 1;
                if let Err(problem) = self.find(path, &mut reader) {
                    problems.push(format!("{}:{number}: `{path}` {problem}", file.display()));
                }
            }
        }
        (problems, paths)
    }

    fn find(&self, path: &str, reader: &mut Reader) -> Result<(), String> {
        let place = reader.starts().map(|start| start.join(path)).find(|place| self.is_there(place));
        if let Some(place) = place {
            reader.named.extend(self.root.join(&place).is_dir().then_some(place));
            return Ok(());
        }
        let same: Vec<&PathBuf> = self.places.iter().filter(|place| place.ends_with(path)).collect();
        match (same.as_slice(), &reader.heading) {
            ([_], None) => Ok(()),
            ([], _) => Err(format!("is not there; the nearest is {}", self.nearest(path))),
            ([first, ..], Some(heading)) => {
                let near = same.iter().find(|place| place.starts_with(heading)).unwrap_or(first);
                Err(format!("does not begin in {}; there is {}", heading.display(), near.display()))
            }
            ([one, two, ..], None) => Err(format!("may be {} or {}: say which", one.display(), two.display())),
        }
    }

    fn is_there(&self, place: &Path) -> bool {
        let is_match = |other: &PathBuf| matches(&place.to_string_lossy(), &other.to_string_lossy());
        self.root.join(place).exists() || place.to_string_lossy().contains('*') && self.places.iter().any(is_match)
    }

    /// The place whose last name, and then whose whole path, is most like a path.
    fn nearest(&self, path: &str) -> String {
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let wanted = name(Path::new(path));
        let distance = |place: &&PathBuf| (edits(&name(place), &wanted), edits(&place.to_string_lossy(), path));
        self.places.iter().min_by_key(distance).map_or_else(String::new, |place| place.display().to_string())
    }
}

/// Where the paths of a document may begin, from line to line.
struct Reader {
    bases: Vec<PathBuf>,
    /// The crate that the heading names.
    heading: Option<PathBuf>,
    /// Folders that the paragraph, or the row of a table, has named.
    named: Vec<PathBuf>,
}

impl Reader {
    fn begin(&mut self, line: &str) {
        if line.is_empty() || line.starts_with(['|', '#']) {
            self.named.clear();
        }
        if line.starts_with('#') {
            self.heading = spans(line).find(|span| span.starts_with("crates/")).map(PathBuf::from);
        }
    }

    fn starts(&self) -> impl Iterator<Item = PathBuf> {
        let heading = self.heading.iter().flat_map(|folder| [folder.join("src"), folder.clone(), PathBuf::new()]);
        let bases = if self.heading.is_some() { &[] } else { self.bases.as_slice() };
        self.named.iter().rev().cloned().chain(heading).chain(bases.iter().cloned())
    }
}

/// The project's folder and the document's; of a file of Rust also that of its children, and its crate's.
fn bases(file: &Path) -> Vec<PathBuf> {
    let mut bases: Vec<PathBuf> = vec![PathBuf::new(), file.parent().unwrap_or(Path::new("")).to_owned()];
    if file.extension().is_some_and(|extension| extension == "rs") {
        let depth = if file.starts_with("crates") { 2 } else { 1 };
        let package: PathBuf = file.iter().take(depth).collect();
        bases.extend([file.with_extension(""), package.join("src"), package]);
    }
    bases
}

/// The lines of a document that are neither code nor in a block of it, each with its number; lines between paragraphs are
/// empty.
fn prose<'a>(file: &Path, text: &'a str) -> Vec<(usize, &'a str)> {
    let is_rust = file.extension().is_some_and(|extension| extension == "rs");
    let mut fence = None;
    let mut prose = Vec::new();
    for (number, line) in (1..).zip(text.lines().take_while(|line| !is_rust || line.trim() != "#[cfg(test)]")) {
        let line = if is_rust { comment(line) } else { line.trim_end() };
        prose.push((number, if is_fenced(&mut fence, line) { "" } else { line }));
    }
    prose
}

/// The text of a line's comment; empty if there is none.
fn comment(line: &str) -> &str {
    let text = line.split_once("//").map_or("", |(_, text)| text);
    text.strip_prefix(['/', '!']).unwrap_or(text).trim()
}

/// What stands between backticks.
fn spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

fn is_path(span: &str) -> bool {
    let is_plain = span.starts_with(|first: char| first.is_ascii_alphanumeric())
        && span.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-./*".contains(letter));
    let (first, rest) = span.split_once('/').unwrap_or((span, ""));
    // Names of this project are in small letters; others are somebody else's.
    let is_small = !span.contains(|letter: char| letter.is_ascii_uppercase());
    let is_ours = [".rs", ".py", "/"].iter().any(|end| span.ends_with(end))
        || IN_CRATE.iter().any(|start| span.starts_with(start));
    let is_stand_in =
        Path::new(span).iter().any(|part| Path::new(part).file_stem().is_some_and(|stem| stem == STAND_IN));
    is_plain
        && !is_stand_in
        && !KINDS.contains(&span)
        && (TOP.contains(&first) && !rest.is_empty() || is_small && is_ours)
}

/// Whether a path fits a pattern in which `*` stands for a part of a name.
fn matches(pattern: &str, path: &str) -> bool {
    let fits = |(pattern, name): (&str, &str)| match pattern.split_once('*') {
        Some((start, end)) => name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end),
        None => pattern == name,
    };
    pattern.split('/').count() == path.split('/').count() && pattern.split('/').zip(path.split('/')).all(fits)
}

/// How many letters have to be put in, taken out or changed to make one text of another.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for j in 0..b.len() {
            let changed = diagonal + usize::from(letter != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Problems, and the number of paths, of a document in a project with a few files.
    fn read(file: &str, text: &str) -> (Vec<String>, usize) {
        let shell = Shell::new().unwrap();
        let folder = shell.create_temp_dir().unwrap();
        let all = [
            "README.md",
            "docs/guide.md",
            "scripts/make.py",
            "crates/a/src/lib.rs",
            "crates/a/src/kernel/rows.rs",
            "crates/a/src/kernel/tile.rs",
            "crates/a/src/layers.rs",
            "crates/a/examples/first.rs",
            "crates/b/src/lib.rs",
            "crates/b/src/rows.rs",
            "crates/b/src/only.rs",
        ];
        for file in all {
            shell.write_file(folder.path().join(file), "").unwrap();
        }
        Project::new(folder.path()).unwrap().problems(Path::new(file), text)
    }

    fn problems(file: &str, text: &str) -> Vec<String> {
        read(file, text).0
    }

    #[test]
    fn paths_that_are_there_pass() {
        let text = "`crates/a/src/layers.rs`, `crates/a`, `scripts/make.py` and `only.rs`; `kernel/tile.rs`.";
        assert_eq!(read("README.md", text), (Vec::new(), 5));
        assert_eq!(read("README.md", "`crates/*/examples/*.rs` and `crates/a/src/lay*.rs`"), (Vec::new(), 2));
        assert_eq!(read("scripts/README.md", "`make.py`"), (Vec::new(), 1));
    }

    #[test]
    fn paths_that_are_gone_are_named_with_what_is_nearest() {
        assert_eq!(
            problems("README.md", "fine\n`crates/a/src/layer.rs`, `crates/*/benches/*.rs`"),
            [
                "README.md:2: `crates/a/src/layer.rs` is not there; the nearest is crates/a/src/layers.rs",
                "README.md:2: `crates/*/benches/*.rs` is not there; the nearest is crates/a/src/lib.rs",
            ]
        );
        assert!(problems("docs/guide.md", "`kernel/layers.rs`")[0].ends_with("the nearest is crates/a/src/layers.rs"));
        assert!(problems("docs/guide.md", "`kernels/`")[0].ends_with("the nearest is crates/a/src/kernel"));
    }

    #[test]
    fn an_end_that_several_files_have_is_not_enough() {
        let expected = "README.md:1: `rows.rs` may be crates/a/src/kernel/rows.rs or crates/b/src/rows.rs: say which";
        assert_eq!(problems("README.md", "`rows.rs`"), [expected]);
    }

    #[test]
    fn a_heading_names_the_crate() {
        assert_eq!(problems("README.md", "## `crates/b`\n\n`rows.rs` `src/only.rs`"), Vec::<String>::new());
        let expected = "README.md:2: `layers.rs` does not begin in crates/b; there is crates/a/src/layers.rs";
        assert_eq!(problems("README.md", "## `crates/b`\n`layers.rs`"), [expected]);
        assert_eq!(problems("README.md", "## `crates/b`\n## More\n`layers.rs`"), Vec::<String>::new());
    }

    #[test]
    fn a_folder_holds_for_the_rest_of_its_paragraph_or_row() {
        let text = "| `kernel/` | fast: `rows.rs`,\n`tile.rs` |";
        assert_eq!(problems("README.md", &format!("# `crates/a`\n{text}")), Vec::<String>::new());
        assert_eq!(problems("README.md", "# `crates/a`\n| `kernel/` |\n| `tile.rs` |").len(), 1);
        assert_eq!(problems("README.md", "# `crates/a`\n`kernel/`\n\n`tile.rs`").len(), 1);
    }

    #[test]
    fn comments_of_rust_begin_at_their_file_and_their_crate() {
        let text = "//! `tile.rs`, `layers.rs`, `src/lib.rs`\nfn f() {} // `rows.rs`\n/// `gone.rs`\n";
        let expected = "crates/a/src/kernel/rows.rs:3: `gone.rs` is not there; the nearest is crates/b/src/only.rs";
        assert_eq!(problems("crates/a/src/kernel/rows.rs", text), [expected]);
        assert_eq!(read("crates/a/src/kernel.rs", "//! `tile.rs`"), (Vec::new(), 1));
    }

    #[test]
    fn code_tests_and_other_things_are_no_paths() {
        let text = "```\n`gone.rs`\n```\n`config.json` `owner/name` `1/x` `a b.rs` `.rs` `Lib/x.py` `D/2` `mod.rs` `foo.rs` `x::y`";
        assert_eq!(read("README.md", text), (Vec::new(), 0));
        let text = "//! ```\n//! // `gone.rs`\n//! ```\nconst A: &str = \"`gone.rs`\";\n#[cfg(test)]\n// `gone.rs`";
        assert_eq!(read("crates/a/src/lib.rs", text), (Vec::new(), 0));
    }

    #[test]
    fn edits_are_counted() {
        assert_eq!((edits("layer", "layers"), edits("rows", "cols"), edits("", "ab")), (1, 2, 2));
    }
}
