//! `merge`, `combine` and `convert`: what becomes of finished adapters.

use crate::common::{Bench, contents, json, listing, ok, refused};
use serde_json::Value;

const LORA: &str = "--method lora[r=2,alpha=6,attn_matrices=[q,k,v],intermediate_lora=True,output_lora=True]";

fn evaluated(bench: &Bench, line: &str) -> Value {
    json(&ok(&mut bench.command(&format!("eval {line} --data dev.tsv --json"))))
}

#[track_caller]
fn same(a: &Value, b: &Value) {
    let loss = |value: &Value| value["loss"].as_f64().expect("a number");
    assert!((loss(a) - loss(b)).abs() < 1e-4 && a["metrics"] == b["metrics"], "{a} {b}");
}

#[test]
fn a_merged_model_says_alone_what_the_adapter_said() {
    let bench = Bench::new();
    bench.trained("lora", LORA);
    let active = evaluated(&bench, "--adapter lora");
    let closing = json(&ok(&mut bench.command("merge --adapter lora --out merged --json")));
    assert_eq!(closing["layers"].as_u64(), Some(2 * 5), "{closing}");
    same(&active, &evaluated(&bench, "--adapter merged/head"));
    let fresh = json(&ok(&mut bench.train("again", "--model merged --method head --epochs 1 --json")));
    assert_eq!(fresh["parameters"]["adapter"], 0, "the merged folder is a model like any other");
    let half = ok(&mut bench.command("merge --adapter lora --out half --precision f16"));
    assert!(half.contains("half/head"), "{half}");
    let loss = |value: &Value| value["loss"].as_f64().expect("a number");
    assert!((loss(&active) - loss(&evaluated(&bench, "--adapter half/head"))).abs() < 0.02);
}

#[test]
fn what_cannot_be_merged_leaves_nothing_behind() {
    let bench = Bench::new();
    bench.trained("bottleneck", "");
    bench.refuses("merge --adapter bottleneck --out merged", &["cannot be merged", "LoRA"]);
    assert!(!bench.path("merged").exists());
    bench.refuses("merge --adapter nowhere --out merged", &["nowhere", "is no folder"]);
    bench.refuses("merge --adapter model --out merged", &["model holds no adapter", "it is a base model"]);
    bench.trained("lora", LORA);
    let before = contents(&bench.path("bottleneck"));
    bench.refuses("merge --adapter lora --out bottleneck", &["bottleneck", "--overwrite"]);
    assert_eq!(contents(&bench.path("bottleneck")), before);
}

#[test]
fn adapters_are_combined_and_the_result_is_one() {
    let bench = Bench::new();
    for seed in [1, 2] {
        bench.trained(&format!("lora{seed}"), &format!("{LORA} --seed {seed}"));
        bench.trained(&format!("bn{seed}"), &format!("--seed {seed}"));
    }
    let exact = ["average", "linear", "svd --rank 3", "cat"];
    let sparse = ["ties --density 0.6", "prune --density 0.6", "dare --density 0.9 --seed 3", "dare-ties --seed 3"];
    for how in exact.into_iter().chain(sparse) {
        let name = how.split(' ').next().expect("a word");
        let line = format!("combine --adapter lora1=0.6 --adapter lora2=0.4 --how {how} --out {name} --json");
        let closing = json(&ok(&mut bench.command(&line)));
        assert_eq!(closing["combined"][0]["weight"], 0.6, "{closing}");
        assert!(listing(&bench.path(name)).contains(&"head_config.json".to_owned()));
        assert!(evaluated(&bench, &format!("--adapter {name}"))["loss"].is_number());
    }
    // One adapter alone, at full weight, is itself.
    ok(&mut bench.command("combine --adapter lora1=1 --how svd --out alone"));
    same(&evaluated(&bench, "--adapter lora1"), &evaluated(&bench, "--adapter alone"));
    ok(&mut bench.command("combine --adapter bn1 --adapter bn2 --head-of 2 --out soup"));
    assert!(evaluated(&bench, "--adapter soup")["loss"].is_number());
    assert_eq!(
        contents(&bench.path("cat"))["adapter.safetensors"],
        contents(&bench.path("linear"))["adapter.safetensors"]
    );
    let twice = contents(&bench.path("dare"));
    ok(&mut bench
        .command("combine --adapter lora1=0.6 --adapter lora2=0.4 --how dare --density 0.9 --seed 3 --out again"));
    assert_eq!(contents(&bench.path("again"))["adapter.safetensors"], twice["adapter.safetensors"]);
}

#[test]
fn combinations_without_meaning_are_refused() {
    let bench = Bench::new();
    bench.trained("lora", LORA);
    bench.trained("bn", "");
    bench.refuses("combine --adapter lora --adapter bn --out x", &["another configuration"]);
    bench.refuses("combine --adapter bn --how svd --out x", &["only average combines it"]);
    bench.refuses("combine --adapter lora --how svd --rank 1000 --out x", &["the rank is 1000"]);
    bench.refuses("combine --adapter lora --how ties --density 2 --out x", &["density is 2"]);
    bench.refuses("combine --adapter lora=much --out x", &["expected DIR=WEIGHT"]);
    bench.refuses("combine --adapter lora --head-of 2 --out x", &["--head-of is 2"]);
    bench.refuses("combine --adapter lora --how avrage --out x", &["average"]);
    bench.refuses("combine --out x", &["--adapter"]);
    assert!(!bench.path("x").exists());
}

#[test]
fn an_adapter_goes_to_the_other_library_and_back() {
    let bench = Bench::new();
    for (name, method) in [("lora", LORA), ("ia3", "--method ia3"), ("vera", "--method vera")] {
        bench.trained(name, method);
        ok(&mut bench.command(&format!("convert --adapter {name} --to peft --out {name}_peft")));
        let files = listing(&bench.path(&format!("{name}_peft")));
        assert!(files.contains(&"adapter_model.safetensors".to_owned()), "{name}: {files:?}");
        ok(&mut bench.command(&format!("convert --adapter {name}_peft --to adapterhub --out {name}_back")));
        let (there, back) = (contents(&bench.path(name)), contents(&bench.path(&format!("{name}_back"))));
        assert_eq!(there["adapter.safetensors"], back["adapter.safetensors"], "{name}: to the last bit");
        same(&evaluated(&bench, &format!("--adapter {name}")), &evaluated(&bench, &format!("--adapter {name}_peft")));
    }
}

/// A prefix leaves its network behind, and a head that PEFT has goes into PEFT's file.
#[test]
fn prefixes_prompts_and_heads_go_to_peft() {
    let bench = Bench::new();
    for (name, method) in [
        ("prefix", "prefix_tuning[prefix_length=2,bottleneck_size=3,position_shift=True]"),
        ("prompt", "prompt_tuning[prompt_length=2,combine=as_tokens]"),
    ] {
        for (head, along) in [("--head-layers 1 --pooling pooler", true), ("--head-layers 3", false)] {
            let (from, to) = (format!("{name}_{along}"), format!("{name}_{along}_peft"));
            bench.trained(&from, &format!("--method {method} {head}"));
            ok(&mut bench.command(&format!("convert --adapter {from} --to peft --out {to}")));
            assert_eq!(listing(&bench.path(&to)).contains(&"head_config.json".to_owned()), !along, "{to}");
            same(&evaluated(&bench, &format!("--adapter {from}")), &evaluated(&bench, &format!("--adapter {to}")));
        }
    }
}

#[test]
fn what_the_other_library_does_not_have_is_refused() {
    let bench = Bench::new();
    for (name, method, to, why) in [
        ("bn", "seq_bn", "peft", "bottleneck"),
        ("gated", "lora[use_gating=True]", "peft", "gat"),
        ("dora", "dora", "adapterhub", "DoRA"),
        ("mtl", "mtl_lora[n_up_projection=2]", "peft", "it has no adapters of kind mtl_lora"),
        ("prefix", "prefix_tuning[prefix_length=2]", "peft", "AdapterHub's positions"),
        (
            "shifted",
            "prefix_tuning_flat[prefix_length=2,position_shift=True]",
            "adapterhub",
            "positions stay as they are",
        ),
        ("prompt", "prompt_tuning", "peft", "goes through the embeddings' norm"),
        ("tokens", "prompt_tuning[combine=as_tokens]", "adapterhub", "take no positions"),
    ] {
        bench.trained(name, &format!("--method {method}"));
        let message = refused(&mut bench.command(&format!("convert --adapter {name} --to {to} --out x")));
        assert!(message.contains("cannot be converted exactly") && message.contains(why), "{message}");
        // What it was tried in is gone by now, and nobody's business.
        assert!(!message.contains(std::env::temp_dir().to_str().expect("a path of letters")), "{message}");
        assert!(!bench.path("x").exists(), "{name}");
    }
}
