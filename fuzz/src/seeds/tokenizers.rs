//! Tokenizers with every kind of part.

use super::Seeds;
use crate::joined;
use serde_json::{Value, json};

const WORDS: [&str; 12] =
    ["[UNK]", "[CLS]", "[SEP]", "a", "##a", "the", "film", "is", "\u{2581}the", "\u{120}is", "t", "th"];

pub(super) fn tokenizers() -> Seeds {
    let mut seeds: Seeds =
        models().into_iter().map(|model| with(json!(null), json!(null), json!(null), model)).collect();
    let model = models().remove(0);
    seeds.extend(normalizers().into_iter().map(|part| with(part, json!(null), json!(null), model.clone())));
    seeds.extend(pre_tokenizers().into_iter().map(|part| with(json!(null), part, json!(null), model.clone())));
    seeds.extend(post_processors().into_iter().map(|part| with(json!(null), json!(null), part, model.clone())));
    let bert = with(normalizers().remove(0), pre_tokenizers().remove(0), post_processors().remove(0), model);
    let settings = json!({ "do_lower_case": false, "strip_accents": null, "tokenize_chinese_chars": true });
    seeds.push(joined(&[bert, settings.to_string().into_bytes()]));
    seeds
}

fn with(normalizer: Value, pre_tokenizer: Value, post_processor: Value, model: Value) -> Vec<u8> {
    let added = json!([{ "id": 1, "content": "[CLS]", "single_word": false, "lstrip": true, "rstrip": false,
        "normalized": false, "special": true }]);
    let whole = json!({
        "version": "1.0", "truncation": { "direction": "Right", "max_length": 8, "strategy": "LongestFirst", "stride": 0 },
        "padding": null, "added_tokens": added, "normalizer": normalizer, "pre_tokenizer": pre_tokenizer,
        "post_processor": post_processor, "decoder": { "type": "WordPiece", "prefix": "##", "cleanup": true },
        "model": model
    });
    whole.to_string().into_bytes()
}

fn models() -> Vec<Value> {
    let vocabulary: Value = WORDS.iter().enumerate().map(|(id, word)| (word.to_string(), json!(id))).collect();
    let scores: Vec<Value> = WORDS.iter().enumerate().map(|(id, word)| json!([word, -(id as f64)])).collect();
    vec![
        json!({ "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocabulary }),
        json!({ "type": "WordLevel", "unk_token": "[UNK]", "vocab": vocabulary }),
        json!({ "type": "BPE", "dropout": null, "unk_token": "[UNK]", "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": true, "byte_fallback": false, "ignore_merges": false,
            "vocab": vocabulary, "merges": [] }),
        json!({ "type": "BPE", "vocab": { "t": 0, "h": 1, "th": 2, "e": 3, "the": 4 }, "merges": ["t h", "th e"] }),
        json!({ "type": "Unigram", "unk_id": 0, "byte_fallback": false, "vocab": scores }),
    ]
}

fn normalizers() -> Vec<Value> {
    // The map of characters: the length of its first part, that part, and strings.
    let map = "BAAAAAAAAABhAA==";
    vec![
        json!({ "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null,
            "lowercase": true }),
        json!({ "type": "Sequence", "normalizers": [{ "type": "NFKC" }, { "type": "Lowercase" }, { "type": "StripAccents" },
            { "type": "Strip", "strip_left": true, "strip_right": true }, { "type": "Nmt" }, { "type": "NFD" }] }),
        json!({ "type": "Precompiled", "precompiled_charsmap": map }),
        json!({ "type": "Replace", "pattern": { "Regex": " {2,}" }, "content": "\u{2581}" }),
        json!({ "type": "Replace", "pattern": { "String": "``" }, "content": "\"" }),
        json!({ "type": "Prepend", "prepend": "\u{2581}" }),
        json!({ "type": "ByteLevel" }),
    ]
}

fn pre_tokenizers() -> Vec<Value> {
    vec![
        json!({ "type": "BertPreTokenizer" }),
        json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true }),
        json!({ "type": "Sequence", "pretokenizers": [{ "type": "WhitespaceSplit" }, { "type": "Punctuation",
            "behavior": "Isolated" }, { "type": "Digits", "individual_digits": true }, { "type": "UnicodeScripts" }] }),
        json!({ "type": "Metaspace", "replacement": "\u{2581}", "prepend_scheme": "always", "split": true }),
        json!({ "type": "Split", "pattern": { "Regex": "\\s+|\\w+" }, "behavior": "Removed", "invert": false }),
        json!({ "type": "CharDelimiterSplit", "delimiter": "-" }),
        json!({ "type": "FixedLength", "length": 5 }),
        json!({ "type": "Whitespace" }),
    ]
}

fn post_processors() -> Vec<Value> {
    vec![
        json!({ "type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1] }),
        json!({ "type": "RobertaProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1], "trim_offsets": true,
            "add_prefix_space": false }),
        json!({ "type": "TemplateProcessing",
            "single": [{ "SpecialToken": { "id": "[CLS]", "type_id": 0 } }, { "Sequence": { "id": "A", "type_id": 0 } }],
            "pair": [{ "Sequence": { "id": "A", "type_id": 0 } }, { "Sequence": { "id": "B", "type_id": 1 } }],
            "special_tokens": { "[CLS]": { "id": "[CLS]", "ids": [1], "tokens": ["[CLS]"] } } }),
        json!({ "type": "Sequence", "processors": [{ "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false,
            "use_regex": true }] }),
    ]
}
