//! Small inputs of the shared assets, each of which stands for a kind that was once read wrongly: data files and tokenizers.

use crate::common::{json_lines, program};
use adaptune_test_support::assets;
use assert_cmd::Command;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The folder of a case, if the assets are on this machine.
fn case(name: &str) -> Option<PathBuf> {
    Some(assets()?.join("cases").join(name))
}

fn adaptune(folder: &Path, line: &str, more: &[&Path]) -> Command {
    let mut command = program();
    command.args(line.split_whitespace()).args(more).current_dir(folder);
    command
}

/// What is said, successful or not.
fn said(command: &mut Command) -> String {
    let output = command.output().expect("it runs");
    String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
}

/// Trains on a file of a case, and returns what is said.
fn train(name: &str, file: &str, options: &str) -> Option<String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (base, data) = (case("base")?, case(name)?.join(file));
    let line = format!("train --epochs 1 --lr 1e-3 --out run {options} --model");
    Some(said(&mut adaptune(folder.path(), &line, &[&base, Path::new("--train"), &data])))
}

/// Case, file, options and words of what is said.
const TRAININGS: &[(&str, &str, &str, &[&str])] = &[
    ("data-conll-comments", "train.conll", "", &["2 examples, 3 tags", "comment lines", "saved in run"]),
    ("data-conll-newdoc", "train.conll", "", &["2 examples, 3 tags", "comment lines", "saved in run"]),
    ("data-conll-trailing-tab", "train.conll", "", &["2 examples, 3 tags", "saved in run"]),
    (
        "data-ner-tokens",
        "train.jsonl",
        "--text-column tokens --label-column ner_tags",
        &["2 examples, 3 tags", "saved in run"],
    ),
    ("data-ner-tokens", "train.jsonl", "", &["2 examples, 3 tags", "saved in run"]),
    ("data-ner-tokens", "ids.jsonl", "", &["the tags are numbers", "--label-names"]),
    ("data-not-text", "train.csv.gz", "", &["compressed", "gunzip"]),
    ("data-not-text", "train.parquet", "", &["Parquet", "to_json"]),
    ("data-not-text", "folder", "", &["folder of a Hugging Face data set", "to_json"]),
    ("data-semicolon", "train.csv", "", &["2 classes: bad, good", "semicolons", "saved in run"]),
    ("data-tags-stray", "train.conll", "", &["they mark spans", "but not `o`", "saved in run"]),
    ("data-tsv-quoted", "train.tsv", "", &["stand in quotes", "--quotes", "saved in run"]),
    ("data-unnamed-columns", "train.csv", "", &["2 columns without a name", "2 classes: bad, good", "saved in run"]),
];

#[test]
fn data_files_are_read_or_refused_for_their_true_cause() {
    for (name, file, options, words) in TRAININGS {
        let Some(said) = train(name, file, options) else { return };
        for word in *words {
            assert!(said.contains(word), "{name} {file} lacks {word:?}:\n{said}");
        }
    }
}

#[test]
fn pairs_are_not_single_texts() {
    let (Some(base), Some(data)) = (case("base"), case("data-pair-forgotten")) else { return };
    let folder = tempfile::tempdir().unwrap();
    let data = data.join("train.tsv");
    let columns = "--text-column sentence1 --text-b-column sentence2";
    let line = format!("train --epochs 1 --out pairs {columns} --model");
    adaptune(folder.path(), &line, &[&base, Path::new("--train"), &data]).assert().success();
    adaptune(
        folder.path(),
        "train --epochs 1 --out single --text-column sentence1 --model",
        &[&base, Path::new("--train"), &data],
    )
    .assert()
    .success();
    let one = "--text-column sentence1";
    for (adapter, columns, fits) in
        [("pairs", columns, true), ("pairs", one, false), ("single", one, true), ("single", columns, false)]
    {
        for (command, file) in [("eval", "--data"), ("predict", "--input")] {
            let mut run = adaptune(folder.path(), &format!("{command} {columns} --adapter {adapter} {file}"), &[&data]);
            assert_eq!(
                run.output().unwrap().status.success(),
                fits,
                "{command} {adapter} {columns}: {}",
                said(&mut run)
            );
        }
    }
}

#[test]
fn texts_on_standard_input_and_in_json_are_one_record_each() {
    let (Some(base), Some(adapter)) = (case("base"), case("tokenizer-config-differs")) else { return };
    let adapter = adapter.join("adapter");
    let predict = |line: &str| adaptune(&base, &format!("predict --model . {line} --adapter"), &[&adapter]);
    let newlines = case("data-predict-newline").unwrap().join("new.jsonl");
    let lines = said(&mut predict(&format!("--input {}", newlines.display())));
    assert!(lines.lines().count() == 3 && lines.lines().all(|line| line.split('\t').count() == 3), "{lines}");
    for (file, format) in [("new.tsv", "tsv"), ("new.jsonl", "jsonl")] {
        let text = std::fs::read(case("data-stdin-table").unwrap().join(file)).unwrap();
        let refused = said(predict("--input -").write_stdin(text.clone()));
        assert!(refused.contains(&format!("--format {format}")), "{refused}");
        let read = said(predict(&format!("--input - --format {format}")).write_stdin(text));
        assert_eq!(read.lines().count(), 1, "{read}");
    }
}

#[test]
fn the_tokenizer_is_set_as_transformers_sets_it() {
    let Some(case) = case("tokenizer-config-differs") else { return };
    let expected: Value =
        serde_json::from_str(&std::fs::read_to_string(case.join("adapter/expect.json")).unwrap()).unwrap();
    let texts: Vec<&str> = expected["texts"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let mut predict = adaptune(&case, "predict --model base --adapter adapter --input - --json", &[]);
    let records =
        json_lines(&String::from_utf8(predict.write_stdin(texts.join("\n")).output().unwrap().stdout).unwrap());
    assert_eq!(records.len(), texts.len());
    for (record, logits) in records.iter().zip(expected["logits"].as_array().unwrap()) {
        for (found, expected) in record["logits"].as_array().unwrap().iter().zip(logits.as_array().unwrap()) {
            let difference = (found.as_f64().unwrap() - expected.as_f64().unwrap()).abs();
            assert!(difference < 1e-4, "{record}: expected {logits}");
        }
    }
}

#[test]
fn pointers_and_damaged_tokenizers_are_named() {
    let (Some(base), Some(broken)) = (case("lfs-tokenizer"), case("broken")) else { return };
    let folder = tempfile::tempdir().unwrap();
    let dev = broken.join("dev.tsv");
    let line = "train --epochs 1 --out run --train";
    let lfs = said(&mut adaptune(folder.path(), line, &[&dev, Path::new("--model"), &base.join("base")]));
    assert!(lfs.contains("Git LFS pointer") && lfs.contains("git lfs pull"), "{lfs}");
    let whole = broken.parent().unwrap().join("base");
    for name in
        ["tokenizer_truncated", "tokenizer_decoder_min", "tokenizer_precompiled_index", "tokenizer_precompiled_alloc"]
    {
        let model = folder.path().join(name);
        std::fs::create_dir(&model).unwrap();
        for file in ["config.json", "model.safetensors"] {
            std::fs::copy(whole.join(file), model.join(file)).unwrap();
        }
        let damaged = broken.join(name);
        let file = if damaged.is_dir() { damaged.join("tokenizer.json") } else { damaged };
        std::fs::copy(file, model.join("tokenizer.json")).unwrap();
        let mut run = adaptune(folder.path(), line, &[&dev, Path::new("--model"), &model]);
        let said = said(&mut run);
        assert!(said.contains("tokenizer.json") && !said.contains("panicked at"), "{name}: {said}");
        assert_eq!(run.output().unwrap().status.code(), Some(1), "{name}: {said}");
    }
}
