//! What the tests of the command line share: a tiny model, data whose labels follow from words, and the program.

#![allow(dead_code, reason = "each test program uses a part of it")]

pub(crate) mod data;
pub(crate) mod decoder;
pub(crate) mod model;

use assert_cmd::Command;
use model::Sizes;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The program under test.
pub(crate) const ADAPTUNE: &str = env!("CARGO_BIN_EXE_adaptune");

/// The program, whose messages are not broken into lines, so that tests can look for words in them.
pub(crate) fn program() -> Command {
    let mut command = Command::new(ADAPTUNE);
    command.env("COLUMNS", "100000");
    command
}

/// What a run with an adapter leaves behind, and nothing else.
pub(crate) const RUN_FILES: [&str; 8] = [
    "README.md",
    "adapter.safetensors",
    "adapter_config.json",
    "head_config.json",
    "loss.svg",
    "metrics.jsonl",
    "model_head.safetensors",
    "run.json",
];

/// Options with which the tiny model learns the reviews in a moment.
const USUAL: [(&str, &str); 7] = [
    ("--model", "model"),
    ("--train", "train.tsv"),
    ("--dev", "dev.tsv"),
    ("--name", "mine"),
    ("--epochs", "4"),
    ("--batch-size", "8"),
    ("--lr", "1e-2"),
];

/// A temporary folder with the tiny model in `model`, and reviews in `train.tsv` and `dev.tsv`.
pub(crate) struct Bench {
    folder: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        model::write(&bench.path("model"), &Sizes::tiny(), 1);
        bench.write("train.tsv", data::tsv(&data::reviews(96, 1)));
        bench.write("dev.tsv", data::tsv(&data::reviews(32, 2)));
        bench
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.path(name), content).expect("a file can be written");
        self.path(name)
    }

    /// Any command, in the bench's folder, so that files can be named without it.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = program();
        command.current_dir(self.folder.path()).args(words(line));
        command
    }

    /// `train` into `out` with [`USUAL`] options, as far as `more` does not say otherwise.
    pub(crate) fn train(&self, out: &str, more: &str) -> Command {
        self.command(&training(out, more))
    }

    /// Runs a command that must be refused with a message that has these words.
    pub(crate) fn refuses(&self, line: &str, words: &[&str]) {
        let message = refused(&mut self.command(line));
        words.iter().for_each(|word| assert!(message.contains(word), "{line}: {word:?} is missing in {message}"));
    }

    /// Runs a training that must be refused with a message that has these words, before its folder is made.
    pub(crate) fn refuses_to_train(&self, more: &str, words: &[&str]) {
        self.refuses(&training("out", more), words);
        assert!(!self.path("out").exists(), "{more}");
    }

    /// A trained adapter in `out`.
    pub(crate) fn trained(&self, out: &str, more: &str) -> PathBuf {
        ok(&mut self.train(out, more));
        self.path(out)
    }
}

/// The line of [`Bench::train`].
pub(crate) fn training(out: &str, more: &str) -> String {
    let said = |option: &str| more.split([' ', '=']).any(|word| word == option);
    let usual = USUAL.iter().filter(|(option, _)| !said(option)).map(|(option, value)| format!("{option} {value}"));
    format!("train --out {out} {} {more}", usual.collect::<Vec<_>>().join(" "))
}

/// Splits at spaces; single quotes hold an argument together.
fn words(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate();
    let split = |(i, part): (usize, &str)| match i % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    };
    parts.flat_map(split).collect()
}

/// Runs a command that must succeed; gives its standard output.
pub(crate) fn ok(command: &mut Command) -> String {
    let output = command.output().expect("the program starts");
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?} failed:\n{out}{err}");
    out
}

/// Runs a command that must fail as a command should: with an error message and without panic. Gives that message.
pub(crate) fn refused(command: &mut Command) -> String {
    let output = command.output().expect("the program starts");
    let err = text(&output.stderr);
    assert!(matches!(output.status.code(), Some(1..=3)), "{command:?} ended with {}:\n{err}", output.status);
    assert!(!err.contains("panicked"), "{command:?} panicked:\n{err}");
    let message = err.lines().position(|line| line.starts_with("error: "));
    let message = message.unwrap_or_else(|| panic!("{command:?} gave no error message:\n{err}"));
    err.lines().skip(message).collect::<Vec<_>>().join("\n")
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("the program writes UTF-8")
}

/// A line of JSON.
pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Lines of JSON.
pub(crate) fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(json).collect()
}

pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("an array").iter().map(|number| number.as_f64().expect("a number")).collect()
}

/// The names of everything in a folder, sorted; nothing if it is not there.
pub(crate) fn listing(folder: &Path) -> Vec<String> {
    contents(folder).into_keys().collect()
}

/// The bytes of every file in a folder.
pub(crate) fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.expect("a readable folder").path());
    let name = |path: &Path| path.file_name().expect("an entry has a name").to_string_lossy().into_owned();
    entries.map(|path| (name(&path), fs::read(&path).unwrap_or_default())).collect()
}
