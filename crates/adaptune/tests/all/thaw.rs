//! Thawing the base from the command line: copies are trained and saved with the adapter, the base stays as it is.

use crate::common::{Bench, RUN_FILES, contents, json, listing, ok};
use safetensors::SafeTensors;
use serde_json::Value;
use std::fs;

/// The closing object of a training.
fn train(bench: &Bench, out: &str, more: &str) -> Value {
    json(&ok(&mut bench.train(out, &format!("{more} --json"))))
}

fn thawed_names(bench: &Bench, out: &str) -> Vec<String> {
    let bytes = fs::read(bench.path(out).join("thawed.safetensors")).expect("it was saved");
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    file.names().iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn what_is_thawed_is_saved_and_counts_in_evaluations() {
    let bench = Bench::new();
    let model = contents(&bench.path("model"));
    for (out, more) in [
        ("full", "--method full"),
        ("bitfit", "--method bitfit"),
        ("norms", "--method seq_bn --thaw layer-norms --thaw-lr 1e-2"),
        ("both", "--method head --thaw layer-norms,biases"),
    ] {
        let closing = train(&bench, out, more);
        assert!(closing["parameters"]["thawed"].as_u64() > Some(0), "{closing}");
        let names = thawed_names(&bench, out);
        assert!(names.iter().all(|name| name.starts_with("bert.")), "{names:?}");
        // The base is found in run.json.
        let eval = json(&ok(&mut bench.command(&format!("eval --adapter {out} --data dev.tsv --json"))));
        assert_eq!(eval["metrics"]["accuracy"], closing["after"]["accuracy"], "{out}");
        let inspected = ok(&mut bench.command(&format!("inspect {out}")));
        assert!(inspected.contains("thawed.safetensors"), "{inspected}");
    }
    assert_eq!(contents(&bench.path("model")), model, "the base on disk");
    let is_bias = |name: &String| name.ends_with(".bias");
    assert!(thawed_names(&bench, "bitfit").iter().all(is_bias));
    assert!(thawed_names(&bench, "norms").iter().all(|name| name.contains("LayerNorm")));
    let full = thawed_names(&bench, "full");
    assert!(full.contains(&"bert.embeddings.word_embeddings.weight".to_owned()));
    assert!(!full.iter().any(|name| name.contains("pooler")), "nothing reads the pooler");
}

#[test]
fn full_fine_tuning_learns_and_a_smaller_rate_changes_it() {
    let bench = Bench::new();
    let closing = train(&bench, "fast", "--method full --thaw-lr 3e-3");
    assert!(closing["after"]["accuracy"].as_f64() > Some(0.9), "{closing}");
    train(&bench, "slow", "--method full --thaw-lr 1e-6");
    let file = |out: &str| fs::read(bench.path(out).join("thawed.safetensors")).expect("it was saved");
    assert_ne!(file("fast"), file("slow"));
}

#[test]
fn another_run_in_the_same_folder_leaves_nothing_thawed() {
    let bench = Bench::new();
    train(&bench, "out", "--method full");
    train(&bench, "out", "--overwrite");
    assert_eq!(listing(&bench.path("out")), RUN_FILES);
}

#[test]
fn baselines_are_shown_beside() {
    let bench = Bench::new();
    let out = ok(&mut bench.train("out", "--baselines --test dev.tsv"));
    for words in ["seq_bn", "head alone", "full fine-tuning", "dev accuracy", "test accuracy"] {
        assert!(out.contains(words), "{words}:\n{out}");
    }
    assert_eq!(listing(&bench.path("out")), RUN_FILES, "baselines are not saved");
    let closing = train(&bench, "json", "--baselines --test dev.tsv");
    let baselines = closing["baselines"].as_array().expect("two of them");
    assert_eq!(baselines.len(), 2, "{closing}");
    assert_eq!(baselines[0]["parameters"]["adapter"], 0);
    assert_eq!(closing["test"], closing["after"], "the same data");
}

#[test]
fn nonsense_is_refused() {
    let bench = Bench::new();
    bench.refuses_to_train("--thaw norms", &["`norms`", "layer-norms, biases or all"]);
    bench.refuses_to_train("--method ful", &["did you mean `full`?"]);
    bench.refuses_to_train("--thaw all --thaw-lr 0", &["learning rate of what is thawed is 0"]);
    bench.refuses("train --train train.tsv --out out", &["--model is missing"]);
    bench.refuses("train --model model --out out", &["--train is missing"]);
}
