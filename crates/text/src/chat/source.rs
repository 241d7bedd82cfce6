//! Where the template of a model stands, and which special tokens it names.

use crate::error::{Result, TextError};
use adaptune_transformer::weights::{CONFIGURATION_LIMIT, is_there, read_file, resolve};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The file that holds nothing but the template.
const OWN_FILE: &str = "chat_template.jinja";
const CONFIG: &str = "tokenizer_config.json";
/// The name of the template that is used where nothing else is said.
const DEFAULT: &str = "default";

/// A template as it was found.
pub(super) struct Source {
    /// What stands for it in messages.
    pub(super) name: String,
    pub(super) text: String,
}

/// The template of the model in a folder, if it has one.
pub(super) fn of_model(folder: &Path) -> Result<Option<Source>> {
    let own = resolve(folder, OWN_FILE)?;
    if is_there(&own) {
        return file(&own).map(Some);
    }
    let Some((path, config)) = config(folder, CONFIG)? else { return Ok(None) };
    let name = format!("chat_template of {}", path.display());
    let wrong = |what: String| TextError::Model(format!("{name}: {what}"));
    let text = match config.get("chat_template") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(named)) => default(named).map_err(wrong)?,
        Some(found) => return Err(wrong(format!("expected a text, or a list of named ones, found {found}"))),
    };
    Ok(Some(Source { name, text }))
}

/// The template in a file.
pub(super) fn file(path: &Path) -> Result<Source> {
    let bytes = read_file(path, CONFIGURATION_LIMIT).map_err(TextError::io("read", path))?;
    let name = path.display().to_string();
    Ok(Source { text: crate::table::utf8_text(&name, bytes)?, name })
}

/// That of several named templates which is used.
fn default(named: &[Value]) -> std::result::Result<String, String> {
    let text = |entry: &Value| Some((entry["name"].as_str()?.to_owned(), entry["template"].as_str()?.to_owned()));
    let all: Option<Vec<(String, String)>> = named.iter().map(text).collect();
    let all = all.ok_or("expected a list of objects with `name` and `template`")?;
    let names = all.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
    let chosen = all.into_iter().find(|(name, _)| name == DEFAULT).map(|(_, text)| text);
    chosen.ok_or(format!(
        "found templates called {names}, but none called {DEFAULT}; write the one that is meant into a file, and name it with \
         --chat-template"
    ))
}

/// The texts of special tokens, such as `bos_token`, by which templates call them.
pub(super) fn special_tokens(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    for name in ["special_tokens_map.json", CONFIG] {
        let Some((_, config)) = config(folder, name)? else { continue };
        for (name, value) in config.into_iter().filter(|(name, _)| name.ends_with("_token")) {
            // An added token says more than its text.
            if let Some(text) = value.get("content").unwrap_or(&value).as_str() {
                all.insert(name, text.to_owned());
            }
        }
    }
    Ok(all)
}

/// A file of settings, if it is there.
fn config(folder: &Path, name: &str) -> Result<Option<(PathBuf, Map<String, Value>)>> {
    let path = resolve(folder, name)?;
    if !is_there(&path) {
        return Ok(None);
    }
    let bytes = read_file(&path, CONFIGURATION_LIMIT).map_err(TextError::io("read", &path))?;
    let damaged = |error| TextError::Tokenizer(format!("{} is damaged: {error}", path.display()));
    let config = serde_json::from_slice(&bytes).map_err(damaged)?;
    Ok(Some((path, config)))
}
