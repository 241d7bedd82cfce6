//! Why a configuration string cannot be read.

use crate::core::fields::FieldError;
use crate::registry::presets::PRESETS;
use crate::registry::without_adapter::WITHOUT_ADAPTER;
use thiserror::Error;

/// A configuration string that cannot be read.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ParseMethodError {
    /// No such method.
    #[error("there is no method `{name}`{suggestion} (methods: {})", known_names())]
    Unknown {
        /// The name.
        name: String,
        /// The nearest one, as words.
        suggestion: String,
    },
    /// What trains without an adapter was given fields, or joined with methods.
    #[error(
        "`{text}`: {name} trains without an adapter, so it has no fields, and nothing can be joined to it by |; write `{name}` \
         alone"
    )]
    NoAdapter {
        /// The text.
        text: String,
        /// What trains without an adapter.
        name: &'static str,
    },
    /// The text is not of the form `name[field=value, …]`.
    #[error("cannot read `{text}`: {why}; expected name[field=value, …], as in seq_bn[reduction_factor=8]")]
    Form {
        /// The text.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// A field is unknown or its value wrong.
    #[error("method `{name}`: {source}")]
    Field {
        /// The method.
        name: String,
        /// What is wrong with the field.
        source: FieldError,
    },
}

fn known_names() -> String {
    let others = WITHOUT_ADAPTER.iter().map(|(name, ..)| *name);
    PRESETS.iter().map(|p| p.name).chain(others).collect::<Vec<_>>().join(", ")
}
