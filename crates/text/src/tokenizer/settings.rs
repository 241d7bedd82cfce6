//! `tokenizer_config.json`, as far as it says something else than `tokenizer.json`.
//!
//! transformers sets a BERT tokenizer's normalizer by it, so that a model whose two files differ was trained with what stands
//! there.

use crate::error::{Result, TextError};
use adaptune_transformer::weights::{CONFIGURATION_LIMIT, is_there, read_file, resolve};
use serde_json::{Map, Value};
use std::path::Path;

/// Names in `tokenizer_config.json` and in the normalizer.
const NAMES: [(&str, &str); 3] = [
    ("do_lower_case", "lowercase"),
    ("strip_accents", "strip_accents"),
    ("tokenize_chinese_chars", "handle_chinese_chars"),
];

/// What it sets in a normalizer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Settings(Map<String, Value>);

impl Settings {
    /// Reads those of a model's folder; none if there is no such file.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub(super) fn of(dir: &Path) -> Result<Self> {
        let path = resolve(dir, "tokenizer_config.json")?;
        if !is_there(&path) {
            return Ok(Self::default());
        }
        let text = read_file(&path, CONFIGURATION_LIMIT).map_err(TextError::io("read", &path))?;
        let config: Map<String, Value> = serde_json::from_slice(&text)
            .map_err(|error| TextError::Tokenizer(format!("{} is damaged: {error}", path.display())))?;
        // A null leaves stripping of accents to lower-casing, in both files.
        let named = |(name, field): (&str, &str)| {
            let value = config.get(name).filter(|value| value.is_boolean())?;
            Some((field.to_owned(), value.clone()))
        };
        Ok(Self(NAMES.into_iter().filter_map(named).collect()))
    }

    /// Sets the normalizer of a `tokenizer.json`, if it is BERT's. Returns true if that changed anything.
    pub(super) fn apply(&self, tokenizer: &mut Value) -> bool {
        let normalizer = tokenizer.get_mut("normalizer").and_then(Value::as_object_mut);
        let bert = normalizer.filter(|normalizer| normalizer.get("type").is_some_and(|name| name == "BertNormalizer"));
        let Some(normalizer) = bert else { return false };
        let mut changed = false;
        for (field, value) in &self.0 {
            changed |= normalizer.insert(field.clone(), value.clone()).as_ref() != Some(value);
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_configuration_says_is_set() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Settings::of(folder.path()).unwrap(), Settings::default());
        let config = r#"{ "do_lower_case": false, "strip_accents": null, "model_max_length": 512 }"#;
        std::fs::write(folder.path().join("tokenizer_config.json"), config).unwrap();
        let settings = Settings::of(folder.path()).unwrap();
        let mut tokenizer =
            json!({ "normalizer": { "type": "BertNormalizer", "lowercase": true, "strip_accents": null } });
        assert!(settings.apply(&mut tokenizer));
        assert_eq!(tokenizer["normalizer"]["lowercase"], false);
        assert!(!settings.apply(&mut tokenizer), "nothing is left to change");
        for other in [json!({ "normalizer": null }), json!({ "normalizer": { "type": "NFC" } }), json!([])] {
            assert!(!settings.apply(&mut other.clone()));
        }
        std::fs::write(folder.path().join("tokenizer_config.json"), "{").unwrap();
        assert!(Settings::of(folder.path()).unwrap_err().to_string().contains("tokenizer_config.json is damaged"));
    }
}
