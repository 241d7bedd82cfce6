//! `adaptune compare`: what it trains, counts, draws and writes; and what it refuses before it trains anything.

use crate::common::{Bench, contents, json, listing, ok};
use serde_json::Value;
use std::fs;

const DATA: &str = "--model model --train train.tsv --dev dev.tsv --epochs 2";
const METHODS: &str = "--method head --method seq_bn[reduction_factor=4]@1e-2 --method lora[r=2] --seeds 2";

fn compared(bench: &Bench, more: &str) -> Value {
    json(&ok(&mut bench.command(&format!("compare {DATA} {METHODS} --out c --json {more}"))))
}

#[test]
fn methods_are_trained_counted_and_shown() {
    let bench = Bench::new();
    let all = compared(&bench, "-- --batch-size 8");
    let methods = all["methods"].as_array().expect("a list");
    assert_eq!(methods.len(), 3);
    for (method, merges) in methods.iter().zip([Value::Null, false.into(), true.into()]) {
        assert_eq!(method["mergeable"], merges, "{method}");
        assert_eq!(method["score"]["seeds"].as_array().expect("two seeds").len(), 2);
        assert!(method["score"]["mean"].as_f64().is_some_and(|mean| (0.0..=1.0).contains(&mean)), "{method}");
    }
    let budget = json(&ok(&mut bench.command("budget --model model --method lora[r=2] --json")));
    assert_eq!(methods[2]["parameters"]["adapter"], budget["adapter"]);
    assert!(methods[1]["prediction_overhead"].as_f64().is_some_and(|ratio| ratio > 0.1), "{all}");
    let run = fs::read_to_string(bench.path("c/seq_bn_reduction_factor_4__1e_2-0/run.json")).expect("the run is kept");
    assert!(run.contains("\"learning_rate\": 0.01") && run.contains("\"batch_size\": 8"), "{run}");

    let page = fs::read_to_string(bench.path("c/compare.html")).expect("a page");
    assert!(page.contains("<td>lora[r=2]</td>") && page.contains("<svg") && page.ends_with("</html>\n"));
    let fetched = page.replace("http://www.w3.org/2000/svg", "");
    assert!(!fetched.contains("http") && !page.contains("src="), "it needs nothing from elsewhere");
    let picture = fs::read_to_string(bench.path("c/compare.svg")).expect("a picture");
    assert_eq!(picture.matches("<circle").count(), 3, "a dot for each method");
    assert_eq!(json(&fs::read_to_string(bench.path("c/compare.json")).expect("numbers")), all);
}

#[test]
fn what_is_trained_already_is_not_trained_again() {
    let bench = Bench::new();
    compared(&bench, "");
    let gone = bench.path("c/lora_r_2_-1");
    let kept = contents(&bench.path("c/lora_r_2_-0"));
    let before = contents(&gone)["adapter.safetensors"].clone();
    fs::remove_dir_all(&gone).expect("it was there");
    let modified = |name: &str| fs::metadata(bench.path(name)).expect("there").modified().expect("a time");
    let time = modified("c/lora_r_2_-0/adapter.safetensors");
    compared(&bench, "--resume");
    assert_eq!(modified("c/lora_r_2_-0/adapter.safetensors"), time, "it was left alone");
    assert_eq!((contents(&bench.path("c/lora_r_2_-0")), &contents(&gone)["adapter.safetensors"]), (kept, &before));
    let other = format!("compare {} {METHODS} --out c --resume", DATA.replace("--epochs 2", "--epochs 3"));
    bench.refuses(&other, &["was trained with", "--epochs 2", "--epochs 3", "--overwrite"]);
    bench.refuses(&format!("compare {DATA} {METHODS} --out c"), &["is not empty", "--resume", "--overwrite"]);
}

#[test]
fn columns_may_have_other_names_and_thawed_tensors_a_rate() {
    let bench = Bench::new();
    for name in ["train", "dev"] {
        let text = fs::read_to_string(bench.path(&format!("{name}.tsv"))).expect("the bench has it");
        bench.write(&format!("{name}.tsv"), text.replacen("text\t", "review\t", 1));
    }
    let line = "--method bitfit@3e-4 --seeds 1 --text-column review --out c --json";
    let all = json(&ok(&mut bench.command(&format!("compare {DATA} {line}"))));
    assert_eq!(all["methods"][0]["method"], "bitfit@3e-4");
    let run = fs::read_to_string(bench.path("c/bitfit_3e_4-0/run.json")).expect("the run is kept");
    assert!(run.contains("\"thaw_learning_rate\": 0.0003"), "{run}");
}

/// Folders are named by letters and digits alone, which these have in common.
#[test]
fn methods_whose_folders_would_have_one_name_are_told_apart() {
    let bench = Bench::new();
    let line = format!("compare {DATA} --method head@1e-1 --method head@1e+1 --seeds 1 --out c --json");
    let all = json(&ok(&mut bench.command(&line)));
    let names: Vec<&Value> =
        all["methods"].as_array().expect("a list").iter().map(|method| &method["method"]).collect();
    assert_eq!(names, ["head@1e-1", "head@1e+1"]);
    let rate = |folder: &str| {
        let run = fs::read_to_string(bench.path("c").join(folder).join("run.json")).expect("the run is kept");
        run.contains("\"learning_rate\": 0.1,")
            .then_some(0.1)
            .or(run.contains("\"learning_rate\": 10.0,").then_some(10.0))
    };
    assert_eq!((rate("head_1e_1-0"), rate("head_1e_1_2-0")), (Some(0.1), Some(10.0)));
    assert_eq!(
        json(&ok(&mut bench.command(&format!("{line} --resume"))))["methods"][1]["score"],
        all["methods"][1]["score"]
    );
}

#[test]
fn mistakes_are_found_before_anything_is_trained() {
    let bench = Bench::new();
    for (line, words) in [
        ("--method seq_bm", ["seq_bm", "did you mean `seq_bn`?"]),
        ("--method lora[r=0]", ["lora[r=0]", "from 1"]),
        ("--method head --method head", ["head", "named twice"]),
        ("--method lora@fast", ["\"fast\"", "learning rate"]),
        ("--method seq_bn --task tagging", ["--task", "builtin:topic@B"]),
        ("--method seq_bn --seeds 0", ["--seeds", "0"]),
    ] {
        let data = if line.contains("--task") { "--model model" } else { DATA };
        bench.refuses(&format!("compare {data} {line} --out c"), &words);
        assert!(!bench.path("c").exists(), "{line}");
    }
    bench.refuses("compare --model model --out c", &["--train is missing"]);
    for (more, words) in [
        ("--bogus 1", &["unexpected argument '--bogus'"][..]),
        ("--batch-size many", &["invalid value 'many'", "--batch-size"]),
        ("--batch-size 0", &["head", "batch size is 0"]),
        ("--warmup soon", &["--warmup", "soon"]),
        ("--max-length 9999", &["--max-length is 9999"]),
        ("--dropout 1.5", &["--dropout is 1.5"]),
        ("--method full", &["'--method <METHOD>' cannot be used multiple times"]),
        ("--resume", &["--resume", "cannot be used with"]),
        ("--help", &["behind `--`", "--help"]),
        // The head alone has constant blocks below it, the adapter has none.
        ("--cache 1MB", &["seq_bn: ", "lowest block"]),
    ] {
        bench.refuses(&format!("compare {DATA} --method head --method seq_bn --out c -- {more}"), words);
        assert!(!bench.path("c").exists(), "{more}");
    }
    bench.refuses("compare --model model --train nowhere.tsv --dev dev.tsv --method head --out c", &["nowhere.tsv"]);
    assert!(!listing(&bench.path("c")).contains(&"compare.json".to_owned()));
}
