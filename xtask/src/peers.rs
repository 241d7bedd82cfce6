//! The same work in this project, in PyTorch with AdapterHub and, for a forward pass, in candle, in turn, and the ratios of
//! their times and memory.
//!
//! The outcome is the same, the way is not: behind the keys and values of the last block this project computes only the tokens
//! that the head reads, the others compute all.
//!
//! Each number comes from a process of its own. The processes take turns, so that what else the machine does meets both.

use std::{env::consts::EXE_SUFFIX, path::Path};

use anyhow::{Context, Result};
use serde_json::Value;
use xshell::{Shell, cmd};

use crate::python::{self, Environment};

/// Times that each process takes its turn.
const ROUNDS: usize = 3;
/// Steps of a process that count.
const STEPS: &str = "5";
const THREADS: &str = "2";

/// What is compared: work, shape, numbers (in bf16 a rounded base here, autocast there), method, sequences, tokens of each.
/// The workers' own words.
const WORKS: [[&str; 6]; 13] = [
    ["step", "minilm", "f32", "seq_bn", "32", "128"],
    ["step", "minilm", "f32", "double_seq_bn", "32", "128"],
    ["step", "minilm", "f32", "par_bn", "32", "128"],
    ["forward", "minilm", "f32", "seq_bn", "32", "128"],
    ["step", "bert-base", "f32", "seq_bn", "16", "128"],
    ["step", "bert-base", "f32", "double_seq_bn", "16", "128"],
    ["step", "bert-base", "f32", "par_bn", "16", "128"],
    ["step", "minilm", "bf16", "seq_bn", "32", "128"],
    ["step", "minilm", "bf16", "double_seq_bn", "32", "128"],
    ["step", "minilm", "bf16", "par_bn", "32", "128"],
    ["step", "bert-base", "bf16", "seq_bn", "16", "128"],
    ["step", "bert-base", "bf16", "double_seq_bn", "16", "128"],
    ["step", "bert-base", "bf16", "par_bn", "16", "128"],
];

/// Work with decoders: what, shape, numbers, sequences, tokens of each. A step has a LoRA on every linear layer; `generate` writes 128
/// tokens behind each prompt.
const DECODERS: [[&str; 5]; 8] = [
    ["step", "smollm2-135m", "f32", "4", "512"],
    ["step", "smollm2-135m", "bf16", "4", "512"],
    ["generate", "smollm2-135m", "bf16", "1", "16"],
    ["generate", "smollm2-135m", "bf16", "8", "16"],
    ["step", "qwen2.5-0.5b", "f32", "4", "512"],
    ["step", "qwen2.5-0.5b", "bf16", "4", "512"],
    ["generate", "qwen2.5-0.5b", "bf16", "1", "16"],
    ["generate", "qwen2.5-0.5b", "bf16", "8", "16"],
];

/// The hidden state of every token, which is what candle computes.
const HIDDEN: [&str; 6] = ["hidden", "minilm", "f32", "seq_bn", "32", "128"];

/// Compares and prints a table, in the form of the book. Says so where there is no Python to compare with.
pub(crate) fn run(shell: &Shell, environment: &Path) -> Result<()> {
    let python = match python::prepare(shell, environment)? {
        Environment::Absent(reason) => {
            println!("skipped: {reason}");
            return Ok(());
        }
        Environment::Ready(python) => python,
    };
    cmd!(shell, "cargo build --release --package adaptune-benches --example worker").run()?;
    let worker = python::target_folder(shell).join("release/examples").join(format!("worker{EXE_SUFFIX}"));
    println!("\n{THREADS} threads, {ROUNDS} rounds in turn, {STEPS} steps each; seconds are medians of all steps.");
    let ours = |work: &[&str; 6]| measured(cmd!(shell, "{worker} {work...} {THREADS} {STEPS}"));
    head("PyTorch");
    for work in WORKS.into_iter().chain([HIDDEN]) {
        let theirs = || measured(cmd!(shell, "{python} benches/peers/worker.py {work...} {THREADS} {STEPS}"));
        println!("{}", row(&work, &in_turn(|| ours(&work), theirs)?));
    }
    decoders(shell, &python)?;
    let target = python::target_folder(shell).join("candle");
    cmd!(shell, "cargo build --release --manifest-path benches/candle/Cargo.toml --target-dir {target}").run()?;
    let candle = target.join("release").join(format!("candle-worker{EXE_SUFFIX}"));
    head("candle");
    let theirs = || measured(cmd!(shell, "{candle} {HIDDEN...} {THREADS} {STEPS}").env("RAYON_NUM_THREADS", THREADS));
    println!("{}", row(&HIDDEN, &in_turn(|| ours(&HIDDEN), theirs)?));
    Ok(())
}

/// Decoders with PEFT, from folders with the same random weights.
fn decoders(shell: &Shell, python: &Path) -> Result<()> {
    cmd!(shell, "cargo build --release --package adaptune-benches --example decoder_worker").run()?;
    let target = python::target_folder(shell);
    let worker = target.join("release/examples").join(format!("decoder_worker{EXE_SUFFIX}"));
    head("PyTorch");
    for [work, shape, dtype, sequences, tokens] in DECODERS {
        let folder = target.join("peers").join(shape);
        if !folder.join("model.safetensors").exists() {
            cmd!(shell, "{worker} save {shape} {folder}").quiet().run()?;
        }
        let numbers = [sequences, tokens, THREADS, STEPS];
        let ours = || measured(cmd!(shell, "{worker} {work} {folder} {dtype} {numbers...}"));
        let theirs =
            || measured(cmd!(shell, "{python} benches/peers/decoder_worker.py {work} {folder} {dtype} {numbers...}"));
        let method = if work == "step" { "lora" } else { "none" };
        println!("{}", row(&[work, shape, dtype, method, sequences, tokens], &in_turn(ours, theirs)?));
    }
    Ok(())
}

fn head(other: &str) {
    println!("\n| work | adaptune | {other} | ratio | in each round | memory | {other} | ratio |");
    println!("|---|---|---|---|---|---|---|---|");
}

fn in_turn(ours: impl Fn() -> Result<Measured>, theirs: impl Fn() -> Result<Measured>) -> Result<[Vec<Measured>; 2]> {
    let mut both = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        both[0].push(ours()?);
        both[1].push(theirs()?);
    }
    Ok(both)
}

/// What a process measured of itself.
#[derive(Debug)]
struct Measured {
    seconds: Vec<f64>,
    peak_bytes: f64,
}

fn measured(command: xshell::Cmd<'_>) -> Result<Measured> {
    let output = command.quiet().ignore_stderr().read()?;
    parse(output.lines().last().unwrap_or_default())
}

fn parse(line: &str) -> Result<Measured> {
    let json: Value = serde_json::from_str(line).with_context(|| format!("expected JSON, found {line:?}"))?;
    let seconds = json["seconds"].as_array().context("no `seconds`")?;
    let seconds = seconds.iter().map(|s| s.as_f64().context("seconds are numbers")).collect::<Result<_>>()?;
    Ok(Measured { seconds, peak_bytes: json["peak_bytes"].as_f64().context("no `peak_bytes`")? })
}

fn row(work: &[&str; 6], [ours, theirs]: &[Vec<Measured>; 2]) -> String {
    let [work, shape, dtype, method, sequences, tokens] = work;
    let all = |rounds: &[Measured]| median(rounds.iter().flat_map(|round| round.seconds.clone()).collect());
    let peak = |rounds: &[Measured]| median(rounds.iter().map(|round| round.peak_bytes / 1e6).collect());
    let (time, time_there) = (all(ours), all(theirs));
    let (memory, memory_there) = (peak(ours), peak(theirs));
    let rounds = ours.iter().zip(theirs).map(|(a, b)| median(a.seconds.clone()) / median(b.seconds.clone()));
    let rounds: Vec<String> = rounds.map(|ratio| format!("{ratio:.2}")).collect();
    format!(
        "| {work}, {shape}, {dtype}, `{method}`, {sequences} × {tokens} | {time:.2} s | {time_there:.2} s | {:.2} | {} | {memory:.0} MB | \
         {memory_there:.0} MB | {:.2} |",
        time / time_there,
        rounds.join(", "),
        memory / memory_there,
    )
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_of_medians() {
        let round = |seconds: &[f64], peak_bytes| Measured { seconds: seconds.to_vec(), peak_bytes };
        let ours = vec![round(&[1.0, 9.0, 1.0], 2e8), round(&[1.0, 1.0, 1.0], 2e8)];
        let theirs = vec![round(&[2.0, 2.0, 2.0], 8e8), round(&[4.0, 4.0, 2.0], 8e8)];
        let row = row(&["step", "minilm", "f32", "seq_bn", "32", "128"], &[ours, theirs]);
        assert!(row.contains("| 1.00 s | 2.00 s | 0.50 | 0.50, 0.25 | 200 MB | 800 MB | 0.25 |"), "{row}");
    }

    #[test]
    fn what_a_worker_prints_is_read_and_nonsense_is_shown() {
        let read = parse("{\"seconds\": [0.5, 1e-1], \"peak_bytes\": 1024}").unwrap();
        assert_eq!((read.seconds, read.peak_bytes), (vec![0.5, 0.1], 1024.0));
        assert!(parse("Killed").unwrap_err().to_string().contains("Killed"));
        assert!(parse("{\"peak_bytes\": 1}").unwrap_err().to_string().contains("seconds"));
    }
}
