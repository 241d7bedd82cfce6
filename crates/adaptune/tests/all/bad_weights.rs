//! Files of weights and configurations that are not as they should be, of the model and of the adapter: every command
//! that reads them says where the mistake is, what was expected and what to do, and writes nothing.

use crate::common::model::{Sizes, Tensors};
use crate::common::{Bench, model, ok};
use adaptune_tensor::ndarray::ArrayD;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// A way to spoil the bytes of a safetensors file, and words of the message about it.
type Damage = (&'static str, fn(Vec<u8>) -> Vec<u8>, &'static [&'static str]);

const DAMAGES: [Damage; 10] = [
    ("empty", |_| Vec::new(), &["is 0 bytes long", "begins with 8 bytes", "download or copy the file again"]),
    ("five bytes", |bytes| bytes[..5].to_vec(), &["is 5 bytes long", "download or copy the file again"]),
    ("cut in the header", |bytes| bytes[..60].to_vec(), &["announces a header of", "52 bytes follow", "cut short"]),
    (
        "cut in the data",
        |bytes| bytes[..bytes.len() - 10].to_vec(),
        &["is cut short", "download or copy the file again"],
    ),
    ("endless header", |bytes| with_header_length(bytes, u64::MAX), &["a header of 18446744073709551615 bytes"]),
    ("huge header", |bytes| with_header_length(bytes, 100_000_001), &["a header of 100000001 bytes", "100000000 are"]),
    ("no JSON", |bytes| with_header(bytes, |_| "{ this is no JSON".into()), &["the header of", "is not valid"]),
    ("wrong place", shifted, &["spans the bytes", "has to begin at byte"]),
    ("too long", |bytes| [&bytes[..], &[0; 12]].concat(), &["has 12 bytes after its last tensor"]),
    ("NaN", with_nan, &["1 of the", "NaN, infinite", "the file is damaged, or the training that made it diverged"]),
];

fn with_header_length(mut bytes: Vec<u8>, length: u64) -> Vec<u8> {
    bytes[..8].copy_from_slice(&length.to_le_bytes());
    bytes
}

/// The file with another header, and its length set right.
fn with_header(bytes: Vec<u8>, change: fn(String) -> String) -> Vec<u8> {
    let length = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
    let header = change(String::from_utf8(bytes[8..8 + length].to_vec()).expect("JSON"));
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &bytes[8 + length..]].concat()
}

/// The first tensor is said to begin four bytes later.
fn shifted(bytes: Vec<u8>) -> Vec<u8> {
    with_header(bytes, |header| header.replacen("\"data_offsets\":[0,", "\"data_offsets\":[4,", 1))
}

fn with_nan(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.len();
    bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    bytes
}

fn spoil(path: &Path, damage: fn(Vec<u8>) -> Vec<u8>) {
    let bytes = fs::read(path).expect("a file of weights");
    fs::write(path, damage(bytes)).expect("a file can be written");
}

#[test]
fn a_damaged_model_is_refused() {
    for (_, damage, words) in DAMAGES {
        let bench = Bench::new();
        spoil(&bench.path("model/model.safetensors"), damage);
        bench.refuses_to_train("", &[&["model/model.safetensors"], words].concat());
    }
}

#[test]
fn a_damaged_adapter_or_head_is_refused() {
    let bench = Bench::new();
    let folder = bench.trained("a", "");
    for file in ["adapter.safetensors", "model_head.safetensors"] {
        let sound = fs::read(folder.join(file)).unwrap();
        for (name, damage, words) in DAMAGES {
            spoil(&folder.join(file), damage);
            let words = [&[file], words].concat();
            bench.refuses("eval --model model --adapter a --data dev.tsv", &words);
            bench.refuses("predict --model model --adapter a --input dev.tsv", &words);
            if name != "NaN" {
                bench.refuses("inspect a", &words); // it reads no numbers
            }
            fs::write(folder.join(file), &sound).unwrap();
        }
    }
    ok(&mut bench.command("eval --model model --adapter a --data dev.tsv"));
}

/// A change of a model's tensors, and words of the message about it.
type Change = (fn(&mut Tensors), &'static [&'static str]);

const CHANGES: [Change; 5] = [
    (
        |tensors| drop(tensors.remove("encoder.layer.1.output.dense.bias")),
        &["no tensor `encoder.layer.1.output.dense.bias`"],
    ),
    (
        |tensors| drop(tensors.remove("embeddings.word_embeddings.weight")),
        &["`embeddings.word_embeddings.weight`", "prefixes", "kind of model"],
    ),
    (
        |tensors| drop(tensors.insert("encoder.layer.2.output.dense.bias".into(), ones(&[30]))),
        &["1 tensors that nothing asked for", "encoder.layer.2.output.dense.bias", "another kind of model"],
    ),
    (
        |tensors| drop(tensors.insert("encoder.layer.0.intermediate.dense.weight".into(), ones(&[30, 44]))),
        &["should have shape [44, 30] and has [30, 44]", "belong to the same model"],
    ),
    (
        |tensors| drop(tensors.insert("embeddings.LayerNorm.weight".into(), ones(&[30, 1]))),
        &["should have shape [30] and has [30, 1]"],
    ),
];

#[test]
fn a_model_with_other_tensors_than_its_configuration_asks_for_is_refused() {
    for (change, words) in CHANGES {
        let bench = Bench::new();
        let mut tensors = model::tensors(&Sizes::tiny(), 1);
        change(&mut tensors);
        model::write_tensors(&bench.path("model/model.safetensors"), &tensors);
        bench.refuses_to_train("", &[&["model"], words].concat());
    }
}

fn ones(shape: &[usize]) -> ArrayD<f32> {
    ArrayD::ones(shape)
}

#[test]
fn a_model_that_is_not_supported_or_not_there_is_refused() {
    let bench = Bench::new();
    let with = |field: &str, value: Value| {
        let mut config = model::config(&Sizes::tiny());
        config[field] = value;
        model::write_json(&bench.path("model/config.json"), &config);
    };
    with("model_type", "mamba".into());
    bench.refuses_to_train("", &["model/config.json", "\"mamba\" is not supported", "bert, roberta"]);
    bench.refuses("budget --model model", &["\"mamba\" is not supported"]);
    with("num_attention_heads", 7.into());
    bench.refuses_to_train("", &["\"num_attention_heads\" is 7", "a divisor of the hidden size 30"]);
    with("hidden_size", 3_000_000_000_000_u64.into());
    bench.refuses("budget --model model", &["config.json describes a model of", "is it damaged?"]);
    with("hidden_act", "gelo".into());
    bench.refuses_to_train("", &["\"hidden_act\" is \"gelo\"", "one of relu, gelu"]);
    with("hidden_size", "many".into());
    bench.refuses_to_train("", &["model/config.json", "invalid type", "expected the config.json of"]);
    bench.write("model/config.json", "{");
    bench.refuses_to_train("", &["model/config.json", "EOF", "expected the config.json of"]);
    fs::remove_file(bench.path("model/config.json")).unwrap();
    bench.refuses_to_train("", &["model holds no model: expected config.json, found", "save_pretrained"]);
    bench.refuses_to_train("--model ./modle", &["there is no folder ./modle (did you mean ./model?)"]);
    bench.refuses_to_train("--model train.tsv", &["train.tsv is a file", "the folder that holds config.json"]);
}

#[test]
fn weights_that_are_not_there_or_no_file_of_torch_are_refused() {
    let bench = Bench::new();
    fs::remove_file(bench.path("model/model.safetensors")).unwrap();
    bench.refuses_to_train("", &["model has neither model.safetensors nor model.safetensors.index.json"]);
    bench.write("model/pytorch_model.bin", "PK");
    bench.refuses_to_train("", &["pytorch_model.bin is no file of torch.save", "download it again"]);
}

#[test]
fn an_adapter_for_another_base_is_refused() {
    let bench = Bench::new();
    bench.trained("a", "");
    model::write(&bench.path("other"), &Sizes::tiny(), 2);
    model::write(&bench.path("wider"), &Sizes { hidden: 36, ..Sizes::tiny() }, 1);
    let mut roberta = model::config(&Sizes { positions: 26, ..Sizes::tiny() });
    (roberta["model_type"], roberta["pad_token_id"]) = ("roberta".into(), 1.into());
    model::write(&bench.path("roberta"), &Sizes { positions: 26, ..Sizes::tiny() }, 1);
    model::write_json(&bench.path("roberta/config.json"), &roberta);
    for (model, words) in [
        ("other", ["base with fingerprint", "give it the model that it was trained on"]),
        ("wider", ["base with hidden size 30, but this base has 36", "give it the model that it was trained on"]),
        (
            "roberta",
            ["base with model type bert, but this base has roberta", "give it the model that it was trained on"],
        ),
    ] {
        bench.refuses(&format!("eval --model {model} --adapter a --data dev.tsv"), &words);
        bench.refuses(&format!("predict --model {model} --adapter a --input dev.tsv"), &words);
    }
}

/// What to replace in a configuration by what, and words of the message about it.
type Edit = (&'static str, &'static str, &'static [&'static str]);

const ADAPTER_EDITS: [Edit; 8] = [
    (
        "\"reduction_factor\": 16",
        "\"reduction_factor\": 5",
        &["adapter.safetensors", "has shape [1, 30], but [6, 30] was expected"],
    ),
    (
        "\"mh_adapter\": false",
        "\"mh_adapter\": true",
        &["tensor bert.encoder.layer.0.attention.output", "is missing", "adapter_config.json"],
    ),
    ("\"leave_out\": []", "\"leave_out\": [1]", &["4 tensors are not part of the adapter", "encoder.layer.1.output"]),
    (
        "\"non_linearity\": \"relu\"",
        "\"non_linearity\": \"rleu\"",
        &["adapter_config.json", "non_linearity is \"rleu\", but must be one of relu"],
    ),
    (
        "\"ln_before\": false",
        "\"ln_befor\": false",
        &["adapter_config.json", "no field `ln_befor`; did you mean `ln_before`?"],
    ),
    ("\"use_gating\": false", "\"use_gating\": true", &["adapter_config.json asks for it", "gate.weight is missing"]),
    ("\"name\": \"mine\"", "\"nom\": \"mine\"", &["adapter_config.json", "\"name\" is missing"]),
    ("{", "", &["adapter_config.json", "this is no JSON"]),
];

const HEAD_EDITS: [Edit; 6] = [
    ("\"num_labels\": 2", "\"num_labels\": 1", &["label \"good\" has id 1, but there are 1 labels"]),
    (
        "\"layers\": 2",
        "\"layers\": 3",
        &["model_head.safetensors", "heads.mine.4.weight has shape [2, 30], but [30, 30] was"],
    ),
    (
        "\"layers\": 2",
        "\"layers\": 1000000000",
        &["head_config.json", "\"layers\" is 1000000000, but must be at most 64"],
    ),
    ("\"tanh\"", "\"tahn\"", &["head_config.json", "\"activation_function\" is not known"]),
    ("\"classification\"", "\"dependency_parsing\"", &["head_config.json", "dependency_parsing", "are not read"]),
    ("\"config\"", "\"conf\"", &["head_config.json", "\"config\" is missing"]),
];

const EVAL: &str = "eval --model model --adapter a --data dev.tsv";

#[test]
fn configurations_that_say_something_else_than_the_weights_are_refused() {
    let bench = Bench::new();
    let folder = bench.trained("a", "");
    for (file, edits) in [("adapter_config.json", &ADAPTER_EDITS[..]), ("head_config.json", &HEAD_EDITS)] {
        let sound = fs::read_to_string(folder.join(file)).unwrap();
        for (found, replacement, words) in edits {
            assert!(sound.contains(found), "{found} in {sound}");
            fs::write(folder.join(file), sound.replacen(found, replacement, 1)).unwrap();
            bench.refuses(EVAL, words);
        }
        fs::write(folder.join(file), &sound).unwrap();
    }
    ok(&mut bench.command(EVAL));
}

#[test]
fn directories_with_missing_files_are_refused() {
    let bench = Bench::new();
    let folder = bench.trained("a", "");
    fs::remove_file(folder.join("adapter.safetensors")).unwrap();
    bench.refuses(EVAL, &["a holds neither adapter.safetensors nor pytorch_adapter.bin"]);
    bench.write("a/pytorch_adapter.bin", "no pickle");
    bench.refuses(EVAL, &["pytorch_adapter.bin"]);
    fs::remove_file(folder.join("head_config.json")).unwrap();
    bench.refuses(EVAL, &["a: there is no head_config.json", "with_head=True"]);
}

#[test]
fn what_is_no_adapter_directory_is_refused() {
    let bench = Bench::new();
    bench.refuses("eval --model model --adapter gone --data dev.tsv", &["gone is no folder", "that train or"]);
    bench.refuses("predict --model model --adapter dev.tsv --input -", &["dev.tsv is no folder"]);
    bench.refuses(
        "eval --model model --adapter model --data dev.tsv",
        &["model holds no adapter", "it is a base model"],
    );
    bench.refuses("inspect gone", &["gone is no folder", "save_adapter"]);
    bench.refuses("inspect model", &["model holds no adapter: expected adapter_config.json or head_config.json"]);
    bench.trained("a", "");
    bench.refuses("eval --model a --adapter a --data dev.tsv", &["a holds no model", "this is an adapter"]);
}
