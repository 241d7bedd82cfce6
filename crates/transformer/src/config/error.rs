//! What may be wrong with a configuration.

use std::path::PathBuf;
use thiserror::Error;

/// A configuration that cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read {}: {source}; a model is a folder with config.json, model.safetensors and tokenizer.json", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no JSON, or a field is missing or of the wrong type.
    #[error("{}: {source}; expected the config.json of a Hugging Face model", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The model is of a family that is not supported.
    #[error("{}: model type \"{found}\" is not supported; supported are {supported}", path.display())]
    Family {
        /// The file.
        path: PathBuf,
        /// Its `model_type`.
        found: String,
        /// Those that are.
        supported: String,
    },
    /// A field has a value that cannot be computed with.
    #[error("{}: \"{field}\" is {found}, but must be {expected}", path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// The field.
        field: &'static str,
        /// Its value.
        found: String,
        /// What would do.
        expected: String,
    },
}
