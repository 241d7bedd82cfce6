//! Training vectors of texts: from files of pairs, triplets and scored pairs to adapters without a head.

use crate::common::{Bench, json, json_lines, listing, numbers, ok};
use serde_json::Value;
use std::fs;

const WORDS: [[&str; 2]; 6] =
    [["good", "fine"], ["bad", "poor"], ["anna", "ben"], ["plot", "story"], ["saw", "film"], ["one", "the"]];

/// Anchors and positives that share a meaning, and if they are wanted negatives of another.
fn pairs(count: usize, with_negatives: bool) -> String {
    let row = |i: usize| {
        let ([anchor, positive], [_, negative]) = (WORDS[i % 6], WORDS[(i + 1 + i % 3) % 6]);
        let (fill, end) = (["the", "film was"][i % 2], if i.is_multiple_of(5) { " and the plot" } else { "" });
        let pair = format!("{fill} {anchor}{end}\t{positive} {fill}");
        if with_negatives { format!("{pair}\t{negative} {fill}\n") } else { format!("{pair}\n") }
    };
    let header = if with_negatives { "anchor\tpositive\tnegative\n" } else { "anchor\tpositive\n" };
    header.to_owned() + &(0..count).map(row).collect::<String>()
}

/// Pairs that are near if they share words.
fn scored(count: usize) -> String {
    let row = |i: usize| {
        let (a, b) = (WORDS[i % 6][0], WORDS[i * 5 % 4][i % 2]);
        let score = if a == b { 5.0 } else { f64::from((i % 7) as u32) / 2.0 };
        format!("the {a} film\tthe {b}\t{score}\n")
    };
    "sentence1\tsentence2\tscore\n".to_owned() + &(0..count).map(row).collect::<String>()
}

fn run_of(bench: &Bench, out: &str) -> Value {
    json(&fs::read_to_string(bench.path(out).join("run.json")).expect("a file"))
}

#[test]
fn pairs_are_learnt_and_saved_without_a_head() {
    let bench = Bench::new();
    bench.write("train.tsv", pairs(60, false));
    bench.write("dev.tsv", pairs(12, false));
    let output = bench.train("a", "--task embedding --method lora --matryoshka 4,2").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    for words in [
        "60 examples, pairs of texts that belong together",
        "by the pooling mean, trained by multiple_negatives[scale=20,symmetric=false], of their first 4, 2 numbers too",
        "recall@1",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let files = listing(&bench.path("a"));
    assert!(
        !files.iter().any(|name| name.contains("head")) && files.contains(&"adapter.safetensors".into()),
        "{files:?}"
    );
    let run = run_of(&bench, "a");
    assert_eq!((&run["embedding"]["pooling"], &run["embedding"]["normalize"]), (&"mean".into(), &true.into()));
    assert_eq!(run["embedding"]["beginnings"], serde_json::json!([4, 2]));
    let card = fs::read_to_string(bench.path("a/README.md")).unwrap();
    for words in [
        "for sentence embeddings, without a head",
        "adaptune embed --model model",
        "normalize((hidden * mask).sum(1)",
        "with_head=False",
    ] {
        assert!(card.contains(words), "{words}: {card}");
    }
    bench.write("texts.txt", "the good film\nanna\n");
    let vectors = json_lines(&ok(&mut bench.command("embed --adapter a --input texts.txt --json")));
    let length = numbers(&vectors[0]["embedding"]).iter().map(|x| x * x).sum::<f64>();
    assert!((length - 1.0).abs() < 1e-5, "as long as 1, as in training: {length}");
    let measured = json(&ok(&mut bench.command("eval --adapter a --data dev.tsv --json")));
    let last = fs::read_to_string(bench.path("a/metrics.jsonl")).unwrap();
    let records = json_lines(&last);
    let best = records.iter().rev().find(|record| record["best"] == true).expect("an evaluation");
    assert_eq!(measured["metrics"]["mrr"], best["metrics"][2][1], "as in training: {best}");
    bench.refuses("predict --adapter a --input texts.txt", &["embed"]);
}

#[test]
fn every_kind_of_data_and_loss_is_trained() {
    let bench = Bench::new();
    bench.write("triplets.tsv", pairs(24, true));
    bench.write("scores.tsv", scored(24));
    let list = |i: usize| {
        let film = format!("the {}film", "good ".repeat(i));
        format!("{{\"anchor\": \"{film}\", \"positive\": \"a film\", \"negatives\": [\"anna\", \"ben\"]}}\n")
    };
    bench.write("lists.jsonl", (0..9).map(list).collect::<String>());
    for (i, (data, options)) in [
        ("triplets.tsv", "--loss triplet[margin=0.2]"),
        ("triplets.tsv", "--loss multiple_negatives[symmetric=true] --pooling last"),
        ("lists.jsonl", "--pooling max --batching by-length"),
        ("scores.tsv", "--dev scores.tsv --test scores.tsv --metric pearson"),
        ("scores.tsv", "--pooling first --method full"),
    ]
    .into_iter()
    .enumerate()
    {
        let dev = if options.contains("--dev") { "" } else { "--dev 20%" };
        let line = format!("--task embedding --train {data} {dev} --epochs 1 {options} --json");
        let result = json(&ok(&mut bench.train(&format!("run{i}"), &line)));
        assert!(result["after"].is_object(), "{result}");
    }
    assert_eq!(run_of(&bench, "run3")["embedding"]["loss"], "cosent[scale=20]");
    assert_eq!(run_of(&bench, "run4")["embedding"]["pooling"], "cls");
}

#[test]
fn a_training_goes_on_from_another_and_upon_others() {
    let bench = Bench::new();
    bench.write("train.tsv", pairs(24, true));
    bench.write("dev.tsv", pairs(12, false));
    let usual = "--task embedding --dev 20% --epochs 1 --pooling max --method lora";
    bench.trained("a", usual);
    bench.trained("b", "--from a --dev 20% --epochs 1");
    let run = run_of(&bench, "b");
    assert_eq!((&run["embedding"]["pooling"], &run["from"]), (&"max".into(), &"a".into()));
    bench.trained("c", &format!("{usual} --below a --name c"));
    bench.write("texts.txt", "the good film\n");
    let vectors = |adapter: &str| {
        ok(&mut bench.command(&format!("embed --model model --adapter {adapter} --input texts.txt --json")))
    };
    let all = ["a", "b", "c"].map(vectors);
    assert!(all[0] != all[1] && all[0] != all[2]);
}

#[test]
fn what_does_not_fit_is_refused() {
    let bench = Bench::new();
    bench.write("pairs.tsv", pairs(12, false));
    bench.write("scores.tsv", scored(12));
    let train = |data: &str, more: &str| format!("--task embedding --train {data} --dev {data} {more}");
    bench.refuses_to_train(
        &train("pairs.tsv", "--loss cosent"),
        &["--loss cosent: it is for pairs with a score", "multiple_negatives or triplet"],
    );
    bench.refuses_to_train(&train("scores.tsv", "--loss triplet"), &["it is for texts that belong together"]);
    bench.refuses_to_train(&train("pairs.tsv", "--loss triplet"), &["no negative"]);
    bench.refuses_to_train(&train("scores.tsv", "--loss cosine"), &["a cosine is from −1 to 1"]);
    bench.refuses_to_train(&train("pairs.tsv", "--loss cosent[margin=1]"), &["expected scale"]);
    bench.refuses_to_train(&train("pairs.tsv", "--matryoshka 4,4000"), &["--matryoshka 4000"]);
    bench.refuses_to_train(&train("pairs.tsv", "--accumulate 2"), &["cannot be accumulated in parts"]);
    bench.refuses_to_train(&train("pairs.tsv", "--head-layers 2"), &["there is no head"]);
    bench.refuses_to_train("--loss cosent", &["--loss is for --task embedding"]);
    bench.refuses_to_train("--task embedding", &["expected two texts to compare", "--text-b-column"]);
}

/// What AutoModel loads in Python, as `peft` names it.
#[test]
fn peft_has_it_as_an_adapter_of_the_plain_model() {
    let bench = Bench::new();
    bench.write("train.tsv", pairs(24, false));
    bench.trained("a", "--task embedding --train train.tsv --dev 20% --epochs 1 --method lora");
    ok(&mut bench.command("convert --adapter a --to peft --out p"));
    let config = json(&fs::read_to_string(bench.path("p/adapter_config.json")).unwrap());
    assert_eq!(config["task_type"], "FEATURE_EXTRACTION");
    let bytes = fs::read(bench.path("p/adapter_model.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert!(file.names().iter().all(|name| name.starts_with("base_model.model.encoder.layer.")), "{:?}", file.names());
    assert!(!listing(&bench.path("p")).iter().any(|name| name.contains("head")));
    bench.write("texts.txt", "the good film\nanna\n");
    let vectors =
        |adapter: &str| ok(&mut bench.command(&format!("embed --adapter {adapter} --input texts.txt --json")));
    assert_eq!(vectors("a"), vectors("p"));
    ok(&mut bench.command("convert --adapter p --to adapterhub --out h"));
    assert_eq!(vectors("a"), vectors("h"));
    ok(&mut bench.train("d", "--task embedding --train train.tsv --dev 20% --epochs 1 --method dora"));
    let config = json(&fs::read_to_string(bench.path("d/adapter_config.json")).unwrap());
    assert_eq!((&config["task_type"], &config["use_dora"]), (&"FEATURE_EXTRACTION".into(), &true.into()));
    assert_eq!(json_lines(&vectors("d")).len(), 2);
}
