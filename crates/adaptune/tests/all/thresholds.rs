//! A class that is looked for by a threshold, in scores and in predictions.

use crate::common::{Bench, json, json_lines, ok};
use serde_json::Value;

/// A rare class that is never the most probable one is found by its threshold, in scores and predictions alike.
#[test]
fn a_class_can_have_a_threshold() {
    let bench = Bench::new();
    let line = |i: usize| match i % 8 {
        0 => format!("it fell apart after {i} days\trare\n"),
        _ => format!("arrived on day {i} and works\tusual\n"),
    };
    let table =
        |lines: usize| std::iter::once("text\tlabel\n".to_owned()).chain((0..lines).map(line)).collect::<String>();
    bench.write("train.tsv", table(64));
    bench.write("dev.tsv", table(32));
    bench.trained("a", "--epochs 1 --lr 1e-5");
    let eval = |more: &str| {
        json(
            &ok(&mut bench.command(&format!("eval --model model --adapter a --data dev.tsv --json --per-class{more}"))),
        )
    };
    let plain = eval("");
    let best = plain["classes"]["thresholds"].as_array().unwrap().iter().find(|row| row["label"] == "rare").unwrap();
    let least = best["threshold"].as_f64().unwrap();
    let chosen = eval(&format!(" --threshold rare={least}"));
    let f1 = |found: &Value| found["classes"]["classes"][0]["f1"].as_f64().unwrap();
    assert!((f1(&chosen) - best["f1"].as_f64().unwrap()).abs() < 1e-9, "{chosen}");
    assert!(f1(&chosen) >= f1(&plain) && chosen["loss"] == plain["loss"]);
    let all = eval(" --threshold rare=0.000001");
    assert_eq!((&all["classes"]["classes"][0]["predicted"], &all["metrics"]["accuracy"]), (&32.into(), &0.125.into()));
    let records = json_lines(&ok(
        &mut bench.command("predict --model model --adapter a --input dev.tsv --json --threshold rare=0.000001")
    ));
    assert!(records.iter().all(|record| record["label"] == "rare"));
    for (threshold, words) in [
        ("--threshold rare=0.5 --threshold usual=0.5", ["`rare` and `usual` both", "one class is predicted"]),
        ("--threshold odd=0.5", ["no class `odd`", "`rare`, `usual`"]),
    ] {
        bench.refuses(&format!("predict --model model --adapter a --input dev.tsv {threshold}"), &words);
    }
}
