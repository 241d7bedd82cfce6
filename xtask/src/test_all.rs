//! The stages of `cargo xtask test-all`, cheapest first. All build with the same profile into the same folder, so that a
//! later stage finds most of what it needs already built.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde_json::Value;
use xshell::{Shell, cmd};

use crate::{
    layering,
    python,
    stage::{Outcome, Stage, capture, count},
    tidy,
};

const STAGES: [Stage; 10] = [
    Stage { name: "formatting", check: formatting },
    Stage { name: "tidy", check: tidy::check },
    Stage { name: "python", check: python::check },
    Stage { name: "layering", check: layering::check },
    Stage { name: "clippy", check: clippy },
    Stage { name: "alone", check: alone },
    Stage { name: "rustdoc", check: rustdoc },
    Stage { name: "tests", check: tests },
    Stage { name: "examples", check: examples },
    Stage { name: "packaging", check: packaging },
];

pub(crate) fn stage_names() -> impl Iterator<Item = &'static str> {
    STAGES.iter().map(|stage| stage.name)
}

/// The stages of these names, in the order in which they always run; all of them if there are no names.
pub(crate) fn stages_named(names: &[String]) -> Vec<&'static Stage> {
    STAGES.iter().filter(|stage| names.is_empty() || names.iter().any(|name| name == stage.name)).collect()
}

fn formatting(shell: &Shell) -> Result<Outcome> {
    Ok(capture(cmd!(shell, "cargo fmt --all --check"))?.outcome(|_| String::new()))
}

fn clippy(shell: &Shell) -> Result<Outcome> {
    let run = capture(cmd!(shell, "cargo clippy --workspace --all-targets --all-features -- -D warnings"))?;
    Ok(run.outcome(|_| "no warnings".to_owned()))
}

/// Each crate as its users get it: without the features that the other crates of the workspace would switch on.
fn alone(shell: &Shell) -> Result<Outcome> {
    let choices = [None, Some("--no-default-features"), Some("--all-features")];
    for package in layering::CRATES {
        for features in choices {
            let run = capture(cmd!(shell, "cargo check --package {package} {features...}"))?;
            // Denying warnings by RUSTFLAGS would build every dependency once more.
            if !run.success || run.output.lines().any(|line| line.starts_with("warning")) {
                return Ok(run.failed());
            }
        }
    }
    Ok(Outcome::Passed(format!("{} with {} choices of features", count(layering::CRATES.len(), "crate"), choices.len())))
}

fn rustdoc(shell: &Shell) -> Result<Outcome> {
    let doc = cmd!(shell, "cargo doc --workspace --no-deps --all-features").env("RUSTDOCFLAGS", "-D warnings");
    Ok(capture(doc)?.outcome(|_| "no warnings".to_owned()))
}

/// Unit, integration and documentation tests. What tests that pass have printed is asked for, because a test whose
/// material is not on this machine passes, and says `skipped: ...`.
fn tests(shell: &Shell) -> Result<Outcome> {
    let run = capture(cmd!(shell, "cargo test --workspace --all-features --no-fail-fast -- --show-output"))?;
    let tally = Tally::of(&run.output);
    let some_ran = run.success && tally.passed > 0;
    Ok(if some_ran { run.outcome(|_| tally.to_string()) } else { run.failed() })
}

/// The sums over all test programs.
#[derive(Debug, Default, PartialEq)]
struct Tally {
    passed: usize,
    ignored: usize,
    /// How often each reason was given.
    skipped: BTreeMap<String, usize>,
}

impl Tally {
    fn of(output: &str) -> Tally {
        let mut tally = Tally::default();
        for line in output.lines().map(str::trim) {
            if let Some(counts) = line.strip_prefix("test result:") {
                tally.passed += number_before(counts, " passed");
                tally.ignored += number_before(counts, " ignored");
            } else if let Some(reason) = line.strip_prefix("skipped:") {
                *tally.skipped.entry(reason.trim().to_owned()).or_default() += 1;
            }
        }
        tally
    }
}

/// The number before `word`, as in "ok. 12 passed; 0 failed".
fn number_before(counts: &str, word: &str) -> usize {
    let number = counts.split_once(word).and_then(|(before, _)| before.rsplit(' ').next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} skipped", self.passed, self.skipped.values().sum::<usize>())?;
        if !self.skipped.is_empty() {
            let reasons: Vec<&str> = self.skipped.keys().map(String::as_str).collect();
            write!(f, " ({})", reasons.join("; "))?;
        }
        if self.ignored > 0 { write!(f, ", {} ignored", self.ignored) } else { Ok(()) }
    }
}

/// Builds all examples at once, as the tests have done, and runs each.
fn examples(shell: &Shell) -> Result<Outcome> {
    let build = "cargo build --workspace --all-features --examples --message-format json-render-diagnostics";
    let run = capture(cmd!(shell, "{build...}"))?;
    if !run.success {
        return Ok(run.failed());
    }
    let programs = example_programs(&run.output)?;
    for (source, program) in &programs {
        let run = capture(cmd!(shell, "{program}"))?;
        if !run.success {
            return Ok(run.failed());
        }
    }
    Ok(Outcome::Passed(count(programs.len(), "example")))
}

fn packaging(_shell: &Shell) -> Result<Outcome> {
    Ok(Outcome::Passed(String::new()))
}
