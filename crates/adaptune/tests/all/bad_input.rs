//! Data, options, tokenizers and folders that are not as they should be: the message says where, what was expected and
//! what to do, the exit status is not zero, and no adapter is written.

use crate::common::{ADAPTUNE, Bench, RUN_FILES, data, listing, model, ok, refused, text, training};
use serde_json::Value;
use std::fs;
use std::process::Command;

/// Options, and words of the message about them.
const OPTIONS: &[(&str, &[&str])] = &[
    ("--epoch 3", &["unexpected argument '--epoch'", "'--epochs'"]),
    ("--epochs 0", &["epochs is 0, but must be at least 1"]),
    ("--epochs two", &["invalid value 'two' for '--epochs <N>'"]),
    ("--batch-size 0", &["batch size is 0, but must be at least 1"]),
    ("--accumulate 0", &["accumulate is 0, but must be at least 1"]),
    ("--accumulate 9", &["a batch of 8 cannot be cut into 9 parts"]),
    ("--lr 0", &["learning rate is 0, but must be a positive number"]),
    ("--lr=-1", &["learning rate is -1, but must be a positive number"]),
    ("--lr nan", &["learning rate is NaN, but must be a positive number"]),
    ("--head-lr inf", &["head learning rate is inf, but must be a positive number"]),
    ("--warmup 1.5", &["--warmup", "\"1.5\" is no length of a warm-up", "such as 100", "such as 0.06"]),
    ("--weight-decay=-0.1", &["weight_decay of AdamW is -0.1, but must be a number that is not negative"]),
    ("--optimiser sgd --momentum=-1", &["momentum of SGD is -1, but must be"]),
    ("--optimiser adam", &["invalid value 'adam'", "[possible values: adamw, sgd]", "'adamw'"]),
    ("--schedule linaer", &["invalid value 'linaer'", "'linear'"]),
    ("--clip=-1", &["clipping norm is -1, but must be a positive number"]),
    ("--dropout 1.5", &["--dropout is 1.5, but must be from 0 up to, but not, 1"]),
    ("--dropout=-0.1", &["--dropout is -0.1, but must be from 0"]),
    ("--max-length 25", &["--max-length is 25, but the model has positions for 24 tokens"]),
    ("--max-length 2", &["a length of 2 tokens leaves no room for text", "allow longer sequences"]),
    ("--max-length 0", &["a length of 0 tokens leaves no room for text"]),
    ("--threads 0", &["invalid value '0' for '--threads <N>'"]),
    ("--head-layers 0", &["invalid value '0' for '--head-layers <N>'", "1..=64"]),
    ("--name a.b", &["--name \"a.b\"", "holds a point or a slash"]),
    ("--resume --overwrite", &["'--resume' cannot be used with '--overwrite'"]),
    ("--task tagging", &["train.tsv: tagging needs a tag for each word, found single texts"]),
    (
        "--task regression",
        &["train.tsv, line 2: expected a finite number, found the label `good`", "--task classification"],
    ),
];

#[test]
fn options_that_make_no_sense_are_refused() {
    let bench = Bench::new();
    for (options, words) in OPTIONS {
        bench.refuses_to_train(options, words);
    }
    let no_dev = "train --model model --train train.tsv --out out --patience 2";
    bench.refuses(no_dev, &["--patience needs development data", "give --dev"]);
    bench.refuses("trian", &["unrecognized subcommand 'trian'", "'train'"]);
    bench.refuses("budget --model model --labels 0", &["invalid value '0' for '--labels <N>'"]);
}

/// Methods, and words of the message about them.
const METHODS: &[(&str, &[&str])] = &[
    ("sqe_bn", &["there is no method `sqe_bn`; did you mean `seq_bn`?", "methods: seq_bn, double_seq_bn"]),
    ("pfeifer", &["did you mean `pfeiffer`?"]),
    ("xyz", &["there is no method `xyz` (methods: seq_bn"]),
    ("seq_bn[reduction_facto=8]", &["no field `reduction_facto`; did you mean `reduction_factor`?"]),
    ("seq_bn[reduction_factor=many]", &["reduction_factor is \"many\", but must be a number"]),
    ("seq_bn[reduction_factor=0]", &["reduction_factor is 0, but must be"]),
    ("seq_bn[reduction_factor=1e-9]", &["reduction_factor is 0.000000001, but must be"]),
    ("seq_bn[dropout=1.5]", &["dropout is 1.5, but must be"]),
    ("seq_bn[leave_out=[2]]", &["leave_out names layer 2, but the model has layers 0 to 1"]),
    ("seq_bn[leave_out=[0,1]]", &["no module"]),
    ("seq_bn[ln_before=1", &["the ] is missing", "expected name[field=value"]),
];

#[test]
fn methods_that_are_not_known_or_do_not_fit_are_refused() {
    let bench = Bench::new();
    for (method, words) in METHODS {
        bench.refuses_to_train(&format!("--method {method}"), &[&["--method"][..], words].concat());
        bench.refuses(&format!("budget --model model --method {method}"), words);
    }
}

/// Files of training data with their content, and words of the message about them.
const FILES: &[(&str, &[u8], &[&str])] = &[
    ("empty.tsv", b"", &["empty.tsv: nothing is in it; expected at least one example"]),
    ("blank.csv", b"\n\n", &["blank.csv: nothing is in it; expected at least one example"]),
    ("header.tsv", b"text\tlabel\n", &["header.tsv, line 1: found a header and no rows under it"]),
    (
        "missing.tsv",
        b"text\tlabel\na\tgood\nb\n",
        &["missing.tsv, line 3: expected 2 columns (text, label), found 1", "fill in"],
    ),
    ("more.csv", b"text,label\na,b,good\n", &["more.csv, line 2: expected 2 columns", "found 3", "quote fields"]),
    ("quote.csv", b"text,label\na,good\n\"b,bad\n", &["quote.csv, line 3: found a quote that is never closed"]),
    (
        "names.tsv",
        b"txt\tlabel\na\tgood\n",
        &["names.tsv: expected a column `text`, found `txt`, `label`; did you mean", "txt", "--text-column"],
    ),
    ("twice.tsv", b"text\ttext\na\tb\n", &["twice.tsv, line 1: the header names the column `text` twice"]),
    ("unlabelled.tsv", b"text\tlabl\na\tgood\n", &["unlabelled.tsv: found no labels", "--label-column"]),
    ("holes.tsv", b"text\tlabel\na\tgood\nb\t\n", &["holes.tsv: every label is `good`"]),
    ("silent.tsv", b"text\tlabel\n \tgood\n", &["silent.tsv, line 2: the text in the column `text` is blank"]),
    (
        "one.tsv",
        b"text\tlabel\na\tgood\nb\tgood\n",
        &["one.tsv: every label is `good`; classification needs at least two classes"],
    ),
    ("same.tsv", b"text\tlabel\na\t2.5\nb\t2.5\n", &["same.tsv: every label is 2.5; there is nothing to learn"]),
    (
        "latin.tsv",
        b"text\tlabel\nabc\tgood\ncaf\xE9\tbad\n",
        &["latin.tsv, line 3: expected UTF-8, found the byte 0xE9", "iconv"],
    ),
    ("utf16.tsv", b"\xFF\xFEt\0e\0", &["utf16.tsv, line 1: expected UTF-8, found UTF-16", "iconv -f UTF-16"]),
    (
        "array.jsonl",
        b"[[\"a\", \"b\"]]\n",
        &["array.jsonl, line 1: object 1 of the list: expected a JSON object", "found an array"],
    ),
    (
        "broken.jsonl",
        b"{\"text\": \"a\", \"label\": \"b\"}\n{\"text\": \n",
        &["broken.jsonl, line 2: expected one JSON object a line"],
    ),
    (
        "keys.jsonl",
        b"{\"text\": \"a\", \"label\": \"b\"}\n{\"txt\": \"a\"}\n",
        &["keys.jsonl, line 2: expected the key `text` as on the first line"],
    ),
    (
        "wide.conll",
        b"anna NNP B-NP B-PER\n",
        &["wide.conll, line 1: expected a word and its tag, found 4 columns", "cut -d"],
    ),
    (
        "untagged.conll",
        b"anna B-PER\nsleeps\n",
        &["untagged.conll, line 1: the sentence that starts here has 2 words and 1 tags"],
    ),
    ("plain.txt", b"a\nb\n", &["plain.txt: a .txt file holds texts without labels"]),
    ("table.xlsx", b"PK", &["a spreadsheet (.xlsx) is not read", "save its sheet as CSV"]),
    (
        "headless.tsv",
        b"text 0\tgood\ntext 1\tbad\n",
        &[
            "headless.tsv: expected columns `text` and `label`, found `text 0`, `good`",
            "The first line names the columns",
        ],
    ),
];

#[test]
fn data_that_cannot_be_read_is_refused() {
    let bench = Bench::new();
    for (file, content, words) in FILES {
        bench.write(file, content);
        bench.refuses_to_train(&format!("--train {file}"), words);
    }
    bench.refuses_to_train("--train gone.tsv", &["cannot read gone.tsv", "No such file"]);
    bench.refuses_to_train("--label-column mood", &["train.tsv: expected a column `mood`, found `text`, `label`"]);
}

/// The files of a run must fit together, and so must the data and the head of a trained adapter.
#[test]
fn data_that_does_not_fit_is_refused() {
    let bench = Bench::new();
    bench.write("typo.tsv", "text\tlabel\na\tgood\nb\tgod\n");
    bench.write("pairs.jsonl", data::pairs_json(&data::pairs(4, 1)));
    bench.write("tags.conll", data::conll(&data::sentences(20, 1)));
    let unknown = "typo.tsv, line 3: the label `god` is not in the training data, which has bad, good; did you mean";
    bench.refuses_to_train("--dev typo.tsv", &[unknown, "good"]);
    bench.refuses_to_train(
        "--dev pairs.jsonl",
        &["pairs.jsonl: found pairs of texts, but train.tsv holds single texts"],
    );
    bench.refuses_to_train("--dev tags.conll", &["tags.conll: found sentences split into words, but train.tsv"]);
    bench.trained("a", "");
    bench.trained("tagger", "--train tags.conll --dev tags.conll");
    let on = |command: &str, adapter: &str, file: &str| format!("{command} --model model --adapter {adapter} {file}");
    bench.refuses(&on("eval", "a", "--data typo.tsv"), &[unknown]);
    bench.refuses(&on("eval", "a", "--data tags.conll"), &["tags.conll", "sentences split into words"]);
    bench.refuses(&on("eval", "tagger", "--data dev.tsv"), &["dev.tsv", "single texts"]);
    bench.refuses(&on("predict", "a", "--input tags.conll"), &["the head judges whole texts, found sentences"]);
    bench.refuses(
        &on("predict", "tagger", "--input pairs.jsonl"),
        &["pairs.jsonl: found pairs of texts", "trained on sentences split into words"],
    );
    bench.refuses(&on("predict", "a", "--input gone.txt"), &["cannot read gone.txt"]);
    let mut empty = bench.command(&on("predict", "a", "--input -"));
    let message = refused(empty.write_stdin(""));
    assert!(message.contains("standard input: nothing is in it; expected at least one example"), "{message}");
    let message = refused(empty.write_stdin(&b"a\n\xFF\n"[..]));
    assert!(message.contains("standard input, line 2: expected UTF-8, found the byte 0xFF"), "{message}");
}

#[test]
fn a_tokenizer_that_is_missing_or_of_another_model_is_refused() {
    let bench = Bench::new();
    let path = bench.path("model/tokenizer.json");
    let mut tokenizer = model::tokenizer();
    let (last, past) = (tokenizer["model"]["vocab"].as_object().unwrap().len() - 1, 500);
    tokenizer["model"]["vocab"]["film"] = past.into();
    model::write_json(&path, &tokenizer);
    let words =
        [format!("token ids up to {past}"), format!("the model's vocabulary ends at {last}"), "from one model".into()];
    bench.refuses_to_train("", &words.each_ref().map(String::as_str));
    fs::write(&path, "{}").unwrap();
    bench.refuses_to_train("", &["model/tokenizer.json is not a tokenizer that can be read"]);
    fs::remove_file(&path).unwrap();
    bench.refuses_to_train("", &["model: expected tokenizer.json, found no file of a tokenizer", "save_pretrained"]);
    bench.write("model/vocab.txt", "[PAD]");
    bench.refuses_to_train("", &["model/vocab.txt: it has no [UNK]", "save_pretrained"]);
}

#[test]
fn a_folder_that_is_in_use_is_not_written_to() {
    let bench = Bench::new();
    fs::create_dir(bench.path("full")).unwrap();
    bench.write("full/notes.txt", "mine");
    for (more, advice) in [("", "--overwrite"), ("--resume", "--out")] {
        let message = refused(&mut bench.train("full", more));
        assert!(message.contains("full is not empty") && message.contains(advice), "{message}");
    }
    assert_eq!(listing(&bench.path("full")), ["notes.txt"]);
    let message = refused(&mut bench.train("dev.tsv", ""));
    assert!(message.contains("dev.tsv is a file; --out must name a folder"), "{message}");
    let message = refused(&mut bench.train("dev.tsv/below", ""));
    assert!(message.contains("cannot make the folder dev.tsv/below"), "{message}");
    bench.write("train.tsv", "broken");
    let message = refused(&mut bench.train("full", ""));
    assert!(message.contains("full is not empty"), "the folder is looked at before anything is read: {message}");
}

#[test]
fn a_loss_that_is_no_number_ends_the_run_and_saves_nothing() {
    let bench = Bench::new();
    for (i, more) in ["--lr 1e38", "--lr 1e38 --optimiser sgd --clip 0", "--lr 1e38 --method head"].iter().enumerate() {
        let out = format!("diverged-{i}");
        let message = refused(&mut bench.train(&out, more));
        for words in ["became", "in step", "at learning rate", "Try a lower learning rate"] {
            assert!(message.contains(words), "{message}");
        }
        let left = listing(&bench.path(&out));
        assert!(
            left.iter()
                .all(|file| ["metrics.jsonl", "checkpoint.safetensors", "command.json"].contains(&file.as_str())),
            "{left:?}"
        );
        let records = fs::read_to_string(bench.path(&out).join("metrics.jsonl")).unwrap();
        assert!(!records.contains("null") && !records.contains("NaN"), "{records}");
    }
}

/// The run writes into a small file system of its own, which fills up at another moment for each size.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_ends_the_run_and_leaves_nothing_half_written() {
    let bench = Bench::new();
    fs::create_dir(bench.path("disk")).unwrap();
    let mut failures = 0;
    for kilobytes in [8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 4096] {
        let Some((success, message, left)) = train_on_disk_of(kilobytes, &bench) else {
            return println!("skipped: a small file system cannot be made here");
        };
        let shown = format!("{kilobytes} kB:\n{message}{left}");
        assert!(!message.contains("panicked") && !left.contains(".adaptune-"), "{shown}");
        if success {
            // The picture is an extra; where it found no room, that was said.
            let drawn = |file: &&&str| **file != "loss.svg" || !message.contains("cannot draw");
            assert!(RUN_FILES.iter().filter(drawn).all(|file| left.contains(file)), "{shown}");
        } else {
            failures += 1;
            assert!(message.contains("error: ") && message.contains("No space left on device"), "{shown}");
            assert!(!left.contains("adapter") && !left.contains("head"), "{shown}");
        }
    }
    assert!((3..11).contains(&failures), "{failures} of 11 runs found the disk full");
}

/// Trains in a namespace in which `disk` is a file system of this size. Tells whether that went well, what was said on
/// standard error, and what was left on the disk; nothing where such a namespace cannot be made.
#[cfg(target_os = "linux")]
fn train_on_disk_of(kilobytes: usize, bench: &Bench) -> Option<(bool, String, String)> {
    let line = training("disk/out", "--checkpoint-every 3");
    let mount = format!("mount -t tmpfs -o size={kilobytes}k none disk");
    let script =
        format!("{mount} && > begun; '{ADAPTUNE}' {line} > out; status=$?; ls -A disk/out > left; exit $status");
    let mut unshare = Command::new("unshare");
    let unbroken = unshare.env("COLUMNS", "100000");
    let output = unbroken.current_dir(bench.path("")).args(["-rm", "sh", "-c", &script]).output().ok()?;
    fs::remove_file(bench.path("begun")).ok()?;
    let left = fs::read_to_string(bench.path("left")).expect("the script lists what is left");
    Some((output.status.success(), text(&output.stderr), left))
}

/// In JSON Lines a label need not be a text.
#[test]
fn labels_of_the_wrong_kind_are_refused() {
    let bench = Bench::new();
    for (label, words) in [
        (serde_json::json!({"a": 1}), "line 2: expected `label` to be a text"),
        (serde_json::json!([["nested"]]), "line 2: expected"),
        (Value::Null, "every label is `good`"),
    ] {
        let lines =
            [serde_json::json!({"text": "a", "label": "good"}), serde_json::json!({"text": "b", "label": label})];
        bench.write("odd.jsonl", lines.map(|line| line.to_string()).join("\n"));
        bench.refuses_to_train("--train odd.jsonl", &["odd.jsonl", words]);
    }
    ok(&mut bench.train("out", ""));
}
