//! Every command on a tiny model: what it prints, what it writes, and that the commands agree with each other.

use crate::common::{Bench, RUN_FILES, data, json, json_lines, listing, numbers, ok, refused};
use predicates::prelude::*;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// The index of the largest number.
fn largest(values: &[f64]) -> usize {
    (0..values.len()).fold(0, |best, i| if values[i] > values[best] { i } else { best })
}

/// `eval --json`'s metrics.
fn metrics(bench: &Bench, out: &str, data: &str) -> Value {
    let line = format!("eval --model model --adapter {out} --data {data} --json");
    json(&ok(&mut bench.command(&line)))["metrics"].clone()
}

fn predictions(bench: &Bench, out: &str, input: &str) -> Vec<Value> {
    let line = format!("predict --model model --adapter {out} --input {input} --json");
    json_lines(&ok(&mut bench.command(&line)))
}

/// The probability of each label, in the order of the labels' letters.
fn probabilities(prediction: &Value) -> Vec<f64> {
    let by_name = prediction["probabilities"].as_object().expect("an object");
    by_name.values().map(|probability| probability.as_f64().expect("a number")).collect()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-6 * (1.0 + a.abs())
}

#[test]
fn train_prints_a_table_and_leaves_a_complete_folder() {
    let bench = Bench::new();
    let out = ok(&mut bench.train("runs/sst", ""));
    let rows = ["frozen parameters", "trained parameters", "adapter", "head", "of all", "time", "saved in runs/sst"];
    for row in rows.into_iter().chain(["dev accuracy before", "dev accuracy after (epoch"]) {
        assert!(out.contains(row), "{row}:\n{out}");
    }
    assert_eq!(out.contains("peak memory"), cfg!(target_os = "linux"));
    let folder = bench.path("runs/sst");
    assert_eq!(listing(&folder), RUN_FILES);
    assert_eq!(json(&fs::read_to_string(folder.join("adapter_config.json")).unwrap())["name"], "mine");
    assert!(fs::read_to_string(folder.join("loss.svg")).unwrap().starts_with("<svg"));
    let run = json(&fs::read_to_string(folder.join("run.json")).unwrap());
    assert_eq!((&run["model"], &run["method"], &run["max_length"]), (&"model".into(), &"seq_bn".into(), &24.into()));
    others_can_read(&bench, &folder);
}

/// Every file has the permissions that any new file gets.
#[cfg(unix)]
fn others_can_read(bench: &Bench, folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode();
    let ordinary = mode(&bench.write("ordinary", "x"));
    for file in RUN_FILES {
        assert_eq!(mode(&folder.join(file)), ordinary, "{file}");
    }
}

#[cfg(not(unix))]
fn others_can_read(_: &Bench, _: &Path) {}

#[test]
fn training_learns_and_its_records_agree_with_what_it_prints() {
    let bench = Bench::new();
    let closing = json(&ok(&mut bench.train("a", "--json")));
    let records = json_lines(&fs::read_to_string(bench.path("a/metrics.jsonl")).unwrap());
    let (steps, evaluations): (Vec<&Value>, Vec<&Value>) = records.iter().partition(|r| r["event"] == "step");
    assert_eq!((steps.len(), evaluations.len()), (4 * 12, 5));
    let accuracy = |evaluation: &Value| evaluation["metrics"][0][1].as_f64().unwrap();
    assert_eq!(closing["before"]["accuracy"], accuracy(evaluations[0]));
    let best = evaluations[1..].iter().map(|e| accuracy(e)).fold(0.0, f64::max);
    assert_eq!(closing["after"]["accuracy"], best);
    assert!(accuracy(evaluations[0]) < 0.8 && best >= 0.9, "the labels follow from the words, but accuracy is {best}");
    let at = closing["best_epoch"].as_u64().unwrap() as usize;
    assert_eq!((accuracy(evaluations[at]), evaluations[at]["best"].as_bool()), (best, Some(true)));
    assert_eq!(metrics(&bench, "a", "dev.tsv")["accuracy"], best, "what was saved is the best epoch");
}

/// Every family of methods through training, saving, loading and predicting.
#[test]
fn methods_of_every_family_train_and_predict() {
    let bench = Bench::new();
    let text = "prompt_tuning[prompt_length=3,prompt_init=from_string,prompt_init_text=good]";
    for (out, method) in [
        ("text", text),
        ("random", "prompt_tuning[prompt_length=3,combine=prefix_after_bos]"),
        ("prefix", "prefix_tuning[prefix_length=2,bottleneck_size=4,use_gating=True]|lora[r=2]"),
        ("reft", "loreft[suffix_positions=1]"),
        ("inverse", "seq_bn_inv[reduction_factor=4]"),
    ] {
        let closing = json(&ok(&mut bench.train(out, &format!("--json --epochs 1 --method {method}"))));
        assert_eq!(metrics(&bench, out, "dev.tsv")["accuracy"], closing["after"]["accuracy"], "{method}");
    }
    let config = json(&fs::read_to_string(bench.path("text/adapter_config.json")).unwrap());
    assert_eq!(config["config"]["prompt_init_text"], "good");
    let wordless = "--method prompt_tuning[prompt_init=from_string]";
    assert!(refused(&mut bench.train("none", wordless)).contains("set prompt_init_text"));
}

#[test]
fn eval_scores_what_predict_predicts() {
    let bench = Bench::new();
    bench.trained("a", "");
    let rows = data::disputed_reviews(33, 2);
    bench.write("test.tsv", data::tsv(&rows));
    let predictions = predictions(&bench, "a", "test.tsv");
    assert_eq!(predictions.len(), rows.len());
    for (prediction, (text, _)) in predictions.iter().zip(&rows) {
        let (logits, probabilities) = (numbers(&prediction["logits"]), probabilities(prediction));
        let sum: f64 = logits.iter().map(|z| z.exp()).sum();
        assert!(logits.iter().zip(&probabilities).all(|(z, p)| close(z.exp() / sum, *p)), "{prediction}");
        let label = ["bad", "good"][largest(&logits)];
        assert_eq!((&prediction["text"], &prediction["label"]), (&text.as_str().into(), &label.into()));
    }
    let right = predictions.iter().zip(&rows).filter(|(prediction, (_, label))| prediction["label"] == *label).count();
    assert!((20..33).contains(&right), "{right} of 33, of which 7 are wrong on purpose");
    assert_eq!(metrics(&bench, "a", "test.tsv")["accuracy"], right as f64 / 33.0);
    let table = ok(&mut bench.command("eval --model model --adapter a --data dev.tsv"));
    for row in ["examples", "loss", "accuracy", "macro_f1", "matthews_correlation"] {
        assert!(table.contains(row), "{table}");
    }
}

#[test]
fn texts_come_from_a_file_a_table_or_standard_input() {
    let bench = Bench::new();
    bench.trained("a", "");
    let rows = data::reviews(5, 3);
    let lines: String = rows.iter().map(|(text, _)| format!("{text}\n")).collect();
    bench.write("texts.txt", &lines);
    bench.write("texts.tsv", data::tsv(&rows));
    let predict = |input: &str| bench.command(&format!("predict --model model --adapter a --input {input}"));
    let plain = ok(&mut predict("texts.txt"));
    assert_eq!(plain, ok(&mut predict("texts.tsv")));
    assert_eq!(plain, ok(predict("-").write_stdin(lines)));
    for (line, prediction) in plain.lines().zip(predictions(&bench, "a", "texts.txt")) {
        let best = probabilities(&prediction).into_iter().fold(0.0, f64::max);
        let (label, text) = (prediction["label"].as_str().unwrap(), prediction["text"].as_str().unwrap());
        assert_eq!(line, format!("{label}\t{best:.4}\t{text}"));
    }
}

#[test]
fn predictions_do_not_depend_on_the_batch() {
    let bench = Bench::new();
    bench.trained("a", "");
    let logits = |size: usize| -> Vec<f64> {
        let line = format!("predict --model model --adapter a --input dev.tsv --json --batch-size {size}");
        json_lines(&ok(&mut bench.command(&line))).iter().flat_map(|p| numbers(&p["logits"])).collect()
    };
    let (alone, together) = (logits(1), logits(5));
    assert_eq!((alone.len(), together.len()), (64, 64));
    assert!(alone.iter().zip(&together).all(|(a, b)| (a - b).abs() < 1e-5), "{alone:?}\n{together:?}");
}

#[test]
fn numbers_are_learnt_from_csv() {
    let bench = Bench::new();
    bench.write("train.csv", data::csv(&data::scores(160, 1)));
    let rows = data::scores(40, 2);
    bench.write("dev.csv", data::csv(&rows));
    bench.trained("a", "--train train.csv --dev dev.csv");
    let predicted: Vec<f64> =
        predictions(&bench, "a", "dev.csv").iter().map(|p| p["label"].as_f64().unwrap()).collect();
    let square = |(value, (_, label)): (&f64, &(String, String))| (value - label.parse::<f64>().unwrap()).powi(2);
    let error = predicted.iter().zip(&rows).map(square).sum::<f64>() / rows.len() as f64;
    let metrics = metrics(&bench, "a", "dev.csv");
    assert!(close(metrics["mean_squared_error"].as_f64().unwrap(), error), "{metrics} {error}");
    assert!(metrics["pearson"].as_f64().unwrap() > 0.8, "{metrics}");
    let first = &predictions(&bench, "a", "dev.csv")[0];
    assert!(first.get("probabilities").is_none() && first["logits"][0] == first["label"], "{first}");
    let plain = ok(&mut bench.command("predict --model model --adapter a --input dev.csv"));
    assert_eq!(plain.lines().next().unwrap(), format!("{:.4}\t{}", predicted[0], rows[0].0));
}

#[test]
fn pairs_are_learnt_from_json_lines() {
    let bench = Bench::new();
    bench.write("train.jsonl", data::pairs_json(&data::pairs(128, 1)));
    let rows = data::pairs(24, 2);
    bench.write("dev.jsonl", data::pairs_json(&rows));
    bench.trained("a", "--train train.jsonl --dev dev.jsonl");
    let predictions = predictions(&bench, "a", "dev.jsonl");
    let right = predictions.iter().zip(&rows).filter(|(prediction, row)| prediction["label"] == row.2).count();
    assert_eq!(metrics(&bench, "a", "dev.jsonl")["accuracy"], right as f64 / rows.len() as f64);
    assert!(right >= 22, "{right} of 24");
    assert_eq!(predictions[3]["text"], serde_json::json!([rows[3].0, rows[3].1]));
}

#[test]
fn tags_are_learnt_from_conll() {
    let bench = Bench::new();
    bench.write("train.conll", data::conll(&data::sentences(96, 1)));
    bench.write("dev.conll", data::conll(&data::sentences(24, 2)));
    bench.trained("a", "--train train.conll --dev dev.conll");
    let rows = data::disputed_sentences(24, 3);
    bench.write("test.conll", data::conll(&rows));
    let texts: Vec<String> = rows.iter().map(|words| words.iter().map(|w| w.0).collect::<Vec<_>>().join(" ")).collect();
    bench.write("texts.txt", texts.join("\n"));
    let predictions = predictions(&bench, "a", "texts.txt");
    let tags = |prediction: &Value| -> Vec<String> {
        prediction["label"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap().to_owned()).collect()
    };
    let pairs: Vec<_> = predictions.iter().zip(&rows).flat_map(|(p, words)| tags(p).into_iter().zip(words)).collect();
    let right = pairs.iter().filter(|(found, (_, tag))| found == tag).count() as f64 / pairs.len() as f64;
    assert!((0.7..1.0).contains(&right), "{right}, and a fifth of the sentences is wrong on purpose");
    let metrics = metrics(&bench, "a", "test.conll");
    assert!(close(metrics["token_accuracy"].as_f64().unwrap(), right), "{metrics} {right}");
    assert!(metrics["span_f1"].as_f64().unwrap() > 0.7, "{metrics}");
    let plain = ok(&mut bench.command("predict --model model --adapter a --input texts.txt"));
    let first: Vec<String> = texts[0].split(' ').zip(tags(&predictions[0])).map(|(w, t)| format!("{w}/{t}")).collect();
    assert_eq!(plain.lines().next().unwrap(), first.join(" "));
}

#[test]
fn a_head_can_train_alone() {
    let bench = Bench::new();
    let closing = json(&ok(&mut bench.train("a", "--method head --json")));
    assert_eq!(closing["parameters"]["adapter"], 0);
    let files = RUN_FILES.into_iter().filter(|file| !file.starts_with("adapter"));
    assert_eq!(listing(&bench.path("a")), files.collect::<Vec<_>>());
    assert_eq!(metrics(&bench, "a", "dev.tsv"), closing["after"]);
}

#[test]
fn overwrite_replaces_the_run_and_nothing_else() {
    let bench = Bench::new();
    let folder = bench.trained("a", "--seed 1");
    let before = fs::read(folder.join("adapter.safetensors")).unwrap();
    fs::write(folder.join("notes.txt"), "mine").unwrap();
    let message = refused(&mut bench.train("a", "--seed 2"));
    assert!(message.contains("holds a run already") && message.contains("--overwrite"), "{message}");
    assert_eq!(fs::read(folder.join("adapter.safetensors")).unwrap(), before);
    ok(&mut bench.train("a", "--seed 2 --overwrite --method head"));
    let left = listing(&folder);
    assert!(!left.iter().any(|file| file.starts_with("adapter")), "files of the old run are gone: {left:?}");
    assert_eq!(fs::read_to_string(folder.join("notes.txt")).unwrap(), "mine");
}

#[test]
fn inspect_budget_and_train_count_alike() {
    let bench = Bench::new();
    let method = "double_seq_bn[reduction_factor=5,ln_after=True]";
    let closing = json(&ok(&mut bench.train("a", &format!("--method {method} --json"))));
    let shown = json(&ok(&mut bench.command("inspect a --json")));
    let budget = json(&ok(&mut bench.command(&format!("budget --model model --method {method} --json"))));
    for part in ["adapter", "head"] {
        let counts = [&closing["parameters"][part], &shown["parts"][part]["parameters"], &budget[part]];
        assert!(counts.iter().all(|count| *count == counts[0] && count.as_u64() > Some(100)), "{part}: {counts:?}");
    }
    assert_eq!(closing["parameters"]["base"], budget["base"]);
    let modules = budget["modules"].as_array().unwrap();
    let sum: u64 = modules.iter().map(|module| module["parameters"].as_u64().unwrap()).sum();
    assert_eq!((modules.len(), Some(sum)), (4, budget["adapter"].as_u64()));
    let tensors = shown["parts"]["adapter"]["tensors"].as_object().unwrap();
    assert_eq!(tensors["bert.encoder.layer.1.output.adapters.mine.adapter_down.0.weight"], serde_json::json!([6, 30]));
    let table = ok(&mut bench.command("inspect a"));
    for words in ["reduction_factor", "hidden size 30", "adapter.safetensors", "[6, 30]", "--max-length 24"] {
        assert!(table.contains(words), "{words}:\n{table}");
    }
    let table = ok(&mut bench.command(&format!("budget --model model --method {method}")));
    assert!(table.contains("layer.1.feed_forward") && table.contains("head (two layers)"), "{table}");
}

#[test]
fn columns_can_be_named() {
    let bench = Bench::new();
    let header = "id\tsentence\tmood\n";
    let table = |rows: data::Rows| rows.iter().map(|(text, label)| format!("7\t{text}\t{label}\n")).collect::<String>();
    bench.write("train.tsv", format!("{header}{}", table(data::reviews(96, 1))));
    bench.write("dev.tsv", format!("{header}{}", table(data::reviews(32, 2))));
    let columns = "--text-column sentence --label-column mood";
    let closing = json(&ok(&mut bench.train("a", &format!("{columns} --json"))));
    let line = format!("eval --model model --adapter a --data dev.tsv --json {columns}");
    assert_eq!(json(&ok(&mut bench.command(&line)))["metrics"], closing["after"]);
}

#[test]
fn patience_ends_a_run_that_gets_no_better() {
    let bench = Bench::new();
    ok(&mut bench.train("a", "--epochs 30 --patience 2"));
    let records = json_lines(&fs::read_to_string(bench.path("a/metrics.jsonl")).unwrap());
    let best: Vec<bool> = records.iter().filter_map(|record| record["best"].as_bool()).collect();
    assert!(best.len() < 31, "it went on to the end");
    assert_eq!(best[best.len() - 3..], [true, false, false]);
}

#[test]
fn long_texts_are_cut_and_that_is_said_once() {
    let bench = Bench::new();
    let (bad, good) = (("dull ".repeat(60), "bad".to_owned()), ("fine ".repeat(40), "good".to_owned()));
    bench.write("train.tsv", data::tsv(&vec![bad, good, ("joy".into(), "good".into())]));
    let note = "note: train.tsv: 2 of 3 texts have more than 24 tokens; their ends were cut off";
    bench.train("a", "").assert().success().stderr(predicate::str::contains(note).count(1));
    ok(&mut bench.train("b", "--max-length 9"));
    bench.write("texts.txt", "dull ".repeat(60));
    let predict =
        |adapter: &str| bench.command(&format!("predict --model model --adapter {adapter} --input texts.txt"));
    let note = |tokens| predicate::str::contains(format!("1 of 1 texts have more than {tokens} tokens")).count(1);
    predict("a").assert().success().stderr(note(24));
    predict("b").assert().success().stderr(note(9));
}

#[test]
fn help_names_every_default() {
    let bench = Bench::new();
    let help = |command: &str| ok(&mut bench.command(&format!("{command} --help")));
    let train = help("train");
    for (option, default) in [
        ("epochs", "3, or as many more as make 300 steps; for the built-in model 8"),
        ("batch-size", "32; 16 below 3,200 examples, 8 below 400"),
        ("accumulate", "1"),
        ("lr", "1e-3; for the built-in model 3e-3"),
        ("head-lr", "as --lr"),
        ("schedule", "linear"),
        ("warmup", "0.06"),
        ("optimiser", "adamw"),
        ("weight-decay", "0.01"),
        ("momentum", "0.9"),
        ("clip", "1"),
        ("dropout", "the model's own rates"),
        ("batching", "shuffled"),
        ("max-length", "what the model can take; for language models at most 512"),
        ("seed", "0"),
        ("head-layers", "2, or 1 for tagging"),
        ("method", "seq_bn; for the built-in model seq_bn[reduction_factor=4]"),
        ("task", "auto"),
        ("name", "the name of the output folder"),
        ("text-column", "text, or text_a"),
        ("label-column", "label"),
        ("checkpoint-every", "100"),
    ] {
        let about = about(&train, option);
        assert!(about.contains(&format!("[default: {default}]")), "{option}: {about}");
    }
    assert!(about(&train, "threads").contains("all cores by default"));
    for command in ["eval", "predict"] {
        let help = help(command);
        assert!(about(&help, "batch-size").contains("[default: 64]"), "{help}");
        assert!(about(&help, "max-length").contains("[default: as in training]"), "{help}");
    }
    let budget = help("budget");
    assert!(
        about(&budget, "method").contains("[default: seq_bn]") && about(&budget, "labels").contains("[default: 2]")
    );
    assert!(about(&help("inspect"), "json").contains("JSON object") && help("").contains("Examples:"));
}

/// What a help text says of an option, in one line.
fn about(help: &str, option: &str) -> String {
    let names = |line: &str| line.trim_start().trim_start_matches("--").split(' ').next() == Some(option);
    let lines: Vec<&str> =
        help.lines().skip_while(|line| !line.trim_start().starts_with("--") || !names(line)).collect();
    let begins = |line: &str| ["--", "-h,"].iter().any(|start| line.trim_start().starts_with(start));
    let own = lines.iter().enumerate().take_while(|(i, line)| *i == 0 || !begins(line));
    own.map(|(_, line)| line.trim()).collect::<Vec<_>>().join(" ")
}

/// A reader that goes away (`| head`) is no error; a disk that is full is one, and neither is a panic.
#[test]
#[cfg(target_os = "linux")]
fn output_that_nobody_takes_makes_no_panic() {
    let bench = Bench::new();
    bench.trained("a", "");
    let commands = ["inspect a", "inspect a --json", "budget --model model", "budget --model model --json"];
    let model = ["eval --model model --adapter a --data dev.tsv", "predict --model model --adapter a --input dev.tsv"];
    let json = model.map(|line| format!("{line} --json"));
    for line in commands.into_iter().chain(model).chain(json.iter().map(String::as_str)) {
        let run = |target: &str| {
            let script = format!("'{}' {line} {target}", crate::common::ADAPTUNE);
            let mut shell = assert_cmd::Command::new("bash");
            shell.current_dir(bench.path("")).args(["-c", &script]);
            shell
        };
        let message = refused(&mut run("> /dev/full"));
        assert!(message.contains("No space left on device"), "{line}: {message}");
        run("| true; exit ${PIPESTATUS[0]}").assert().success().stderr("");
    }
}
