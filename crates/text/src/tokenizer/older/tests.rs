//! Against what transformers makes of the same files (`scripts/older_tokenizers.py`), and with files that are wrong.

use super::super::Tokenizer;
use super::*;
use crate::table::Text;
use adaptune_test_support::assets;
use serde_json::Value;
use std::fs;
use tempfile::TempDir;

const GOLDEN: &str = include_str!("../../../tests/fixtures/older_tokenizers.json");
const SPM: &[u8] = include_bytes!("../../../tests/fixtures/spm.model");

fn folder(family: &str, files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.json"), format!("{{\"model_type\": \"{family}\"}}")).unwrap();
    for (name, content) in files {
        fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[test]
fn tokens_are_those_of_transformers() {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let cases = golden["cases"].as_object().unwrap();
    assert!(cases.len() >= 10);
    for (name, case) in cases {
        let (family, files) = (text(&case["family"]), case["files"].as_object().unwrap());
        let mut files: Vec<(&str, &[u8])> =
            files.iter().map(|(name, content)| (name.as_str(), content.as_str().unwrap().as_bytes())).collect();
        files.extend((family == "deberta-v2").then_some(("spm.model", SPM)));
        let tokenizer =
            Tokenizer::from_dir(folder(&family, &files).path(), 512).unwrap_or_else(|e| panic!("{name}: {e}"));
        for (given, ids) in golden["texts"].as_array().unwrap().iter().zip(case["ids"].as_array().unwrap()) {
            let encoded = tokenizer.encode(&Text::Single(text(given))).unwrap();
            assert_eq!(serde_json::json!(encoded.token_ids), *ids, "{name}: {given}");
        }
        for (given, expected) in golden["text_pairs"].as_array().unwrap().iter().zip(case["pairs"].as_array().unwrap())
        {
            let encoded = tokenizer.encode(&Text::Pair(text(&given[0]), text(&given[1]))).unwrap();
            assert_eq!(serde_json::json!([encoded.token_ids, encoded.token_types]), *expected, "{name}: {given}");
        }
        assert!(
            tokenizer.note().is_some_and(|note| note.contains("no tokenizer.json") && note.contains("special tokens"))
        );
    }
}

/// A file `tokenizer.json` comes before all others.
#[test]
fn nothing_is_made_where_there_is_a_tokenizer() {
    let folder = folder("bert", &[("vocab.txt", b"[UNK]\n[CLS]\n[SEP]\na\n")]);
    let made = made(folder.path()).unwrap().unwrap();
    assert!(
        made.name.ends_with("vocab.txt") && made.note.contains("of that class, [UNK] [SEP] [PAD]"),
        "{}",
        made.note
    );
    fs::write(folder.path().join("tokenizer.json"), made.json).unwrap();
    let tokenizer = Tokenizer::from_dir(folder.path(), 9).unwrap();
    assert!(tokenizer.note().is_none() && tokenizer.name().ends_with("tokenizer.json"));
    assert_eq!(tokenizer.encode(&Text::Single("a b".into())).unwrap().token_ids, [1, 3, 0, 2]);
}

/// Each message names the file, what is wrong, and what to do.
#[test]
fn what_cannot_be_made_is_refused_with_the_way_out() {
    let vocabulary: &[u8] = b"[UNK]\n[CLS]\n[SEP]\na\n";
    let (json, merges): (&[u8], &[u8]) = (b"{\"a\": 0, \"<s>\": 1, \"</s>\": 2}", b"#version\n");
    let cut = &SPM[..SPM.len() - 3];
    for (family, files, words) in [
        ("albert", vec![("vocab.txt", vocabulary)], "a tokenizer of albert makes other tokens"),
        ("bert", vec![("vocab.txt", &vocabulary[6..])], "it has no [UNK]"),
        (
            "bert",
            vec![("vocab.txt", vocabulary), ("tokenizer_config.json", b"{\"do_basic_tokenize\": false}")],
            "do_basic_tokenize",
        ),
        (
            "bert",
            vec![
                ("vocab.txt", vocabulary),
                ("tokenizer_config.json", b"{\"tokenizer_class\": \"BertJapaneseTokenizer\"}"),
            ],
            "BertJapaneseTokenizer",
        ),
        ("bert", vec![("vocab.txt", vocabulary), ("added_tokens.json", b"{\"<new>\": 4}")], "adds the token \"<new>\""),
        (
            "bert",
            vec![("vocab.txt", vocabulary), ("special_tokens_map.json", b"[")],
            "special_tokens_map.json is damaged",
        ),
        ("roberta", vec![("vocab.json", b"[]"), ("merges.txt", merges)], "no map from tokens to numbers"),
        ("roberta", vec![("vocab.json", b"{\"a\": -1}"), ("merges.txt", merges)], "the number of \"a\" is -1"),
        ("roberta", vec![("vocab.json", json), ("merges.txt", b"#version\na b c\n")], "line 2 is \"a b c\""),
        (
            "gpt2",
            vec![("vocab.json", json), ("merges.txt", merges), ("tokenizer_config.json", b"{\"add_bos_token\": true}")],
            "add_bos_token",
        ),
        ("qwen2", vec![("vocab.json", json), ("merges.txt", merges)], "a tokenizer of qwen2"),
        ("deberta-v2", vec![("spm.model", b"" as &[u8])], "it has no pieces"),
        ("deberta-v2", vec![("spm.model", cut)], "damaged at byte"),
        ("deberta-v2", vec![("spm.model", b"\x0A\x02")], "damaged at byte 0"),
    ] {
        let folder = folder(family, &files);
        let message = Tokenizer::from_dir(folder.path(), 9).unwrap_err().to_string();
        assert!(message.contains(words), "{family}, {words}: {message}");
        assert!(message.contains(&folder.path().display().to_string()), "{message}");
    }
    // What the tokenizers library does not take is an error too.
    let folder = folder("roberta", &[("vocab.json", json), ("merges.txt", b"#version\nq z\n")]);
    assert!(Tokenizer::from_dir(folder.path(), 9).unwrap_err().to_string().contains("vocab.json is not a tokenizer"));
}

/// A file that is cut anywhere, or has another byte anywhere, is a tokenizer or an error that names it.
#[test]
fn damaged_sentence_pieces_never_panic() {
    let folder = folder("deberta-v2", &[]);
    let check = |bytes: &[u8]| {
        fs::write(folder.path().join("spm.model"), bytes).unwrap();
        if let Err(error) = made(folder.path()) {
            assert!(error.to_string().contains("spm.model"), "{error}");
        }
    };
    (0..SPM.len()).for_each(|length| check(&SPM[..length]));
    for at in 0..SPM.len() {
        for byte in [0x00, 0x7F, 0x80, 0xFF] {
            let mut bytes = SPM.to_vec();
            bytes[at] = byte;
            check(&bytes);
        }
    }
}

/// A real vocabulary: the same tokens as with the model's `tokenizer.json`.
#[test]
fn a_real_vocabulary_gives_what_its_tokenizer_does() {
    let Some(assets) = assets() else { return };
    let model = assets.join("models/all-minilm-l6-v2");
    let names = ["vocab.txt", "tokenizer_config.json", "special_tokens_map.json", "config.json"];
    let copy = tempfile::tempdir().unwrap();
    for name in names {
        fs::copy(model.join(name), copy.path().join(name)).unwrap();
    }
    let [whole, made] = [model.as_path(), copy.path()].map(|dir| Tokenizer::from_dir(dir, 128).unwrap());
    let dev = crate::table::Table::read(assets.join("data/sst2/dev.tsv")).unwrap();
    let [expected, found] = [whole, made].map(|tokenizer| tokenizer.encode_all(&dev).unwrap());
    for (expected, found) in expected.rows.iter().zip(&found.rows) {
        assert_eq!((&expected.token_ids, &expected.token_types), (&found.token_ids, &found.token_types));
    }
}
