//! Adapters as Python wrote them in all the ways that people save them: each computes what Python computes with it, or is
//! refused with the true cause.

use crate::common::{json, listing, program, refused, text};
use adaptune_test_support::{assets, largest_difference};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The folder of the cases, which hold an adapter each, and the bases that these belong to.
fn cases() -> Option<PathBuf> {
    assets().map(|assets| assets.join("cases"))
}

fn read(path: &Path) -> Value {
    json(&std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// What a command says, and its notes.
fn run(folder: &Path, line: &[&str], input: &str) -> (String, String) {
    let mut command = program();
    let output = command.current_dir(folder).args(line).write_stdin(input).output().expect("the program starts");
    let notes = text(&output.stderr);
    assert!(output.status.success(), "{line:?}: {notes}");
    (text(&output.stdout), notes)
}

/// The logits of `predict` for the texts of a case are Python's; returns the notes.
#[track_caller]
fn computes(cases: &Path, adapter: &Path, expect: &Value) -> String {
    let texts: Vec<&str> =
        expect["texts"].as_array().expect("a list").iter().map(|text| text.as_str().expect("a text")).collect();
    let adapter = adapter.to_string_lossy();
    let line = ["predict", "--model", "base", "--adapter", &adapter, "--input", "-", "--json"];
    let (out, notes) = run(cases, &line, &texts.join("\n"));
    let records: Vec<Value> = out.lines().map(json).collect();
    assert_eq!(records.len(), texts.len(), "{adapter}");
    let numbers = |row: &Value| row.as_array().expect("a list").iter().map(|v| v.as_f64().expect("a number")).collect();
    for (record, expected) in records.iter().zip(expect["logits"].as_array().expect("a list")) {
        let (found, expected): (Vec<f64>, Vec<f64>) = (numbers(&record["logits"]), numbers(expected));
        let off = largest_difference(found.iter().copied(), expected.iter().copied());
        assert!(found.len() == expected.len() && off < 1e-4, "{adapter}: {record} is off by {off:.1e}");
    }
    notes
}

/// The same for a case by its name.
#[track_caller]
fn is_pythons(case: &str) -> Option<String> {
    let cases = cases()?;
    let expect = read(&cases.join(case).join("expect.json"));
    Some(computes(&cases, Path::new(case), &expect))
}

#[test]
fn static_heads_read_the_bases_pooler() {
    let Some(notes) = is_pythons("adapterhub-static-head") else { return };
    assert_eq!(notes, "");
}

#[test]
fn names_of_2020_are_read() {
    let Some(notes) = is_pythons("adapterhub-v1-names") else { return };
    assert_eq!(notes, "");
}

#[test]
fn compiled_names_are_read() {
    is_pythons("peft-names-compiled");
}

#[test]
fn a_pattern_of_layers_that_names_the_blocks_changes_nothing() {
    is_pythons("peft-layers-pattern");
}

#[test]
fn a_pooler_that_was_saved_is_the_heads_first_layer() {
    is_pythons("peft-pooler-saved");
}

#[test]
fn a_lora_of_the_pooler_is_merged_into_the_heads_first_layer() {
    is_pythons("peft-target-dense");
    is_pythons("peft-all-linear");
}

/// With the field that tells the two apart the logits are Python's DiReFT; without it a note says what is computed.
#[test]
fn a_direft_that_does_not_say_so_is_told() {
    let Some(cases) = cases() else { return };
    let case = cases.join("adapterhub-direft");
    let line = ["predict", "--model", "base", "--adapter", "adapterhub-direft", "--input", "-"];
    let (_, notes) = run(&cases, &line, "warm bread");
    assert!(notes.contains("NoReFT or DiReFT") && notes.contains("subtract_projection"), "{notes}");
    let marked = copy(&case);
    let path = marked.path().join("adapter_config.json");
    let mut file = read(&path);
    file["config"]["subtract_projection"] = false.into();
    std::fs::write(&path, file.to_string()).expect("written");
    let notes = computes(&cases, marked.path(), &read(&case.join("expect.json")));
    assert_eq!(notes, "");
}

#[test]
fn an_unknown_field_is_named() {
    let Some(notes) = is_pythons("peft-unknown-field") else { return };
    assert!(notes.contains("a_field_of_next_year=2.0") && notes.contains("not read"), "{notes}");
    let Some(cases) = cases() else { return };
    let (out, _) = run(&cases, &["inspect", "peft-unknown-field", "--json"], "");
    assert!(json(&out)["notes"][0].as_str().expect("a note").contains("a_field_of_next_year"), "{out}");
}

#[test]
fn classes_without_names_are_numbered() {
    let Some(notes) = is_pythons("peft-no-label-names") else { return };
    assert_eq!(notes, "");
}

/// What has no head is merged, converted, inspected and combined; what needs one says that there is none.
#[test]
fn adapters_without_heads_go_wherever_none_is_needed() {
    let Some(cases) = cases() else { return };
    let out = tempfile::tempdir().expect("a folder");
    let to = |name: &str| out.path().join(name).to_string_lossy().into_owned();
    let of = ["--model", "base", "--adapter", "peft-headless"];
    let go = |line: &[&str]| run(&cases, line, "").0;
    go(&[&["merge"], &of[..], &["--out", &to("merged")]].concat());
    assert!(!out.path().join("merged/head").exists() && out.path().join("merged/model.safetensors").exists());
    go(&[&["convert", "--to", "adapterhub"], &of[..], &["--out", &to("hub")]].concat());
    assert_eq!(listing(&out.path().join("hub")), ["adapter.safetensors", "adapter_config.json", "run.json"]);
    go(&["convert", "--to", "peft", "--adapter", &to("hub"), "--model", "base", "--out", &to("back")]);
    let twice = ["combine", "--adapter", "peft-headless=2", "--how", "linear", "--model", "base", "--out"];
    go(&[&twice[..], &[&to("twice")]].concat());
    assert!(go(&["inspect", "peft-headless"]).contains("lora_A"));
    // Converting back and forth changes nothing: merged, both are the same base.
    go(&["merge", "--model", "base", "--adapter", &to("back"), "--out", &to("again")]);
    let weights = |name: &str| std::fs::read(out.path().join(name).join("model.safetensors")).expect("merged");
    assert_eq!(weights("merged"), weights("again"));
    let base = std::fs::read(cases.join("base/model.safetensors")).expect("there");
    assert_ne!(weights("merged"), base);
    let mut predict = program();
    let line = [&["predict"], &of[..], &["--input", "-"]].concat();
    let error = refused(predict.current_dir(&cases).args(line).write_stdin("a"));
    assert!(error.contains("hold no head") && error.contains("FEATURE_EXTRACTION"), "{error}");
}

#[test]
fn the_folder_of_the_adapter_is_named() {
    let Some(cases) = cases() else { return };
    let said = |line: &[&str]| refused(program().current_dir(&cases).args(line));
    for line in [
        &["predict", "--model", "base", "--adapter", "adapter-in-subfolder/checkpoint-7", "--input", "-"][..],
        &["merge", "--adapter", "adapter-in-subfolder/checkpoint-7", "--out", "nowhere"],
        &["inspect", "adapter-in-subfolder/checkpoint-7"],
    ] {
        let error = said(line);
        assert!(error.contains("checkpoint-7 holds no adapter"), "{error}");
        assert!(error.contains("there is one in adapter-in-subfolder/checkpoint-7/mine"), "{error}");
    }
    let mine = Path::new("adapter-in-subfolder/checkpoint-7/mine");
    computes(&cases, mine, &read(&cases.join(mine).join("expect.json")));
}

/// A head's configuration without its weights is no head, and no reason not to merge.
#[test]
fn a_head_without_weights_is_none() {
    let Some(cases) = cases() else { return };
    let there = copy(&cases.join("peft-headless"));
    let head = "adapterhub-v1-names/head_config.json";
    std::fs::copy(cases.join(head), there.path().join("head_config.json")).expect("copied");
    let (adapter, out) = (there.path().to_string_lossy().into_owned(), there.path().join("merged"));
    let line = ["merge", "--model", "base", "--adapter", &adapter, "--out", &out.to_string_lossy()];
    let (_, notes) = run(&cases, &line, "");
    assert!(notes.contains("model_head.safetensors or pytorch_model_head.bin, are not there"), "{notes}");
}

/// A copy of a folder of files.
fn copy(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().expect("a folder");
    for entry in std::fs::read_dir(from).expect("there") {
        let path = entry.expect("readable").path();
        let name = path.file_name().expect("a file");
        std::fs::write(to.path().join(name), std::fs::read(&path).expect("readable")).expect("written");
    }
    to
}
