//! What a page takes from elsewhere stands between two comments, which no reader sees:
//!
//! ```text
//! <!-- listing crates/adapters/src/lib.rs#name -->
//! <!-- table docs/results/name.tsv -->
//! <!-- output docs/results/name.txt#name -->
//! <!-- end -->
//! ```
//!
//! So a page is read whole on a forge and in an editor, where mdBook's includes would be empty. `fill` writes the text between them
//! anew; a page that differs from what it would write is a problem.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{listing, output, table};

const END: &str = "<!-- end -->";
const KINDS: [(&str, Kind); 3] = [("listing", Kind::Listing), ("table", Kind::Table), ("output", Kind::Output)];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Listing,
    Table,
    Output,
}

/// A first comment: what is wanted, of which file, and which part of it.
#[derive(Debug, PartialEq)]
struct Wanted {
    kind: Kind,
    file: PathBuf,
    part: String,
}

/// The page as it should be, or what is wrong with its comments and with what they name.
pub(crate) fn fill(root: &Path, page: &Path, text: &str) -> Result<String, Vec<String>> {
    let (mut filled, mut problems, mut open) = (String::new(), Vec::new(), None);
    for (number, line) in (1..).zip(text.lines()) {
        let problem = |problem: &str| format!("{}:{number}: {problem}", page.display());
        match (wanted(line), line == END, open) {
            (Some(_), _, Some(start)) => {
                problems.push(problem(&format!("the part that began in line {start} has no end")));
            }
            (Some(wanted), _, None) => {
                open = Some(number);
                match wanted.text(root) {
                    Ok(text) => filled += &format!("{line}\n\n{}\n\n", text.trim_end()),
                    Err(reason) => problems.push(problem(&reason)),
                }
            }
            (None, true, None) => problems.push(problem("ends what has not begun")),
            (None, is_end, Some(_)) if !is_end => {}
            (None, is_end, _) => {
                open = if is_end { None } else { open };
                filled += &format!("{line}\n");
            }
        }
    }
    problems.extend(open.map(|start: usize| format!("{}:{start}: has no `{END}`", page.display())));
    if problems.is_empty() { Ok(filled) } else { Err(problems) }
}

/// The first line that `fill` would change, or what keeps it from filling.
pub(crate) fn problems(root: &Path, page: &Path, text: &str) -> Vec<String> {
    let filled = match fill(root, page, text) {
        Ok(filled) => filled,
        Err(problems) => return problems,
    };
    let differing = (1..).zip(text.lines().map(Some).chain([None])).zip(filled.lines().map(Some).chain([None]));
    let first = differing.into_iter().find(|((_, is), should)| is != should);
    let problem = |((number, _), should): ((usize, Option<&str>), Option<&str>)| {
        let page = page.display();
        format!(
            "{page}:{number}: is not what it is taken from, where it reads {should:?}; `cargo xtask fill` writes it anew"
        )
    };
    first.map(problem).into_iter().collect()
}

/// The files that a page takes something from.
pub(crate) fn sources(text: &str) -> Vec<PathBuf> {
    text.lines().filter_map(wanted).map(|wanted| wanted.file).collect()
}

/// A page without what stands between comments, line by line.
pub(crate) fn without_filled(text: &str) -> String {
    let mut inside = false;
    let mut kept = String::new();
    for line in text.lines() {
        inside = wanted(line).is_some() || inside && line != END;
        kept += if inside { "" } else { line };
        kept.push('\n');
    }
    kept
}

fn wanted(line: &str) -> Option<Wanted> {
    let (kind, target) = line.strip_prefix("<!-- ")?.strip_suffix(" -->")?.split_once(' ')?;
    let (_, kind) = KINDS.iter().find(|(name, _)| *name == kind)?;
    let (file, part) = target.split_once('#').unwrap_or((target, ""));
    Some(Wanted { kind: *kind, file: file.into(), part: part.to_owned() })
}

impl Wanted {
    fn text(&self, root: &Path) -> Result<String, String> {
        let shown = self.file.display();
        let text = fs::read_to_string(root.join(&self.file)).map_err(|error| format!("{shown}: {error}"))?;
        let made = match self.kind {
            Kind::Listing => listing::fenced(&self.file, &text, &self.part),
            Kind::Table => table::markdown(&text),
            Kind::Output => output::fenced(&text, &self.part),
        };
        made.map_err(|problem| format!("{shown}: {problem}"))
    }
}

#[cfg(test)]
mod tests {
    use xshell::{Shell, TempDir};

    use super::*;

    fn project() -> TempDir {
        let shell = Shell::new().unwrap();
        let folder = shell.create_temp_dir().unwrap();
        shell.write_file(folder.path().join("a.rs"), "// ANCHOR: one\nfn one() {}\n// ANCHOR_END: one\n").unwrap();
        shell.write_file(folder.path().join("a.txt"), "[first]\n1.5\n[second]\n2.5\n").unwrap();
        folder
    }

    const STALE: &str = "Text.\n<!-- listing a.rs#one -->\nold\n<!-- end -->\nMore.\n";
    const FRESH: &str = "Text.\n<!-- listing a.rs#one -->\n\n```rust\nfn one() {}\n```\n\n<!-- end -->\nMore.\n";

    #[test]
    fn what_is_between_the_comments_is_written_anew() {
        let folder = project();
        let fill = |text: &str| fill(folder.path(), Path::new("p.md"), text);
        assert_eq!(fill(STALE).as_deref(), Ok(FRESH));
        assert_eq!(fill(FRESH).as_deref(), Ok(FRESH));
        assert!(fill("<!-- output a.txt#second -->\n<!-- end -->\n").unwrap().contains("```text\n2.5\n```"));
        assert_eq!(fill("<!-- any other comment -->\n").as_deref(), Ok("<!-- any other comment -->\n"));
    }

    #[test]
    fn a_stale_page_is_a_problem() {
        let folder = project();
        let problems = |text: &str| problems(folder.path(), Path::new("p.md"), text);
        assert_eq!(problems(FRESH), Vec::<String>::new());
        let expected =
            "p.md:3: is not what it is taken from, where it reads Some(\"\"); `cargo xtask fill` writes it anew";
        assert_eq!(problems(STALE), [expected]);
        assert_eq!(problems(&FRESH.replace("one()", "two()")).len(), 1);
        let shell = Shell::new().unwrap();
        shell.write_file(folder.path().join("a.rs"), "// ANCHOR: one\nfn two() {}\n// ANCHOR_END: one\n").unwrap();
        assert_eq!(problems(FRESH).len(), 1);
    }

    #[test]
    fn broken_comments_are_named() {
        let folder = project();
        let fill = |text: &str| fill(folder.path(), Path::new("p.md"), text).expect_err(text);
        assert_eq!(fill("<!-- end -->\n"), ["p.md:1: ends what has not begun"]);
        assert_eq!(fill("a\n<!-- listing a.rs#one -->\n"), ["p.md:2: has no `<!-- end -->`"]);
        let twice = "<!-- listing a.rs#one -->\n<!-- listing a.rs#one -->\n<!-- end -->\n";
        assert_eq!(fill(twice), ["p.md:2: the part that began in line 1 has no end"]);
        assert!(fill("<!-- listing gone.rs#one -->\n<!-- end -->\n")[0].starts_with("p.md:1: gone.rs: "));
        assert_eq!(fill("<!-- listing a.rs#two -->\n<!-- end -->\n"), ["p.md:1: a.rs: has no `ANCHOR: two`"]);
    }

    #[test]
    fn what_is_taken_from_elsewhere_is_told_from_the_rest() {
        assert_eq!(without_filled(FRESH), "Text.\n\n\n\n\n\n\n<!-- end -->\nMore.\n");
        assert_eq!(sources(FRESH), [PathBuf::from("a.rs")]);
    }
}
