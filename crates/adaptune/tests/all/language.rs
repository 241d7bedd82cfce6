//! Decoders that are trained to go on with texts and to answer: `train`, `eval`, `generate`, `chat`.

use crate::common::{Bench, decoder, json, json_lines, listing, ok};
use adaptune_test_support::assets;
use serde_json::{Value, json};
use std::fs;

/// What a run of a language model leaves behind: it has no head.
const FILES: [&str; 6] =
    ["README.md", "adapter_config.json", "adapter_model.safetensors", "loss.svg", "metrics.jsonl", "run.json"];

/// A tiny decoder in `decoder`, conversations in `chat.jsonl` and `dev.jsonl`.
fn bench() -> Bench {
    let bench = Bench::new();
    decoder::write(&bench.path("decoder"), Some(decoder::TEMPLATE));
    bench.write("chat.jsonl", decoder::conversations(36));
    bench.write("dev.jsonl", decoder::conversations(12));
    bench
}

const TRAIN: &str = "train --model decoder --train chat.jsonl --dev dev.jsonl --method lora[r=8,alpha=16,attn_matrices=[q,k,v,o],\
                     intermediate_lora=True,output_lora=True] --epochs 30 --batch-size 4 --lr 2e-2 --name mine";

/// The task is found in the data; what is said and written is what was trained.
#[test]
fn a_decoder_learns_to_answer() {
    let bench = bench();
    let output = bench.command(&format!("{TRAIN} --out a")).output().expect("it runs");
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(output.status.success(), "{said}");
    assert!(said.contains("train: 36 conversations, ") && said.contains(" examples of at most 48 tokens"), "{said}");
    assert!(said.contains("before training: dev loss"), "{said}");
    assert_eq!(listing(&bench.path("a")), FILES);
    let run = json(&fs::read_to_string(bench.path("a/run.json")).expect("a file"));
    assert_eq!((&run["language"]["chat_template"], &run["max_length"]), (&decoder::TEMPLATE.into(), &48.into()));
    let card = fs::read_to_string(bench.path("a/README.md")).expect("a file");
    assert!(
        card.contains("adaptune chat --model decoder --adapter FOLDER") && card.contains("AutoModelForCausalLM"),
        "{card}"
    );

    let measured = json(&ok(&mut bench.command("eval --adapter a --data dev.jsonl --json")));
    let perplexity = measured["metrics"]["perplexity"].as_f64().expect("a number");
    assert!(perplexity < 1.5, "{measured}");
    let history = json_lines(&fs::read_to_string(bench.path("a/metrics.jsonl")).expect("a file"));
    let before = history[0]["metrics"][0][1].as_f64().expect("a number");
    assert!(before > 10.0, "{before}");
    let best = history.iter().rfind(|record| record["best"] == true).expect("one is best");
    let found = (best["metrics"][0][1].as_f64().expect("a number") - perplexity).abs();
    assert!(found < 1e-4, "the best epoch is kept: {best} {measured}");

    let question = "what color has the snow ?";
    let answer = ok(&mut bench.command(&format!("generate --adapter a --chat --prompt '{question}'")));
    assert_eq!(answer, "it is white .\n");
    let talk = |line: &str, input: &str| ok(bench.command(line).write_stdin(input));
    let turns = format!("{question}\n\nwhat color has the grass ?\n/reset\n{question}\n/exit\nwhat\n");
    assert_eq!(talk("chat --adapter a", &turns), "it is white .\nit is green .\nit is white .\n");
    let records = json_lines(&talk("chat --adapter a --json", &turns));
    assert_eq!(
        (records.len(), &records[1]["text"], &records[1]["prompt"]),
        (3, &"it is green .".into(), &"what color has the grass ?".into())
    );
    assert_eq!(records[0], records[2]);
    ok(&mut bench.command("score --adapter a --input dev.tsv"));
    bench.refuses("predict --adapter a --input dev.tsv", &["predicts no labels", "adaptune generate"]);
}

/// Texts, running text and completions; more data, a share kept aside, JSON.
#[test]
fn texts_and_completions_are_learnt_too() {
    let bench = bench();
    bench.write("texts.jsonl", decoder::texts(40));
    bench.write("running.txt", "the sky is blue .\nthe grass is green .\n".repeat(30));
    let line = |i: usize| {
        format!(
            "{}\n",
            json!({ "prompt": "the sky is", "completion": if i.is_multiple_of(2) { " blue ." } else { " blue . yes" } })
        )
    };
    bench.write("completions.jsonl", (0..24).map(line).collect::<String>());
    let common =
        "train --model decoder --method seq_bn[reduction_factor=2] --epochs 12 --batch-size 2 --lr 1e-2 --json";
    for (data, out) in [("texts.jsonl", "a"), ("running.txt", "b")] {
        bench.refuses(&format!("{common} --train {data} --out {out}"), &["label"]);
        let task = "--task causal-language --dev 20%";
        let closing = json(&ok(&mut bench.command(&format!("{common} --corpus {data} {task} --out {out}"))));
        let perplexity = |when: &str| closing[when]["perplexity"].as_f64().expect("a number");
        assert!(perplexity("after") < 0.3 * perplexity("before") && closing["helped"] == true, "{closing}");
        assert_eq!(closing["parameters"]["head"], 0);
    }
    ok(&mut bench.command(&format!("{common} --train completions.jsonl --out c --max-length 24")));
    let written = ok(&mut bench.command("generate --adapter c --prompt 'the sky is' --json"));
    assert!(json(&written)["text"].as_str().expect("a text").starts_with("blue ."), "{written}");
    // Longer than a sequence of training.
    let run = json(&fs::read_to_string(bench.path("c/run.json")).expect("a file"));
    assert!(run["max_length"] == 24 && run["language"]["chat_template"].is_null(), "{run}");
    ok(&mut bench.command("train --from b --train running.txt --out d --epochs 1"));
    ok(&mut bench.command("convert --adapter a --to adapterhub --out e"));
    bench.refuses("convert --adapter a --to peft --out f", &["PEFT"]);
}

#[test]
fn what_does_not_fit_is_refused_before_anything_is_trained() {
    let bench = bench();
    decoder::write(&bench.path("plain"), None);
    let refuses = |more: &str, words: &[&str]| {
        bench.refuses(&format!("train --out out {more}"), words);
        assert!(!bench.path("out").exists(), "{more}");
    };
    refuses("--model model --train chat.jsonl", &["this base is an encoder", "take a decoder"]);
    refuses("--model plain --train chat.jsonl", &["line 1: the model has no chat template", "--chat-template chatml"]);
    refuses("--model decoder --train chat.jsonl --method head", &["nothing would train"]);
    refuses("--model decoder --train chat.jsonl --folds 3", &["--folds is not for --task causal-language"]);
    refuses("--model decoder --train chat.jsonl --pooling mean", &["--pooling is not for"]);
    refuses(
        "--model decoder --train chat.jsonl --max-length 8",
        &["line 1: what stands before the first answer fills all of the 8"],
    );
    refuses("--model decoder --train train.tsv --chat-template chatml", &["--chat-template is for conversations"]);
    refuses(
        "--model decoder --train chat.jsonl --dev train.tsv",
        &["train.tsv: found texts, but the training data are conversations"],
    );
    let turns =
        |roles: &[&str]| -> Vec<Value> { roles.iter().map(|role| json!({ "role": role, "content": "yes" })).collect() };
    let bad = json!({ "messages": turns(&["user", "assistant", "assistant"]) });
    bench.write("bad.jsonl", format!("{}{bad}\n", decoder::conversations(1)));
    refuses("--model decoder --train bad.jsonl", &["bad.jsonl, line 2: messages 2 and 3 are two answers in a row"]);
    bench.write("wrong.jinja", "{% if %}");
    refuses(
        "--model decoder --train chat.jsonl --chat-template wrong.jinja",
        &["--chat-template", "wrong.jinja", "line 1 of the template"],
    );
    bench.write("strict.jinja", "{{ raise_exception('never') }}");
    refuses(
        "--model decoder --train chat.jsonl --chat-template strict.jinja",
        &["line 1: strict.jinja refuses the conversation: never"],
    );
    bench.refuses("chat --model plain", &["no chat template"]);
    bench.refuses("generate --model decoder --prompt a --system b", &["--chat"]);
    let output = bench
        .command("chat --model decoder --max-length 12")
        .write_stdin("what color has the sky ? what color has the grass ?\n")
        .output();
    let said = String::from_utf8(output.expect("it runs").stderr).expect("text");
    assert!(said.contains("fills the 12 that there is room for"), "{said}");
}

/// What no file can hold is found out before it is trained; what one can hold is trained, saved and used.
#[test]
fn gpt2_stores_queries_keys_and_values_as_one() {
    let bench = bench();
    decoder::write_gpt2(&bench.path("gpt2"));
    bench.write("texts.jsonl", decoder::texts(12));
    let train = "train --model gpt2 --train texts.jsonl --task causal-language --epochs 2 --batch-size 2";
    let words = [
        "--method lora[attn_matrices=[q,o]]: what would be trained could not be saved: out/adapter_config.json",
        "attn.c_attn",
    ];
    bench.refuses(&format!("{train} --out out --method lora[attn_matrices=[q,o]]"), &words);
    assert!(!bench.path("out").exists());
    for (out, method) in
        [("a", "lora"), ("b", "lora[attn_matrices=[o],output_lora=True]"), ("c", "seq_bn"), ("d", "prefix_tuning")]
    {
        ok(&mut bench.command(&format!("{train} --out {out} --method {method}")));
        ok(&mut bench.command(&format!("generate --adapter {out} --prompt 'the sky' --max-new-tokens 3")));
    }
}

/// A real decoder and its own tokenizer, on texts of another style.
#[test]
fn a_real_decoder_learns_another_style() {
    let Some(assets) = assets() else { return };
    let (bench, model) = (Bench::new(), assets.join("models/stories260k"));
    let plays = fs::read_to_string(assets.join("data/tinyshakespeare/input.txt")).expect("a file");
    bench.write("plays.txt", plays.chars().take(30_000).collect::<String>());
    let line = format!(
        "train --model {} --train plays.txt --task causal-language --dev 10% --method lora[r=8,alpha=16] --epochs 2 --batch-size 4 \
         --max-length 128 --out a --json",
        model.display()
    );
    let closing = json(&ok(&mut bench.command(&line)));
    let perplexity = |when: &str| closing[when]["perplexity"].as_f64().expect("a number");
    assert!(perplexity("after") < 0.7 * perplexity("before"), "{closing}");
}
