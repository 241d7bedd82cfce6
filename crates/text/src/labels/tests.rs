//! Tests of how labels decide the task.

use super::*;
use crate::table::{Columns, Text};

fn labelled(labels: &[&str]) -> Table {
    let row = |(i, label): (usize, &&str)| Row {
        text: Text::Single(format!("text {i}")),
        label: (!label.is_empty()).then(|| (*label).to_owned()),
        labels: None,
        answers: None,
        tags: vec![],
        line: i + 2,
        fields: vec![],
    };
    Table {
        rows: labels.iter().enumerate().map(row).collect(),
        kind: TableKind::Single,
        name: "train.tsv".into(),
        header: vec!["text".into(), "label".into()],
        columns: Columns::default(),
        dialect: None,
        notes: vec![],
    }
}

fn tagged(sentences: &[(&[&str], &[&str])]) -> Table {
    let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    let row = |(i, (words, tags)): (usize, &(&[&str], &[&str]))| Row {
        text: Text::Words(owned(words)),
        label: None,
        labels: None,
        answers: None,
        tags: owned(tags),
        line: 10 * i + 1,
        fields: vec![],
    };
    let rows = sentences.iter().enumerate().map(row).collect();
    Table {
        rows,
        kind: TableKind::Words,
        name: "train.conll".into(),
        header: vec![],
        columns: Columns::default(),
        dialect: None,
        notes: vec![],
    }
}

fn failure(table: &Table, choice: TaskChoice) -> String {
    Labels::decide(table, choice).unwrap_err().to_string()
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[test]
fn words_are_classes_in_the_order_of_letters() {
    let table = labelled(&["pos", "neg", "pos", "Mixed"]);
    let (labels, note) = Labels::decide(&table, TaskChoice::Auto).unwrap();
    assert_eq!(labels, Labels::Classes(owned(&["Mixed", "neg", "pos"])));
    assert_eq!(note, "3 classes: Mixed, neg, pos");
    assert_eq!(labels.targets(&table).unwrap(), Targets::Classes(vec![2, 1, 2, 0]));
    assert_eq!(labels.names().len(), 3);
}

#[test]
fn numbers_mean_regression_unless_they_stand_for_classes() {
    let table = labelled(&["10", "9", "-1", "9"]);
    let (labels, note) = Labels::decide(&table, TaskChoice::Auto).unwrap();
    assert_eq!(labels, Labels::Numbers);
    assert!(note.contains("--task classification"), "{note}");
    assert_eq!(labels.targets(&table).unwrap(), Targets::Numbers(vec![10.0, 9.0, -1.0, 9.0]));
    assert!(labels.names().is_empty());

    let (labels, _) = Labels::decide(&table, TaskChoice::Classification).unwrap();
    assert_eq!(labels, Labels::Classes(owned(&["-1", "9", "10"])), "in the order of numbers");
    assert_eq!(labels.targets(&table).unwrap(), Targets::Classes(vec![2, 1, 0, 1]));

    let (labels, _) = Labels::decide(&labelled(&["1.5", "2e-3"]), TaskChoice::Auto).unwrap();
    assert_eq!(labels.targets(&labelled(&["2e-3"])).unwrap(), Targets::Numbers(vec![0.002]));
}

#[test]
fn labels_that_are_no_finite_numbers_stop_regression() {
    let message = failure(&labelled(&["1", "nan", "2"]), TaskChoice::Auto);
    assert!(message.starts_with("train.tsv, line 3: expected a finite number, found the label `nan`"), "{message}");
    let message = failure(&labelled(&["1", "2", "many"]), TaskChoice::Regression);
    assert!(message.contains("line 4: expected a finite number, found the label `many`"), "{message}");
    let (labels, _) = Labels::decide(&labelled(&["1", "2"]), TaskChoice::Regression).unwrap();
    assert!(labels.targets(&labelled(&["inf"])).is_err());
}

#[test]
fn one_odd_label_among_numbers_is_pointed_out() {
    let mut written = vec!["1.5"; 19];
    written.push("much");
    let message = failure(&labelled(&written), TaskChoice::Auto);
    assert!(message.contains("line 21: expected a number, as nearly all other labels are, found `much`"), "{message}");
    let (labels, note) = Labels::decide(&labelled(&written), TaskChoice::Classification).unwrap();
    assert_eq!(labels, Labels::Classes(owned(&["1.5", "much"])));
    assert!(note.contains("but not `much` on line 21: mend what is a slip"), "{note}");
    let few: Vec<&str> = ["0", "1"].into_iter().cycle().take(20).chain(["yes"]).collect();
    let (_, note) = Labels::decide(&labelled(&few), TaskChoice::Auto).unwrap();
    assert!(note.contains("but not `yes` on line 22: mend what is a slip"), "{note}");
    let counted: Vec<String> = (0..30).map(|i| i.to_string()).collect();
    let counted: Vec<&str> = counted.iter().map(String::as_str).collect();
    assert!(failure(&labelled(&counted), TaskChoice::Auto).contains("every label"));
}

#[test]
fn there_must_be_something_to_learn() {
    assert!(failure(&labelled(&["a", "a"]), TaskChoice::Auto).contains("every label is `a`"));
    assert!(failure(&labelled(&["3", "3.0"]), TaskChoice::Auto).contains("every label is 3;"));
    assert!(failure(&tagged(&[(&["x", "y"], &["O", "O"])]), TaskChoice::Auto).contains("every tag is `O`"));
}

#[test]
fn a_missing_label_is_named_by_line() {
    let message = failure(&labelled(&["a", "", "b"]), TaskChoice::Auto);
    assert!(message.starts_with("train.tsv, line 3: the label is blank"), "{message}");
    let mut table = labelled(&["", ""]);
    table.header = owned(&["text", "lable"]);
    let message = failure(&table, TaskChoice::Auto);
    assert!(message.contains("its columns are text, lable; did you mean `lable`?"), "{message}");
    table.header.clear();
    assert!(failure(&table, TaskChoice::Regression).contains("this kind of file has no labels"));
    let (labels, _) = Labels::decide(&labelled(&["a", "b"]), TaskChoice::Auto).unwrap();
    assert!(labels.targets(&labelled(&["a", ""])).unwrap_err().to_string().contains("line 3: the label is blank"));
}

#[test]
fn an_unknown_label_is_named_with_the_known_ones() {
    let (labels, _) = Labels::decide(&labelled(&["positive", "negative"]), TaskChoice::Auto).unwrap();
    let mut dev = labelled(&["negative", "postive"]);
    dev.name = "dev.tsv".into();
    assert_eq!(
        labels.targets(&dev).unwrap_err().to_string(),
        "dev.tsv, line 3: the label `postive` is not in the training data, which has negative, positive; \
         did you mean `positive`?"
    );
}

#[test]
fn tagged_words_mean_tagging() {
    let table = tagged(&[(&["New", "York", "wins"], &["B", "I", "O"]), (&["yes"], &["O"])]);
    let (labels, note) = Labels::decide(&table, TaskChoice::Auto).unwrap();
    assert_eq!((&labels, note.as_str()), (&Labels::Tags(owned(&["B", "I", "O"])), "3 tags: B, I, O"));
    assert_eq!(labels.targets(&table).unwrap(), Targets::Tags(vec![vec![Some(0), Some(1), Some(2)], vec![Some(2)]]));
    let unknown = labels.targets(&tagged(&[(&["a"], &["X"])])).unwrap_err().to_string();
    assert!(unknown.contains("line 1: the tag `X` of `a` is not in the training data, which has B, I, O"), "{unknown}");
}

#[test]
fn tags_of_spans_are_recognised_and_a_stray_one_is_named() {
    let (_, note) = Labels::decide(&tagged(&[(&["a", "b"], &["B-x", "O"])]), TaskChoice::Auto).unwrap();
    assert!(note.ends_with("they mark spans, which are what is scored"), "{note}");
    let stray = tagged(&[(&["a", "b", "c", "d"], &["B-x", "B-y", "O", "o"])]);
    let (_, note) = Labels::decide(&stray, TaskChoice::Auto).unwrap();
    assert!(note.contains("but not `o`, which counts as outside"), "{note}");
}

#[test]
fn the_choice_must_fit_the_table() {
    let sentences = tagged(&[(&["a", "b"], &["O", "B"])]);
    for choice in [TaskChoice::Classification, TaskChoice::Regression] {
        assert!(failure(&sentences, choice).contains("leave --task away"));
    }
    assert!(failure(&labelled(&["a", "b"]), TaskChoice::Tagging).contains("found single texts"));
    let untagged = tagged(&[(&["a", "b"], &[])]);
    assert!(failure(&untagged, TaskChoice::Tagging).contains("line 1: found words without tags"));
    let (labels, _) = Labels::decide(&sentences, TaskChoice::Tagging).unwrap();
    assert!(labels.targets(&labelled(&["a"])).unwrap_err().to_string().contains("do not fit together"));
}

#[test]
fn many_classes_are_shortened_in_the_note() {
    let written: Vec<String> = (0..45).map(|i| format!("c{:02}", i % 30)).collect();
    let written: Vec<&str> = written.iter().map(String::as_str).collect();
    let (_, note) = Labels::decide(&labelled(&written), TaskChoice::Auto).unwrap();
    assert!(
        note.starts_with("30 classes: c00, c01") && note.contains("c09, ... (20 more); most labels occur once"),
        "{note}"
    );
}

#[test]
fn whole_numbers_of_few_kinds_are_classes_in_any_spelling() {
    let table = labelled(&["1", "0", "1.0", "0", "1", "0.0"]);
    let (labels, note) = Labels::decide(&table, TaskChoice::Auto).unwrap();
    assert_eq!(labels, Labels::Classes(owned(&["0", "1"])));
    assert!(note.contains("2 classes: 0, 1") && note.contains("--task regression"), "{note}");
    assert_eq!(labels.targets(&table).unwrap(), Targets::Classes(vec![1, 0, 1, 0, 1, 0]));
    let (labels, _) = Labels::decide(&table, TaskChoice::Regression).unwrap();
    assert_eq!(labels, Labels::Numbers);
    let many: Vec<String> = (0..60).map(|i| (i % 25).to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(Labels::decide(&labelled(&many), TaskChoice::Auto).unwrap().0, Labels::Numbers);
}

#[test]
fn two_spellings_of_one_letter_are_one_label() {
    let table = labelled(&["caf\u{e9}", "cafe\u{301}", "bar"]);
    let (labels, _) = Labels::decide(&table, TaskChoice::Auto).unwrap();
    assert_eq!(labels.targets(&table).unwrap(), Targets::Classes(vec![1, 1, 0]));
}

/// PEFT keeps no label names; what it loads has these in their place.
#[test]
fn numbers_are_known_by_placeholders() {
    let labels = Labels::Classes(owned(&["LABEL_0", "LABEL_1", "LABEL_2"]));
    assert_eq!(labels.targets(&labelled(&["2", "LABEL_1", "0"])).unwrap(), Targets::Classes(vec![2, 1, 0]));
    assert!(labels.targets(&labelled(&["3"])).is_err());
    let others = Labels::Classes(owned(&["LABEL_0", "LABEL_2"]));
    assert!(others.targets(&labelled(&["0"])).is_err(), "these count otherwise");
}

/// Parts in another order are no slips, and combinations hardly repeat because of what they are.
#[test]
fn lists_of_labels_are_not_called_slips_of_each_other() {
    let labels = ["login;billing", "billing;login", "Login;billing", "login", "billing", "login;refund", "refund"];
    let table = labelled(&labels.repeat(12));
    let refused = failure(&table, TaskChoice::Auto);
    assert!(refused.contains("look like several of one example: --task multi-label learns them so"), "{refused}");
    let (_, said) = Labels::decide(&table, TaskChoice::Classification).unwrap();
    assert!(said.contains("look like several of one example: then --task multi-label"), "{said}");
    assert!(!said.contains("write them alike") && !said.contains("mend it"), "{said}");
    // Without them the same spellings are told.
    let (_, said) = Labels::decide(&labelled(&["Login", "login", "billing"].repeat(12)), TaskChoice::Auto).unwrap();
    assert!(said.contains("and `login`") && said.contains("write them alike"), "{said}");
}
