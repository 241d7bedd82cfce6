//! Several adapters that answer the same texts: `predict --adapter 'parallel(…)'`.

use crate::common::model::{self, Sizes};
use crate::common::{Bench, json, json_lines, ok};
use serde_json::Value;
use std::fs;

/// Adapters of four kinds: `mood` with classes, `stars` with numbers, `tags` for words, `kinds` with any number of labels.
fn bench() -> Bench {
    let bench = Bench::new();
    let lines = |label: &dyn Fn(usize) -> String| -> String {
        (0..32).map(|i| format!("a {} film\t{}\n", ["fine", "dull"][i % 2], label(i))).collect()
    };
    let stars = |i: usize| format!("{}.{}", if i.is_multiple_of(2) { 4 } else { 1 }, i % 7);
    bench.write("stars.tsv", format!("text\tlabel\n{}", lines(&stars)));
    let kinds = |i: usize| ["short|praise", "short", "", "blame"][i % 4].to_owned();
    bench.write("kinds.tsv", format!("text\tlabel\n{}", lines(&kinds)));
    bench.write("tags.conll", "a\tO\nfine\tADJ\nfilm\tNOUN\n\na\tO\ndull\tADJ\nstory\tNOUN\n\n".repeat(6));
    bench.trained("mood", "--method seq_bn[leave_out=[0],reduction_factor=2]");
    bench.trained("stars", "--train stars.tsv --dev stars.tsv --method lora[leave_out=[0],r=2] --seed 2 --epochs 1");
    bench.trained("tags", "--train tags.conll --dev tags.conll --method double_seq_bn --epochs 1");
    bench.trained("kinds", "--train kinds.tsv --dev kinds.tsv --task multi-label --epochs 1");
    bench.write("texts.txt", "a fine film\n\na dull story about a film\nfine\n");
    bench
}

const ALL: &str = "parallel(mood, stars, tags, kinds)";

/// What each adapter says by itself, as JSON, without the texts.
fn alone(bench: &Bench, adapter: &str, more: &str) -> Vec<Value> {
    let mut found =
        json_lines(&ok(&mut bench.command(&format!("predict --adapter {adapter} --input texts.txt --json {more}"))));
    for record in &mut found {
        record.as_object_mut().expect("an object").remove("text");
    }
    found
}

#[test]
fn each_adapter_answers_as_it_would_alone() {
    let bench = bench();
    let found = json_lines(&ok(&mut bench.command(&format!("predict --adapter '{ALL}' --input texts.txt --json"))));
    assert_eq!(found.len(), 4);
    for name in ["mood", "stars", "tags", "kinds"] {
        for (record, expected) in found.iter().zip(alone(&bench, name, "")) {
            assert_eq!(record["answers"][name], expected, "{name} of {record}");
        }
    }
    assert!(found[1]["answers"]["mood"]["label"].is_null() && found[2]["text"] == "a dull story about a film");
    // The batch changes nothing, and a stack is a part like any other.
    let line = "predict --adapter 'parallel(stack(mood, kinds), mood)' --input texts.txt --json --batch-size 1";
    let found = json_lines(&ok(&mut bench.command(line)));
    for (name, adapter) in [("kinds", "'stack(mood, kinds)'"), ("mood", "mood")] {
        for (record, expected) in found.iter().zip(alone(&bench, adapter, "")) {
            assert_eq!(record["answers"][name], expected, "{name} of {record}");
        }
    }
}

#[test]
fn a_table_has_columns_of_each_adapter() {
    let bench = bench();
    bench.write("in.csv", "id,text\n7,a fine film\n8,\n9,dull\n");
    ok(&mut bench.command(&format!("predict --adapter '{ALL}' --input in.csv --out out.csv --threshold 0.4")));
    let table = fs::read_to_string(bench.path("out.csv")).expect("a file");
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("id,text,mood,mood_probability,stars,tags,kinds,kinds_probability"));
    let (first, blank) = (lines.next().expect("a line"), lines.next().expect("a line"));
    assert!(first.starts_with("7,a fine film,") && first.split(',').count() == 8, "{first}");
    assert_eq!(blank, "8,,,,,,,");
    let expected = &alone(&bench, "kinds", "--threshold 0.4")[0]["label"];
    let labels: Vec<&str> = expected.as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert_eq!(first.split(',').nth(6), Some(labels.join("|").as_str()), "{first}");
    let shown = ok(&mut bench.command(&format!("predict --adapter '{ALL}' --input texts.txt")));
    assert_eq!(shown.lines().count(), 4 * 4);
    let tagged = shown.lines().find(|line| line.starts_with("tags\t")).expect("a line");
    assert!(tagged.starts_with("tags\ta/") && tagged.split(' ').count() == 3, "{tagged}");
    bench.write("taken.csv", "mood,text\nx,a fine film\n");
    bench.refuses(
        &format!("predict --adapter '{ALL}' --input taken.csv --out new.csv"),
        &["has a column `mood` already", "--keep"],
    );
}

#[test]
fn what_cannot_answer_in_parallel_is_named_with_its_place() {
    let bench = bench();
    model::write(&bench.path("other-base"), &Sizes::tiny(), 2);
    bench.trained("other", "--model other-base --name other --epochs 1");
    bench.trained("bare", "--epochs 1");
    fs::remove_file(bench.path("bare/head_config.json")).expect("it is there");
    fs::remove_file(bench.path("bare/model_head.safetensors")).expect("it is there");
    for (line, words) in [
        ("--adapter 'parallel(mood, bare)'", &["part 2, bare", "head"][..]),
        ("--adapter 'parallel(mood, other)'", &["part 2, other", "trained on other-base", "--model"]),
        ("--adapter 'parallel(mood, other)' --model model", &["part 2, other", "fingerprint"]),
        ("--adapter 'parallel(mood, nowhere)'", &["part 2, nowhere", "no folder"]),
        ("--adapter 'parallel(mood, stack(tags, nowhere))'", &["part 2, stack(tags, nowhere)", "no folder"]),
        ("--adapter 'parallel()'", &["nothing to put together"]),
        ("--adapter 'parallel(0.5*mood, 0.5*stars)'", &["no weights"]),
        ("--adapter 'parallel(mood, stars; both)'", &["nothing of its own"]),
        ("--adapter 'stack(mood, parallel(stars, tags))' --model model", &["stands outside of all others"]),
        ("--adapter 'paralel(mood, stars)' --model model", &["did you mean `parallel`"]),
        ("--adapter 'parallel(mood, stars)' --head mood", &["the head in its own folder"]),
        ("--adapter 'parallel(mood, stars)' --threshold 0.4", &["--threshold", "none of these adapters"]),
        ("--adapter 'parallel(mood, tags)' --out tags-out.conll", &["several adapters", ".conll"]),
    ] {
        bench.refuses(&format!("predict {line} --input texts.txt"), words);
    }
    bench.refuses("eval --adapter 'parallel(mood, stars)' --data dev.tsv", &["measured by itself"]);
    bench.write("pairs.jsonl", "{\"premise\": \"a\", \"hypothesis\": \"b\"}\n");
    let pairs = "--input pairs.jsonl --text-column premise --text-b-column hypothesis";
    bench.refuses(&format!("predict --adapter 'parallel(mood, stars)' {pairs}"), &["adapter `mood`", "pairs"]);
}

#[test]
fn inspect_draws_what_is_put_together() {
    let bench = bench();
    let shown = ok(&mut bench.command("inspect 'parallel(mood, stack(tags, kinds))'"));
    for line in ["parallel", "  mood", "  stack", "    tags", "folder  "] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    let shown = json(&ok(&mut bench.command("inspect 'parallel(mood, stack(tags, kinds))' --json")));
    assert_eq!(
        (&shown["setup"], shown["folders"].as_array().map(Vec::len)),
        (&"parallel(mood, stack(tags, kinds))".into(), Some(3))
    );
    bench.refuses("inspect 'parallel(mood, nowhere)'", &["nowhere is no folder"]);
}
