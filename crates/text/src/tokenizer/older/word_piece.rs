//! Word pieces out of `vocab.txt`: a token a line.

use super::files::Files;
use super::special::SpecialTokens;
use crate::error::Result;
use serde_json::{Map, Value, json};

const FILE: &str = "vocab.txt";

pub(super) fn made(files: &Files<'_>, special: &SpecialTokens) -> Result<Value> {
    if files.config.get("do_basic_tokenize").is_some_and(|said| *said == false) {
        return Err(files.refused(FILE, "its words are not split at punctuation (do_basic_tokenize is false)"));
    }
    let vocabulary = vocabulary(&files.text(FILE)?);
    let unknown = special.get("unk_token");
    if !vocabulary.contains_key(unknown) {
        return Err(files.refused(FILE, &format!("it has no {unknown}")));
    }
    let id = |token: &str| vocabulary.get(token).and_then(Value::as_u64);
    let size = vocabulary.values().filter_map(Value::as_u64).max().map_or(0, |id| id + 1);
    let added = special.added(files, id, size);
    let separators = if special.class == "MPNetTokenizer" { 2 } else { 1 };
    Ok(json!({
        "version": "1.0", "truncation": null, "padding": null,
        "post_processor": special.template(files, FILE, &added, separators)?,
        "added_tokens": added,
        // What `tokenizer_config.json` says otherwise is set where every tokenizer's is.
        "normalizer": {
            "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
        "model": {
            "type": "WordPiece", "unk_token": unknown, "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
            "vocab": vocabulary,
        },
    }))
}

/// The number of each line; of lines that are alike the last one's, as in Python, whatever ends them.
fn vocabulary(text: &str) -> Map<String, Value> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let lines = text.strip_suffix('\n').unwrap_or(&text).split('\n').enumerate();
    lines.map(|(id, token)| (token.to_owned(), json!(id))).collect()
}
