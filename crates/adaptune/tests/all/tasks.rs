//! `adaptune tasks`, and the names of built-in tasks in place of files.

use crate::common::{Bench, contents, json, listing, ok, text};
use std::fs;

#[test]
fn the_tasks_are_listed_with_a_sample_in_both_languages() {
    let bench = Bench::new();
    let listed = ok(&mut bench.command("tasks"));
    for task in json(&ok(&mut bench.command("tasks --json"))).as_array().unwrap() {
        let name = task["name"].as_str().unwrap();
        let row = listed.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(row.contains(task["about"].as_str().unwrap()), "{row}");
        assert!(row.contains(task["score"].as_str().unwrap()), "{row}");
        let labels: Vec<_> = task["labels"].as_array().unwrap().iter().map(|label| label.as_str().unwrap()).collect();
        assert!(listed.contains(&format!("{name}: {}", labels.join(", "))), "{listed}");
        for language in ["a", "b"] {
            let sample = &task["sample"][language];
            let first = sample["text"].as_str().or(sample["text_a"].as_str()).or(sample["words"][0].as_str());
            assert!(listed.contains(first.unwrap()), "{sample}");
        }
        let sizes = ["train", "dev", "test"].map(|split| task["examples"][split].as_u64().unwrap());
        assert!(sizes[0] > sizes[2] && sizes[2] > sizes[1], "{sizes:?}");
    }
    assert!(listed.contains("2,000") && listed.contains("builtin:sentiment@A"), "{listed}");
}

#[test]
fn exported_files_stand_for_their_names() {
    let bench = Bench::new();
    bench.trained("a", "");
    let said = ok(&mut bench.command("tasks --export world"));
    assert!(said.starts_with("39 files in world"), "{said}");
    let readme = fs::read_to_string(bench.path("world/README.md")).unwrap();
    assert!(readme.contains("| sentiment |") && readme.contains("builtin:sentiment@A:train"), "{readme}");
    let run = |line: &str| ok(&mut bench.command(&format!("{line} --model model --adapter a")));
    let file = run("predict --input world/sentiment.b.test.tsv");
    assert_eq!(file, run("predict --input builtin:sentiment@B:test"));
    assert_eq!(file, run("predict --input builtin:sentiment@b"), "without a split it is the test split");
    assert_eq!(file.lines().count(), 1000);
}

#[test]
fn a_task_can_be_learnt_by_its_name() {
    let bench = Bench::new();
    let names = "--train builtin:topic@A:train --dev builtin:topic@A:dev --epochs 1";
    let closing = json(&ok(&mut bench.train("a", &format!("{names} --json"))));
    assert!(closing["after"]["accuracy"].as_f64().is_some(), "{closing}");
    let head = json(&fs::read_to_string(bench.path("a/head_config.json")).unwrap());
    let labels = head["config"]["label2id"].as_object().unwrap();
    assert_eq!(labels.keys().collect::<Vec<_>>(), ["food", "home", "music", "science", "sport", "travel"]);
}

#[test]
fn an_export_is_the_same_every_time_and_replaces_nothing_unasked() {
    let bench = Bench::new();
    ok(&mut bench.command("tasks --export one"));
    ok(&mut bench.command("tasks --export deep/er/two"));
    let one = contents(&bench.path("one"));
    assert_eq!((one.len(), &one), (39, &contents(&bench.path("deep/er/two"))));
    bench.refuses("tasks --export one", &["one is not empty", "--overwrite"]);
    bench.write("one/notes.txt", "mine");
    bench.write("one/topic.a.dev.tsv", "old");
    ok(&mut bench.command("tasks --export one --overwrite"));
    let again = contents(&bench.path("one"));
    assert_eq!(again["topic.a.dev.tsv"], one["topic.a.dev.tsv"]);
    assert_eq!((text(&again["notes.txt"]), again.len()), ("mine".to_owned(), 40));
}

#[test]
fn what_an_interrupted_export_left_is_no_hindrance() {
    let bench = Bench::new();
    fs::create_dir_all(bench.path("world/.adaptune-x")).unwrap();
    ok(&mut bench.command("tasks --export world"));
    assert_eq!(listing(&bench.path("world")).len(), 40);
}

#[test]
fn wrong_names_are_refused_before_anything_is_made() {
    let bench = Bench::new();
    bench.refuses_to_train("--train builtin:sentimant@A:train", &["no task `sentimant`", "did you mean `sentiment`?"]);
    bench.refuses_to_train("--train builtin:topic@C:train", &["no language `C`", "There are A, B"]);
    bench.refuses_to_train("--train builtin:topic@A:trian", &["no split `trian`", "did you mean `train`?"]);
    bench.refuses_to_train("--train builtin:corpus@A", &["texts without labels"]);
    bench.refuses_to_train("--train builtin:tagging@A:train --text-column x", &["no named columns"]);
    bench.refuses("tasks --export model --json", &["cannot be used with"]);
    bench.refuses("tasks --export train.tsv", &["train.tsv is a file"]);
    bench.refuses("tasks --overwrite", &["--export"]);
}
