//! Fields by their names, as configuration strings and files set them: what can be wrong with one, and readers for the
//! kinds of values that several methods have.

use crate::core::nearest::did_you_mean;
use adaptune_tensor::Activation;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use thiserror::Error;

/// A field that is not known or has a value of the wrong kind.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum FieldError {
    /// No such field.
    #[error("there is no field `{name}`{suggestion}")]
    Unknown {
        /// The name.
        name: String,
        /// The nearest one, as words.
        suggestion: String,
    },
    /// The field is one of another method.
    #[error("`{name}` is no field of this method, but of {owner}")]
    OtherMethod {
        /// The name.
        name: String,
        /// A method that has it.
        owner: &'static str,
    },
    /// The field was set on a union.
    #[error("`{name}` cannot be set on a union: give it to one of the members, as in lora[{name}=…]|seq_bn")]
    Union {
        /// The name.
        name: String,
    },
    /// The value is of the wrong kind.
    #[error("{name} is {found}, but must be {expected}")]
    Value {
        /// The field.
        name: String,
        /// Its value.
        found: String,
        /// What would do.
        expected: String,
    },
}

/// There is no field of this name among the known ones.
pub(crate) fn unknown(name: &str, known: &Map<String, Value>) -> FieldError {
    let similar = did_you_mean(name, known.keys().map(String::as_str));
    let all = || format!("; there are {}", known.keys().map(String::as_str).collect::<Vec<_>>().join(", "));
    FieldError::Unknown { name: name.into(), suggestion: if similar.is_empty() { all() } else { similar } }
}

pub(crate) fn wrong(name: &str, value: &Value, expected: impl Into<String>) -> FieldError {
    FieldError::Value { name: name.into(), found: value.to_string(), expected: expected.into() }
}

pub(crate) fn boolean(name: &str, value: &Value) -> Result<bool, FieldError> {
    value.as_bool().ok_or_else(|| wrong(name, value, "True or False"))
}

pub(crate) fn number(name: &str, value: &Value) -> Result<f64, FieldError> {
    value.as_f64().ok_or_else(|| wrong(name, value, "a number"))
}

pub(crate) fn count(name: &str, value: &Value) -> Result<usize, FieldError> {
    let count = value.as_u64().and_then(|n| usize::try_from(n).ok());
    count.ok_or_else(|| wrong(name, value, "a whole number"))
}

pub(crate) fn seed(name: &str, value: &Value) -> Result<Option<u64>, FieldError> {
    match value {
        Value::Null => Ok(None),
        _ => value.as_u64().map(Some).ok_or_else(|| wrong(name, value, "a whole number or None")),
    }
}

pub(crate) fn layers(name: &str, value: &Value) -> Result<BTreeSet<usize>, FieldError> {
    let layer = |v: &Value| v.as_u64().map(|layer| layer as usize);
    let list = value.as_array().and_then(|list| list.iter().map(layer).collect());
    list.ok_or_else(|| wrong(name, value, "a list of layers, as in [0, 1]"))
}

/// A number as AdapterHub writes it: without a point where it is whole.
pub(crate) fn whole(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 1e15 { Value::from(number as i64) } else { Value::from(number) }
}

pub(crate) fn activation(name: &str, value: &Value) -> Result<Activation, FieldError> {
    value
        .as_str()
        .and_then(Activation::from_name)
        .ok_or_else(|| wrong(name, value, format!("one of {}", Activation::names().collect::<Vec<_>>().join(", "))))
}

/// A number, or `None` where there is none.
pub(crate) fn optional_number(name: &str, value: &Value) -> Result<Option<f64>, FieldError> {
    match value {
        Value::Null => Ok(None),
        _ => value.as_f64().map(Some).ok_or_else(|| wrong(name, value, "a number or None")),
    }
}

/// One of several values by their names.
pub(crate) fn choice<T: Copy>(name: &str, value: &Value, choices: &[(&str, T)]) -> Result<T, FieldError> {
    let found = value.as_str().and_then(|text| choices.iter().find(|(name, _)| *name == text));
    let names = || choices.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    found.map(|(_, choice)| *choice).ok_or_else(|| wrong(name, value, format!("one of {}", names())))
}

/// The name of one of several values.
pub(crate) fn name_of<T: PartialEq>(choices: &[(&'static str, T)], choice: T) -> &'static str {
    choices.iter().find(|(_, c)| *c == choice).map_or("", |(name, _)| name)
}
