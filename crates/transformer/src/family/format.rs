//! How a family's `config.json` is read and written, and what all readers have in common.

use super::description::Family;
use crate::config::{Config, ConfigError};
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
    for (field, expected) in wanted {
        match raw.get(field) {
            Some(found) if *found != expected && !found.is_null() => {
                let (path, found, expected) = (path.to_owned(), found.to_string(), expected.to_string());
                return Err(ConfigError::Field { path, field, found, expected });
            }
            _ => {}
        }
    }
    Ok(())
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
