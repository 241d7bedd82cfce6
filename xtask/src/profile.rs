//! Where the time of a step goes, for the shapes and numbers that `peers` compares, with every set of instructions that this
//! processor has.

use std::env::consts::EXE_SUFFIX;

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::python;

/// Shape, numbers, method, sequences, tokens of each, threads, steps. The words of the example `profile`.
const WORKS: [[&str; 7]; 4] = [
    ["minilm", "f32", "seq_bn", "32", "128", "2", "10"],
    ["minilm", "bf16", "seq_bn", "32", "128", "2", "10"],
    ["bert-base", "f32", "seq_bn", "16", "128", "2", "5"],
    ["bert-base", "bf16", "seq_bn", "16", "128", "2", "5"],
];
/// The variable that chooses a set, and the one that is only the others' oracle.
const VARIABLE: &str = "ADAPTUNE_KERNEL";
const ORACLE: &str = "portable";

/// Prints tables in the form of the book; those of one work alone if it is asked for in the words of the example.
pub(crate) fn run(shell: &Shell, work: &[String]) -> Result<()> {
    cmd!(shell, "cargo build --release --package adaptune-benches --features profile --example profile").run()?;
    let program = python::target_folder(shell).join("release/examples").join(format!("profile{EXE_SUFFIX}"));
    let works: Vec<Vec<&str>> = match work {
        [] => WORKS.iter().map(|work| work.to_vec()).collect(),
        words => vec![words.iter().map(String::as_str).collect()],
    };
    let paths = cmd!(shell, "{program} paths").quiet().read()?;
    for path in paths.lines().filter(|path| *path != ORACLE) {
        for work in &works {
            cmd!(shell, "{program} {work...}").env(VARIABLE, path).quiet().run()?;
        }
    }
    Ok(())
}
