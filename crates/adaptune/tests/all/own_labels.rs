//! Labels and columns as people have them: numbers that stand for names, slips, other columns, data that were kept aside or have changed.

use crate::common::{ADAPTUNE, Bench, json, json_lines, ok, refused, text};
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const NAMES: &str = "O,B-PER";

/// Sentences whose tags are numbers: 1 for a name.
fn tagged(names: bool) -> String {
    let tags = if names { "[\"B-PER\", \"O\"]" } else { "[1, 0]" };
    let line = |i: usize| {
        let name = ["anna", "ben", "carla"][i % 3];
        format!("{{\"id\": {i}, \"tokens\": [\"{name}\", \"was\"], \"ner_tags\": {tags}}}\n")
    };
    (0..24).map(line).collect()
}

/// What is said on standard error by a command that succeeds.
fn said(bench: &Bench, line: &str) -> String {
    let output = bench.command(line).assert().success();
    text(&output.get_output().stderr)
}

#[test]
fn numbers_stand_for_names_in_training_and_ever_after() {
    let bench = Bench::new();
    bench.write("numbers.jsonl", tagged(false));
    bench.write("names.jsonl", tagged(true));
    bench.write("names.txt", "O\nB-PER\n");
    let train = "train --model model --name mine --epochs 12 --lr 1e-2 --batch-size 8";
    ok(&mut bench.command(&format!("{train} --train numbers.jsonl --label-names {NAMES} --out a")));
    ok(&mut bench.command(&format!("{train} --train numbers.jsonl --label-names names.txt --out b")));
    ok(&mut bench.command(&format!("{train} --train names.jsonl --out c")));
    let weights = |name: &str| fs::read(bench.path(name).join("adapter.safetensors")).unwrap();
    assert_eq!(weights("a"), weights("b"));
    assert_eq!(weights("a"), weights("c"));
    assert_eq!(json(&fs::read_to_string(bench.path("a/run.json")).unwrap())["input"]["label_names"][1], "B-PER");
    // Numbers and names alike are measured by what was trained on numbers; numbers without names by nothing.
    let eval = |adapter: &str, data: &str| {
        json(&ok(&mut bench.command(&format!("eval --adapter {adapter} --data {data} --json"))))["loss"].clone()
    };
    assert_eq!(eval("a", "numbers.jsonl"), eval("a", "names.jsonl"));
    bench.refuses("eval --adapter c --data numbers.jsonl", &["the tag `1` of `anna`", "--label-names"]);
    let named = format!("eval --adapter c --data numbers.jsonl --label-names {NAMES} --json");
    assert_eq!(json(&ok(&mut bench.command(&named)))["loss"], eval("c", "names.jsonl"));
    let records =
        json_lines(&ok(&mut bench.command("predict --adapter a --input numbers.jsonl --keep ner_tags --json")));
    assert_eq!((&records[0]["label"][0], &records[0]["ner_tags"][0]), (&"B-PER".into(), &1.into()));
    bench.write("new.jsonl", tagged(false).replace("[1, 0]", "[2, 0]"));
    bench.refuses("eval --adapter a --data new.jsonl", &["new.jsonl, line 1", "0 (`O`) to 1 (`B-PER`)", "found `2`"]);
}

/// Prices are in hundreds: the head learns them on their own scale, says so, and answers in their unit, from files too. Ratings are
/// learnt as they are.
#[test]
fn numbers_far_from_zero_are_learnt_in_their_unit() {
    let bench = Bench::new();
    let row = |i: usize| {
        let (thing, price) = [("anna", 20), ("ben", 600), ("carla", 2400)][i % 3];
        format!("{thing} was sold again\t{}\n", price + 5 * (i % 7))
    };
    let rows: String = (0..48).map(row).collect();
    bench.write("prices.tsv", format!("text\tprice\n{rows}"));
    let train = "train --model model --train prices.tsv --label-column price --epochs 20 --lr 1e-2 --batch-size 8";
    let told = said(&bench, &format!("{train} --name mine --out a"));
    assert!(told.contains("labels are far from zero (mean 10") && told.contains("unit of the labels"), "{told}");
    let records = json_lines(&ok(&mut bench.command("predict --adapter a --input prices.tsv --json")));
    // The small model hardly tells the texts apart, but begins where the prices are, not at zero.
    let found: Vec<f64> = records.iter().map(|record| record["label"].as_f64().unwrap()).collect();
    assert!(found.iter().all(|price| (300.0..1800.0).contains(price)), "{found:?}");
    assert!(found[2] > found[0], "{found:?}");
    bench.write("ratings.tsv", "text\tlabel\nanna was\t1.5\nben was\t4.5\ncarla was\t-3.25\n");
    let told = said(&bench, "train --model model --train ratings.tsv --epochs 1 --task regression --out b");
    assert!(!told.contains("far from zero"), "{told}");
}

/// Written as texts, or in a file of words and tags, numbers are numbers too.
#[test]
fn tags_that_are_numbers_are_refused_without_names() {
    let bench = Bench::new();
    bench.write("a.jsonl", tagged(false));
    bench.write("b.jsonl", tagged(false).replace("[1, 0]", "[\"1\", \"0\"]"));
    bench.write("c.conll", "anna 1\nwas 0\n\nben 1\nwas 0\n");
    for file in ["a.jsonl", "b.jsonl", "c.conll"] {
        let line = format!("train --model model --epochs 1 --out out --overwrite --train {file}");
        bench.refuses(&line, &["the tags are numbers", "--label-names O,B-PER"]);
        let notes = said(&bench, &format!("{line} --label-names {NAMES}"));
        assert!(notes.contains("2 tags: B-PER, O"), "{notes}");
    }
}

#[test]
fn classes_that_are_numbers_get_names() {
    let bench = Bench::new();
    let numbers = |name: &str| {
        let table = fs::read_to_string(bench.path(name)).unwrap();
        table.replace("\tgood", "\t1").replace("\tbad", "\t0")
    };
    bench.write("numbers.tsv", numbers("train.tsv"));
    bench.write("dev_numbers.tsv", numbers("dev.tsv") + "nobody judged this\t-1\n");
    bench.trained("a", "--train numbers.tsv --dev dev_numbers.tsv --label-names bad,good");
    ok(&mut bench.command("predict --adapter a --input dev.tsv --out p.tsv"));
    assert!(fs::read_to_string(bench.path("p.tsv")).unwrap().contains("\tgood\tgood\t"));
    bench.write("three.tsv", "text\tlabel\nfine\t1\nso so\t2\n");
    let expected = ["three.tsv, line 3", "0 (`bad`) to 1 (`good`), or one of the names, found `2`"];
    bench.refuses_to_train("--train three.tsv --label-names bad,good", &expected);
    bench.refuses_to_train("--label-names bad,,good", &["--label-names", "the name of 1 is blank"]);
}

/// Where training read named columns, other data have them too, or say which are meant.
#[test]
fn columns_are_those_of_training() {
    let bench = Bench::new();
    let renamed = |name: &str| fs::read_to_string(bench.path(name)).unwrap().replacen("text\tlabel", "body\tqueue", 1);
    bench.write("mine.tsv", renamed("train.tsv"));
    bench.write("held.tsv", renamed("dev.tsv"));
    bench.trained("a", "--train mine.tsv --dev held.tsv --text-column body --label-column queue --epochs 1");
    ok(&mut bench.command("eval --adapter a --data held.tsv"));
    let expected = ["expected a column `body`, as in training, found `text`, `label`", "--text-column"];
    bench.refuses("predict --adapter a --input dev.tsv", &expected);
    let both = ["expected columns `body` and `queue`, as in training, found `text`, `label`", "--label-column choose"];
    bench.refuses("eval --adapter a --data dev.tsv", &both);
    bench.refuses("eval --adapter a --data dev.tsv --text-column text", &["expected a column `queue`, as in training"]);
    ok(&mut bench.command("eval --adapter a --data dev.tsv --text-column text --label-column label"));
    ok(&mut bench.command("predict --adapter a --input dev.tsv --text-column text"));
    bench.write("lines.txt", "the film was fine\n");
    ok(&mut bench.command("predict --adapter a --input lines.txt"));
}

#[test]
fn what_was_kept_aside_is_measured_later() {
    let bench = Bench::new();
    let shown = json(&ok(&mut bench.train("a", "--dev 25% --seed 3 --json")));
    let measured = json(&ok(&mut bench.command("eval --adapter a --kept-aside --json --per-class")));
    assert_eq!((&measured["examples"], &measured["metrics"]["accuracy"]), (&24.into(), &shown["after"]["accuracy"]));
    assert!(measured["classes"]["thresholds"][0]["threshold"].is_number(), "{measured}");
    bench.refuses("eval --adapter a", &["--data"]);
    let before = fs::read_to_string(bench.path("train.tsv")).unwrap();
    bench.write("train.tsv", before.clone() + "one more\tgood\n");
    bench.refuses("eval --adapter a --kept-aside", &["train.tsv", "has changed since the training began", "run.json"]);
    fs::remove_file(bench.path("train.tsv")).unwrap();
    bench.refuses("eval --adapter a --kept-aside", &["train.tsv is no file"]);
    bench.write("train.tsv", before);
    bench.trained("b", "--epochs 1");
    bench.refuses("eval --adapter b --kept-aside", &["measured on a file of its own", "--data dev.tsv"]);
}

#[test]
fn slips_in_labels_are_told() {
    let bench = Bench::new();
    let notes = |content: String, more: &str| {
        bench.write("t.csv", content);
        said(&bench, &format!("train --model model --epochs 1 --out out --overwrite --train t.csv {more}"))
    };
    let rows = |odd: &str| -> String {
        let row = |i: usize| format!("film {i};{},5\n", i % 4);
        format!("text;label\n{}film;{odd}\n", (0..20).map(row).collect::<String>())
    };
    let told = notes(rows("n/a"), "");
    assert!(told.contains("1 of 21 examples have no label") && told.contains("regression"), "{told}");
    bench.write("t.csv", rows("much"));
    for task in ["auto", "regression"] {
        let line = format!("train --model model --train t.csv --task {task} --out r");
        bench.refuses(&line, &["line 22", "`much`", "empty it if there is none"]);
    }
    assert!(
        notes(rows("much"), "--task classification").contains("most labels are numbers, but not `much` on line 22")
    );
    bench.write("t.csv", rows("2.5"));
    bench.refuses("train --model model --train t.csv --out r", &["line 22", "with a decimal comma", "found `2.5`"]);
    let of = |labels: [&str; 3]| -> String {
        let row = |i: usize| format!("film {i},{}\n", if i == 0 { labels[0] } else { labels[1 + i % 2] });
        format!("text,label\n{}", (0..30).map(row).collect::<String>())
    };
    let told = notes(of(["BILLING", "Billing", "Other"]), "");
    assert!(
        told.contains("`BILLING` (1 example, line 2) and `Billing` (14 examples, line 4 first) are two labels"),
        "{told}"
    );
    assert!(
        notes(of(["Biling", "Billing", "Other"]), "")
            .contains("`Biling` (line 2) hardly occurs, and is nearly `Billing`")
    );
    bench.write("t.csv", of(["x", "a", "b"]));
    let line = "train --model model --train t.csv --label-column text --text-column text --out r";
    bench.refuses(line, &["`text` is given as a text and as the label"]);
    let long = "a very long text that is no label because somebody took the wrong column ".repeat(3);
    let told = notes(of([&long, "x", "y"]), "");
    assert!(told.contains("a very long text that is no la..., x, y"), "{told}");
    bench.refuses(
        "train --model model --train t.csv --label-column text --text-column label --out r",
        &["every label in the column `text` occurs once", "--label-column"],
    );
}

#[test]
fn questions_in_a_table_are_told_what_they_need() {
    let bench = Bench::new();
    bench.write("q.csv", "question,context,answer\nWho?,Ada wrote.,Ada\n");
    bench.refuses_to_train(
        "--train q.csv",
        &["--text-column question --text-b-column context", "from JSON, as SQuAD has it"],
    );
    let line = "{\"question\": \"who was it\", \"context\": \"anna was\", \"answers\": {\"text\": [\"anna\"], \"answer_start\": [0]}}\n";
    bench.write("q.jsonl", line.repeat(4));
    ok(&mut bench.command("train --model model --train q.jsonl --epochs 1 --out a"));
    bench.refuses("eval --adapter a --data q.csv", &["learnt and measured from JSON", "answer_start"]);
    ok(&mut bench.command("predict --adapter a --input q.csv"));
}

/// Windows' line ends come back as they were.
#[test]
fn line_ends_are_those_of_the_input() {
    let bench = Bench::new();
    bench.trained("a", "--epochs 1");
    for name in ["new.csv", "new.tsv"] {
        let delimiter = if name.ends_with("tsv") { "\t" } else { "," };
        bench.write(name, format!("id{delimiter}text\r\n7{delimiter}the film was fine\r\n"));
        ok(&mut bench.command(&format!("predict --adapter a --input {name} --out out-{name}")));
        let written = fs::read_to_string(bench.path(&format!("out-{name}"))).unwrap();
        assert_eq!((written.matches("\r\n").count(), written.matches('\n').count()), (2, 2), "{written:?}");
    }
}

#[test]
fn a_run_does_not_go_on_with_other_data() {
    let bench = Bench::new();
    let line = "train --model model --train train.tsv --dev dev.tsv --epochs 4000 --out a";
    let mut child = Command::new(ADAPTUNE)
        .current_dir(bench.path("."))
        .args(line.split(' '))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while !bench.path("a/command.json").exists() && begun.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = fs::read_to_string(bench.path("dev.tsv")).unwrap();
    bench.write("dev.tsv", before + "one more\tgood\n");
    let message = refused(&mut bench.command("train --resume --out a"));
    assert!(message.contains("dev.tsv: the file has changed since the training began"), "{message}");
}

/// A small file may lack a tag or a class that others have.
#[test]
fn names_that_no_example_has_are_known() {
    let bench = Bench::new();
    bench.write("train.jsonl", tagged(false));
    bench.write("more.jsonl", tagged(false).replace("[1, 0]", "[1, 2]"));
    let train = "train --model model --epochs 1 --train train.jsonl --label-names O,B-PER,I-PER";
    let notes = said(&bench, &format!("{train} --class-weights balanced --dev more.jsonl --out a"));
    assert!(notes.contains("3 tags: B-PER, I-PER, O"), "{notes}");
    ok(&mut bench.command("eval --adapter a --data more.jsonl --per-class"));
    bench.write("bad.conll", "anna B-PER\nwas odd\n");
    bench.refuses(
        "eval --adapter a --data bad.conll",
        &["line 1", "the tag `odd` of `was` is not in the training data"],
    );
    bench.refuses("predict --adapter a --input more.jsonl --label-names x,y,z", &["names of training"]);
}

#[test]
fn lists_that_pandas_wrote_are_several_labels() {
    let bench = Bench::new();
    let sets = [["red", "round"], ["round", "small"], ["red", "small"]];
    let rows = |written: fn(&[&str; 2]) -> String| -> String {
        let row = |i: usize| format!("a thing {i};{}\n", written(&sets[i % 3]));
        format!("text;label\n{}", (0..24).map(row).collect::<String>())
    };
    bench.write("pandas.csv", rows(|[a, b]| format!("['{a}', '{b}']")));
    bench.write("bars.csv", rows(|[a, b]| format!("{a}|{b}")));
    let train = |file: &str, out: &str| {
        format!("train --model model --name mine --epochs 1 --task multi-label --train {file} --out {out}")
    };
    ok(&mut bench.command(&train("pandas.csv", "a")));
    ok(&mut bench.command(&train("bars.csv", "b")));
    let weights = |name: &str| fs::read(bench.path(name).join("adapter.safetensors")).unwrap();
    assert_eq!(weights("a"), weights("b"));
    let unasked = "train --model model --train pandas.csv --out c";
    bench.refuses(unasked, &["`['red', 'round']` are lists of several", "--task multi-label"]);
    ok(&mut bench.command("eval --adapter a --data pandas.csv"));
}

#[test]
fn quotes_between_tabs_are_told() {
    let bench = Bench::new();
    bench.write("quoted.tsv", "text\tlabel\n\"two\tparts\"\tgood\nfine\tbad\n");
    bench.refuses("train --model model --train quoted.tsv --out a", &["line 2", "add --quotes"]);
    bench.trained("a", "--epochs 1");
    ok(&mut bench.command("predict --adapter a --input dev.tsv --out judged.txt"));
    let written = fs::read_to_string(bench.path("judged.txt")).unwrap();
    assert_eq!(written.lines().count(), 32, "{written}");
}

/// An adapter that knows 0 and 1, and a table that says it in words.
#[test]
fn words_for_0_and_1_are_told_how_to_be_read() {
    let bench = Bench::new();
    let in_words = |words: [&str; 2]| {
        let rows = fs::read_to_string(bench.path("dev.tsv")).unwrap();
        rows.replace("\tgood", &format!("\t{}", words[1])).replace("\tbad", &format!("\t{}", words[0]))
    };
    bench.write("numbers.tsv", in_words(["0", "1"]));
    bench.write("points.tsv", in_words(["0.0", "1.0"]));
    bench.write("words.tsv", in_words(["No", "Yes"]));
    bench.trained("a", "--train numbers.tsv --dev 25% --epochs 1");
    let loss = |more: &str| json(&ok(&mut bench.command(&format!("eval --adapter a --json {more}"))))["loss"].clone();
    assert_eq!(loss("--data numbers.tsv"), loss("--data points.tsv"));
    let advice = ["line 2", "which has 0, 1 (32 of 32 rows have such labels)", "--label-names No,Yes"];
    bench.refuses("eval --adapter a --data words.tsv", &advice);
    assert_eq!(loss("--data words.tsv --label-names No,Yes"), loss("--data numbers.tsv"));
    bench.refuses("train --from a --train words.tsv --out b", &["--label-names No,Yes"]);
    ok(&mut bench.command("train --from a --train words.tsv --label-names No,Yes --epochs 1 --out b"));
    for data in ["words.tsv", "numbers.tsv"] {
        ok(&mut bench.command(&format!("eval --adapter b --data {data}")));
    }
    ok(&mut bench.command("predict --adapter a --input words.tsv --out judged.tsv"));
    bench.trained("c", "--train words.tsv --dev 25% --epochs 1");
    bench.refuses(
        "eval --adapter c --data words.tsv --label-names bad,good",
        &["found `", "no label here is a number", "leave it away"],
    );
}

/// Texts with these labels in turn.
fn labelled(labels: &[&str]) -> String {
    let row = |(i, label): (usize, &&str)| format!("film {i},{label}\n");
    format!("text,label\n{}", labels.iter().enumerate().map(row).collect::<String>())
}

#[test]
fn all_that_looks_like_a_slip_is_told() {
    let bench = Bench::new();
    let told = |labels: &[&str], more: &str| {
        bench.write("t.csv", labelled(labels));
        said(&bench, &format!("train --model model --epochs 1 --out out --overwrite --train t.csv {more}"))
    };
    let all = told(&["BILLING", "Billing", "login", "Login", "n/a", "\"so, so\""].repeat(4), "");
    let alike = "`BILLING` (4 examples, line 2 first) and `Billing` (4 examples, line 3 first), `Login` (4 examples, line 5 first) and";
    assert!(all.contains(alike) && all.contains("are labels of their own here"), "{all}");
    assert!(all.contains("`n/a` (4 examples, line 6 first) here: where it stands for none, empty the field"), "{all}");
    assert!(all.contains("n/a, `so, so`"), "a comma is within a name: {all}");
    let command = ["train", "--model", "model", "--epochs", "1", "--out", "narrow", "--train", "t.csv"];
    let output =
        Command::new(ADAPTUNE).args(command).current_dir(bench.path("")).env("COLUMNS", "80").output().unwrap();
    assert!(text(&output.stderr).lines().all(|line| line.chars().count() <= 80), "{}", text(&output.stderr));
    let sets = told(
        &[&["red|round", "red", "round", "|"].repeat(8)[..], &["blue"; 3]].concat(),
        "--task multi-label --dev 40%",
    );
    assert!(sets.contains("the training data have ") && sets.contains(" of `blue`, too few to tell"), "{sets}");
    let dev = told(&["red|round", "red", "round", "|"].repeat(8), "--task multi-label --dev 10%");
    assert!(
        dev.contains("the development data have ") && dev.contains(" of `red`, ") && dev.contains("too few to choose"),
        "{dev}"
    );
}

/// What is never predicted is told wherever it is measured.
#[test]
fn classes_that_are_never_predicted_are_told_everywhere() {
    let bench = Bench::new();
    bench.write("rare.csv", labelled(&[&["often"; 30][..], &["seldom"; 6]].concat()));
    let never = |told: &str| told.contains("never predicted, 1 of 2 labels: `seldom`");
    let train = "train --model model --train rare.csv --epochs 1 --lr 1e-5";
    assert!(never(&said(&bench, &format!("{train} --folds 2 --out a"))));
    assert!(never(&said(&bench, &format!("{train} --dev 50% --out b"))));
    assert!(never(&said(&bench, "eval --adapter b --data rare.csv")));
    assert!(never(&said(&bench, "eval --adapter b --data rare.csv --per-class")));
    bench.write("sets.csv", labelled(&[&["often"; 30][..], &["often|seldom"; 6]].concat()));
    let train = format!("{} --task multi-label", train.replace("rare.csv", "sets.csv"));
    assert!(said(&bench, &format!("{train} --dev 50% --out c")).contains("never predicted"));
    assert!(said(&bench, "eval --adapter c --data sets.csv").contains("never predicted"));
}

/// Between commas numbers with a decimal comma stand in quotes.
#[test]
fn decimal_commas_in_quotes_are_read() {
    let bench = Bench::new();
    let labels: Vec<String> = (0..24).map(|i| format!("\"0,{}5\"", i % 10)).collect();
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    bench.write("t.csv", labelled(&labels));
    bench.write("points.csv", labelled(&labels).replace("\"0,", "0.").replace("5\"\n", "5\n"));
    let told = said(&bench, "train --model model --train t.csv --dev 25% --epochs 1 --out a");
    assert!(told.contains("regression") && told.contains("`0,05` (line 2) is read as 0.05"), "{told}");
    let loss =
        |data: &str| json(&ok(&mut bench.command(&format!("eval --adapter a --json --data {data}"))))["loss"].clone();
    assert_eq!(loss("t.csv"), loss("points.csv"));
    bench.write("thousands.csv", labelled(&["\"1,250\"", "\"2,500\"", "\"1,750\""]));
    bench.refuses(
        "train --model model --train thousands.csv --task regression --out b",
        &["`1,250`", "write a decimal point, and nothing between thousands"],
    );
}
