//! How a family's `config.json` is read and written, and what all readers have in common.

use super::description::Family;
use crate::config::{Config, ConfigError, RotaryPositions};
use adaptune_tensor::Activation;
use serde_json::Value;
use std::path::Path;

/// How the configurations of a family are read and written.
#[derive(Clone, Copy, Debug)]
pub struct FamilyFormat {
    /// The family.
    pub family: Family,
    /// Reads the fields of a `config.json`; the path is for messages.
    pub read: fn(Value, &Path) -> Result<Config, ConfigError>,
    /// Returns the fields of a `config.json` but for those that all families have in common.
    pub write: fn(&Config) -> Value,
}

/// Refuses values under which the weights mean another computation than an encoder's with learned positions.
pub(super) fn refuse_other_models(raw: &Value, path: &Path) -> Result<(), ConfigError> {
    let wanted = [
        ("position_embedding_type", Value::from("absolute")),
        ("is_decoder", Value::from(false)),
        ("add_cross_attention", Value::from(false)),
    ];
    wanted.into_iter().try_for_each(|(field, expected)| refuse(raw, field, &[expected], path))
}

/// A whole number, or what it is where the file does not say.
pub(super) fn size(raw: &Value, field: &'static str, default: usize, path: &Path) -> Result<usize, ConfigError> {
    let found = raw.get(field).unwrap_or(&Value::Null);
    let number = found.as_u64().and_then(|number| usize::try_from(number).ok());
    match number {
        Some(number) => Ok(number),
        None if found.is_null() => Ok(default),
        None => Err(wrong(field, found, "a whole number", path)),
    }
}

/// A number, or what it is where the file does not say.
pub(super) fn number(raw: &Value, field: &'static str, default: f64, path: &Path) -> Result<f64, ConfigError> {
    let found = raw.get(field).unwrap_or(&Value::Null);
    match found.as_f64() {
        Some(number) => Ok(number),
        None if found.is_null() => Ok(default),
        None => Err(wrong(field, found, "a number", path)),
    }
}

/// Whether something is so; not, where the file does not say.
pub(super) fn flag(raw: &Value, field: &'static str, path: &Path) -> Result<bool, ConfigError> {
    match raw.get(field).unwrap_or(&Value::Null) {
        Value::Null => Ok(false),
        Value::Bool(flag) => Ok(*flag),
        found => Err(wrong(field, found, "true or false", path)),
    }
}

/// What a damaged file may say of blocks, and of a head's width: for each of them a number is kept.
const MOST: usize = 1 << 16;

/// The number of blocks, or what it is where the file does not say.
pub(super) fn blocks(raw: &Value, field: &'static str, default: usize, path: &Path) -> Result<usize, ConfigError> {
    match size(raw, field, default, path)? {
        found if found > MOST => Err(wrong(field, &found.into(), format!("at most {MOST}"), path)),
        found => Ok(found),
    }
}

/// The rotation of all of a head, by a base; `of` is what the file says of it, and must say that nothing is scaled.
pub(super) fn rotation(
    of: &[&Value],
    base: f64,
    head_size: usize,
    path: &Path,
) -> Result<RotaryPositions, ConfigError> {
    for (of, field) in of.iter().flat_map(|of| [(of, "rope_type"), (of, "type")]) {
        refuse(of, field, &["default".into()], path)?;
    }
    if !head_size.is_multiple_of(2) || head_size > MOST {
        let expected = format!("an even number of at most {MOST}, since pairs of its dimensions are rotated");
        return Err(wrong("width of a head", &head_size.into(), expected, path));
    }
    if !(base.is_finite() && base > 0.0) {
        return Err(wrong("rope_theta", &base.into(), "a positive number", path));
    }
    Ok(RotaryPositions::new(base, head_size))
}

/// A text, or what it is where the file does not say.
pub(super) fn text<'a>(
    raw: &'a Value,
    field: &'static str,
    default: &'a str,
    path: &Path,
) -> Result<&'a str, ConfigError> {
    match raw.get(field).unwrap_or(&Value::Null) {
        Value::Null => Ok(default),
        Value::String(text) => Ok(text),
        found => Err(wrong(field, found, "a text", path)),
    }
}

/// Refuses a field that is there and none of what can be computed.
pub(super) fn refuse(raw: &Value, field: &'static str, known: &[Value], path: &Path) -> Result<(), ConfigError> {
    match raw.get(field).filter(|found| !found.is_null() && !known.contains(found)) {
        Some(found) => Err(wrong(field, found, known[0].to_string(), path)),
        None => Ok(()),
    }
}

/// A field that is what it must not be.
pub(super) fn wrong(field: &'static str, found: &Value, expected: impl Into<String>, path: &Path) -> ConfigError {
    ConfigError::Field { path: path.to_owned(), field, found: found.to_string(), expected: expected.into() }
}

/// The activation of a name.
pub(super) fn activation(name: &str, field: &'static str, path: &Path) -> Result<Activation, ConfigError> {
    Activation::from_name(name).ok_or_else(|| {
        let expected = format!("one of {}", Activation::names().collect::<Vec<_>>().join(", "));
        ConfigError::Field { path: path.to_owned(), field, found: format!("\"{name}\""), expected }
    })
}

// Values that Hugging Face's configurations leave out where they are these.

pub(super) fn two() -> usize {
    2
}

pub(super) fn tiny() -> f64 {
    1e-12
}

pub(super) fn tenth() -> f64 {
    0.1
}

pub(super) fn fifth() -> f64 {
    0.2
}

pub(super) fn gelu() -> String {
    "gelu".into()
}
