//! What saves time and memory: constant blocks whose output is kept, and a base in bf16.

use crate::common::{Bench, json, ok};
use serde_json::Value;
use std::fs;

const UPPER: &str = "--method seq_bn[reduction_factor=4,leave_out=[0]]";

/// The bytes of the adapter that a run left.
fn adapter(bench: &Bench, name: &str) -> Vec<u8> {
    fs::read(bench.path(name).join("adapter.safetensors")).expect("an adapter")
}

#[test]
fn the_room_for_what_is_kept_changes_no_byte_of_an_adapter() {
    let bench = Bench::new();
    let told = bench.train("all", &format!("{UPPER} --cache")).assert().success();
    let told = String::from_utf8_lossy(&told.get_output().stderr).into_owned();
    assert!(told.contains("lower 1 of 2 blocks"), "{told}");
    bench.trained("some", &format!("{UPPER} --cache 4KiB --cache-disk 8KiB"));
    bench.trained("none", &format!("{UPPER} --cache 0B"));
    assert!(adapter(&bench, "all") == adapter(&bench, "some") && adapter(&bench, "all") == adapter(&bench, "none"));
}

#[test]
fn a_cache_that_would_hold_nothing_is_refused_before_anything_is_written() {
    let bench = Bench::new();
    bench.refuses_to_train("--cache", &["lowest block", "leave_out"]);
    bench.refuses_to_train("--cache much", &["--cache", "much"]);
    let head = json(&ok(&mut bench.train("head", "--method head --baselines --cache --json")));
    assert_eq!(head["parameters"]["adapter"], 0, "of the baselines, those that can keep something do");
}

#[test]
fn a_base_in_bf16_is_remembered_and_comes_close() {
    let bench = Bench::new();
    bench.trained("run", "--base-dtype bf16");
    let run: Value = serde_json::from_slice(&fs::read(bench.path("run/run.json")).expect("run.json")).expect("JSON");
    assert_eq!(run["base_dtype"], "bf16");
    let loss = |options: &str| {
        let told = json(&ok(&mut bench.command(&format!("eval --adapter run --data dev.tsv --json {options}"))));
        told["loss"].as_f64().expect("a number")
    };
    let (as_trained, half, full) = (loss(""), loss("--base-dtype bf16"), loss("--base-dtype f32"));
    assert!(as_trained == half && half != full && (half - full).abs() < 0.05, "{as_trained} {half} {full}");
}
