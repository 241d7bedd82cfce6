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
    book, circles, confined, fuzz, interrupt, layering, lengths, packaging, paths, python, results, rooms, sanitizer,
    stage::{Outcome, Stage, capture, count},
    tidy,
};

const STAGES: [Stage; 19] = [
    Stage { name: "formatting", check: formatting },
    Stage { name: "tidy", check: tidy::check },
    Stage { name: "python", check: python::check },
    Stage { name: "layering", check: layering::check },
    Stage { name: "circles", check: circles::check },
    Stage { name: "rooms", check: rooms::check },
    Stage { name: "confined", check: confined::check },
    Stage { name: "lengths", check: lengths::check },
    Stage { name: "paths", check: paths::check },
    Stage { name: "book", check: book::check },
    Stage { name: "clippy", check: clippy },
    Stage { name: "alone", check: alone },
    Stage { name: "rustdoc", check: rustdoc },
    Stage { name: "tests", check: tests },
    Stage { name: "examples", check: examples },
    Stage { name: "interrupt", check: interrupt::check },
    Stage { name: "packaging", check: packaging::check },
    Stage { name: "sanitizer", check: sanitizer::check },
    Stage { name: "fuzz", check: fuzz::check },
];

pub(crate) fn stage_names() -> impl Iterator<Item = &'static str> {
    STAGES.iter().map(|stage| stage.name)
}

/// The stages of these names, in the order in which they always run; all of them if there are no names.
pub(crate) fn stages_named(names: &[String]) -> Vec<&'static Stage> {
    STAGES.iter().filter(|stage| names.is_empty() || names.iter().any(|name| name == stage.name)).collect()
}

fn formatting(shell: &Shell) -> Result<Outcome> {
    Ok(capture(cmd!(shell, "cargo fmt --all --check -- --color never"))?.outcome(|_| "nothing to change".to_owned()))
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
    // What readers find: all other stages have the answers.
    let exercises = capture(cmd!(shell, "cargo check --package adaptune-exercises --tests --features yours"))?;
    if !exercises.success || exercises.output.lines().any(|line| line.starts_with("warning")) {
        return Ok(exercises.failed());
    }
    Ok(Outcome::Passed(format!(
        "{} with {} choices of features",
        count(layering::CRATES.len(), "crate"),
        choices.len()
    )))
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
    Ok(match (run.success, tally.passed, tally.failed) {
        (true, 1.., 0) => Outcome::Passed(tally.to_string()),
        (_, _, 1..) => Outcome::Failed { detail: tally.to_string(), output: run.output },
        _ => run.failed(), // something does not compile, or there is no test at all
    })
}

/// The sums over all test programs.
#[derive(Debug, Default, PartialEq)]
struct Tally {
    failed: usize,
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
                tally.failed += number_before(counts, " failed");
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
        if self.failed > 0 {
            write!(f, "{} failed, ", self.failed)?;
        }
        write!(f, "{} passed, {} skipped", self.passed, self.skipped.values().sum::<usize>())?;
        if !self.skipped.is_empty() {
            let reasons: Vec<&str> = self.skipped.keys().map(String::as_str).collect();
            write!(f, " ({})", reasons.join("; "))?;
        }
        if self.ignored > 0 { write!(f, ", {} ignored", self.ignored) } else { Ok(()) }
    }
}

/// Builds all examples at once, in the way in which the tests have built them already, and runs each; then the commands whose words
/// the book shows.
fn examples(shell: &Shell) -> Result<Outcome> {
    let build = cmd!(shell, "cargo build --workspace --all-features --examples --bins");
    let run = capture(build.args(["--message-format", "json-render-diagnostics"]))?;
    if !run.success {
        return Ok(run.failed());
    }
    let programs = example_programs(&run.output)?;
    let mut problems = example_problems(&example_sources(shell)?, &programs);
    if !problems.is_empty() {
        return Ok(Outcome::of_problems(&problems, ""));
    }
    for program in programs.values() {
        // Recipes take minutes, and are tested elsewhere; here it is enough that they run.
        let run = capture(cmd!(shell, "{program}").env("ADAPTUNE_BRIEF", "1"))?;
        if !run.success {
            return Ok(run.failed());
        }
        problems.extend(results::differing(&shell.current_dir(), program, &run.output)?);
    }
    problems.extend(results::said_otherwise(shell, &results::program(&python::target_folder(shell)))?);
    Ok(Outcome::of_problems(&problems, count(programs.len(), "example")))
}

/// From source to program, out of the messages of `cargo build`.
fn example_programs(messages: &str) -> Result<BTreeMap<PathBuf, PathBuf>> {
    let mut programs = BTreeMap::new();
    for line in messages.lines().filter(|line| line.starts_with('{')) {
        let message: Value = serde_json::from_str(line).with_context(|| format!("a message of Cargo: {line}"))?;
        let target = &message["target"];
        let is_example = target["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "example"));
        if let (true, Some(source), Some(program)) =
            (is_example, target["src_path"].as_str(), message["executable"].as_str())
        {
            programs.insert(source.into(), program.into());
        }
    }
    Ok(programs)
}

/// Every `crates/*/examples/*.rs`.
fn example_sources(shell: &Shell) -> Result<Vec<PathBuf>> {
    let mut sources = Vec::new();
    for folder in shell.read_dir("crates")?.into_iter().map(|path| path.join("examples")) {
        if shell.path_exists(&folder) {
            sources.extend(shell.read_dir(folder)?);
        }
    }
    sources.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    Ok(sources)
}

/// Sources without a program, and programs with two sources, of which one has overwritten the other.
fn example_problems(sources: &[PathBuf], programs: &BTreeMap<PathBuf, PathBuf>) -> Vec<String> {
    let unbuilt = sources.iter().filter(|source| !programs.contains_key(*source));
    let mut problems: Vec<String> = unbuilt.map(|source| format!("{} was not built", source.display())).collect();
    let mut owners: BTreeMap<&Path, &Path> = BTreeMap::new();
    for (source, program) in programs {
        if let Some(other) = owners.insert(program, source) {
            let (one, two) = (other.display(), source.display());
            problems.push(format!("{one} and {two} make the same program; rename one of them"));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_keep_their_order() {
        let names = ["tests".to_owned(), "tidy".to_owned()];
        assert_eq!(stages_named(&names).iter().map(|stage| stage.name).collect::<Vec<_>>(), ["tidy", "tests"]);
        assert_eq!(stages_named(&[]).len(), STAGES.len());
    }

    #[test]
    fn counts_are_summed_over_test_programs() {
        let output = "\
     Running unittests src/lib.rs
test a ... ok
successes:
---- a stdout ----
skipped: ADAPTUNE_ASSETS is not set
test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s
   Doc-tests adaptune
    skipped: ADAPTUNE_ASSETS is not set
skipped: no network
nothing was skipped: fine
test result: FAILED. 30 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s
";
        let tally = Tally::of(output);
        assert_eq!((tally.failed, tally.passed, tally.ignored), (2, 42, 1));
        assert_eq!(
            tally.to_string(),
            "2 failed, 42 passed, 3 skipped (ADAPTUNE_ASSETS is not set; no network), 1 ignored"
        );
        assert_eq!(Tally::of("no tests").to_string(), "0 passed, 0 skipped");
    }

    #[test]
    fn programs_are_read_from_the_messages() {
        let messages = r#"   Compiling a v0.1.0
{"reason":"compiler-artifact","target":{"kind":["lib"],"src_path":"/a/src/lib.rs"},"executable":null}
{"reason":"compiler-artifact","target":{"kind":["example"],"src_path":"/a/examples/x.rs"},"executable":"/t/x"}
{"reason":"compiler-artifact","target":{"kind":["bin"],"src_path":"/a/src/main.rs"},"executable":"/t/a"}
{"reason":"build-finished","success":true}
"#;
        let expected = BTreeMap::from([("/a/examples/x.rs".into(), "/t/x".into())]);
        assert_eq!(example_programs(messages).unwrap(), expected);
        assert!(example_programs("{broken").is_err());
    }

    #[test]
    fn examples_that_would_not_run_are_found() {
        let [x, y, z] = ["/a/x.rs", "/b/x.rs", "/a/z.rs"].map(PathBuf::from);
        let programs = BTreeMap::from([(x.clone(), "/t/x".into()), (z.clone(), "/t/z".into())]);
        assert_eq!(example_problems(&[x.clone(), z.clone()], &programs), Vec::<String>::new());
        assert_eq!(example_problems(&[x.clone(), y.clone()], &programs), ["/b/x.rs was not built"]);

        let clash = BTreeMap::from([(x.clone(), "/t/x".into()), (y.clone(), "/t/x".into())]);
        let expected = ["/a/x.rs and /b/x.rs make the same program; rename one of them"];
        assert_eq!(example_problems(&[x, y], &clash), expected);
    }
}
