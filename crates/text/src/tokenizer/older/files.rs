//! The files of a folder that say something about its tokenizer.

use crate::error::{Result, TextError};
use adaptune_transformer::weights::{CONFIGURATION_LIMIT, TOKENIZER_LIMIT, is_there, read_file, read_text, resolve};
use serde_json::{Map, Value};
use std::path::Path;

/// A folder, with what its small files say.
pub(super) struct Files<'a> {
    dir: &'a Path,
    /// `tokenizer_config.json`.
    pub(super) config: Map<String, Value>,
    /// `special_tokens_map.json`.
    pub(super) special: Map<String, Value>,
    /// `added_tokens.json`.
    added: Map<String, Value>,
    /// The model's family, as `config.json` calls it.
    pub(super) family: Option<String>,
}

impl<'a> Files<'a> {
    pub(super) fn of(dir: &'a Path) -> Result<Self> {
        let family = map(dir, "config.json")?.get("model_type").and_then(Value::as_str).map(str::to_owned);
        let [config, special, added] =
            ["tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"].map(|name| map(dir, name));
        Ok(Self { dir, config: config?, special: special?, added: added?, family })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        is_there(&self.dir.join(name))
    }

    pub(super) fn text(&self, name: &str) -> Result<String> {
        let path = resolve(self.dir, name)?;
        read_text(&path, TOKENIZER_LIMIT).map_err(TextError::io("read", &path))
    }

    pub(super) fn bytes(&self, name: &str) -> Result<Vec<u8>> {
        let path = resolve(self.dir, name)?;
        read_file(&path, TOKENIZER_LIMIT).map_err(TextError::io("read", &path))
    }

    /// Whether `tokenizer_config.json` says so; not, if it says nothing.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.config.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    pub(super) fn refused(&self, file: &str, why: &str) -> TextError {
        refused(self.dir, file, why)
    }

    /// Tokens that somebody added to the vocabulary are not looked for, so there must be none.
    pub(super) fn check_additions(&self) -> Result<()> {
        match self.added.keys().find(|token| !self.special.values().any(|special| content(special) == Some(token))) {
            Some(token) => {
                Err(self.refused("added_tokens.json", &format!("it adds the token {token:?} to the vocabulary")))
            }
            None => Ok(()),
        }
    }

    /// The id that a token has been given beside the vocabulary.
    pub(super) fn added(&self, token: &str) -> Option<u64> {
        let decoder = self.config.get("added_tokens_decoder").and_then(Value::as_object).into_iter().flatten();
        let mut decoded =
            decoder.filter(|(_, value)| content(value) == Some(token)).filter_map(|(id, _)| id.parse().ok());
        self.added.get(token).and_then(Value::as_u64).or_else(|| decoded.next())
    }
}

/// The text of a token, which may stand for itself or in a map with what surrounds it.
pub(super) fn content(token: &Value) -> Option<&str> {
    token.as_str().or_else(|| token.get("content")?.as_str())
}

/// A JSON object; an empty one if there is no such file.
fn map(dir: &Path, name: &str) -> Result<Map<String, Value>> {
    let path = resolve(dir, name)?;
    if !is_there(&path) {
        return Ok(Map::new());
    }
    let bytes = read_file(&path, CONFIGURATION_LIMIT).map_err(TextError::io("read", &path))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| TextError::Tokenizer(format!("{} is damaged: {error}", path.display())))
}

/// The command with which Python writes `tokenizer.json`.
pub(in super::super) fn command(dir: &Path) -> String {
    let dir = dir.display();
    format!(
        "Python writes it there: python -c \"from transformers import AutoTokenizer; \
         AutoTokenizer.from_pretrained(r'{dir}').save_pretrained(r'{dir}')\""
    )
}

/// An error that names a file, what is wrong and what to do.
fn refused(dir: &Path, file: &str, why: &str) -> TextError {
    TextError::Tokenizer(format!(
        "{}: {why}; expected tokenizer.json beside it: {}",
        dir.join(file).display(),
        command(dir)
    ))
}
