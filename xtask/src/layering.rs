//! Which crate may depend on which: the arrows run one way, what only the command line needs stays out of the libraries,
//! and there is one `ndarray` and one `rand`.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_json::Value;
use xshell::{Shell, cmd};

use crate::stage::{Outcome, read};

/// The crates under `crates/`, from the ground up: each may depend on those before it that `LAYERS` grants it.
pub(crate) const CRATES: [&str; 7] = [
    "adaptune-tensor",
    "adaptune-autograd",
    "adaptune-transformer",
    "adaptune-adapters",
    "adaptune-train",
    "adaptune-text",
    "adaptune",
];

/// Each package of the workspace with all packages of the workspace that it may depend on.
const LAYERS: [(&str, &[&str]); 11] = [
    ("adaptune-tensor", &[]),
    ("adaptune-autograd", &["adaptune-tensor"]),
    ("adaptune-transformer", &["adaptune-tensor"]),
    ("adaptune-adapters", &["adaptune-tensor", "adaptune-autograd", "adaptune-transformer"]),
    ("adaptune-train", &["adaptune-tensor", "adaptune-autograd", "adaptune-transformer", "adaptune-adapters"]),
    ("adaptune-text", &["adaptune-tensor", "adaptune-transformer", "adaptune-adapters", "adaptune-train"]),
    ("adaptune", CRATES.split_at(6).0),
    ("adaptune-benches", &CRATES),
    ("adaptune-exercises", &CRATES),
    ("adaptune-test-support", &["adaptune-tensor"]),
    ("xtask", &[]),
];

/// Arrows that tests alone may add: everything with a gradient is held against the gradient checker.
const TESTS_MAY_ADD: [(&str, &str); 2] =
    [("adaptune-tensor", "adaptune-autograd"), ("adaptune-transformer", "adaptune-autograd")];

/// What the tests of every crate may use, and nothing else may.
const TEST_SUPPORT: &str = "adaptune-test-support";

/// What no library below the texts needs, with the packages that may ask for it.
const COMMAND_LINE_ONLY: [(&str, &[&str]); 9] = [
    ("anyhow", &["adaptune", "xtask"]),
    ("bytesize", &["adaptune"]),
    ("clap", &["adaptune"]),
    ("csv", &["adaptune-text", "adaptune"]),
    ("hf-hub", &["adaptune-text"]),
    ("indicatif", &["adaptune"]),
    ("plotters", &["adaptune", "adaptune-benches"]),
    ("terminal_size", &["adaptune"]),
    ("tokenizers", &["adaptune-text", "adaptune"]),
];

/// Crates whose types meet in interfaces, so that two versions would not fit together.
const ONE_VERSION: [&str; 2] = ["ndarray", "rand"];

/// The stage.
pub(crate) fn check(shell: &Shell) -> Result<Outcome> {
    let metadata = read(cmd!(shell, "cargo metadata --format-version 1 --no-deps"))?;
    let dependencies = read_dependencies(&serde_json::from_str(&metadata)?)?;
    // Not Cargo.lock: that also holds what optional parts of other crates would need, which nothing ever builds.
    let tree = read(cmd!(shell, "cargo tree --workspace --all-features --prefix none"))?;

    let mut problems: Vec<String> = dependencies.iter().filter_map(Dependency::problem).collect();
    problems.extend(ONE_VERSION.iter().filter_map(|name| version_problem(name, &tree)));
    Ok(Outcome::of_problems(
        &problems,
        format!("{} dependencies, one version of each of {}", dependencies.len(), ONE_VERSION.join(", ")),
    ))
}

/// One arrow, as the manifest of its package has it.
#[derive(Clone, Debug, PartialEq)]
struct Dependency {
    from: String,
    to: String,
    for_tests: bool,
    optional: bool,
}

fn read_dependencies(metadata: &Value) -> Result<Vec<Dependency>> {
    let mut dependencies = Vec::new();
    for package in list(metadata, "packages")? {
        for dependency in list(package, "dependencies")? {
            dependencies.push(Dependency {
                from: text(package, "name")?,
                to: text(dependency, "name")?,
                for_tests: dependency["kind"] == "dev",
                optional: dependency["optional"] == true,
            });
        }
    }
    Ok(dependencies)
}

fn list<'a>(value: &'a Value, key: &str) -> Result<&'a Vec<Value>> {
    value[key].as_array().with_context(|| format!("`cargo metadata` has no list `{key}`"))
}

fn text(value: &Value, key: &str) -> Result<String> {
    Ok(value[key].as_str().with_context(|| format!("`cargo metadata` has no text `{key}`"))?.to_owned())
}

impl Dependency {
    fn problem(&self) -> Option<String> {
        let Dependency { from, to, .. } = self;
        let Some(below) = layers_below(from) else {
            return Some(format!("{from} has no layer; give it one in xtask/src/layering.rs and in ARCHITECTURE.md"));
        };
        if layers_below(to).is_some() {
            return (!self.arrow_is_allowed(below)).then(|| {
                let tests = if self.for_tests { ", not even for its tests" } else { "" };
                let allowed = if below.is_empty() { "none of ours".to_owned() } else { below.join(", ") };
                format!("{from} must not depend on {to}{tests}: the arrows run one way, and it may use {allowed}")
            });
        }
        self.misplaced()
    }

    fn arrow_is_allowed(&self, below: &[&str]) -> bool {
        let Dependency { from, to, .. } = self;
        below.contains(&to.as_str()) || self.for_tests && (to == TEST_SUPPORT || TESTS_MAY_ADD.contains(&(from, to)))
    }

    /// What only the command line needs, in a library or in a library's default build.
    fn misplaced(&self) -> Option<String> {
        let Dependency { from, to, .. } = self;
        let (_, users) = COMMAND_LINE_ONLY.iter().find(|(name, _)| name == to)?;
        if !users.contains(&from.as_str()) {
            return Some(format!("{from} must not depend on {to}: only {} may", users.join(" and ")));
        }
        (from == "adaptune" && !self.optional && !self.for_tests)
            .then(|| format!("{from} must make {to} optional: whoever uses the library needs no command line"))
    }
}

fn layers_below(package: &str) -> Option<&'static [&'static str]> {
    LAYERS.iter().find(|(name, _)| *name == package).map(|(_, below)| *below)
}

/// `tree` has a package on each line, such as `rand v0.9.2`, followed by `(*)` or a folder on some.
fn version_problem(name: &str, tree: &str) -> Option<String> {
    let versions: BTreeSet<&str> = tree
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(package, _)| *package == name)
        .filter_map(|(_, rest)| rest.split_whitespace().next())
        .collect();
    let found: Vec<&str> = versions.into_iter().collect();
    let advice = format!("`cargo tree --workspace --all-features -i {name}@VERSION` says who asks for one");
    (found.len() != 1).then(|| format!("expected one version of {name}, found [{}]; {advice}", found.join(", ")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn arrow(from: &str, to: &str) -> Dependency {
        Dependency { from: from.to_owned(), to: to.to_owned(), for_tests: false, optional: false }
    }

    fn test_arrow(from: &str, to: &str) -> Dependency {
        Dependency { for_tests: true, ..arrow(from, to) }
    }

    #[test]
    fn every_granted_arrow_passes_and_fails_when_reversed() {
        for (from, below) in LAYERS {
            for to in below {
                assert_eq!(arrow(from, to).problem(), None);
                let problem = arrow(to, from).problem().expect("a reversed arrow");
                assert!(problem.starts_with(&format!("{to} must not depend on {from}")), "{problem}");
            }
        }
    }

    #[test]
    fn tests_must_not_point_upwards_either() {
        for (from, below) in LAYERS {
            for to in below {
                let allowed = from == TEST_SUPPORT || TESTS_MAY_ADD.contains(&(to, from));
                assert_eq!(test_arrow(to, from).problem().is_none(), allowed, "{to} to {from}");
            }
        }
    }

    #[test]
    fn the_gradient_checker_is_for_tests_only() {
        assert_eq!(test_arrow("adaptune-tensor", "adaptune-autograd").problem(), None);
        assert!(arrow("adaptune-tensor", "adaptune-autograd").problem().is_some());
        assert_eq!(test_arrow("adaptune-transformer", "adaptune-autograd").problem(), None);
        assert!(arrow("adaptune-transformer", "adaptune-autograd").problem().is_some());
    }

    #[test]
    fn the_helpers_of_tests_are_for_tests_only() {
        for name in CRATES {
            assert_eq!(test_arrow(name, TEST_SUPPORT).problem(), None, "{name}");
            assert!(arrow(name, TEST_SUPPORT).problem().is_some(), "{name}");
        }
    }

    #[test]
    fn a_package_without_a_layer_is_named() {
        let problem = arrow("adaptune-novel", "serde").problem().expect("it has no layer");
        assert!(problem.contains("adaptune-novel has no layer"), "{problem}");
    }

    #[test]
    fn the_command_line_keeps_its_dependencies_to_itself() {
        let optional = Dependency { optional: true, ..arrow("adaptune", "clap") };
        assert_eq!(optional.problem(), None);
        assert!(arrow("adaptune", "clap").problem().expect("it is not optional").contains("must make clap optional"));
        assert_eq!(arrow("xtask", "anyhow").problem(), None);
        for (name, _) in COMMAND_LINE_ONLY {
            assert!(arrow("adaptune-train", name).problem().is_some(), "{name}");
            assert_eq!(test_arrow("adaptune-benches", name).problem().is_some(), name != "plotters", "{name}");
        }
        assert!(arrow("xtask", "clap").problem().is_some());
        assert_eq!(arrow("adaptune-train", "serde").problem(), None);
    }

    #[test]
    fn arrows_are_read_from_the_metadata() {
        let metadata = json!({"packages": [
            {"name": "adaptune-tensor", "dependencies": [
                {"name": "adaptune-train", "kind": null, "optional": true},
                {"name": "adaptune-autograd", "kind": "dev", "optional": false},
            ]},
            {"name": "xtask", "dependencies": [{"name": "adaptune", "kind": "build", "optional": false}]},
        ]});
        let found = read_dependencies(&metadata).unwrap();
        let optional = Dependency { optional: true, ..arrow("adaptune-tensor", "adaptune-train") };
        assert_eq!(found, [optional, test_arrow("adaptune-tensor", "adaptune-autograd"), arrow("xtask", "adaptune")]);
        assert_eq!(found.iter().filter_map(Dependency::problem).count(), 2);
        assert!(read_dependencies(&json!({})).is_err());
    }

    #[test]
    fn one_version_or_a_problem() {
        let tree = "adaptune v0.1.0 (/a b/adaptune)\nrand v0.9.2\nrand_core v0.8.1\nrand v0.9.2 (*)\nndarray v0.17.1\nndarray v0.16.0\n";
        assert_eq!(version_problem("rand", tree), None);
        assert!(version_problem("ndarray", tree).expect("two versions").contains("found [v0.16.0, v0.17.1]"));
        assert!(version_problem("rayon", tree).expect("no version").contains("found []"));
    }
}
