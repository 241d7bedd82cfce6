//! Texts of which any number of labels hold, from file to predictions.

use crate::common::{Bench, json, json_lines, numbers, ok};
use serde_json::Value;
use std::fs;

const PRAISE: [&str; 4] = ["fine", "warm", "funny", "joy"];
const BLAME: [&str; 4] = ["dull", "thin", "cold", "boring"];

/// Texts with words of praise, of blame, of both or of neither, and what they hold.
fn texts(count: usize) -> Vec<(String, Vec<&'static str>)> {
    let text = |i: usize| {
        let (mut words, mut labels) = (vec!["the", "film", "was"], Vec::new());
        if (i / 2).is_multiple_of(2) {
            words.push(BLAME[i / 4 % 4]);
            labels.push("blame");
        }
        if i.is_multiple_of(2) {
            words.insert(i / 16 % 3, PRAISE[i / 3 % 4]);
            labels.push("praise");
        }
        (words.join(" "), labels)
    };
    (0..count).map(text).collect()
}

fn table(count: usize) -> String {
    let rows: String = texts(count).iter().map(|(text, labels)| format!("{text}\t{}\n", labels.join("|"))).collect();
    format!("text\tlabel\n{rows}")
}

fn lists(count: usize) -> String {
    let line = |(text, labels): &(String, Vec<&str>)| serde_json::json!({ "text": text, "label": labels });
    texts(count).iter().map(|row| format!("{}\n", line(row))).collect()
}

fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("train.tsv", table(96));
    bench.write("dev.tsv", table(32));
    bench
}

/// Labels of one kind of file: a list, an empty one, and a single label beside them.
#[test]
fn a_label_beside_lists_is_a_list_of_one() {
    let bench = Bench::new();
    let line = |i: usize| match i % 3 {
        0 => format!("{{\"text\": \"fine film {i}\", \"label\": [\"good\", \"short\"]}}\n"),
        1 => format!("{{\"text\": \"dull film {i}\", \"label\": []}}\n"),
        _ => format!("{{\"text\": \"film {i}\", \"label\": \"short\"}}\n"),
    };
    bench.write("mixed.jsonl", (0..12).map(line).collect::<String>());
    let out = bench.command("train --model model --train mixed.jsonl --epochs 1 --out mixed").assert().success();
    let said = String::from_utf8(out.get_output().stderr.clone()).unwrap();
    assert!(said.contains("12 examples, 2 labels, of which any number may hold: good, short"), "{said}");
}

#[test]
fn labels_are_learnt_measured_and_predicted() {
    let bench = bench();
    let output = bench.train("a", "--task multi-label --epochs 12").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    for words in [
        "2 labels, of which any number may hold: blame, praise; 1.0 an example on average; 24 examples have none",
        "parted by `|`",
    ] {
        assert!(said.contains(words), "{said}");
    }
    let file = |name: &str| fs::read_to_string(bench.path("a").join(name)).unwrap();
    assert_eq!(json(&file("run.json"))["input"]["label_separator"], "|");
    assert_eq!(json(&file("head_config.json"))["config"]["head_type"], "multilabel_classification");
    assert!(file("README.md").contains("Any number of them may hold"));

    let eval = "eval --model model --adapter a --data dev.tsv --per-class";
    let found = json(&ok(&mut bench.command(&format!("{eval} --json"))));
    let score = |name: &str| found["metrics"][name].as_f64().unwrap();
    assert!(score("micro_f1") > 0.9 && score("macro_f1") > 0.9 && score("exact_match") > 0.8, "{found}");
    assert_eq!(
        (&found["classes"]["classes"][1]["label"], &found["classes"]["classes"][1]["support"]),
        (&"praise".into(), &16.into())
    );
    let shown = ok(&mut bench.command(eval));
    assert!(shown.contains("micro_f1") && shown.contains("above 0.5"), "{shown}");

    let predict = "predict --model model --adapter a --input dev.tsv";
    let records = json_lines(&ok(&mut bench.command(&format!("{predict} --json"))));
    let labels = |record: &Value| record["label"].as_array().unwrap().len();
    assert_eq!((labels(&records[0]), labels(&records[3])), (2, 0));
    assert_eq!((records[0]["label"][0].as_str(), numbers(&records[0]["logits"]).len()), (Some("blame"), 2));
    assert!(records[0]["probabilities"]["praise"].as_f64().unwrap() > 0.5);
    ok(&mut bench.command(&format!("{predict} --out judged.tsv")));
    let judged = fs::read_to_string(bench.path("judged.tsv")).unwrap();
    let lines: Vec<Vec<&str>> = judged.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!((lines[1][2], lines[4][2], lines[4][3]), ("blame|praise", "", ""));
    assert_eq!(lines[1][3].split('|').count(), 2);
}

#[test]
fn a_threshold_decides_which_labels_hold() {
    let bench = bench();
    bench.trained("a", "--task multi-label --epochs 1");
    let count = |threshold: &str| {
        let line = format!("predict --model model --adapter a --input dev.tsv --json --threshold {threshold}");
        let records = json_lines(&ok(&mut bench.command(&line)));
        records.iter().map(|record| record["label"].as_array().unwrap().len()).sum::<usize>()
    };
    assert_eq!((count("0.0001"), count("0.9999")), (64, 0));
    let line = "eval --model model --adapter a --data dev.tsv --json --per-class --threshold 0.0001";
    let found = json(&ok(&mut bench.command(line)));
    assert_eq!(
        (&found["classes"]["classes"][0]["recall"], &found["classes"]["classes"][0]["predicted"]),
        (&1.0.into(), &32.into())
    );
    // One label's own threshold leaves the others as they are.
    let name = found["classes"]["classes"][0]["label"].as_str().unwrap();
    let line = format!(
        "eval --model model --adapter a --data dev.tsv --json --per-class --threshold 0.9999 --threshold {name}=0.0001"
    );
    let own = json(&ok(&mut bench.command(&line)));
    let predicted: Vec<_> = own["classes"]["classes"].as_array().unwrap().iter().map(|row| &row["predicted"]).collect();
    assert_eq!(predicted[0], 32);
    assert!(predicted[1..].iter().all(|count| **count == 0), "{own}");
    bench.refuses("predict --model model --adapter a --input dev.tsv --threshold 1.5", &["above 0 and below 1"]);
    bench.refuses("predict --model model --adapter a --input dev.tsv --threshold odd=0.5", &["no class `odd`", name]);
}

#[test]
fn lists_are_several_labels_without_a_word_about_it() {
    let bench = bench();
    bench.write("train.jsonl", lists(48));
    bench.write("dev.jsonl", lists(16));
    bench.trained("a", "--train train.jsonl --dev dev.jsonl --epochs 1");
    let of_lists = ok(&mut bench.command("eval --model model --adapter a --data dev.jsonl --json"));
    bench.write("same.tsv", table(16));
    let of_table = ok(&mut bench.command("eval --model model --adapter a --data same.tsv --json"));
    assert_eq!(json(&of_lists)["metrics"], json(&of_table)["metrics"]);
    // A share of the training data serves as development data too.
    bench.trained("b", "--train train.jsonl --dev 25% --epochs 1");
}

#[test]
fn what_means_something_else_is_refused() {
    let bench = Bench::new();
    bench.write("lists.jsonl", lists(16));
    bench.refuses_to_train("--train lists.jsonl --task classification", &["lists of labels", "--task multi-label"]);
    bench.write("bad.jsonl", "{\"text\": \"a\", \"label\": [{}]}\n");
    bench.refuses_to_train("--train bad.jsonl", &["bad.jsonl, line 1", "a list of them"]);
    bench.write("other.tsv", "text\tlabel\nthe film\tpraise;odd\nthe plot\t\n");
    bench.write("train.tsv", table(16));
    let words = ["other.tsv, line 2", "`praise;odd` is not in the training data"];
    bench.refuses_to_train("--task multi-label --dev other.tsv", &words);
    bench.write("train.tsv", "text\tlabel\na\tx\nb\ty\n");
    bench.write("dev.tsv", "text\tlabel\na\tx\nb\ty\n");
    bench.trained("a", "--epochs 1");
    bench
        .refuses("predict --model model --adapter a --input dev.tsv --threshold 0.3", &["of which class", "CLASS=0.3"]);
}
