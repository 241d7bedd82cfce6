//! Numbers in pages: those that were measured are in a file of the repository.
//!
//! A table with numbers in it comes from a file (`filled.rs`). A number in prose with a point or a `%` stands in one of the files
//! that its page takes something from, or names in a comment `<!-- numbers from docs/results/name.tsv -->`, as it is shown or as it is
//! stored there. So a file that changes makes a page that still has the old number a problem. Code is left out: it is options and
//! commands.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{filled, table};
use crate::links::{is_fenced, without_code};

/// The rules by page. A page that is not here has numbers that nothing holds yet.
const RULES: [(&str, Rule); 13] = [
    ("docs/attention.md", Rule::Everything),
    ("docs/choose.md", Rule::Everything),
    ("docs/exercises/README.md", Rule::Everything),
    ("docs/forty-lines.md", Rule::Everything),
    ("docs/frozen-block.md", Rule::Everything),
    ("docs/gradients.md", Rule::Everything),
    ("docs/mixing.md", Rule::Everything),
    ("docs/performance.md", Rule::Tables),
    ("docs/pitfalls.md", Rule::Everything),
    ("docs/results.md", Rule::Tables),
    ("docs/three-methods.md", Rule::Everything),
    ("docs/training-step.md", Rule::Everything),
    ("docs/zero-start.md", Rule::Everything),
];

#[derive(Clone, Copy, PartialEq)]
enum Rule {
    /// Tables alone.
    Tables,
    /// Tables and prose.
    Everything,
}

pub(crate) fn problems(root: &Path, page: &Path, text: &str) -> Vec<String> {
    let rule = RULES.iter().find(|(name, _)| Path::new(name) == page);
    rule.map_or_else(Vec::new, |(_, rule)| problems_by(*rule, root, page, text))
}

fn problems_by(rule: Rule, root: &Path, page: &Path, text: &str) -> Vec<String> {
    let held = held(root, text);
    let (own, mut fence, mut problems) = (filled::without_filled(text), None, Vec::new());
    for (number, line) in (1..).zip(own.lines()) {
        if is_fenced(&mut fence, line) || line.starts_with("<!--") {
            continue;
        }
        let line = without_code(line);
        let here = |problem: String| format!("{}:{number}: {problem}", page.display());
        if line.starts_with('|') {
            let cell = line.split('|').find(|cell| is_number(cell));
            problems
                .extend(cell.map(|cell| here(format!("`{}` stands in a table that comes from no file", cell.trim()))));
        } else if rule == Rule::Everything {
            let strays = measured(&line).into_iter().filter(|number| !holds(&held, number));
            problems.extend(
                strays.map(|number| here(format!("`{number}` is in no file that the page takes something from"))),
            );
        }
    }
    problems
}

/// All that a page's numbers may be taken from: its files, tables also as they are shown.
fn held(root: &Path, text: &str) -> String {
    let named = |line: &str| Some(PathBuf::from(line.strip_prefix("<!-- numbers from ")?.strip_suffix(" -->")?));
    let files = filled::sources(text).into_iter().chain(text.lines().filter_map(named));
    let mut held = String::new();
    for file in files {
        let text = fs::read_to_string(root.join(file)).unwrap_or_default();
        held += &table::markdown(&text).unwrap_or_default();
        held += &text;
    }
    held
}

/// True of the cell of a table that is a number, with or without a unit.
fn is_number(cell: &str) -> bool {
    cell.trim().trim_start_matches(['*', '−', '-', '~']).starts_with(|first: char| first.is_ascii_digit())
}

/// The numbers of a line that look measured: those with a point, and those before a `%`.
fn measured(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = line;
    while let Some(start) = rest.find(|letter: char| letter.is_ascii_digit()) {
        let is_part = |letter: char| letter.is_ascii_digit() || letter == '.' || letter == ',';
        let end = rest[start..].find(|letter| !is_part(letter)).map_or(rest.len(), |length| start + length);
        let number = rest[start..end].trim_end_matches(['.', ',']);
        let is_joined = rest[..start].ends_with(|before: char| before.is_alphanumeric() || before == '_');
        let points = number.matches('.').count();
        let share = rest[end..].starts_with(" %");
        // Two points are a version's.
        if !is_joined && (points == 1 || points == 0 && share) {
            found.push(if share { format!("{number} %") } else { number.to_owned() });
        }
        rest = &rest[end..];
    }
    found
}

/// Whether a text has a number that is not part of a longer one.
fn holds(text: &str, number: &str) -> bool {
    text.match_indices(number).any(|(start, found)| {
        let before = text[..start].chars().next_back();
        let after = text[start + found.len()..].chars().next();
        let joins = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_digit());
        !joins(before) && before != Some('.') && !joins(after)
    })
}

#[cfg(test)]
mod tests {
    use xshell::Shell;

    use super::*;

    #[test]
    fn pages_under_a_rule_are_there() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the project");
        for (page, _) in RULES {
            assert!(root.join(page).is_file(), "{page}");
        }
    }

    fn read(rule: Rule, text: &str) -> Vec<String> {
        let shell = Shell::new().unwrap();
        let folder = shell.create_temp_dir().unwrap();
        let table = "# command: a\n# machine: b\n# date: c\n# format: text; percent 1\nm\tt\nx\t0.9863\n";
        shell.write_file(folder.path().join("r.tsv"), table).unwrap();
        problems_by(rule, folder.path(), Path::new("p.md"), text)
    }

    #[test]
    fn tables_come_from_files() {
        let text = "| a | b |\n|---|---|\n| `x 1` | **0.5** |\n\n<!-- table r.tsv -->\n| 1 | 2 |\n<!-- end -->\n| words | only 3 |\n";
        let expected = ["p.md:3: `**0.5**` stands in a table that comes from no file"];
        assert_eq!(read(Rule::Tables, text), expected);
        assert_eq!(read(Rule::Everything, text), expected);
    }

    #[test]
    fn numbers_of_prose_are_in_the_page_s_files() {
        let page = |prose: &str| format!("{prose}\n<!-- numbers from r.tsv -->\n");
        for good in ["It is 98.6 %, stored as 0.9863.", "Version 1.2.3 of 3 things in `0.5`, E5.5.", "```\n0.5\n```"] {
            assert_eq!(read(Rule::Everything, &page(good)), Vec::<String>::new(), "{good}");
        }
        assert_eq!(
            read(Rule::Everything, &page("It is 98.7 % or 98.6, or 8.6 %, or 50 %.")),
            ["98.7 %", "8.6 %", "50 %"]
                .map(|n| format!("p.md:1: `{n}` is in no file that the page takes something from"))
        );
        assert_eq!(read(Rule::Tables, &page("It is 98.7 %.")), Vec::<String>::new());
        assert_eq!(read(Rule::Everything, "It is 98.6 %.").len(), 1);
    }
}
