//! Pretraining from the command line: a tokeniser and a language model from text, and tuning on top of it.

use crate::common::{ADAPTUNE, Bench, contents, json, listing, numbers, ok};
use serde_json::Value;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Sentences in which a word can be found from its neighbours.
fn corpus(lines: usize) -> String {
    let (animals, sounds) = (["dog", "cat", "cow", "duck"], ["barks", "purrs", "moos", "quacks"]);
    let places = ["house", "garden", "field", "yard", "barn"];
    let line = |i: usize| format!("The {} {} in the {}.\n", animals[i * 7 % 4], sounds[i * 7 % 4], places[i * 3 % 5]);
    (0..lines).map(line).collect()
}

const OPTIONS: &str = "--hidden 24 --layers 2 --heads 3 --positions 16 --vocabulary 300 --batch-size 16 --lr 5e-3";

fn pretrain(bench: &Bench, out: &str, more: &str) -> Value {
    json(&ok(&mut bench.command(&format!("pretrain --corpus corpus.txt --out {out} {OPTIONS} --json {more}"))))
}

fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("corpus.txt", corpus(400));
    bench
}

const FILES: [&str; 7] = [
    "config.json",
    "loss.svg",
    "metrics.jsonl",
    "model.safetensors",
    "run.json",
    "tokenizer.json",
    "tokenizer_config.json",
];

#[test]
fn a_model_is_trained_from_text_and_can_be_tuned() {
    let bench = bench();
    for arch in ["bert", "roberta"] {
        let more = if arch == "bert" { "--epochs 8" } else { "--arch roberta --epochs 8 --precision f16" };
        let closing = pretrain(&bench, arch, more);
        let perplexity = |when: &str| closing[when]["perplexity"].as_f64().expect("a number");
        assert!(perplexity("after") < 0.2 * perplexity("before"), "{closing}");
        assert_eq!(listing(&bench.path(arch)), FILES);
        let trained = json(&ok(&mut bench.train("tuned", &format!("--model {arch} --overwrite --json"))));
        assert!(trained["parameters"]["adapter"].as_u64() > Some(0), "{trained}");
    }
}

/// A decoder learns to go on with the texts, and is a base that can be tuned, asked and merged like any other.
#[test]
fn a_decoder_is_trained_from_text_and_goes_on_with_it() {
    let bench = bench();
    let closing = pretrain(&bench, "decoder", "--arch llama --epochs 8");
    let perplexity = |closing: &Value, when: &str| closing[when]["perplexity"].as_f64().expect("a number");
    assert!(perplexity(&closing, "after") < 0.3 * perplexity(&closing, "before"), "{closing}");
    let mut files = FILES.to_vec();
    files.insert(1, "generation_config.json");
    assert_eq!(listing(&bench.path("decoder")), files);
    let config = json(&fs::read_to_string(bench.path("decoder/config.json")).unwrap());
    assert_eq!((&config["architectures"][0], &config["model_type"]), (&"LlamaForCausalLM".into(), &"llama".into()));
    bench.write("own.txt", corpus(60));
    let train = "train --model decoder --train own.txt --dev 20% --task causal-language --method lora --epochs 2 --json --out tuned";
    let trained = json(&ok(&mut bench.command(train)));
    assert!(perplexity(&trained, "after") > 0.0, "{trained}");
    let eval = |line: &str| json(&ok(&mut bench.command(line)))["metrics"]["perplexity"].as_f64().unwrap();
    ok(&mut bench.command("merge --adapter tuned --out merged"));
    assert!(bench.path("merged/generation_config.json").exists());
    let score = |model: &str| ok(&mut bench.command(&format!("score {model} --input own.txt --json")));
    let [tuned, merged] = ["--adapter tuned", "--model merged"].map(|model| {
        let line = json(score(model).lines().next().unwrap());
        numbers(&line["logprobs"])
    });
    assert!(tuned.iter().zip(&merged).all(|(a, b)| (a - b).abs() < 1e-4), "{tuned:?}\n{merged:?}");
    assert!(eval("eval --adapter tuned --data own.txt --json") > 1.0);
    let option = format!("pretrain --corpus corpus.txt --out x {OPTIONS} --arch llama");
    for more in ["--summarise", "--hide 0.2", "--dropout 0.1"] {
        bench.refuses(&format!("{option} {more}"), &["is for encoders", "leave it away"]);
    }
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let bench = bench();
    for (name, arch) in [("bert", ""), ("llama", "--arch llama")] {
        let [one, three] = [1, 3].map(|threads| {
            let out = format!("{name}-{threads}");
            pretrain(&bench, &out, &format!("--epochs 1 --threads {threads} {arch}"));
            let mut files = contents(&bench.path(&out));
            files.remove("run.json"); // it names the folder
            files
        });
        assert_eq!(one, three);
    }
}

#[test]
fn a_run_that_was_killed_goes_on_to_the_same_end() {
    let bench = bench();
    let line = |out: &str| {
        format!("pretrain --corpus corpus.txt --out {out} {OPTIONS} --epochs 3 --checkpoint-every 5 --json")
    };
    ok(&mut bench.command(&line("whole")));
    for pause in [60, 250, 600] {
        let mut run = Command::new(ADAPTUNE);
        run.args(line("killed").split(' ')).current_dir(bench.path("")).stdout(Stdio::null()).stderr(Stdio::null());
        if bench.path("killed").exists() {
            run.arg("--resume");
        }
        let mut child = run.spawn().expect("the program starts");
        std::thread::sleep(Duration::from_millis(pause));
        child.kill().expect("it is there to be killed");
        child.wait().expect("it ends");
    }
    let resume = if bench.path("killed").exists() { " --resume" } else { "" };
    ok(&mut bench.command(&format!("{}{resume}", line("killed"))));
    let weights = |out: &str| contents(&bench.path(out))["model.safetensors"].clone();
    assert_eq!(weights("whole"), weights("killed"));
    assert_eq!(listing(&bench.path("killed")), FILES);
}

#[test]
fn what_cannot_be_trained_is_refused_before_anything_is_written() {
    let bench = bench();
    bench.write("empty.txt", "\n  \n");
    bench.write("short.txt", corpus(12));
    bench.write("binary.txt", [0xff, 0xfe, 0x00]);
    let line = |more: &str| format!("pretrain --out model2 {OPTIONS} {more}");
    for (more, words) in [
        ("--corpus empty.txt", vec!["empty.txt is empty", "one a line"]),
        ("--corpus nothing.txt", vec!["cannot read nothing.txt"]),
        ("--corpus short.txt", vec!["has 12 texts", "fewer than one batch of 16"]),
        ("--corpus binary.txt", vec!["expected UTF-8, found UTF-16", "iconv -f UTF-16"]),
        ("--corpus corpus.txt --max-length 17", vec!["--max-length is 17", "positions for 16"]),
        ("--corpus corpus.txt --max-length 2", vec!["leaves no room for text"]),
        ("--corpus corpus.txt --hide 1.5", vec!["--hide is 1.5"]),
    ] {
        bench.refuses(&line(more), &words);
        assert!(!bench.path("model2").exists(), "{more}");
    }
    let heads = "pretrain --out model2 --corpus corpus.txt --hidden 25 --heads 3";
    bench.refuses(heads, &["--heads is 3, but must divide the hidden size 25"]);
    bench.refuses(&format!("pretrain --corpus corpus.txt --out model {OPTIONS}"), &["is not empty"]);
}
