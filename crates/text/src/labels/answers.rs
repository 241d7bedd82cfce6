//! Fields that say whether a label holds.

use super::spelling::whole_number;
use crate::table::Table;
use serde_json::Value;

/// A field as it is written, trimmed.
pub(super) fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Whether a field says that a label holds.
pub(super) fn answer(field: &str) -> Option<bool> {
    match (whole_number(field), field.to_ascii_lowercase().as_str()) {
        (Some(1), _) | (_, "true" | "yes" | "x" | "✓" | "✔") => Some(true),
        (Some(0), _) | (_, "false" | "no") => Some(false),
        _ => None,
    }
}

/// The option that would do where several columns of a table without labels hold 0 and 1 alone.
pub(super) fn perhaps(table: &Table) -> Option<String> {
    let says = |place: usize| {
        let mut fields = table.rows.iter().filter_map(|row| row.fields.get(place)).map(written).peekable();
        fields.peek().is_some() && fields.all(|field| matches!(whole_number(&field), Some(0 | 1)))
    };
    let names: Vec<&str> =
        (0..table.header.len()).filter(|place| says(*place)).map(|i| table.header[i].as_str()).collect();
    (names.len() > 1).then(|| {
        format!(
            "; if the columns of 0 and 1 are labels, any number of which may hold:\n    --label-columns '{}'",
            names.join(",")
        )
    })
}
