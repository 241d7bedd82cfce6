//! Adapters that learn to do without lower layers, and what leaving these out costs: `--layer-drop`, `eval --layers-left-out`.

use crate::common::{Bench, json, ok};
use std::fs;

#[test]
fn layers_are_left_out_in_training_and_measured_without() {
    let bench = Bench::new();
    bench.trained("whole", "--method double_seq_bn");
    bench.trained("mine", "--method double_seq_bn --layer-drop 1");
    let bytes = |run: &str| fs::read(bench.path(run).join("adapter.safetensors")).expect("a file");
    assert_ne!(bytes("whole"), bytes("mine"));
    let shown = ok(&mut bench.command("eval --adapter mine --data dev.tsv --layers-left-out seen"));
    assert!(shown.contains("without the adapters of so many of the lowest layers"), "{shown}");
    let rows = json(&fs::read_to_string(bench.path("seen/layers.json")).expect("a file"));
    let loss = |value: &serde_json::Value| value["loss"].as_f64().expect("a number");
    let evaluated = |adapter: &str| {
        loss(&json(&ok(&mut bench.command(&format!("eval --adapter {adapter} --data dev.tsv --json")))))
    };
    for (row, adapter) in ["mine", "'layer_drop(mine, layers=[0])'"].iter().enumerate() {
        assert_eq!(rows[row]["left_out"], row);
        assert!((loss(&rows[row]) - evaluated(adapter)).abs() < 1e-6, "{adapter}: {rows}");
    }
    assert!(rows.as_array().map(Vec::len) == Some(2) && rows[1]["metrics"]["accuracy"].is_number(), "{rows}");
    let svg = fs::read_to_string(bench.path("seen/layers.svg")).expect("a file");
    assert!(svg.starts_with("<svg") && svg.contains("lowest layers without adapters"), "{svg}");
    let silent = ok(&mut bench.command("eval --adapter mine --data dev.tsv --layers-left-out again --json"));
    assert_eq!(silent.lines().count(), 1);
}

#[test]
fn what_cannot_be_left_out_is_said() {
    let bench = Bench::new();
    bench.refuses_to_train("--layer-drop 2", &["layer drop", "lowest 2 layers", "at most 1"]);
    bench.refuses_to_train("--method prompt_tuning --layer-drop 1", &["nothing is plugged into any layer"]);
    bench.refuses_to_train("--layer-drop 1 --cache", &["--cache"]);
    bench.trained("prompt", "--method prompt_tuning --epochs 1");
    bench.refuses(
        "eval --adapter prompt --data dev.tsv --layers-left-out seen",
        &["--layers-left-out", "nothing is plugged into any layer"],
    );
    assert!(!bench.path("seen").exists());
}
