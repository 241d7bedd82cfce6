//! How long functions and files are, and the limits that CONTRIBUTING sets.
//!
//! The length of a function is that of its body, without lines that are empty or a comment alone. The length of a file leaves
//! out the documentation at its head and what is compiled for tests alone. Tables of data are files like others: they are
//! data where no function is, and then no limit holds.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::Result;
use proc_macro2::LineColumn;
use syn::{
    Block, ImplItemFn, Item, ItemFn, TraitItemFn,
    spanned::Spanned,
    visit::{self, Visit},
};
use xshell::Shell;

use crate::{
    source::{self, File, Sources, head, is_test},
    stage::{Outcome, count},
};

/// Lines of a function's body.
const FUNCTION: usize = 40;
/// Lines of a file.
const FILE: usize = 400;

/// The stage.
pub(crate) fn check(shell: &Shell) -> Result<Outcome> {
    let all: Vec<Measured> = source::load_all(&shell.current_dir())?.iter().flat_map(measure).collect();
    let functions: usize = all.iter().map(|file| file.functions.len()).sum();
    let problems: Vec<String> = all.iter().flat_map(Measured::problems).collect();
    Ok(Outcome::of_problems(&problems, format!("{} in {}", count(functions, "function"), count(all.len(), "file"))))
}

/// The table of `cargo xtask lengths`: number, median, 90th percentile and longest in each package.
pub(crate) fn table(root: &Path) -> Result<String> {
    let mut packages: BTreeMap<PathBuf, Vec<Measured>> = BTreeMap::new();
    for file in source::load_all(root)?.iter().flat_map(measure) {
        let depth = if file.path.starts_with("crates") { 2 } else { 1 };
        packages.entry(file.path.iter().take(depth).collect()).or_default().push(file);
    }
    let mut table = "| package | functions | median | 90 % | longest | files | median | 90 % | longest |\n".to_owned();
    table += "|---|---|---|---|---|---|---|---|---|\n";
    for (package, files) in &packages {
        table += &row(&format!("`{}`", package.display()), files.iter());
    }
    Ok(table + &row("all", packages.values().flatten()))
}

fn row<'a>(name: &str, files: impl Iterator<Item = &'a Measured> + Clone) -> String {
    let functions = files.clone().flat_map(|file| &file.functions).map(|function| function.lines).collect();
    let lengths = files.map(|file| file.lines).collect();
    format!("| {name} | {} | {} |\n", figures(functions), figures(lengths))
}

/// Number, median, 90th percentile and longest.
fn figures(mut lengths: Vec<usize>) -> String {
    lengths.sort_unstable();
    let at = |share: usize| lengths.get(lengths.len().saturating_sub(1) * share / 100).copied().unwrap_or_default();
    format!("{} | {} | {} | {}", lengths.len(), at(50), at(90), at(100))
}

/// A file and its functions.
struct Measured {
    path: PathBuf,
    lines: usize,
    functions: Vec<Function>,
}

struct Function {
    name: String,
    line: usize,
    lines: usize,
}

impl Measured {
    fn problems(&self) -> Vec<String> {
        let path = self.path.display();
        let long =
            self.functions.iter().filter(|function| function.lines > FUNCTION).map(|Function { name, line, lines }| {
                format!(
                    "{path}:{line}: `{name}` has {lines} lines, at most {FUNCTION}: give a part of it a name of its own"
                )
            });
        let mut problems: Vec<String> = long.collect();
        if self.lines > FILE && !self.functions.is_empty() {
            let lines = self.lines;
            problems
                .push(format!("{path}:1: the file has {lines} lines, at most {FILE}: move one of its subjects out"));
        }
        problems
    }
}

fn measure(sources: &Sources) -> Vec<Measured> {
    sources.files.iter().map(measure_file).collect()
}

fn measure_file(file: &File) -> Measured {
    let mut finder = Finder { lines: file.text.lines().collect(), functions: Vec::new(), for_tests: 0 };
    finder.visit_file(&file.syntax);
    let head = finder.lines.iter().take_while(|line| line.starts_with("//!") || line.trim().is_empty()).count();
    let lines = finder.lines.len() - head - finder.for_tests;
    Measured { path: file.path.clone(), lines, functions: finder.functions }
}

struct Finder<'a> {
    lines: Vec<&'a str>,
    functions: Vec<Function>,
    /// Lines that are compiled for tests alone.
    for_tests: usize,
}

impl Finder<'_> {
    fn add(&mut self, name: &syn::Ident, body: &Block) {
        let (first, last) = (body.span().start(), body.span().end());
        self.functions.push(Function {
            name: name.to_string(),
            line: first.line,
            lines: self.code_between(first, last),
        });
    }

    /// Lines with code on them between two braces; a body on one line is one.
    fn code_between(&self, first: LineColumn, last: LineColumn) -> usize {
        if first.line == last.line {
            return 1;
        }
        let body = &self.lines[first.line..last.line - 1];
        body.iter().map(|line| line.trim()).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if is_test(head(item).0) {
            let span = item.span();
            self.for_tests += span.end().line + 1 - span.start().line;
        } else {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.add(&item.sig.ident, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        if !is_test(&item.attrs) {
            self.add(&item.sig.ident, &item.block);
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_trait_item_fn(&mut self, item: &'ast TraitItemFn) {
        if let Some(body) = &item.default {
            self.add(&item.sig.ident, body);
        }
        visit::visit_trait_item_fn(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A crate of one file.
    fn measured(text: &str) -> Measured {
        let shell = Shell::new().unwrap();
        let folder = shell.create_temp_dir().unwrap();
        shell.write_file(folder.path().join("src/lib.rs"), text).unwrap();
        measure(&source::load(folder.path(), Path::new("src/lib.rs")).unwrap()).remove(0)
    }

    fn function(statements: usize) -> String {
        format!("//! Head.\n\nfn f() {{\n{}}}\n", "    let _ = 1;\n".repeat(statements))
    }

    #[test]
    fn a_function_over_the_limit_is_named() {
        assert_eq!(measured(&function(FUNCTION)).problems(), Vec::<String>::new());
        let problems = measured(&function(FUNCTION + 1)).problems();
        assert_eq!(problems.len(), 1);
        assert!(problems[0].starts_with("src/lib.rs:3: `f` has 41 lines, at most 40"), "{problems:?}");
    }

    #[test]
    fn every_kind_of_function_is_measured_by_its_code() {
        let text = "\
trait T {
    fn none();
    fn given(&self) -> u8 {
        // why

        1
    }
}
impl T for u8 {
    fn none() {}
}
fn outer(
    long: u8,
) -> u8 {
    fn inner() -> u8 { 2 }
    long
}
";
        let functions = measured(text).functions;
        let lengths: Vec<_> = functions.iter().map(|f| (f.name.as_str(), f.lines)).collect();
        assert_eq!(lengths, [("given", 1), ("none", 1), ("outer", 2), ("inner", 1)]);
    }

    #[test]
    fn a_file_over_the_limit_is_named_unless_it_is_data() {
        let lines = |count: usize| "const A: u8 = 1;\n".repeat(count);
        assert_eq!(measured(&lines(FILE + 9)).problems(), Vec::<String>::new());
        let problems = measured(&format!("{}fn f() {{}}\n", lines(FILE))).problems();
        assert!(problems[0].starts_with("src/lib.rs:1: the file has 401 lines, at most 400"), "{problems:?}");
    }

    #[test]
    fn heads_and_tests_do_not_count() {
        let file = measured("//! Head.\n//! More.\n\nfn f() {}\n#[cfg(test)]\nmod tests {\n    fn g() {}\n}\n");
        assert_eq!((file.lines, file.functions.len()), (1, 1));
    }

    #[test]
    fn figures_are_of_the_sorted_lengths() {
        assert_eq!(figures(vec![5, 1, 4, 2, 3, 9, 8, 7, 6, 30, 10]), "11 | 6 | 10 | 30");
        assert_eq!(figures(Vec::new()), "0 | 0 | 0 | 0");
    }
}
