//! Pairs of bytes out of `vocab.json` and `merges.txt`.

use super::files::Files;
use super::special::SpecialTokens;
use crate::error::Result;
use serde_json::{Map, Value, json};

const FILE: &str = "vocab.json";
const MERGES: &str = "merges.txt";

pub(super) fn made(files: &Files<'_>, special: &SpecialTokens) -> Result<Value> {
    if files.flag("add_bos_token") {
        return Err(files.refused(FILE, "its texts begin with a special token (add_bos_token is true)"));
    }
    let vocabulary: Map<String, Value> = serde_json::from_str(&files.text(FILE)?)
        .map_err(|error| files.refused(FILE, &format!("it is no map from tokens to numbers: {error}")))?;
    if let Some((token, found)) = vocabulary.iter().find(|(_, id)| !id.is_u64()) {
        return Err(files.refused(FILE, &format!("the number of {token:?} is {found}")));
    }
    let id = |token: &str| vocabulary.get(token).and_then(Value::as_u64);
    let size = vocabulary.values().filter_map(Value::as_u64).max().map_or(0, |id| id + 1);
    let (added, prefix_space) = (special.added(files, id, size), files.flag("add_prefix_space"));
    let is_roberta = special.class == "RobertaTokenizer";
    Ok(json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null,
        "post_processor": if is_roberta { of_roberta(special, &added, prefix_space) } else { bytes(true, false) },
        "added_tokens": added,
        "pre_tokenizer": bytes(prefix_space, true),
        "decoder": bytes(true, true),
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": "", "end_of_word_suffix": "",
            "fuse_unk": false, "byte_fallback": false, "vocab": vocabulary, "merges": merges(files)?,
        },
    }))
}

fn bytes(prefix_space: bool, trim_offsets: bool) -> Value {
    json!({"type": "ByteLevel", "add_prefix_space": prefix_space, "trim_offsets": trim_offsets, "use_regex": true})
}

/// `<s> a </s>`, or `<s> a </s></s> b </s>`, without token types.
fn of_roberta(special: &SpecialTokens, added: &[Value], prefix_space: bool) -> Value {
    let token = |role: &str| {
        let entry = added.iter().find(|entry| entry["content"] == *special.get(role));
        json!([special.get(role), entry.map_or(0.into(), |entry| entry["id"].clone())])
    };
    json!({
        "type": "RobertaProcessing", "sep": token("sep_token"), "cls": token("cls_token"), "trim_offsets": true,
        "add_prefix_space": prefix_space,
    })
}

/// A pair a line. Python passes over the first line, which says the version, and over the last.
fn merges(files: &Files<'_>) -> Result<Vec<String>> {
    let text = files.text(MERGES)?.replace("\r\n", "\n");
    let lines: Vec<&str> = text.split('\n').collect();
    let pairs = lines.get(1..lines.len().saturating_sub(1)).unwrap_or_default();
    match pairs.iter().position(|line| line.split(' ').count() != 2) {
        Some(at) => Err(files.refused(MERGES, &format!("line {} is {:?}, but must be two tokens", at + 2, pairs[at]))),
        None => Ok(pairs.iter().map(|line| (*line).to_owned()).collect()),
    }
}
