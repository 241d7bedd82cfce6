//! The built-in model, and what the command line does where nothing is named.

use crate::common::{Bench, contents, json, listing, ok};
use serde_json::Value;
use std::fs;

fn score(outcome: &Value) -> f64 {
    outcome["test"]["accuracy"].as_f64().unwrap_or_else(|| panic!("{outcome}"))
}

/// Two passes are not enough for good results, but enough to see who learns.
#[test]
fn with_nothing_named_it_shows_what_adapters_buy() {
    let bench = Bench::new();
    let closing = json(&ok(&mut bench.command("train --epochs 2 --json")));
    let [head, full] = closing["baselines"].as_array().map(Vec::as_slice).unwrap() else { panic!("{closing}") };
    assert_eq!((head["method"].as_str(), full["method"].as_str()), (Some("head alone"), Some("full fine-tuning")));
    assert!(score(&closing) > score(head) + 0.1 && score(full) > score(head) + 0.1, "{closing}");
    let count = |outcome: &Value, part: &str| outcome["parameters"][part].as_f64().unwrap();
    let share = count(&closing, "adapter") / count(&closing, "base");
    assert!(share < 0.05 && count(full, "thawed") > 0.9 * count(full, "base"), "{closing}");
    let out = closing["out"].as_str().unwrap();
    assert_eq!(out.replace('\\', "/"), "runs/sentiment-a-seq_bn");
    let run: Value = json(&fs::read_to_string(bench.path(out).join("run.json")).unwrap());
    assert_eq!(run["model"], "builtin");
    let predicted = ok(&mut bench.command(&format!("predict --adapter {out} --input builtin:sentiment@A:dev")));
    assert_eq!(predicted.lines().count(), 500);
}

#[test]
fn it_stands_wherever_a_model_can() {
    let bench = Bench::new();
    let budget = json(&ok(&mut bench.command("budget --model builtin --method double_seq_bn --json")));
    assert!(budget["adapter"].as_u64() > Some(0), "{budget}");
    bench.write("own.tsv", "text\tlabel\nThe soup was good.\tgood\nThe soup was bad.\tbad\n");
    let line = "train --model builtin --train own.tsv --method head --epochs 1 --json";
    let closing = json(&ok(&mut bench.command(&format!("{line} --out own"))));
    assert!(closing.get("baselines").is_none(), "{closing}");
    for task in ["builtin:topic@B", "builtin:tagging@A", "builtin:entailment@B"] {
        let out = task.replace([':', '@'], "-");
        let line = format!("train --task {task} --method head --epochs 1 --json --out {out}");
        let closing = json(&ok(&mut bench.command(&line)));
        assert!(closing["test"].is_object() && closing.get("baselines").is_none(), "{closing}");
        ok(&mut bench.command(&format!("eval --adapter {out} --data {task}:dev")));
    }
}

/// The built-in decoder learns to tell stories: nothing but the task need be named.
#[test]
fn a_decoder_learns_stories() {
    let bench = Bench::new();
    let closing = json(&ok(&mut bench.command("train --task builtin:story --epochs 2 --json --out tale")));
    let perplexity = |when: &str| closing[when]["perplexity"].as_f64().unwrap_or_else(|| panic!("{closing}"));
    assert!(perplexity("after") < 0.8 * perplexity("before") && perplexity("test") < perplexity("before"), "{closing}");
    let run = json(&fs::read_to_string(bench.path("tale/run.json")).unwrap());
    assert_eq!((&run["model"], &run["method"]), (&"builtin-decoder".into(), &"lora[r=8,alpha=16]".into()));
    let line = "generate --adapter tale --prompt 'Irene is a singer' --max-new-tokens 100 --json";
    let written = json(&ok(&mut bench.command(line)));
    assert!(written["text"].as_str().unwrap().ends_with("was happy."), "{written}");
    let said = ok(&mut bench.command("train --task builtin:story@B --epochs 1 --out tale-b"));
    assert!(said.contains("adaptune generate --adapter tale-b --prompt '"), "{said}");
    ok(&mut bench.command("score --model builtin-decoder --input builtin:story:test"));
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let bench = Bench::new();
    let run = |out: &str, threads: usize| {
        let line = format!("train --task builtin:topic@A --epochs 1 --threads {threads} --name t --out {out} --json");
        ok(&mut bench.command(&line));
        contents(&bench.path(out))
    };
    assert_eq!(run("one", 1), run("two", 2));
}

#[test]
fn mistakes_are_explained_before_anything_is_written() {
    let bench = Bench::new();
    bench.refuses("train --train train.tsv --out x", &["--model is missing", "own small world"]);
    bench.refuses("train --model model --out x", &["--train is missing", "builtin:sentiment@A"]);
    bench.refuses("train --task builtin:sentimant@A --out x", &["did you mean `sentiment`?"]);
    bench.refuses("train --task builtin:sentiment@A --train train.tsv --out x", &["brings its own data"]);
    bench.refuses("train --max-length 65 --out x", &["--max-length is 65", "positions for 64"]);
    assert!(!listing(&bench.path("")).contains(&"x".to_owned()));
}
