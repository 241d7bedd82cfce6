//! Turns that people take on the way from a file to predictions, and what they are told.

use crate::common::{Bench, ok, refused, text};
use std::fs;

/// Without `run.json` a result is a result: nothing is gone on with, and nothing of it is lost.
#[test]
fn a_result_without_its_run_file_is_no_run_under_way() {
    let bench = Bench::new();
    let folder = bench.trained("a", "--epochs 1");
    fs::remove_file(folder.join("run.json")).unwrap();
    let before = fs::read(folder.join("adapter.safetensors")).unwrap();
    let line = "predict --model model --adapter a --input dev.tsv";
    assert_eq!(ok(&mut bench.command(line)).lines().count(), 32);
    let message = refused(&mut bench.command("train --resume --out a"));
    assert!(message.contains("there is no run in a"), "{message}");
    fs::remove_file(folder.join("adapter.safetensors")).unwrap();
    for name in ["adapter_config.json", "head_config.json", "model_head.safetensors"] {
        fs::remove_file(folder.join(name)).unwrap();
    }
    // What is left looks begun, but nobody knows how: the built-in example is not what was meant.
    let message = refused(&mut bench.command("train --resume --out a"));
    assert!(message.contains("does not say how its run began"), "{message}");
    assert!(!before.is_empty() && !folder.join("adapter.safetensors").exists());
}

#[test]
fn options_beside_resume_are_not_passed_over() {
    let bench = Bench::new();
    bench.trained("a", "--epochs 1");
    for option in ["--epochs 20", "--lr 0.1", "--seed 3", "--metric loss"] {
        let message = refused(&mut bench.command(&format!("train --resume --out a {option}")));
        let name = option.split(' ').next().unwrap();
        assert!(message.contains(&format!("{name} would be ignored")) && message.contains("--from a"), "{message}");
    }
    let out = bench.command("train --resume --out a --threads 1").assert().success();
    assert!(text(&out.get_output().stderr).contains("the run is complete"));
}

#[test]
fn a_metric_that_is_not_there_is_found_out_before_anything_is_written() {
    let bench = Bench::new();
    let message = refused(&mut bench.train("a", "--metric recall"));
    assert!(message.contains("--metric recall: the development data have accuracy, macro_f1"), "{message}");
    assert!(!bench.path("a").exists(), "nothing is begun");
}

/// The table at the end shows the score that was asked for on test data too.
#[test]
fn the_metric_that_decides_is_shown_of_test_data_too() {
    let bench = Bench::new();
    let shown = ok(&mut bench.train("a", "--epochs 1 --metric macro_f1 --test dev.tsv"));
    assert!(shown.contains("dev macro_f1 after") && shown.contains("test macro_f1"), "{shown}");
}

#[test]
fn a_column_without_a_name_joins_predictions() {
    let bench = Bench::new();
    bench.trained("a", "--epochs 1");
    bench.write("new.csv", ",text\n17,the film was fine\n18,the plot was dull\n");
    ok(&mut bench.command("predict --model model --adapter a --input new.csv --out judged.csv"));
    let judged = fs::read_to_string(bench.path("judged.csv")).unwrap();
    let starts: Vec<&str> = judged.lines().map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(starts, ["", "17", "18"], "without a name as it came");
    ok(&mut bench.command("predict --model model --adapter a --input new.csv --out ids.csv --keep column_1"));
    assert!(fs::read_to_string(bench.path("ids.csv")).unwrap().starts_with(",predicted,probability\n17,"));
    // What is written is read again.
    ok(&mut bench.command("predict --model model --adapter a --input judged.csv --out again.csv --keep column_1,text"));
}

/// What is missing is a misuse, whoever finds it out.
#[test]
fn what_is_missing_has_one_status() {
    let bench = Bench::new();
    for (line, option) in [
        ("eval --data dev.tsv", "--adapter"),
        ("predict --input dev.tsv", "--adapter"),
        ("predict --adapter a", "--input"),
        ("train --train train.tsv", "--model"),
        ("train --model model", "--train"),
        ("embed --input dev.tsv", "--model"),
    ] {
        let output = bench.command(line).output().unwrap();
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{line}: {message}");
        assert!(message.starts_with("error: ") && message.contains(option), "{line}: {message}");
    }
    assert_eq!(bench.command("predict --adapter a --input dev.tsv").output().unwrap().status.code(), Some(1));
}

#[test]
fn what_tabs_cannot_keep_is_told() {
    let bench = Bench::new();
    bench.trained("a", "--epochs 1");
    bench.write("new.csv", "id,text\n1,the film was fine\n2,\"the plot\nwas dull\"\n3,\"\"\"fine\"\" they said\"\n");
    let told = |out: &str| {
        let line = format!("predict --model model --adapter a --input new.csv --out {out}");
        text(&bench.command(&line).assert().success().get_output().stderr)
    };
    let said = told("judged.tsv");
    assert!(said.contains("2 rows (line 3 first)") && said.contains("ends in .csv keeps every text"), "{said}");
    assert!(!told("judged.csv").contains("rows"));
}

/// A training that goes on measures on what the first kept aside, whatever its own seed.
#[test]
fn what_was_learnt_before_is_not_measured_on() {
    let bench = Bench::new();
    bench.trained("a", "--dev 25% --seed 3 --epochs 1");
    let on = |more: &str| {
        let line = format!("train --from a --train train.tsv --epochs 1 --overwrite --out b {more}");
        text(&bench.command(&line).assert().success().get_output().stderr)
    };
    let lines = |adapter: &str| {
        let run: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(bench.path(adapter).join("run.json")).unwrap()).unwrap();
        run["data"][1]["aside"]["seed"].clone()
    };
    let said = on("--dev 25% --seed 9");
    assert!(said.contains("of those that a kept aside (drawn by its seed 3)"), "{said}");
    assert_eq!((lines("a"), lines("b")), (3.into(), 3.into()));
    ok(&mut bench.command("eval --adapter b --kept-aside"));
    assert!(on("--dev 50%").contains("some of which are measured on now"), "a larger share has others too");
    assert!(on("--folds 2").contains("some of which are measured on now"));
    bench.trained("a", "--epochs 1 --overwrite");
    assert!(on("--dev 25%").contains("a was trained on all of these data"));
}

/// Predictions need no labels, so it does not matter that they cannot be read.
#[test]
fn tags_that_are_numbers_do_not_stop_predictions() {
    let bench = Bench::new();
    let line = |i: usize| {
        format!("{{\"tokens\": [\"film\", \"fine\"], \"ner_tags\": [\"O\", \"{}\"]}}\n", ["B-a", "B-b"][i % 2])
    };
    bench.write("train.jsonl", (0..12).map(line).collect::<String>());
    ok(&mut bench.command("train --model model --train train.jsonl --epochs 1 --out a"));
    bench.write("new.jsonl", "{\"id\": 1, \"tokens\": [\"film\", \"fine\"], \"ner_tags\": [0, 3]}\n");
    for more in ["", " --label-column nothing"] {
        let line = format!("predict --model model --adapter a --input new.jsonl --json{more}");
        assert_eq!(ok(&mut bench.command(&line)).lines().count(), 1);
    }
    bench.refuses(
        "eval --model model --adapter a --data new.jsonl",
        &["the tag `0` of `film` is not in the training data", "--label-names"],
    );
}

#[test]
fn advice_is_what_helps() {
    let bench = Bench::new();
    bench.write("columns.json", "{\"text\": {\"0\": \"a\"}, \"label\": {\"0\": \"x\"}}\n");
    bench.refuses_to_train("--train columns.json", &["orient='records', lines=True"]);
    bench.write("letters.csv", "question,A,B,C,label\nwho?,me,you,her,B\n");
    bench.refuses_to_train("--train letters.csv", &["--choice-columns A,B,C"]);
    bench.write("questions.csv", "question,context,answer\nWho?,Ada wrote.,Ada\n");
    bench.refuses_to_train("--train questions.csv --task question-answering", &["measured from JSON", "answer_start"]);
    bench.trained("a", "--epochs 1");
    bench.write("kept_back.tsv", "text\tlabel\nfine\t-1\ndull\t-1\n");
    bench.refuses("eval --model model --adapter a --data kept_back.tsv", &["are -1, which stands for none"]);
    bench.refuses_to_train("--method lora[rank=8]", &["no field `rank`", "there are", "alpha"]);
}

/// What a training goes on from knows the columns.
#[test]
fn columns_need_not_be_named_again_to_go_on() {
    let bench = Bench::new();
    let renamed = fs::read_to_string(bench.path("train.tsv")).unwrap().replacen("text\tlabel", "message\tmood", 1);
    bench.write("mine.tsv", renamed);
    bench.trained("a", "--train mine.tsv --dev 25% --text-column message --label-column mood --epochs 1");
    ok(&mut bench.command("train --from a --train mine.tsv --dev 25% --epochs 1 --out b"));
}
