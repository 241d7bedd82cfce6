//! One of several choices, from files as SWAG's, RACE's and COPA's to answers.

use crate::common::{Bench, json, json_lines, numbers, ok};
use serde_json::{Value, json};
use std::fs;

const NAMES: [&str; 3] = ["anna", "ben", "carla"];
const FILL: [&str; 7] = ["the", "film", "plot", "was", "saw", "one", "and"];

/// An example of two to four choices: the one with a name in it is right.
struct Example {
    choices: Vec<String>,
    right: usize,
}

fn examples(count: usize) -> Vec<Example> {
    let example = |i: usize| {
        let (count, fill) = (2 + i % 3, |k: usize| FILL[(i * 5 + k * k + k) % 7]);
        let right = i / 3 % count;
        let choice = |k: usize| {
            if k == right {
                format!("{} {}", fill(k), NAMES[(i + k) % 3])
            } else {
                format!("{} {}", fill(k), fill(k + 3))
            }
        };
        Example { choices: (0..count).map(choice).collect(), right }
    };
    (0..count).map(example).collect()
}

/// As RACE has them: a list, and a letter.
fn race(count: usize) -> String {
    let line = |(i, example): (usize, &Example)| {
        let letter = ["A", "B", "C", "D"][example.right];
        let question = json!({ "id": format!("q{i}"), "article": "the film was one", "question": "it is",
                               "options": example.choices, "answer": letter });
        format!("{question}\n")
    };
    examples(count).iter().enumerate().map(line).collect()
}

/// As SWAG has them: a column for each, those that an example does not have blank, and a number from `first` on.
fn swag(count: usize, first: usize) -> String {
    let line = |example: &Example| {
        let mut choices = example.choices.clone();
        choices.resize(4, String::new());
        format!("the film was one\tit is\t{}\t{}\n", choices.join("\t"), example.right + first)
    };
    let lines: String = examples(count).iter().map(line).collect();
    format!("sent1\tsent2\tending0\tending1\tending2\tending3\tlabel\n{lines}")
}

#[test]
fn choices_are_learnt_measured_and_predicted() {
    let bench = Bench::new();
    bench.write("train.jsonl", race(120));
    bench.write("dev.jsonl", race(24));
    let output = bench.train("a", "--train train.jsonl --dev dev.jsonl --epochs 10").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    for words in [
        "120 examples, one of 2 to 4 choices is right",
        "`article` and `question` with `options`",
        "(36.1 % by guessing)",
    ] {
        assert!(output.status.success() && said.contains(words), "{said}");
    }
    let file = |name: &str| fs::read_to_string(bench.path("a").join(name)).unwrap();
    let head = &json(&file("head_config.json"))["config"];
    assert_eq!((&head["head_type"], &head["num_choices"]), (&"multiple_choice".into(), &4.into()));
    let input = &json(&file("run.json"))["input"];
    assert_eq!(
        (&input["kind"], &input["choice_labels"], &input["choice_columns"]),
        (&"choices".into(), &"letter".into(), &json!(["options"]))
    );
    assert!(file("README.md").contains("one logit for each choice"), "{}", file("README.md"));

    let found = json(&ok(&mut bench.command("eval --model model --adapter a --data dev.jsonl --json")));
    assert!(found["metrics"]["accuracy"].as_f64().unwrap() > 0.9 && found["examples"] == 24, "{found}");
    let shown = ok(&mut bench.command("eval --model model --adapter a --data dev.jsonl"));
    assert!(shown.contains("accuracy") && shown.contains("guessing") && shown.contains("0.3611"), "{shown}");

    let predict = "predict --model model --adapter a --input dev.jsonl";
    let records = json_lines(&ok(&mut bench.command(&format!("{predict} --json --keep id,answer,options"))));
    for (record, example) in records.iter().zip(examples(24)) {
        let choice = record["choice"].as_u64().unwrap() as usize;
        assert_eq!(record["label"], ["A", "B", "C", "D"][choice]);
        assert_eq!(record["answer"], record["text"]["choices"][choice]);
        let probabilities = numbers(&record["probabilities"]);
        assert_eq!(probabilities.len(), example.choices.len());
        assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-5);
        assert!(probabilities.iter().all(|p| *p <= probabilities[choice]));
        // What was given does not pass for what was predicted.
        assert!(record["given_answer"].is_string() && record["given_choice"].is_null(), "{record}");
    }
    ok(&mut bench.command(&format!("{predict} --keep id,answer --out chosen.tsv")));
    let chosen = fs::read_to_string(bench.path("chosen.tsv")).unwrap();
    assert!(chosen.starts_with("id\tanswer\tpredicted\tprobability\n"), "{chosen}");
    let right = chosen.lines().skip(1).filter(|line| line.split('\t').nth(1) == line.split('\t').nth(2)).count();
    assert!(right > 21, "{chosen}");
    let plain = ok(&mut bench.command(predict));
    assert_eq!(plain.lines().next().map(|line| line.split('\t').count()), Some(5), "{plain}");
}

/// Columns and labels of another form, named once, are those of later commands too.
#[test]
fn columns_and_labels_are_known_from_training() {
    let bench = Bench::new();
    bench.write("train.tsv", swag(120, 1));
    bench.write("dev.tsv", swag(24, 1));
    bench.refuses_to_train("", &["labels are numbers of choices from 1 on", "--choice-labels 1"]);
    bench.trained("a", "--choice-labels 1 --epochs 10");
    let found = json(&ok(&mut bench.command("eval --model model --adapter a --data dev.tsv --json")));
    assert!(found["metrics"]["accuracy"].as_f64().unwrap() > 0.9, "{found}");
    ok(&mut bench.command("predict --model model --adapter a --input dev.tsv --out chosen.csv --keep label"));
    let chosen = fs::read_to_string(bench.path("chosen.csv")).unwrap();
    let same = chosen.lines().skip(1).filter(|line| line.split(',').next() == line.split(',').nth(1)).count();
    assert!(same > 21, "predictions are written as labels are\n{chosen}");
    bench.trained("b", "--from a --epochs 1");
    ok(&mut bench.command("train --model model --train train.tsv --out c --folds 3 --epochs 1 --choice-labels 1"));
}

#[test]
fn examples_that_lose_choices_are_not_predicted_alone() {
    let bench = Bench::new();
    bench.write("train.jsonl", race(24));
    bench.trained("a", "--train train.jsonl --dev train.jsonl --epochs 1");
    let lines: Vec<Value> = json_lines(&race(3));
    let mut blank = lines[1].clone();
    blank["options"][0] = "".into();
    bench.write("some.jsonl", format!("{}\n{blank}\n{}\n", lines[0], lines[2]));
    let mut predict = bench.command("predict --model model --adapter a --input some.jsonl --json");
    let output = predict.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("1 of 3 texts are blank (line 2 first)"), "{said}");
    let records = json_lines(&String::from_utf8(output.stdout).unwrap());
    assert!(records.len() == 3 && records[1]["label"].is_null() && records[2]["label"].is_string(), "{records:?}");
}

#[test]
fn what_does_not_fit_is_refused() {
    let bench = Bench::new();
    let mut lines: Vec<Value> = json_lines(&race(12));
    bench.write("train.jsonl", race(12));
    lines[3]["options"] = json!(["one"]);
    let text = |lines: &[Value]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    bench.write("one.jsonl", text(&lines));
    bench.refuses_to_train("--train one.jsonl --dev one.jsonl", &["one.jsonl, line 4", "one choice, `one`"]);
    lines[3] = json_lines(&race(4))[3].clone();
    lines[3]["answer"] = "F".into();
    bench.write("far.jsonl", text(&lines));
    bench.refuses_to_train("--train far.jsonl --dev far.jsonl", &["far.jsonl, line 4", "the label `F` names none"]);
    bench.refuses_to_train("--task multiple-choice", &["multiple choice needs choices", "found single texts"]);
    bench.refuses_to_train("--train train.jsonl --dev train.jsonl --task classification", &["--task multiple-choice"]);
    bench.refuses_to_train("--train train.jsonl --dev dev.tsv", &["dev.tsv", "found single texts"]);
    bench.refuses_to_train("--train train.jsonl --dev train.jsonl --class-weights balanced", &["class weights"]);
    bench.trained("a", "--train train.jsonl --dev train.jsonl --epochs 1");
    bench.refuses("eval --model model --adapter a --data train.jsonl --per-class", &["multiple choice"]);
    bench.refuses("eval --model model --adapter a --data dev.tsv", &["single texts", "--choice-columns"]);
    bench.write("one.txt", "the film\n");
    bench.refuses("predict --model model --adapter a --input one.txt", &["single texts", "texts to choose among"]);
    bench.trained("b", "--epochs 1");
    bench.refuses("predict --model model --adapter b --input train.jsonl", &["found texts to choose among"]);
}
