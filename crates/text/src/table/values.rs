//! Values of JSON as labels, and in messages.

use crate::error::shortened;
use serde_json::Value;

/// A label as written; `None` of what is none.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

/// At most sixty characters of a value.
pub(super) fn brief(value: &Value) -> String {
    shortened(&value.to_string(), 60)
}
