//! Somebody's own data, as spreadsheets, data sets and other programs write it, from file to predictions joined back.

use crate::common::{Bench, data, json, json_lines, ok};
use predicates::prelude::*;
use serde_json::Value;
use std::fs;

fn trained(options: &str) -> Bench {
    let bench = Bench::new();
    bench.trained("a", options);
    bench
}

/// Reviews as a spreadsheet writes them: an id, quotes, a column without a name.
fn spreadsheet(count: usize) -> String {
    let row = |(i, (text, label)): (usize, &(String, String))| format!("{},\"{text}, \"\"so\"\"\",{label},\n", 100 + i);
    let rows: String = data::reviews(count, 5).iter().enumerate().map(row).collect();
    format!("id,text,label,\n{rows}")
}

#[test]
fn predictions_are_joined_to_the_rows_of_a_spreadsheet() {
    let bench = Bench::new();
    bench.write("tickets.csv", spreadsheet(24));
    let train = "train --model model --train tickets.csv --out a --epochs 1";
    bench.command(train).assert().success().stderr(predicate::str::contains("1 column without a name"));
    bench
        .command("predict --model model --adapter a --input tickets.csv --out judged.csv --keep id")
        .assert()
        .success()
        .stderr(predicate::str::contains("24 predictions in judged.csv"));
    let judged = fs::read_to_string(bench.path("judged.csv")).unwrap();
    let lines: Vec<&str> = judged.lines().collect();
    assert_eq!((lines[0], lines.len()), ("id,predicted,probability", 25));
    assert!(lines[1].starts_with("100,") && lines[24].starts_with("123,"), "{judged}");
    ok(&mut bench.command("predict --model model --adapter a --input tickets.csv --out all.tsv"));
    let all = fs::read_to_string(bench.path("all.tsv")).unwrap();
    assert!(all.starts_with("id\ttext\tlabel\tpredicted\tprobability\n"), "{all}");
}

/// What is there already is somebody's.
#[test]
fn predictions_replace_nothing_unasked() {
    let bench = trained("");
    let predict = "predict --model model --adapter a --input dev.tsv";
    ok(&mut bench.command(&format!("{predict} --out p.tsv --keep label")));
    let before = fs::read(bench.path("dev.tsv")).unwrap();
    for (out, why) in [
        ("p.tsv", "is there already"),
        ("dev.tsv --overwrite", "is the input itself"),
        ("nowhere/p.tsv", "there is no folder nowhere"),
    ] {
        bench.command(&format!("{predict} --out {out}")).assert().failure().stderr(predicate::str::contains(why));
    }
    assert_eq!(fs::read(bench.path("dev.tsv")).unwrap(), before);
    ok(&mut bench.command(&format!("{predict} --out p.tsv --overwrite")));
}

/// A column of the input may be called as a field of predictions: neither takes the place of the other.
#[test]
fn given_labels_are_kept_beside_predicted_ones() {
    let bench = trained("");
    ok(&mut bench.command("predict --model model --adapter a --input dev.tsv --out p.jsonl"));
    let table = fs::read_to_string(bench.path("dev.tsv")).unwrap();
    let records = json_lines(&fs::read_to_string(bench.path("p.jsonl")).unwrap());
    for (line, record) in table.lines().skip(1).zip(&records) {
        let (text, label) = line.split_once('\t').unwrap();
        assert_eq!((record["text"].as_str(), record["given_label"].as_str()), (Some(text), Some(label)));
        assert!(record["label"].is_string() && record["logits"].is_array(), "{record}");
    }
}

/// A column called `text` need not be the one that is read.
#[test]
fn another_column_called_text_is_kept_too() {
    let bench = trained("");
    bench.write("new.tsv", "text\tbody\tid\nsubject\tfine film\t7\n");
    let predict = "predict --model model --adapter a --input new.tsv --text-column body --out p.jsonl --overwrite";
    ok(&mut bench.command(predict));
    let record = &json_lines(&fs::read_to_string(bench.path("p.jsonl")).unwrap())[0];
    assert_eq!((record["text"].as_str(), record["given_text"].as_str()), (Some("fine film"), Some("subject")));
    bench.write("new.tsv", "text\tbody\tgiven_text\nsubject\tfine film\t7\n");
    bench.command(predict).assert().failure().stderr(predicate::str::contains("two columns `given_text`"));
}

#[test]
fn what_is_no_run_and_no_file_is_called_so() {
    let bench = trained("");
    for (line, why) in [
        ("train --resume --out nothere", "there is no run in nothere"),
        ("train --model model --train train.tsv --dev 0.1 --out b", "is written 10%"),
        ("train --model model --train train.tsv --dev 20 --out b", "is written 20%"),
    ] {
        bench.command(line).assert().failure().stderr(predicate::str::contains(why));
    }
    assert!(!bench.path("nothere").exists() && !bench.path("b").exists());
}

#[test]
fn labels_that_look_like_something_else_are_doubted() {
    let bench = Bench::new();
    let labels = ["people", "people|time", "place", "place|people", "time|place", "time"];
    let row = |i: usize| format!("film {i}\t{}\t{i}\n", labels[i % 6]);
    bench.write("m.tsv", format!("text\tlabel\tnumber\n{}", (0..24).map(row).collect::<String>()));
    let train = "train --model model --train m.tsv --epochs 1 --out";
    bench.refuses(&format!("{train} a"), &["`people|time` look like several of one example", "--task multi-label"]);
    let classes = bench.command(&format!("{train} a --task classification")).assert().success();
    classes.stderr(predicate::str::contains("look like several of one example: then --task multi-label"));
    let ids = "--task classification --label-column number";
    bench.refuses(&format!("{train} b {ids}"), &["every label in the column `number` occurs once"]);
}

#[test]
fn columns_named_in_training_need_not_be_named_again() {
    let bench = Bench::new();
    let rows: String = data::reviews(12, 3).iter().map(|(text, label)| format!("{text}\tx\t{label}\n")).collect();
    bench.write("train.tsv", format!("sentence1\tsentence2\tmood\n{rows}"));
    let columns = "--text-column sentence1 --text-b-column sentence2 --label-column mood";
    ok(&mut bench.command(&format!("train --model model --train train.tsv --out a --epochs 1 {columns}")));
    ok(&mut bench.command("eval --model model --adapter a --data train.tsv"));
    ok(&mut bench.command("predict --model model --adapter a --input train.tsv"));
    // A pair is not a single text.
    let words = ["found", "single texts", "pairs of texts", "sentence1 and sentence2"];
    for command in ["eval --data", "predict --input"] {
        let line = format!("{command} train.tsv --model model --adapter a --text-column sentence1");
        let refused = bench.command(&line).assert().failure();
        let said = String::from_utf8(refused.get_output().stderr.clone()).unwrap();
        assert!(words[1..].iter().all(|word| said.contains(word)), "{said}");
    }
}

#[test]
fn a_record_is_one_line_whatever_is_in_the_text() {
    let bench = trained("");
    bench.write("new.jsonl", "{\"text\": \"fine\\nfilm\"}\n{\"text\": \"a\\ttab\"}\n{\"text\": \"\\u001b[31m\"}\n");
    let lines = ok(&mut bench.command("predict --model model --adapter a --input new.jsonl"));
    assert_eq!(lines.lines().count(), 3, "{lines}");
    assert!(lines.lines().all(|line| line.split('\t').count() == 3), "{lines}");
    assert!(lines.contains("fine\\nfilm") && !lines.contains('\u{1b}'), "{lines}");
}

#[test]
fn a_blank_text_has_no_prediction_and_ends_nothing() {
    let bench = trained("");
    bench.write("new.tsv", "id\ttext\n1\tfine film\n2\t\n3\tdull film\n");
    let command = "predict --model model --adapter a --input new.tsv --json --keep id";
    let said =
        bench.command(command).assert().success().stderr(predicate::str::contains("1 of 3 texts are blank (line 3"));
    let records = json_lines(&String::from_utf8(said.get_output().stdout.clone()).unwrap());
    assert_eq!(records.iter().map(|record| record["id"].clone()).collect::<Vec<_>>(), ["1", "2", "3"]);
    assert_eq!(records[1]["label"], Value::Null);
    assert!(records[2]["label"].is_string());
}

#[test]
fn a_table_on_standard_input_is_not_taken_for_texts() {
    let bench = trained("");
    let predict = |options: &str| bench.command(&format!("predict --model model --adapter a --input - {options}"));
    let table = "text\tlabel\nfine film\tgood\n";
    predict("").write_stdin(table).assert().failure().stderr(predicate::str::contains("--format tsv"));
    let lines = ok(predict("--format tsv").write_stdin(table));
    assert_eq!(lines.lines().count(), 1, "{lines}");
    assert_eq!(ok(predict("--format txt").write_stdin(table)).lines().count(), 2);
}

#[test]
fn scores_are_shown_class_by_class() {
    let bench = trained("");
    let shown = ok(&mut bench.command("eval --model model --adapter a --data dev.tsv --per-class"));
    for part in ["precision", "support", "(1) bad", "expected calibration error"] {
        assert!(shown.contains(part), "{shown}");
    }
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    let line = "eval --model model --adapter a --data dev.tsv --per-class --json";
    let classes = json(&ok(&mut bench.command(line)))["classes"].clone();
    let total: u64 = classes["confusion"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|row| row.as_array().unwrap())
        .map(|n| n.as_u64().unwrap())
        .sum();
    assert_eq!(
        total,
        classes["classes"].as_array().unwrap().iter().map(|class| class["support"].as_u64().unwrap()).sum::<u64>()
    );
}

/// A class of the head that the data do not have is no class with a score of 0.
#[test]
fn a_class_without_examples_has_no_score() {
    let bench = trained("");
    let rows = data::reviews(40, 9).into_iter().filter(|(_, label)| label == "good").collect();
    bench.write("good.tsv", data::tsv(&rows));
    let eval = "eval --model model --adapter a --data good.tsv --per-class";
    let run = bench.command(eval).assert().success();
    let [shown, notes] = [&run.get_output().stdout, &run.get_output().stderr].map(|s| String::from_utf8_lossy(s));
    let line = |name: &str| shown.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{shown}"));
    assert_eq!(line("bad").matches('–').count(), 3, "{shown}");
    assert!(shown.contains("true class") && !shown.contains("taken for"), "{shown}");
    assert!(
        notes.contains("no example in these data, 1 of 2: `bad`") && notes.contains("the mean leaves it out"),
        "{notes}"
    );
    let scores = json(&ok(&mut bench.command(&format!("{eval} --json"))))["classes"].clone();
    let [bad, good] = [0, 1].map(|i| scores["classes"][i].clone());
    assert_eq!((&bad["f1"], &bad["recall"], &bad["support"]), (&Value::Null, &Value::Null, &0.into()));
    assert_eq!(scores["mean"]["recall"], good["recall"], "the mean is over the class that is there");
}

#[test]
fn named_entities_are_scored_kind_by_kind() {
    let bench = Bench::new();
    bench.write("train.conll", data::conll(&data::sentences(60, 1)));
    bench.write("test.conll", data::conll(&data::sentences(20, 2)));
    ok(&mut bench.command("train --model model --train train.conll --out a --epochs 3 --lr 1e-2"));
    let eval = "eval --model model --adapter a --data test.conll --per-class";
    let shown = ok(&mut bench.command(eval));
    assert!(shown.contains("entity") && shown.contains("true tag"), "{shown}");
    let all = json(&ok(&mut bench.command(&format!("{eval} --json"))));
    let entities = all["classes"]["entities"].as_array().unwrap();
    let sum = |field: &str| entities.iter().map(|entity| entity[field].as_u64().unwrap()).sum::<u64>();
    let (support, predicted) = (sum("support") as f64, sum("predicted") as f64);
    let expected: usize = data::sentences(20, 2).iter().flatten().filter(|(_, tag)| tag.starts_with("B-")).count();
    assert_eq!(support, expected as f64, "{all}");
    // Over all kinds the parts add up to the scores of all spans.
    let found = |entity: &Value| entity["recall"].as_f64().unwrap_or(0.0) * entity["support"].as_f64().unwrap();
    let f1 = 2.0 * entities.iter().map(found).sum::<f64>() / (support + predicted);
    assert!((f1 - all["metrics"]["span_f1"].as_f64().unwrap()).abs() < 1e-9, "{all}");
}

#[test]
fn what_did_not_help_is_said() {
    let bench = Bench::new();
    let closing = ok(&mut bench.train("still", "--lr 1e-30"));
    assert!(closing.contains("training did not help: before") && closing.contains("start was found"), "{closing}");
    assert_eq!(json(&ok(&mut bench.train("silent", "--lr 1e-30 --json")))["helped"], false);
    assert_eq!(json(&ok(&mut bench.train("well", "--json")))["helped"], true);
}

#[test]
fn the_folder_says_what_the_adapter_was_trained_with() {
    let bench = trained("");
    let run = json(&fs::read_to_string(bench.path("a/run.json")).unwrap());
    assert_eq!((&run["input"]["kind"], &run["input"]["text_column"]), (&"single".into(), &"text".into()));
    assert_eq!((&run["data"][0]["part"], &run["data"][0]["path"]), (&"train".into(), &"train.tsv".into()));
    assert!(run["data"][0]["sha256"].as_str().unwrap().len() == 64 && run["options"]["epochs"].is_u64());
    let card = fs::read_to_string(bench.path("a/README.md")).unwrap();
    for part in ["base_model: \"model\"", "`train.tsv`", "dev accuracy", "load_adapter", "adaptune train --model model"]
    {
        assert!(card.contains(part), "{card}\n lacks {part}");
    }
}

#[test]
fn somebody_elses_readme_is_left_alone() {
    let bench = Bench::new();
    fs::create_dir(bench.path("a")).unwrap();
    bench.write("a/README.md", "# My notes\n");
    ok(&mut bench.train("a", "--overwrite"));
    assert_eq!(fs::read_to_string(bench.path("a/README.md")).unwrap(), "# My notes\n");
}

#[test]
fn a_damaged_run_file_is_not_taken_for_none() {
    let bench = trained("--max-length 9");
    let run = fs::read_to_string(bench.path("a/run.json")).unwrap();
    for damaged in [&run[..30], "", "{}"] {
        bench.write("a/run.json", damaged);
        let line = "predict --model model --adapter a --input dev.tsv";
        bench.command(line).assert().failure().stderr(predicate::str::contains("run.json is damaged"));
    }
}

#[test]
fn another_tokenizer_is_refused() {
    let bench = trained("");
    let path = bench.path("model/tokenizer.json");
    let changed = fs::read_to_string(&path).unwrap() + "\n";
    fs::write(&path, changed).unwrap();
    let line = "predict --model model --adapter a --input dev.tsv";
    bench.command(line).assert().failure().stderr(predicate::str::contains("is another than in training"));
}

#[test]
fn one_process_at_a_time_writes_into_a_folder() {
    let bench = Bench::new();
    fs::create_dir(bench.path("a")).unwrap();
    let lock = fs::File::create(bench.path("a/.adaptune-lock")).unwrap();
    lock.lock().unwrap();
    fs::write(bench.path("a/.adaptune-lock"), "process 7 (adaptune train)").unwrap();
    let words = "a is being written by process 7 (adaptune train)";
    bench.train("a", "").assert().failure().stderr(predicate::str::contains(words));
    drop(lock);
    ok(&mut bench.train("a", ""));
    assert!(!bench.path("a/.adaptune-lock").exists());
}

#[test]
fn a_share_of_the_training_data_is_kept_aside() {
    let bench = Bench::new();
    let train = "train --model model --train train.tsv --epochs 1 --json";
    ok(&mut bench.command(&format!("{train} --dev 25% --out a")));
    let run = json(&fs::read_to_string(bench.path("a/run.json")).unwrap());
    let [train_examples, dev_examples] = [0, 1].map(|i| run["data"][i]["examples"].as_u64().unwrap());
    assert_eq!(dev_examples, train_examples.div_ceil(4), "of those of the file some are kept aside");
    for share in ["0%", "60%", "x%"] {
        let line = format!("{train} --dev {share} --out b");
        bench.command(&line).assert().failure().stderr(predicate::str::contains("a share of the training data"));
    }
}

#[test]
fn what_was_chosen_is_said_with_the_way_to_change_it() {
    let bench = Bench::new();
    let said =
        bench.command("train --model model --train train.tsv --dev dev.tsv --out a --epochs 2").assert().success();
    let said = String::from_utf8(said.get_output().stderr.clone()).unwrap();
    assert!(said.contains("2 epochs of batches of 8") && said.contains("--batch-size"), "{said}");
}

#[test]
fn more_threads_than_can_be_of_use_are_not_started() {
    let bench = Bench::new();
    let said = bench.command("budget --model model --threads 5000").assert().success();
    let said = String::from_utf8(said.get_output().stderr.clone()).unwrap();
    assert!(said.contains("--threads 5000 is far more than the"), "{said}");
}
