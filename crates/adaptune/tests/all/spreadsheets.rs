//! Tables as spreadsheets write them, and predictions in the same form: delimiters, a line for Excel, decimal commas.

use crate::common::{Bench, data, json, ok};
use std::fs;

/// Reviews with a score from 0 to 4 as a European spreadsheet exports them.
fn scores(rows: usize, seed: u64, preamble: &str) -> String {
    let row = |(text, score): &(String, String)| format!("7;\"{text}; so\";{}\r\n", score.replace('.', ","));
    let rows: String = data::scores(rows, seed).iter().map(row).collect();
    format!("{preamble}id;text;label\r\n{rows}")
}

fn said(bench: &Bench, line: &str) -> String {
    let output = bench.command(line).output().expect("it runs");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(output.status.success(), "{line}:\n{said}");
    said
}

const EXCEL: &str = "\u{feff}sep=;\r\n";

#[test]
fn decimal_commas_are_decided_once_and_hold_for_all_files() {
    let bench = Bench::new();
    bench.write("train.csv", scores(64, 1, EXCEL));
    bench.write("dev.csv", "text;label\nfine film;3\ndull film;1\n");
    let train = "train --model model --name mine --epochs 1 --train train.csv --out";
    let notes = said(&bench, &format!("{train} a --dev dev.csv"));
    for words in ["numbers with a decimal comma", "labels are numbers: regression", "as the first line says"] {
        assert!(notes.contains(words), "{notes}");
    }
    let input = json(&fs::read_to_string(bench.path("a/run.json")).unwrap())["input"].clone();
    assert_eq!(input["decimal_comma"], true);
    // The same numbers with points, between commas, train the same model.
    bench.write("points.csv", scores(64, 1, "").replace(',', ".").replace(';', ",").replace(", so", "; so"));
    ok(&mut bench.command("train --model model --name mine --epochs 1 --train points.csv --dev dev.csv --out b"));
    let weights = |name: &str| fs::read(bench.path(name).join("adapter.safetensors")).unwrap();
    assert_eq!(weights("a"), weights("b"));
    // eval reads them as training did, and whole numbers alone too; points are refused.
    let eval = |file: &str| bench.command(&format!("eval --adapter a --data {file} --json"));
    bench.write("test.csv", "text;label\nfine film;3,5\ndull film;1\n");
    assert_eq!(json(&ok(&mut eval("test.csv")))["examples"], 2);
    ok(&mut eval("dev.csv"));
    bench.write("test.csv", "text;label\nfine film;3.5\ndull film;1\n");
    let refused = String::from_utf8(eval("test.csv").assert().failure().get_output().stderr.clone()).unwrap();
    assert!(refused.contains("line 2: expected a number with a decimal comma"), "{refused}");
    // Whoever trained on points is not given commas.
    bench.write("test.csv", "text;label\nfine film;3,5\ndull film;1\n");
    let refused = bench.command("eval --adapter b --data test.csv").assert().failure();
    let refused = String::from_utf8(refused.get_output().stderr.clone()).unwrap();
    assert!(refused.contains("`3,5`") && refused.contains("a comma is decimal where"), "{refused}");
    // A part that is split off is of the same column.
    ok(&mut bench.command(&format!("{train} c --dev 20%")));
    ok(&mut bench.command(&format!("{train} d --folds 3")));
}

#[test]
fn an_interrupted_run_goes_on_with_the_same_numbers() {
    let bench = Bench::new();
    bench.write("train.csv", scores(32, 1, ""));
    let train = "train --model model --epochs 2 --train train.csv --dev 25% --out a";
    ok(&mut bench.command(train));
    let whole = fs::read(bench.path("a/adapter.safetensors")).unwrap();
    ok(&mut bench.command(&format!("{train} --overwrite")));
    assert_eq!(fs::read(bench.path("a/adapter.safetensors")).unwrap(), whole);
    said(&bench, "train --resume --out a");
    bench.write("more.csv", scores(32, 2, ""));
    said(&bench, "train --from a --train more.csv --epochs 1 --out b");
    assert_eq!(json(&fs::read_to_string(bench.path("b/run.json")).unwrap())["input"]["decimal_comma"], true);
}

#[test]
fn several_labels_are_no_numbers() {
    let bench = Bench::new();
    let sets = ["1,2", "2", "1", "3", "1,3"];
    let rows: String = (0..30).map(|i| format!("film {i};{}\n", sets[i % 5])).collect();
    bench.write("train.csv", format!("text;label\n{rows}"));
    for option in ["--task multi-label", "--label-separator ,"] {
        let line = format!("train --model model --epochs 1 --train train.csv --out a --overwrite {option}");
        assert!(said(&bench, &line).contains("3 labels, of which any number may hold: 1, 2, 3"));
    }
    let taken = said(&bench, "train --model model --epochs 1 --train train.csv --out b");
    assert!(
        taken.contains("`1,2` (line 2) is read as 1.2; several labels of one example would need --task multi-label")
    );
}

#[test]
fn predictions_are_written_as_the_table_is() {
    let bench = Bench::new();
    bench.write("train.csv", scores(48, 1, EXCEL));
    ok(&mut bench.command("train --model model --epochs 1 --train train.csv --out a"));
    let predict = |out: &str| {
        ok(&mut bench.command(&format!("predict --adapter a --input train.csv --out {out}")));
        fs::read_to_string(bench.path(out)).unwrap()
    };
    let own = predict("own.csv");
    assert!(own.starts_with("\u{feff}sep=;\r\nid;text;label;predicted\r\n7;\""), "{own}");
    let fields: Vec<&str> = own.lines().nth(2).unwrap().rsplit(';').collect();
    assert!(fields[0].contains(',') && !fields[0].contains('.'), "a decimal comma: {own}");
    assert!(predict("tabs.tsv").starts_with("id\ttext\tlabel\tpredicted\n"), "another ending is another form");
    // What was written can be read again.
    let again = own.replace(";label;", ";given;").replace(";predicted\r\n", ";label\r\n");
    bench.write("again.csv", again);
    ok(&mut bench.command("eval --adapter a --data again.csv"));
}

#[test]
fn classes_of_other_delimiters_come_back_between_them() {
    let bench = Bench::new();
    let rows: String = data::reviews(32, 1).iter().map(|(text, label)| format!("\"{text} | so\"|{label}\n")).collect();
    bench.write("train.csv", format!("text|label\n{rows}"));
    assert!(said(&bench, "train --model model --epochs 1 --train train.csv --out a").contains("vertical bars"));
    ok(&mut bench.command("predict --adapter a --input train.csv --out p.csv"));
    let written = fs::read_to_string(bench.path("p.csv")).unwrap();
    assert!(written.starts_with("text|label|predicted|probability\n\""), "{written}");
    assert!(written.lines().nth(1).unwrap().contains(" | so\"|"), "{written}");
    bench.write("train.tsv", "text;label\nfine film;good\n");
    ok(&mut bench.command("predict --adapter a --input train.tsv --out p.tsv"));
    assert!(fs::read_to_string(bench.path("p.tsv")).unwrap().starts_with("text;label;predicted;probability\n"));
}
