//! Several tasks in one run, `train --tasks`: what comes of each, the same bytes however it goes, and mistakes in the file.

use crate::common::{ADAPTUNE, Bench, contents, json, json_lines, listing, ok, refused};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

const TASKS: &str = r#"
# Files are meant from the folder of this one.
[mood]
train = ["../train.tsv", "more.csv"]
dev = "../dev.tsv"
test = "../dev.tsv"

[stars]
train = "stars.csv"
dev = "25%"
task = "regression"
text-column = "review"
label-column = "stars"

[tags]
train = "tags.conll"
dev = "tags.conll"
head-layers = 1
"#;

/// Reviews with classes, the same with numbers in columns of other names, and words with tags.
fn bench() -> Bench {
    let bench = Bench::new();
    fs::create_dir(bench.path("data")).expect("a folder");
    bench.write("data/tasks.toml", TASKS);
    bench.write("data/more.csv", "text,label\na fine film,good\na dull film,bad\n");
    let star = |i: usize| format!("a {} film,{}.{}\n", ["fine", "dull"][i % 2], [4, 1][i % 2], i % 7);
    bench.write("data/stars.csv", format!("review,stars\n{}", (0..48).map(star).collect::<String>()));
    bench.write("data/tags.conll", "a\tO\nfine\tADJ\nfilm\tNOUN\n\na\tO\ndull\tADJ\nstory\tNOUN\n\n".repeat(12));
    bench
}

const LINE: &str = "train --model model --tasks data/tasks.toml --lr 1e-2 --method mtl_lora[r=4]";
const NAMES: [&str; 3] = ["mood", "stars", "tags"];

#[test]
fn each_task_becomes_an_adapter_of_its_own() {
    let bench = bench();
    let closing = json(&ok(&mut bench.command(&format!("{LINE} --epochs 4 --out many --json"))));
    let tasks = closing["tasks"].as_object().expect("a map");
    assert_eq!(tasks.keys().map(String::as_str).collect::<Vec<_>>(), NAMES);
    let accuracy = |when: &str| closing["tasks"]["mood"][when]["accuracy"].as_f64().expect("a number");
    assert!(accuracy("after") >= 0.9 && accuracy("after") > accuracy("before"), "{closing}");
    assert_eq!(closing["tasks"]["mood"]["test"]["accuracy"], closing["tasks"]["mood"]["after"]["accuracy"]);
    assert!(closing["tasks"]["stars"]["after"]["pearson"].is_number(), "{closing}");
    let shared = closing["shared"].as_u64().expect("a number");
    assert!(shared > 0 && shared < closing["tasks"]["mood"]["parameters"]["adapter"].as_u64().expect("a number"));
    for name in NAMES {
        let files = listing(&bench.path("many").join(name));
        for file in ["README.md", "adapter.safetensors", "head_config.json", "run.json"] {
            assert!(files.iter().any(|found| found == file), "{name}: {file} in {files:?}");
        }
    }
    let found = json(&ok(&mut bench.command("eval --adapter many/mood --data dev.tsv --json")));
    assert_eq!(found["metrics"]["accuracy"], closing["tasks"]["mood"]["after"]["accuracy"]);
    let answers = "predict --adapter 'parallel(many/mood, many/stars, many/tags)' --input texts.txt --json";
    bench.write("texts.txt", "a fine film\n");
    let record = &json_lines(&ok(&mut bench.command(answers)))[0]["answers"];
    assert!(
        record["mood"]["label"] == "good" && record["tags"]["label"].as_array().map(Vec::len) == Some(3),
        "{record}"
    );
    let card = fs::read_to_string(bench.path("many/mood/README.md")).expect("a card");
    assert!(card.contains("accuracy") && card.contains("--tasks") && !card.contains("pearson"), "{card}");
    let shown = ok(&mut bench.command(&format!("{LINE} --out again --epochs 1 --overwrite")));
    assert!(shown.contains("shared by all tasks") && shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    bench.refuses(&format!("{LINE} --out many"), &["holds a run already"]);
}

/// Skills are drawn anew for each batch, and what each task has at the end is a LoRA.
#[test]
fn tasks_choose_among_skills() {
    let bench = bench();
    let line = LINE.replace("mtl_lora[r=4]", "polytropon[r=4,n_skills=3]");
    let closing = json(&ok(&mut bench.command(&format!("{line} --epochs 6 --out skilled --json"))));
    let after = &closing["tasks"]["mood"]["after"]["accuracy"];
    assert!(after.as_f64() >= Some(0.9), "{closing}");
    // Two layers with queries and values: three skills of four ranks each.
    assert_eq!(closing["shared"].as_u64().map(|shared| shared % (2 * 2 * 3 * 4 * 2)), Some(0), "{closing}");
    for name in NAMES {
        let config =
            json(&fs::read_to_string(bench.path("skilled").join(name).join("adapter_config.json")).expect("a file"));
        assert_eq!(config["config"]["architecture"], "lora", "{name}: {config}");
    }
    let found = json(&ok(&mut bench.command("eval --adapter skilled/mood --data dev.tsv --json")));
    assert_eq!(found["metrics"]["accuracy"], *after);
    let run = json(&fs::read_to_string(bench.path("skilled/mood/run.json")).expect("a file"));
    assert_eq!(run["method"], "lora[r=4]");
    let card = fs::read_to_string(bench.path("skilled/mood/README.md")).expect("a card");
    assert!(card.contains("polytropon[r=4,n_skills=3]"), "{card}");
    bench.refuses(&format!("{} --out out", LINE.replace("mtl_lora[r=4]", "polytropon[skills=3]")), &["n_skills"]);
}

#[test]
fn a_run_is_the_same_on_any_number_of_threads_and_after_kills() {
    ends_in_the_same_bytes(LINE);
    ends_in_the_same_bytes(&LINE.replace("mtl_lora[r=4]", "polytropon[r=4,n_skills=3]"));
}

fn ends_in_the_same_bytes(line: &str) {
    let bench = bench();
    let line = format!("{line} --epochs 12 --checkpoint-every 5");
    let begun = Instant::now();
    ok(&mut bench.command(&format!("{line} --out whole --threads 1")));
    let time = begun.elapsed();
    ok(&mut bench.command(&format!("{line} --out three --threads 3")));
    assert_same(&bench.path("three"), &bench.path("whole"));
    let mut checkpoints = 0;
    for (i, moment) in [0.3, 0.5, 0.7].into_iter().enumerate() {
        let out = format!("killed-{i}");
        let mut command = Command::new(ADAPTUNE);
        command.current_dir(bench.path("")).args(format!("{line} --out {out}").split_whitespace());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
        std::thread::sleep(time.mul_f64(moment));
        child.kill().expect("it is our child");
        child.wait().expect("it is our child");
        let under_way = bench.path(&out).join("checkpoint.safetensors").exists();
        checkpoints += usize::from(under_way);
        // The folder alone is enough, once the run is under way.
        let again =
            if under_way { format!("train --resume --out {out}") } else { format!("{line} --resume --out {out}") };
        ok(&mut bench.command(&again));
        assert_same(&bench.path(&out), &bench.path("whole"));
    }
    assert!(checkpoints >= 1, "too quick");
}

/// The files of the run, and those of each task.
fn assert_same(found: &Path, expected: &Path) {
    for folder in ["", "mood", "stars", "tags"] {
        let (found, expected) = (contents(&found.join(folder)), contents(&expected.join(folder)));
        assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{folder}");
        for (file, bytes) in &expected {
            assert!(found[file] == *bytes, "{folder}/{file} differs");
        }
    }
}

#[test]
fn mistakes_in_the_file_are_named_with_their_task() {
    let bench = bench();
    let refuses = |content: &str, more: &str, words: &[&str]| {
        bench.write("data/tasks.toml", content);
        let message = refused(&mut bench.command(&format!("{LINE} {more} --out out")));
        words
            .iter()
            .for_each(|word| assert!(message.contains(word), "{content} {more}: {word:?} is missing in {message}"));
        assert!(!bench.path("out").exists(), "{content} {more}");
    };
    let tags = "[tags]\ntrain = \"tags.conll\"\n";
    let with = |lines: &str| format!("[mood]\n{lines}\n{tags}");
    let good = with("train = \"../train.tsv\"");
    for (content, words) in [
        (tags.to_owned(), &["expected two tasks or more, found 1"][..]),
        ("mood = 3\n".to_owned(), &["task mood", "expected a table"]),
        ("[mood\n".to_owned(), &["tasks.toml", "TOML parse error"]),
        (with("trian = \"../train.tsv\""), &["task mood", "trian is no option", "did you mean `train`"]),
        (with("dev = \"../dev.tsv\""), &["task mood", "train is missing"]),
        (with("train = \"nowhere.tsv\""), &["task mood", "nowhere.tsv"]),
        (with("train = 1.5"), &["task mood", "found a float"]),
        (with("train = \"../train.tsv\"\ntask = \"clasification\""), &["task mood", "did you mean `classification`"]),
        (with("train = \"../train.tsv\"\nlabel-column = \"labl\""), &["task mood", "labl"]),
        (with("train = \"../train.tsv\"\ndev = \"../dev.tsv\""), &["1 of 2 tasks have development data"]),
        (format!("[\"a/b\"]\ntrain = \"../train.tsv\"\n{tags}"), &["\"a/b\"", "letters, digits"]),
    ] {
        refuses(&content, "", words);
    }
    for (more, words) in [
        ("--train train.tsv", &["--train", "the file of --tasks"][..]),
        ("--dev dev.tsv", &["--dev", "the file of --tasks"]),
        ("--below mood", &["--below", "for one task"]),
        ("--name both", &["--name"]),
    ] {
        refuses(&good, more, words);
    }
    let line = LINE.replace("mtl_lora[r=4]", "seq_bn");
    bench.refuses(&format!("{line} --out out"), &["--method seq_bn", "expected mtl_lora"]);
    bench.refuses(&LINE.replace("data/tasks.toml", "no.toml"), &["--out"]);
    bench.refuses(&format!("{} --out out", LINE.replace("data/tasks.toml", "no.toml")), &["--tasks", "no.toml"]);
}
