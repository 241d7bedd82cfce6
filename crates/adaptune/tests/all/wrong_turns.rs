//! Turns that people take on the way from a file to predictions, and what they are told.

use crate::common::{Bench, data, ok, refused, text};
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

/// Command lines that cannot be followed, whatever files hold.
const MISUSED: [&str; 26] = [
    "train --model model --train train.tsv --epochs x",
    "train --model model --train train.tsv --no-such-option",
    "train --model model --train train.tsv --task builtin:topic@A",
    "train --task builtin:nothing@A",
    "train --model model --train train.tsv --method sqe_bn",
    "train --model model --train train.tsv --warmup long",
    "train --model model --train train.tsv --lr -1",
    "train --model model --train train.tsv --epochs 0",
    "train --model model --train train.tsv --dropout 2",
    "train --model model --train train.tsv --patience 2",
    "train --model model --train train.tsv --name a/b",
    "train --model model --train train.tsv --fusion static",
    "train --model model --train train.tsv --below a --method head",
    "train --model model --train train.tsv --loss cosine",
    "train --model model --train train.tsv --domain-column label",
    "train --tasks tasks.toml --train train.tsv --out b",
    "train --tasks tasks.toml",
    "train --resume --out a --lr 0.1",
    "predict --adapter a --input dev.tsv --keep text",
    "predict --adapter a --input dev.tsv --json --out b.csv",
    "predict --adapter a --input dev.tsv --out b.docx",
    "predict --adapter a --input dev.tsv --label-names no,yes",
    "eval --adapter a --kept-aside --label-column other",
    "embed --model model --input dev.tsv",
    "compare --model model --train train.tsv --dev dev.tsv --method lora --method lora --out c",
    "combine --adapter a=x --adapter a=1 --how average --out c",
];

/// And those whose files are not as they have to be.
const FAILED: [&str; 8] = [
    "train --model model --train gone.tsv",
    "train --model nothere --train train.tsv",
    "train --model model --train train.tsv --label-column mood",
    "train --model model --train train.tsv --dev dev.tsv --out a",
    "train --model model --train train.tsv --dev dev.tsv --metric recall",
    "predict --adapter a --input dev.tsv --out a/b/c.csv",
    "predict --adapter a --input dev.tsv --out b.csv --keep nothing",
    "eval --adapter a --kept-aside",
];

#[test]
fn wrong_use_and_what_fails_have_a_status_each() {
    let bench = Bench::new();
    bench.trained("a", "--epochs 1");
    bench.write("tasks.toml", "[a]\ntrain = \"train.tsv\"\n[b]\ntrain = \"dev.tsv\"\n");
    for (lines, status) in [(&MISUSED[..], 2), (&FAILED, 1)] {
        for line in lines {
            let output = bench.command(line).output().unwrap();
            let message = text(&output.stderr);
            assert_eq!(output.status.code(), Some(status), "{line}: {message}");
            assert!(message.lines().any(|line| line.starts_with("error: ")), "{line}: {message}");
        }
    }
}

/// What is trained on is told wherever it is measured on, whatever the file is called.
#[test]
fn scores_on_what_was_learnt_are_told() {
    let bench = Bench::new();
    bench.trained("a", "--dev 25% --epochs 1");
    fs::copy(bench.path("train.tsv"), bench.path("copy.tsv")).unwrap();
    let said = |line: &str| text(&bench.command(line).assert().success().get_output().stderr);
    let told = said("eval --adapter a --data copy.tsv");
    assert!(told.contains("a was trained on copy.tsv") && told.contains("--kept-aside measures on the 24"), "{told}");
    assert!(!said("eval --adapter a --data dev.tsv").contains("was trained on"));
    assert!(!said("eval --adapter a --kept-aside").contains("was trained on"));
    let both = fs::read_to_string(bench.path("dev.tsv")).unwrap();
    let learnt = fs::read_to_string(bench.path("train.tsv")).unwrap();
    let some: String = learnt.lines().skip(1).take(8).map(|line| format!("{line}\n")).collect();
    bench.write("leaky.tsv", both + &some);
    let train = |more: &str| {
        text(&bench.train("b", &format!("--overwrite --epochs 1 {more}")).assert().success().get_output().stderr)
    };
    let told = train("--test leaky.tsv");
    assert!(told.contains("texts in leaky.tsv are trained on too (line "), "{told}");
    assert!(train("--dev copy.tsv").contains("copy.tsv is measured on and trained on"));
}

/// Examples are kept aside by their labels too: read by others, they would not be those that training did not learn.
#[test]
fn what_was_kept_aside_is_not_something_else() {
    let bench = Bench::new();
    let rows = data::reviews(96, 1);
    let quoted: String = rows.iter().map(|(text, label)| format!("\"{text}\"\t{label}\n")).collect();
    bench.write("quoted.tsv", format!("text\tlabel\n{quoted}"));
    bench.trained("a", "--train quoted.tsv --quotes --dev 25% --epochs 1");
    ok(&mut bench.command("eval --adapter a --kept-aside --quotes"));
    ok(&mut bench.command("eval --adapter a --kept-aside"));
    let otherwise = "eval --adapter a --kept-aside --format tsv";
    bench.refuses(otherwise, &["other examples would be kept aside", "--quotes"]);
    let run = bench.path("a/run.json");
    let written = fs::read_to_string(&run).unwrap();
    let line = written.lines().find(|line| line.contains("examples_sha256")).unwrap();
    fs::write(&run, written.replace(line, "").replace("},\n\n", "}\n").replace(",\n\n", "\n")).unwrap();
    let older = bench.command("eval --adapter a --kept-aside").assert().success();
    assert!(text(&older.get_output().stderr).contains("an older version trained this adapter"));
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

/// Texts that occur several times are all learnt or all measured on, so nobody has to take any out.
#[test]
fn equal_texts_are_kept_aside_together() {
    let bench = Bench::new();
    let rows = data::reviews(40, 1);
    bench.write("twice.tsv", data::tsv(&[&rows[..], &rows[..], &rows[..7]].concat()));
    let said = |line: &str| text(&bench.command(line).assert().success().get_output().stderr);
    let train = "train --model model --train twice.tsv --epochs 1 --overwrite --seed 5 --out a";
    let told = said(&format!("{train} --dev 25%"));
    assert!(told.contains("are kept aside") && !told.contains("are trained on too"), "{told}");
    assert!(!said("eval --adapter a --kept-aside").contains("was trained on"));
    said("train --from a --train twice.tsv --dev 20% --epochs 1 --out b");
    assert!(!said(&format!("{train} --folds 3")).contains("are trained on too"));
}

/// Adapters of versions that drew single examples are measured on those that they kept aside.
#[test]
fn what_an_older_version_drew_is_drawn_again() {
    let bench = Bench::new();
    let rows = data::reviews(40, 1);
    bench.write("train.tsv", data::tsv(&[&rows[..], &rows[..]].concat()));
    bench.trained("a", "--dev 25% --epochs 1");
    let run = bench.path("a/run.json");
    let mut written: serde_json::Value = serde_json::from_str(&fs::read_to_string(&run).unwrap()).unwrap();
    assert_eq!(written["data"][1]["aside"]["draw"], "texts");
    written["data"][1]["aside"].as_object_mut().unwrap().remove("draw");
    written["data"][1].as_object_mut().unwrap().remove("examples_sha256");
    written["data"][1]["examples"] = 20.into();
    fs::write(&run, written.to_string()).unwrap();
    let said = text(&bench.command("eval --adapter a --kept-aside").assert().success().get_output().stderr);
    assert!(said.contains("an older version trained this adapter"), "{said}");
    ok(&mut bench.command("train --from a --train train.tsv --dev 25% --epochs 1 --out b"));
    let drawn = fs::read_to_string(bench.path("b/run.json")).unwrap();
    assert!(drawn.contains("\"draw\": \"examples\""), "{drawn}");
}

/// A part of what was trained on is found again, as long as the training data are there.
#[test]
fn a_part_of_what_was_learnt_is_told() {
    let bench = Bench::new();
    let rows = data::reviews(96, 1);
    bench.trained("a", "--epochs 1");
    bench.write("part.tsv", data::tsv(&rows[10..30].to_vec()));
    let said = |line: &str| text(&bench.command(line).assert().success().get_output().stderr);
    let told = said("eval --adapter a --data part.tsv");
    assert!(told.contains("a was trained on 20 of the 20 texts in part.tsv (line 2 first)"), "{told}");
    bench.trained("a", "--dev 25% --epochs 1 --overwrite");
    let told = said("eval --adapter a --data part.tsv");
    assert!(told.contains("texts in part.tsv") && told.contains("; --kept-aside measures on"), "{told}");
    assert!(!told.contains("20 of the 20"), "those that were kept aside are not learnt: {told}");
    fs::remove_file(bench.path("train.tsv")).unwrap();
    assert!(!said("eval --adapter a --data part.tsv").contains("was trained on"));
}

#[test]
fn columns_that_are_not_meant_are_told() {
    let bench = Bench::new();
    let rows = data::reviews(60, 1);
    let row =
        |(i, (text, label)): (usize, &(String, String))| format!("{:06},{text},{label},ours\n", 103 + 7 * (i % 59));
    let lines: String = rows.iter().enumerate().map(row).collect();
    bench.write("loans.csv", format!("nr,lender claim,covered,our report\n{lines}"));
    let by = |more: &str| format!("--train loans.csv {more}");
    let text = "--text-column 'lender claim'";
    bench.refuses_to_train(
        &by(&format!("{text} --label-column nr")),
        &["in the column `nr`", "begin with zeros", "nr, lender claim, covered, our report"],
    );
    bench.refuses_to_train(&by(""), &["and --text-b-column names the second text where examples are pairs"]);
    bench.refuses_to_train(
        &by("--text-column 'lender claim,our report' --label-column covered"),
        &["--text-column 'lender claim' --text-b-column 'our report'"],
    );
    ok(&mut bench.train("a", &by(&format!("{text} --label-column covered --dev 10% --epochs 1"))));
    bench.refuses("predict --adapter a --input loans.csv --out b.csv --keep claim", &["did you mean `lender claim`?"]);
    bench.refuses("predict a loans.csv", &["--adapter (a folder that train wrote)"]);
}

/// Where the two labels of the data are named the wrong way round, no rate is to blame.
#[test]
fn labels_that_are_turned_round_are_suspected() {
    let bench = Bench::new();
    bench.trained("a", "--epochs 8");
    let turned = data::reviews(32, 2).into_iter().map(|(text, label)| {
        let label = if label == "good" { "bad" } else { "good" };
        (text, label.to_owned())
    });
    bench.write("turned.tsv", data::tsv(&turned.collect::<Vec<_>>()));
    let told = text(&bench.command("eval --adapter a --data turned.tsv").assert().success().get_output().stderr);
    assert!(told.contains("named the wrong way round") && !told.contains("--lr"), "{told}");
}
