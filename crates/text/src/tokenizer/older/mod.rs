//! What `tokenizer.json` would say, from the files that older models have in its place.
//!
//! | files | tokens | as the classes |
//! |---|---|---|
//! | `vocab.txt` | word pieces | `BertTokenizer`, `DistilBertTokenizer`, `ElectraTokenizer`, `MPNetTokenizer` |
//! | `vocab.json`, `merges.txt` | pairs of bytes | `RobertaTokenizer`, `GPT2Tokenizer` |
//! | `spm.model` | the most probable pieces | `DebertaV2Tokenizer` |
//!
//! `tokenizer_config.json` is followed, and special tokens are those of `special_tokens_map.json`, or else the class's own.

mod byte_level;
mod files;
mod protobuf;
mod special;
mod unigram;
mod word_piece;

use crate::error::Result;
use files::Files;
pub(super) use files::command;
use serde_json::Value;
use special::SpecialTokens;
use std::path::Path;

/// The content of a `tokenizer.json`, and the file that it was made of.
pub(crate) struct Made {
    pub(super) name: String,
    pub(super) json: String,
    /// What was taken for granted.
    pub(crate) note: String,
}

/// A kind of tokenizers: its file, the classes of transformers and the families of models that have it, and how it is made.
struct Kind {
    files: &'static [&'static str],
    classes: &'static [(&'static str, &'static str)],
    make: fn(&Files<'_>, &SpecialTokens) -> Result<Value>,
}

const KINDS: [Kind; 3] = [
    Kind {
        files: &["vocab.txt"],
        classes: &[
            ("BertTokenizer", "bert"),
            ("DistilBertTokenizer", "distilbert"),
            ("ElectraTokenizer", "electra"),
            ("MPNetTokenizer", "mpnet"),
        ],
        make: word_piece::made,
    },
    Kind {
        files: &["vocab.json", "merges.txt"],
        classes: &[("RobertaTokenizer", "roberta"), ("GPT2Tokenizer", "gpt2")],
        make: byte_level::made,
    },
    Kind { files: &["spm.model"], classes: &[("DebertaV2Tokenizer", "deberta-v2")], make: unigram::made },
];

/// Makes it of the files of a folder; `None` if there are none of these, or if there is a `tokenizer.json`.
///
/// # Errors
/// A file is broken, or is one of a tokenizer that splits texts in another way.
pub(crate) fn made(dir: &Path) -> Result<Option<Made>> {
    let files = Files::of(dir)?;
    let there = |kind: &&Kind| !files.has("tokenizer.json") && kind.files.iter().all(|name| files.has(name));
    let Some(kind) = KINDS.iter().find(there) else { return Ok(None) };
    let class = class(kind, &files)?;
    files.check_additions()?;
    let special = SpecialTokens::of(&files, class);
    let json = (kind.make)(&files, &special)?;
    let list = kind.files.join(" and ");
    let note = format!(
        "{} has no tokenizer.json: it is made of {list} as {class} does, with the special tokens {}",
        dir.display(),
        special.described()
    );
    Ok(Some(Made { name: dir.join(kind.files[0]).display().to_string(), json: json.to_string(), note }))
}

/// The class whose tokenizer it is: the one that `tokenizer_config.json` names, or that of the model's family.
fn class(kind: &Kind, files: &Files<'_>) -> Result<&'static str> {
    let named = files.config.get("tokenizer_class").and_then(Value::as_str);
    let found = match (named, &files.family) {
        (Some(named), _) => kind.classes.iter().find(|(class, _)| *class == named.trim_end_matches("Fast")),
        (None, Some(family)) => kind.classes.iter().find(|(_, of)| of == family),
        (None, None) => kind.classes.first(),
    };
    found.map(|(class, _)| *class).ok_or_else(|| {
        let known: Vec<&str> = kind.classes.iter().map(|(class, _)| *class).collect();
        files.refused(
            kind.files[0],
            &format!(
                "a tokenizer of {} makes other tokens of it than those that are known ({})",
                named.or(files.family.as_deref()).unwrap_or("this model"),
                known.join(", ")
            ),
        )
    })
}

#[cfg(test)]
mod tests;
