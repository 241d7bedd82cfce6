//! Choices of `train`: what is read of a text, what decides, several files, parts in turn, and going on from an adapter.

use crate::common::{Bench, data, json, ok};
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;
use std::fs;

/// Reviews as a table of which so many are of the first kind and so many of the second.
fn table(rows: &[(String, String)]) -> String {
    let rows: String = rows.iter().map(|(text, label)| format!("{text}\t{label}\n")).collect();
    format!("text\tlabel\n{rows}")
}

fn bench(count: usize) -> Bench {
    let bench = Bench::new();
    let reviews = data::reviews(count, 5);
    let (first, second) = reviews.split_at(count / 2);
    bench.write("one.tsv", table(first));
    bench.write("two.tsv", table(second));
    bench.write("all.tsv", table(&reviews));
    bench
}

fn run_file(bench: &Bench, folder: &str) -> Value {
    let text = fs::read_to_string(bench.path(folder).join("run.json")).expect("the run ended");
    serde_json::from_str(&text).expect("JSON")
}

fn bytes(bench: &Bench, file: &str) -> Vec<u8> {
    fs::read(bench.path(file)).expect("it was saved")
}

#[test]
fn several_files_are_one_training_set() {
    let bench = bench(24);
    ok(&mut bench.command("train --model model --train one.tsv --train two.tsv --out parts --epochs 2 --name a"));
    ok(&mut bench.command("train --model model --train all.tsv --out whole --epochs 2 --name a"));
    assert_eq!(bytes(&bench, "parts/adapter.safetensors"), bytes(&bench, "whole/adapter.safetensors"));
    let run = run_file(&bench, "parts");
    assert_eq!((&run["data"][0]["examples"], &run["data"][1]["path"]), (&Value::from(12), &Value::from("two.tsv")));
    bench.write("pairs.tsv", "text_a\ttext_b\tlabel\na\tb\tgood\n");
    bench
        .command("train --model model --train one.tsv --train pairs.tsv --out x --epochs 1")
        .assert()
        .failure()
        .stderr(contains("pairs.tsv: found pairs of texts, but one.tsv holds single texts"));
    assert!(!bench.path("x").exists());
}

#[test]
fn folds_tell_what_can_be_expected_and_then_all_is_trained_on() {
    let bench = bench(24);
    let said = json(&ok(
        &mut bench.command("train --model model --train all.tsv --folds 3 --out a --epochs 3 --json --name a")
    ));
    let folds = &said["folds"];
    let scores: Vec<f64> = folds["scores"].as_array().expect("scores").iter().filter_map(Value::as_f64).collect();
    assert_eq!((folds["metric"].as_str(), scores.len()), (Some("accuracy"), 3));
    assert!((folds["mean"].as_f64().expect("a mean") - scores.iter().sum::<f64>() / 3.0).abs() < 1e-12);
    let mut epochs: Vec<u64> =
        folds["best_epochs"].as_array().expect("epochs").iter().filter_map(Value::as_u64).collect();
    epochs.sort_unstable();
    assert_eq!(run_file(&bench, "a")["options"]["epochs"], epochs[1]);
    // What is saved is what all of the data give in so many epochs.
    let line = format!("train --model model --train all.tsv --out b --epochs {} --name a", epochs[1]);
    ok(&mut bench.command(&line));
    assert_eq!(bytes(&bench, "a/adapter.safetensors"), bytes(&bench, "b/adapter.safetensors"));
    let said = ok(&mut bench.command("train --model model --train all.tsv --folds 2 --out c --epochs 2"));
    assert!(said.contains("deviation") && said.contains("the middle of these"), "{said}");
    let card = fs::read_to_string(bench.path("c/README.md")).expect("a card");
    assert!(card.contains("| accuracy on 2 parts left out in turn, mean |"), "{card}");
    for (options, why) in
        [("--folds 1", "2..=100"), ("--folds 2 --dev 10%", "cannot be used with"), ("--folds 25", "24 examples")]
    {
        bench
            .command(&format!("train --model model --train all.tsv --out d --epochs 1 {options}"))
            .assert()
            .failure()
            .stderr(contains(why));
    }
}

#[test]
fn a_training_goes_on_from_an_adapter() {
    let bench = bench(24);
    ok(&mut bench
        .command("train --model model --train one.tsv --out a --epochs 2 --method lora[r=3,alpha=7] --pooling max"));
    ok(&mut bench.command("train --from a --train two.tsv --out b --epochs 2"));
    let run = run_file(&bench, "b");
    assert_eq!((&run["from"], &run["model"]), (&Value::from("a"), &Value::from("model")));
    assert_eq!(run["method"], "lora[r=3,alpha=7]");
    assert_ne!(bytes(&bench, "a/adapter.safetensors"), bytes(&bench, "b/adapter.safetensors"));
    assert_eq!(bytes(&bench, "a/head_config.json"), bytes(&bench, "b/head_config.json"));
    // It begins where the other ended: before its first step it has the scores of that one.
    let before =
        json(&ok(&mut bench.command("train --from a --train two.tsv --dev one.tsv --out c --epochs 1 --json")));
    let after = json(&ok(&mut bench.command("eval --adapter a --data one.tsv --json")));
    assert_eq!(before["before"]["accuracy"], after["metrics"]["accuracy"]);
    bench.write("other.tsv", "text\tlabel\nfine film\tunheard of\ndull film\tgood\n");
    for (line, why) in [
        ("--from a --train other.tsv --out d", "the head knows other labels"),
        ("--from a --train two.tsv --method seq_bn --out d", "cannot be used with"),
        ("--from nowhere --train two.tsv --out d", "nowhere is no folder"),
        ("--from a --train two.tsv --out a", "holds a run already"),
    ] {
        bench.command(&format!("train {line}")).assert().failure().stderr(contains(why));
    }
    bench
        .command("train --model model --train one.tsv --out a --resume")
        .assert()
        .success()
        .stderr(contains("adaptune train --from a --train FILE --out NEW"));
}

/// A thawed base goes on too: its tensors are those of the files, not the base's.
#[test]
fn full_fine_tuning_goes_on() {
    let bench = bench(24);
    ok(&mut bench.command("train --model model --train one.tsv --out a --epochs 1 --method full"));
    ok(&mut bench.command("train --from a --train two.tsv --out b --epochs 1"));
    assert_ne!(bytes(&bench, "a/thawed.safetensors"), bytes(&bench, "b/thawed.safetensors"));
    ok(&mut bench.command("eval --adapter b --data two.tsv"));
}

#[test]
fn events_for_tensorboard_stand_in_their_folder() {
    let bench = bench(24);
    ok(&mut bench.command("train --model model --train one.tsv --dev two.tsv --epochs 2 --out a --tensorboard logs/a"));
    let files: Vec<_> = fs::read_dir(bench.path("logs/a")).expect("a folder").flatten().collect();
    assert!(files.len() == 1 && files[0].file_name().to_string_lossy().starts_with("events.out.tfevents."));
    let text = String::from_utf8_lossy(&fs::read(files[0].path()).expect("a file")).into_owned();
    // Of two steps in each of two epochs, and of three evaluations.
    assert_eq!((text.matches("train/loss").count(), text.matches("dev/accuracy").count()), (4, 3));
    bench.write("file", "not a folder");
    bench
        .command("train --model model --train one.tsv --epochs 1 --out b --tensorboard file")
        .assert()
        .failure()
        .stderr(contains("--tensorboard: cannot make file"));
}

#[test]
fn the_named_metric_decides() {
    let bench = bench(24);
    let line = "train --model model --train one.tsv --dev two.tsv --epochs 2 --out";
    let said = ok(&mut bench.command(&format!("{line} a --metric macro_f1")));
    assert!(said.contains("dev macro_f1 before"), "{said}");
    assert_eq!(run_file(&bench, "a")["options"]["metric"], "macro_f1");
    bench
        .command(&format!("{line} b --metric f2"))
        .assert()
        .failure()
        .stderr(contains("--metric f2: the development data have accuracy, macro_f1"));
    bench
        .command("train --model model --train one.tsv --epochs 2 --out c --metric loss")
        .assert()
        .failure()
        .stderr(contains("--metric needs development data"));
}

#[test]
fn rare_classes_can_be_weighed_and_are_missed_aloud() {
    let bench = Bench::new();
    let mut reviews = data::reviews(40, 5);
    reviews.sort_by(|a, b| a.1.cmp(&b.1));
    bench.write("rare.tsv", table(&reviews[..23]));
    let line = "train --model model --train rare.tsv --dev rare.tsv --epochs 1 --lr 1e-5 --out";
    bench.command(&format!("{line} a")).assert().success().stderr(
        contains("never predicted, 1 of 2 labels")
            .and(contains("--class-weights balanced"))
            .and(contains("rare.tsv is measured on and trained on")),
    );
    ok(&mut bench.command(&format!("{line} b --class-weights balanced")));
    let weights = run_file(&bench, "b")["options"]["class_weights"].clone();
    let weights: Vec<f64> = weights.as_array().expect("weights").iter().filter_map(Value::as_f64).collect();
    assert!(weights.len() == 2 && (weights[0] - 23.0 / 40.0).abs() < 1e-9 && (weights[1] - 23.0 / 6.0).abs() < 1e-9);
    bench.write("numbers.tsv", "text\tlabel\nfine film\t0.5\ndull film\t1.25\n");
    bench
        .command("train --model model --train numbers.tsv --out c --class-weights balanced")
        .assert()
        .failure()
        .stderr(contains("--class-weights").and(contains("these are for regression")));
}

/// A folder of sentence-transformers says how its base was trained; heads read the same, unless something else is said.
#[test]
fn the_base_says_what_is_read_of_a_text() {
    let bench = bench(24);
    let pooling = |folder: &str| {
        let text = fs::read_to_string(bench.path(folder).join("head_config.json")).expect("it was saved");
        let head: Value = serde_json::from_str(&text).expect("JSON");
        head["config"]["pooling"].as_str().map(str::to_owned)
    };
    let line = "train --model model --train all.tsv --epochs 1 --out";
    ok(&mut bench.command(&format!("{line} plain")));
    assert_eq!(pooling("plain"), None);
    let modules = r#"[{"path": "", "type": "sentence_transformers.models.Transformer"}, {"path": "1_Pooling", "type":
        "sentence_transformers.models.Pooling"}]"#;
    bench.write("model/modules.json", modules);
    fs::create_dir_all(bench.path("model/1_Pooling")).expect("a folder");
    bench.write("model/1_Pooling/config.json", r#"{"pooling_mode_mean_tokens": true}"#);
    let said = bench.command(&format!("{line} mean")).assert().success();
    let said = String::from_utf8(said.get_output().stderr.clone()).expect("text");
    assert!(said.contains("reads the mean over the tokens") && said.contains("--pooling first"), "{said}");
    assert_eq!(pooling("mean"), Some("mean".into()));
    let card = fs::read_to_string(bench.path("mean/README.md")).expect("a card");
    assert!(card.contains("(hidden * mask).sum(1) / mask.sum(1)"), "{card}");
    ok(&mut bench.command("eval --adapter mean --data all.tsv"));
    ok(&mut bench.command(&format!("{line} first --pooling first")));
    assert_eq!(pooling("first"), None);
    bench.write("tags.conll", "fine B-X\nfilm O\n\ndull O\nfilm B-X\n");
    bench
        .command("train --model model --train tags.conll --epochs 1 --out t --pooling mean")
        .assert()
        .failure()
        .stderr(contains("a tagging head predicts for every token: it has no pooling"));
    ok(&mut bench.command("train --model model --train tags.conll --epochs 1 --out t"));
}
