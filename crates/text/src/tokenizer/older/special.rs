//! Special tokens: what the files call them, or what the class does.

use super::files::{Files, content};
use crate::error::Result;
use serde_json::{Map, Value, json};

/// The special tokens of a tokenizer by their roles.
pub(super) struct SpecialTokens {
    pub(super) class: &'static str,
    tokens: Vec<(&'static str, Special)>,
    from_files: bool,
}

struct Special {
    content: String,
    /// Spaces before it belong to it.
    lstrip: bool,
}

/// The roles and what the class calls them, in the order in which transformers adds them.
type Roles = &'static [(&'static str, &'static str)];

const OF_BERT: Roles = &[
    ("unk_token", "[UNK]"),
    ("sep_token", "[SEP]"),
    ("pad_token", "[PAD]"),
    ("cls_token", "[CLS]"),
    ("mask_token", "[MASK]"),
];
const OF_MPNET: Roles = &[
    ("bos_token", "<s>"),
    ("eos_token", "</s>"),
    ("unk_token", "[UNK]"),
    ("sep_token", "</s>"),
    ("pad_token", "<pad>"),
    ("cls_token", "<s>"),
    ("mask_token", "<mask>"),
];
const OF_ROBERTA: Roles = &[
    ("bos_token", "<s>"),
    ("eos_token", "</s>"),
    ("unk_token", "<unk>"),
    ("sep_token", "</s>"),
    ("pad_token", "<pad>"),
    ("cls_token", "<s>"),
    ("mask_token", "<mask>"),
];
const OF_GPT2: Roles =
    &[("bos_token", "<|endoftext|>"), ("eos_token", "<|endoftext|>"), ("unk_token", "<|endoftext|>")];
const OF_DEBERTA: Roles = &[
    ("bos_token", "[CLS]"),
    ("eos_token", "[SEP]"),
    ("unk_token", "[UNK]"),
    ("sep_token", "[SEP]"),
    ("pad_token", "[PAD]"),
    ("cls_token", "[CLS]"),
    ("mask_token", "[MASK]"),
];

impl SpecialTokens {
    pub(super) fn of(files: &Files<'_>, class: &'static str) -> Self {
        let roles = match class {
            "MPNetTokenizer" => OF_MPNET,
            "RobertaTokenizer" => OF_ROBERTA,
            "GPT2Tokenizer" => OF_GPT2,
            "DebertaV2Tokenizer" => OF_DEBERTA,
            _ => OF_BERT,
        };
        let said = |role: &str| {
            [&files.special, &files.config]
                .into_iter()
                .find_map(|file| file.get(role).filter(|token| content(token).is_some()))
        };
        let token = |(role, default): &(&'static str, &str)| {
            let found = said(role);
            // Whether a space before the hidden word belongs to it is the class's own where a file has the bare text.
            let lstrip = *role == "mask_token" && matches!(class, "MPNetTokenizer" | "RobertaTokenizer");
            let lstrip = found.and_then(|token| token.get("lstrip")?.as_bool()).unwrap_or(lstrip);
            let content = found.and_then(content).unwrap_or(default).to_owned();
            (*role, Special { content, lstrip })
        };
        let from_files = roles.iter().any(|(role, _)| said(role).is_some());
        Self { class, tokens: roles.iter().map(token).collect(), from_files }
    }

    /// The token of a role.
    pub(super) fn get(&self, role: &str) -> &str {
        self.tokens.iter().find(|(known, _)| *known == role).map_or("", |(_, token)| &token.content)
    }

    /// What they are, and where that is from.
    pub(super) fn described(&self) -> String {
        let mut names: Vec<&str> = self.tokens.iter().map(|(_, token)| token.content.as_str()).collect();
        let mut seen = std::collections::HashSet::new();
        names.retain(|name| seen.insert(*name));
        let from = if self.from_files { "of its files" } else { "of that class" };
        format!("{from}, {}", names.join(" "))
    }

    /// The entries of `added_tokens`. A token that the vocabulary has not has the id behind it, or the one that a file gives it.
    pub(super) fn added(&self, files: &Files<'_>, id: impl Fn(&str) -> Option<u64>, size: u64) -> Vec<Value> {
        let (mut added, mut next): (Vec<Value>, u64) = (Vec::new(), size);
        for (_, Special { content, lstrip }) in &self.tokens {
            if added.iter().any(|entry| entry["content"] == **content) {
                continue;
            }
            let known = id(content).or_else(|| files.added(content));
            let id = known.unwrap_or(next);
            next = next.max(id + 1);
            added.push(json!({
                "id": id, "content": content, "single_word": false, "lstrip": lstrip, "rstrip": false,
                "normalized": false, "special": true,
            }));
        }
        added.sort_by_key(|entry| entry["id"].as_u64());
        added
    }

    /// The template `[CLS] a [SEP]`, or `[CLS] a [SEP] b [SEP]`, with two `[SEP]` between where that is so.
    pub(super) fn template(&self, files: &Files<'_>, file: &str, added: &[Value], separators: usize) -> Result<Value> {
        let id = |role: &str| {
            let token = self.get(role);
            let entry = added.iter().find(|entry| entry["content"] == *token);
            entry
                .map(|entry| (token, entry["id"].clone()))
                .ok_or_else(|| files.refused(file, &format!("it has no {token}")))
        };
        let ((cls, cls_id), (sep, sep_id)) = (id("cls_token")?, id("sep_token")?);
        let special = |token: &str, of: u8| json!({"SpecialToken": {"id": token, "type_id": of}});
        let text = |name: &str, of: u8| json!({"Sequence": {"id": name, "type_id": of}});
        let single = vec![special(cls, 0), text("A", 0), special(sep, 0)];
        let mut pair = single.clone();
        pair.extend(vec![special(sep, 0); separators - 1]);
        pair.extend([text("B", 1), special(sep, 1)]);
        let mut tokens = Map::new();
        for (token, id) in [(cls, cls_id), (sep, sep_id)] {
            tokens.insert(token.to_owned(), json!({"id": token, "ids": [id], "tokens": [token]}));
        }
        Ok(json!({"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": tokens}))
    }
}
