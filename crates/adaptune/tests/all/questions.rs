//! Questions about a context, from SQuAD's files to answers.

use crate::common::{Bench, json, json_lines, ok};
use serde_json::{Value, json};
use std::fs;

const NAMES: [&str; 3] = ["anna", "ben", "carla"];
const FILL: [&str; 7] = ["the", "film", "plot", "was", "saw", "one", "and"];

/// Questions whose answer is the one name in a context of so many words; every fourth has none, if some are to have none.
fn questions(count: usize, words: usize, some_without: bool) -> Vec<Value> {
    let question = |i: usize| {
        let mut context: Vec<&str> = (0..words).map(|word| FILL[(i * 5 + word * word + word) % 7]).collect();
        let (name, place) = (NAMES[i % 3], i * 7 % words);
        let answers = if some_without && i % 4 == 1 {
            json!([])
        } else {
            context[place] = name;
            json!([{ "text": name, "answer_start": context[..place].iter().map(|word| word.len() + 1).sum::<usize>() }])
        };
        json!({ "id": format!("q{i}"), "question": "it is", "context": context.join(" "), "answers": answers })
    };
    (0..count).map(question).collect()
}

/// As SQuAD nests them.
fn nested(questions: &[Value]) -> String {
    let paragraph = |question: &Value| {
        let mut question = question.clone();
        let context = question.as_object_mut().expect("an object").remove("context");
        json!({ "context": context, "qas": [question] })
    };
    let paragraphs: Vec<Value> = questions.iter().map(paragraph).collect();
    json!({ "version": "v2.0", "data": [{ "title": "films", "paragraphs": paragraphs }] }).to_string()
}

fn lines(questions: &[Value]) -> String {
    questions.iter().map(|question| format!("{question}\n")).collect()
}

#[test]
fn answers_are_learnt_measured_and_predicted() {
    let bench = Bench::new();
    bench.write("train.json", nested(&questions(96, 6, false)));
    bench.write("dev.jsonl", lines(&questions(24, 7, false)));
    let output = bench.train("a", "--train train.json --dev dev.jsonl --epochs 10").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("96 examples, questions whose answers are spans"), "{said}");
    let config = fs::read_to_string(bench.path("a/head_config.json")).unwrap();
    assert_eq!(json(&config)["config"]["head_type"], "question_answering");
    let found = json(&ok(&mut bench.command("eval --model model --adapter a --data dev.jsonl --json")));
    let score = |name: &str| found["metrics"][name].as_f64().unwrap();
    assert!(score("f1") > 0.9 && score("exact_match") > 0.9, "{found}");

    let predict = "predict --model model --adapter a --input dev.jsonl";
    for record in json_lines(&ok(&mut bench.command(&format!("{predict} --json --keep answers")))) {
        let place = |name: &str| record[name].as_u64().unwrap() as usize;
        let (answer, context) = (record["answer"].as_str().unwrap(), record["text"][1].as_str().unwrap());
        assert_eq!(&context[place("start")..place("end")], answer);
    }
    ok(&mut bench.command(&format!("{predict} --keep id --out answers.tsv")));
    let answers = fs::read_to_string(bench.path("answers.tsv")).unwrap();
    assert!(answers.starts_with("id\tpredicted\tscore\tstart\tend\nq0\tanna\t"), "{answers}");
    // A question and its context may stand in any table of pairs.
    bench.write("pairs.tsv", "question\tcontext\nit is\tthe ben saw\n");
    let plain = ok(&mut bench.command("predict --model model --adapter a --input pairs.tsv"));
    assert!(plain.starts_with("ben\t") && plain.ends_with("\tit is\tthe ben saw\n"), "{plain}");
}

#[test]
fn long_contexts_are_read_in_windows() {
    let bench = Bench::new();
    bench.write("train.json", nested(&questions(64, 24, true)));
    bench.write("dev.json", nested(&questions(24, 24, true)));
    let options = "--train train.json --dev dev.json --epochs 10 --max-length 15 --doc-stride 3";
    let output = bench.train("a", options).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    for words in ["16 have none", "64 of 64 questions", "windows, which overlap by up to 3 tokens"] {
        assert!(said.contains(words), "{said}");
    }
    assert_eq!(json(&fs::read_to_string(bench.path("a/run.json")).unwrap())["input"]["unanswerable"], true);
    let on_dev = "--model model --adapter a --doc-stride 3";
    let found = json(&ok(&mut bench.command(&format!("eval {on_dev} --data dev.json --json"))));
    assert!(found["metrics"]["exact_match"].as_f64().unwrap() > 0.8, "{found}");
    let records = json_lines(&ok(&mut bench.command(&format!("predict {on_dev} --input dev.json --json"))));
    assert_eq!(records.len(), 24, "one answer for each question");
    let of = |record: &Value| (record["answer"].as_str() == Some(""), record["start"].is_null());
    assert!(
        records.iter().any(|record| of(record) == (true, true))
            && records.iter().any(|record| of(record) == (false, false))
    );
}

#[test]
fn what_does_not_fit_is_refused() {
    let bench = Bench::new();
    let mut wrong = questions(8, 6, false);
    wrong[3]["answers"][0]["answer_start"] = 1.into();
    bench.write("wrong.jsonl", lines(&wrong));
    let words = ["wrong.jsonl, line 4", "is said to stand at letter 1", "counts letters"];
    bench.refuses_to_train("--train wrong.jsonl --dev wrong.jsonl", &words);
    bench.refuses_to_train("--task question-answering", &["measured from JSON", "answer_start"]);
    bench.write("train.jsonl", lines(&questions(16, 6, false)));
    let long = ["leaves no room for the context", "line 1"];
    bench.refuses_to_train("--train train.jsonl --dev train.jsonl --max-length 5", &long);
    bench.trained("a", "--train train.jsonl --dev train.jsonl --epochs 1");
    bench.refuses("train --model model --train train.jsonl --out f --folds 2", &["--folds is not for questions"]);
    bench.trained("b", "--train train.jsonl --dev train.jsonl --epochs 1 --from a");
    bench.refuses("eval --model model --adapter a --data train.jsonl --per-class", &["question answering"]);
    bench.write("one.txt", "the film\n");
    bench.refuses("predict --model model --adapter a --input one.txt", &["single texts", "pairs of texts"]);
}
