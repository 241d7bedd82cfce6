//! What once brought the program down, or passed for something else: inputs that are made here, each refused with its true cause.
//!
//! Checkpoints that are not whole are in `crates/train/tests/all/checkpoints.rs`, a `run.json` that was cut in `own_data.rs`, and
//! what would take too much memory in `bounds.rs`.

use crate::common::{Bench, ok, refused};
use serde_json::{Value, json};
use std::fs;

fn change(bench: &Bench, file: &str, change: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_slice(&fs::read(bench.path(file)).expect("it is there")).expect("JSON");
    change(&mut value);
    bench.write(file, value.to_string());
}

/// Cut anywhere, or with parts that the `tokenizers` crate indexes with without looking.
#[test]
fn a_damaged_tokenizer_is_an_error_that_names_it() {
    let bench = Bench::new();
    let whole = fs::read(bench.path("model/tokenizer.json")).expect("a tokenizer");
    let says = |bench: &Bench| {
        let said = refused(&mut bench.command("train --model model --train train.tsv --out a --epochs 1"));
        assert!(said.contains("tokenizer.json") && !said.contains("panicked"), "{said}");
        assert!(!bench.path("a").exists());
    };
    for part in [0, 1, whole.len() / 3, whole.len() / 2, whole.len() - 2] {
        bench.write("model/tokenizer.json", &whole[..part]);
        says(&bench);
    }
    // A map of characters of two and a half entries, and one whose first number says that it is 4 GB long.
    for map in ["AAAAAAAAAAAAAA==", "/////wAAAAA="] {
        bench.write("model/tokenizer.json", &whole);
        change(&bench, "model/tokenizer.json", |tokenizer| {
            tokenizer["normalizer"] = json!({ "type": "Precompiled", "precompiled_charsmap": map });
        });
        says(&bench);
    }
    bench.write("model/tokenizer.json", &whole);
    ok(&mut bench.command("train --model model --train train.tsv --out a --epochs 1"));
}

/// Weights alone are not the base: with other heads, another activation or epsilon they compute something else.
#[test]
fn an_adapter_is_not_read_with_a_base_of_another_configuration() {
    let bench = Bench::new();
    bench.trained("a", "");
    let whole = fs::read(bench.path("model/config.json")).expect("a configuration");
    for (field, value) in
        [("num_attention_heads", json!(1)), ("hidden_act", json!("relu")), ("layer_norm_eps", json!(0.1))]
    {
        change(&bench, "model/config.json", |config| config[field] = value);
        for line in ["eval --data dev.tsv", "predict --input dev.tsv"] {
            let said = refused(&mut bench.command(&format!("{line} --model model --adapter a")));
            assert!(said.contains("trained on a base with") && said.contains("but this base has"), "{field}: {said}");
        }
        bench.write("model/config.json", &whole);
    }
    ok(&mut bench.command("eval --model model --adapter a --data dev.tsv"));
}

/// Weights that are finite, and logits that are not.
#[test]
fn logits_that_are_not_finite_are_no_predictions() {
    let bench = Bench::new();
    bench.trained("a", "");
    let path = "a/model_head.safetensors";
    let mut bytes = fs::read(bench.path(path)).expect("a head");
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
    for number in bytes[header..].chunks_exact_mut(4) {
        number.copy_from_slice(&3e38_f32.to_le_bytes());
    }
    bench.write(path, bytes);
    for line in ["eval --data dev.tsv", "eval --data dev.tsv --json", "predict --input dev.tsv --json"] {
        let output = bench.command(&format!("{line} --model model --adapter a")).output().expect("it runs");
        let (out, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(!output.status.success() && said.contains("no finite number: it began in the head"), "{line}: {said}");
        assert!(!out.contains("null") && !out.contains("NaN"), "{line}: {out}");
    }
}

/// An escape sequence in a name or a label would be obeyed by the terminal.
#[test]
fn escape_sequences_of_files_do_not_reach_the_terminal() {
    let bench = Bench::new();
    let rows: String = (0..12).map(|i| format!("film {i}\t{}\n", ["\u{1b}[31mred", "plain"][i % 2])).collect();
    bench.write("e.tsv", format!("text\tlabel\n{rows}"));
    let train =
        bench.command("train --model model --train e.tsv --dev e.tsv --out a --epochs 1").output().expect("it runs");
    assert!(train.status.success());
    let mut all = vec![train];
    for line in [
        "eval --model model --adapter a --data e.tsv --per-class",
        "predict --model model --adapter a --input e.tsv",
        "inspect a",
        "eval --model model --adapter a --data train.tsv",
    ] {
        all.push(bench.command(line).output().expect("it runs"));
    }
    for output in all {
        let said = [output.stdout, output.stderr].concat();
        assert!(!said.contains(&0x1b), "{}", String::from_utf8_lossy(&said));
    }
}
