//! Names that belong into one place: what would otherwise spread until a change has to be made in a dozen files.

use std::path::Path;

use anyhow::Result;
use xshell::Shell;

use crate::{
    source::{self, Sources},
    stage::{Outcome, count},
};

/// A name and the only places whose code, tests aside, may have it in a path.
struct Rule {
    name: Name,
    /// Files and folders.
    places: &'static [&'static str],
    reason: &'static str,
}

enum Name {
    /// This very name, anywhere in a path.
    Exactly(&'static str),
    /// A constant of this type. Its functions may be used everywhere.
    ConstantOf(&'static str),
}

const RULES: [Rule; 4] = [
    Rule {
        name: Name::ConstantOf("Family"),
        // Beside the descriptions: the family that `Config::bert` is of, and those that `pretrain` offers.
        places: &[
            "crates/transformer/src/family",
            "crates/transformer/src/config/sizes.rs",
            "crates/adaptune/src/cli/pretrain/mod.rs",
        ],
        reason: "a family is a description; ask it for what differs, and add a field if there is none",
    },
    Rule {
        name: Name::Exactly("general_mat_mul"),
        places: &["crates/tensor/src/double.rs", "benches"],
        reason: "matrix products go through `adaptune_tensor::matmul`",
    },
    Rule {
        name: Name::Exactly("memmap2"),
        places: &["crates/tensor/src/kernel"],
        reason: "a mapped file is sound only as `adaptune_tensor::kernel` handles it",
    },
    Rule {
        name: Name::Exactly("libc"),
        places: &["crates/tensor/src/kernel", "benches"],
        reason: "what is not safe is in the kernel module of adaptune-tensor",
    },
];

/// The stage.
pub(crate) fn check(shell: &Shell) -> Result<Outcome> {
    let crates = source::load_all(&shell.current_dir())?;
    let problems: Vec<String> = crates.iter().flat_map(|sources| problems(sources, &RULES)).collect();
    Ok(Outcome::of_problems(&problems, count(RULES.len(), "name")))
}

fn problems(sources: &Sources, rules: &[Rule]) -> Vec<String> {
    let mut problems = Vec::new();
    for module in &sources.modules {
        let file = &sources.files[module.file].path;
        let imports = module.imports.iter().map(|import| (&import.path, import.line));
        let mentions = module.mentions.iter().map(|mention| (&mention.path, mention.line));
        for (path, line) in imports.chain(mentions) {
            let broken = rules.iter().filter(|rule| rule.name.is_in(path) && !rule.allows(file));
            problems.extend(broken.map(|rule| rule.problem(file, line, path)));
        }
    }
    problems.sort();
    problems.dedup();
    problems
}

impl Rule {
    fn allows(&self, file: &Path) -> bool {
        self.places.iter().any(|place| file.starts_with(place))
    }

    fn problem(&self, file: &Path, line: usize, path: &[String]) -> String {
        let (path, places) = (path.join("::"), self.places.join(", "));
        format!("{}:{line}: `{path}` may only be used in {places}: {}", file.display(), self.reason)
    }
}

impl Name {
    /// Whether a path has the name in it.
    fn is_in(&self, path: &[String]) -> bool {
        match self {
            Name::Exactly(name) => path.iter().any(|part| part == name),
            Name::ConstantOf(name) => {
                let after = path.iter().position(|part| part == name).and_then(|place| path.get(place + 1));
                after.is_some_and(|next| is_constant(next))
            }
        }
    }
}

/// In the spelling of constants: `ALL`, but not `of_name`.
fn is_constant(name: &str) -> bool {
    name.starts_with(char::is_uppercase) && !name.contains(char::is_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: [Rule; 2] = [
        Rule { name: Name::ConstantOf("Family"), places: &["src/family"], reason: "descriptions" },
        Rule { name: Name::Exactly("libc"), places: &["src/kernel.rs"], reason: "safety" },
    ];

    fn found(file: &str, text: &str) -> Vec<String> {
        let shell = Shell::new().unwrap();
        let folder = shell.create_temp_dir().unwrap();
        shell.write_file(folder.path().join("src").join(file), text).unwrap();
        problems(&source::load(folder.path(), &Path::new("src").join(file)).unwrap(), &RULES)
    }

    #[test]
    fn constants_are_found_wherever_they_hide() {
        for text in [
            "fn f(x: Family) -> bool { x == Family::BERT }",
            "fn f(x: Family) { match x { crate::Family::XLM_ROBERTA => {} _ => {} } }",
            "fn f(x: Family) -> bool { matches!(x, Family::BERT | _) }",
        ] {
            let problems = found("other.rs", text);
            assert_eq!(problems.len(), 1, "{text}: {problems:?}");
            assert!(problems[0].starts_with("src/other.rs:1: `"), "{problems:?}");
            assert_eq!(found("family/bert.rs", text), Vec::<String>::new());
        }
    }

    #[test]
    fn functions_comments_and_tests_may_have_them() {
        let text = "// Family::BERT\nuse crate::Family;\nfn f() -> Family { Family::of_name(3) }\n\
                    #[cfg(test)]\nmod tests { fn f() { Family::BERT; } }";
        assert_eq!(found("other.rs", text), Vec::<String>::new());
    }

    #[test]
    fn an_exact_name_is_confined_to_its_file() {
        let text = "fn f() { libc::free(0); }";
        assert_eq!(found("kernel.rs", text), Vec::<String>::new());
        assert_eq!(found("map.rs", text), ["src/map.rs:1: `libc::free` may only be used in src/kernel.rs: safety"]);
    }
}
