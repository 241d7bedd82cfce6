//! No two files of a crate import each other, directly or through others: whoever reads a file from the ground up meets
//! nothing that is explained further on.
//!
//! What counts is the file that defines an item, not the one it is imported through. So a `mod.rs` may re-export its children
//! and the children may import each other through it; but if it uses a child, that child must not use what it defines itself.
//! Methods called on a value need no import, and do not count.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::Result;
use xshell::Shell;

use crate::{
    source::{self, Sources, Tie},
    stage::{Outcome, count},
};

/// The stage.
pub(crate) fn check(shell: &Shell) -> Result<Outcome> {
    let crates = source::load_all(&shell.current_dir())?;
    let problems: Vec<String> = crates.iter().flat_map(problems).collect();
    let files: usize = crates.iter().map(|sources| sources.files.len()).sum();
    Ok(Outcome::of_problems(&problems, format!("{}, no circle", count(files, "file"))))
}

/// One for each circle, with all that ties it.
fn problems(sources: &Sources) -> Vec<String> {
    let ties = sources.ties();
    circles(sources.files.len(), &ties).iter().map(|circle| report(sources, &ties, circle)).collect()
}

/// The sets of files of which each leads to each.
fn circles(files: usize, ties: &[Tie]) -> Vec<BTreeSet<usize>> {
    let reach: Vec<BTreeSet<usize>> = (0..files).map(|file| reachable(file, ties)).collect();
    let circle = |file: usize| reach[file].iter().copied().filter(|other| reach[*other].contains(&file)).collect();
    let circles: BTreeSet<BTreeSet<usize>> = (0..files).map(circle).collect();
    circles.into_iter().filter(|circle| circle.len() > 1).collect()
}

fn reachable(file: usize, ties: &[Tie]) -> BTreeSet<usize> {
    let (mut reached, mut ahead) = (BTreeSet::new(), vec![file]);
    while let Some(here) = ahead.pop() {
        for tie in ties.iter().filter(|tie| tie.from == here) {
            if reached.insert(tie.to) {
                ahead.push(tie.to);
            }
        }
    }
    reached
}

fn report(sources: &Sources, ties: &[Tie], circle: &BTreeSet<usize>) -> String {
    let path = |file: usize| sources.files[file].path.as_path();
    let mut arrows: BTreeMap<(&Path, &Path), Vec<&Tie>> = BTreeMap::new();
    for tie in ties.iter().filter(|tie| circle.contains(&tie.from) && circle.contains(&tie.to)) {
        arrows.entry((path(tie.from), path(tie.to))).or_default().push(tie);
    }
    let files = count(circle.len(), "file");
    let mut text = format!("{files} import each other; move the names of the arrows that point the wrong way:");
    for ((from, to), ties) in arrows {
        let line = ties.iter().map(|tie| tie.line).min().unwrap_or_default();
        let names: Vec<&str> = ties.iter().map(|tie| tie.name.as_str()).collect();
        text += &format!("\n  {}:{line} -> {}: {}", from.display(), to.display(), names.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use xshell::TempDir;

    use super::*;

    /// A crate of these files, `lib.rs` among them.
    fn problems_of(files: &[(&str, &str)]) -> Vec<String> {
        let shell = Shell::new().unwrap();
        let folder: TempDir = shell.create_temp_dir().unwrap();
        for (name, text) in files {
            shell.write_file(folder.path().join("src").join(name), text).unwrap();
        }
        problems(&source::load(folder.path(), Path::new("src/lib.rs")).unwrap())
    }

    fn arrows(files: &[(&str, &str)]) -> Vec<String> {
        let lines = problems_of(files).into_iter().flat_map(|problem| {
            let arrows: Vec<String> = problem.lines().skip(1).map(|line| line.trim().to_owned()).collect();
            arrows
        });
        lines.collect()
    }

    const LIB: (&str, &str) = ("lib.rs", "mod a;\nmod b;\npub use a::A;\npub use b::B;\n");

    #[test]
    fn two_files_that_import_each_other_are_named_with_what_ties_them() {
        let files = [
            LIB,
            ("a.rs", "use crate::b::{B, C};\npub struct A;"),
            ("b.rs", "\nuse super::a::A;\npub struct B;\nstruct C;"),
        ];
        assert_eq!(arrows(&files), ["src/a.rs:1 -> src/b.rs: B, C", "src/b.rs:2 -> src/a.rs: A"]);
        assert!(problems_of(&files)[0].starts_with("2 files import each other"));
    }

    #[test]
    fn one_way_is_fine() {
        let files = [LIB, ("a.rs", "use crate::B;\npub struct A;"), ("b.rs", "pub struct B;")];
        assert_eq!(arrows(&files), [""; 0]);
    }

    #[test]
    fn an_import_through_the_root_is_one_of_the_defining_file() {
        let files = [LIB, ("a.rs", "use crate::B;\npub struct A;"), ("b.rs", "use crate::A as Other;\npub struct B;")];
        assert_eq!(arrows(&files), ["src/a.rs:1 -> src/b.rs: B", "src/b.rs:1 -> src/a.rs: A"]);
    }

    #[test]
    fn a_circle_through_a_third_file_is_one_circle() {
        let lib = ("lib.rs", "mod a;\nmod b;\nmod c;");
        let files = [
            lib,
            ("a.rs", "pub fn f() { crate::b::f(); }"),
            ("b.rs", "pub fn f() { super::c::f(); }"),
            ("c.rs", "use crate::a;\npub fn f() { a::f(); }"),
        ];
        let expected = ["src/a.rs:1 -> src/b.rs: f", "src/b.rs:1 -> src/c.rs: f", "src/c.rs:2 -> src/a.rs: f"];
        assert_eq!(arrows(&files), expected);
        assert_eq!(problems_of(&files).len(), 1);
    }

    #[test]
    fn a_child_may_import_its_sibling_through_the_parent_but_nothing_of_the_parent_itself() {
        let child = ("m/one.rs", "use super::Two;\npub struct One;");
        let two = ("m/two.rs", "pub struct Two;");
        let lib = ("lib.rs", "mod m;");
        let parent = ("m/mod.rs", "mod one;\nmod two;\npub use one::One;\npub use two::Two;");
        assert_eq!(arrows(&[lib, parent, child, two]), [""; 0]);

        let parent = ("m/mod.rs", "mod one;\npub use one::One;\npub struct Two;");
        let expected = ["src/m/mod.rs:2 -> src/m/one.rs: One", "src/m/one.rs:1 -> src/m/mod.rs: Two"];
        assert_eq!(arrows(&[lib, parent, child]), expected);

        // A parent that uses nothing of its child leaves it free to use the parent.
        let parent = ("m/mod.rs", "mod one;\npub struct Two;");
        assert_eq!(arrows(&[lib, parent, child]), [""; 0]);
    }

    #[test]
    fn a_module_and_a_function_of_one_name_are_told_apart() {
        let lib = ("lib.rs", "mod a;\nmod b;\npub use b::b;");
        let files =
            [lib, ("a.rs", "use crate::b;\npub fn a() { b() }"), ("b.rs", "use crate::a::a;\npub fn b() { a() }")];
        assert_eq!(arrows(&files), ["src/a.rs:1 -> src/b.rs: b", "src/b.rs:1 -> src/a.rs: a"]);
    }

    #[test]
    fn imports_of_all_names_count_by_the_names_that_are_used() {
        let b = ("b.rs", "use crate::a::*;\npub struct B(A);");
        let files = [LIB, ("a.rs", "use super::*;\npub struct A;\nfn f(_: B) {}"), b];
        assert_eq!(arrows(&files), ["src/a.rs:1 -> src/b.rs: B", "src/b.rs:1 -> src/a.rs: A"]);
        let files = [LIB, ("a.rs", "use super::*;\npub struct A;"), b];
        assert_eq!(arrows(&files), [""; 0]);
    }

    #[test]
    fn macros_hide_nothing() {
        let b = ("b.rs", "use crate::A;\npub fn f() -> A { A }\npub struct B;");
        let within = [LIB, ("a.rs", "pub struct A;\nfn g() { println!(\"{:?}\", [crate::b::f()]); }"), b];
        assert_eq!(arrows(&within), ["src/a.rs:2 -> src/b.rs: f", "src/b.rs:1 -> src/a.rs: A"]);
        let defined = [LIB, ("a.rs", "pub struct A;\n#[macro_export]\nmacro_rules! m { () => { $crate::B } }"), b];
        assert_eq!(arrows(&defined), ["src/a.rs:3 -> src/b.rs: B", "src/b.rs:1 -> src/a.rs: A"]);
        let lib = ("lib.rs", "#[macro_use]\nmod a;\nmod b;");
        let called =
            [lib, ("a.rs", "macro_rules! m { () => {} }\nfn f(_: crate::b::B) {}"), ("b.rs", "m!();\npub struct B;")];
        assert_eq!(arrows(&called), ["src/a.rs:2 -> src/b.rs: B", "src/b.rs:1 -> src/a.rs: m"]);
        let made = [LIB, ("a.rs", "m! { A }\nuse crate::B;"), ("b.rs", "pub struct B(crate::a::A);")];
        assert_eq!(arrows(&made), ["src/a.rs:2 -> src/b.rs: B", "src/b.rs:1 -> src/a.rs: A"]);
    }

    #[test]
    fn attributes_hide_nothing() {
        let b = ("b.rs", "use crate::A;\npub fn two() -> A { A }\npub struct B;");
        let files = [LIB, ("a.rs", "pub struct A { #[serde(default = \"crate::b::two\")] n: u8 }"), b];
        assert_eq!(arrows(&files), ["src/a.rs:1 -> src/b.rs: two", "src/b.rs:1 -> src/a.rs: A"]);
    }

    #[test]
    fn tests_and_other_crates_do_not_count() {
        let a = "pub struct A;\n#[cfg(test)]\nmod tests { use crate::B; }\n#[cfg(all(test, unix))]\nuse crate::b::B;\n\
                 fn f() {\n#[cfg(test)]\ncrate::b::B::count();\n#[cfg(test)]\nlet _ = crate::B;\n}";
        assert_eq!(arrows(&[LIB, ("a.rs", a), ("b.rs", "use crate::A;\npub struct B;")]), [""; 0]);
        let lib = ("lib.rs", "mod a;\nmod b;\npub use b::rand;\npub use other::*;");
        let a = ("a.rs", "use crate::{rand::Rng, thing};\npub struct A;");
        assert_eq!(arrows(&[lib, a, ("b.rs", "use crate::a::A;\npub use rand;")]), [""; 0]);
    }

    #[test]
    fn this_project_is_read_whole() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the project");
        let xtask = source::load(root, Path::new("xtask/src/main.rs")).unwrap();
        assert!(xtask.files.iter().any(|file| file.path.ends_with("source/resolve.rs")));
        assert!(!xtask.ties().is_empty());
        assert_eq!(problems(&xtask), Vec::<String>::new());
    }
}
