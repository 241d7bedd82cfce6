//! What is wrong with the labels of a table, and where.

use super::answers::perhaps;
use crate::error::{TextError, shortened};
use crate::table::{Row, Table};
use adaptune_adapters::did_you_mean;
use std::fmt::Display;

/// Something about one row.
pub(super) fn at(table: &Table, row: &Row, message: impl Display) -> TextError {
    TextError::line(&table.name, row.line, message)
}

/// Something about all of the table.
pub(super) fn whole(table: &Table, message: impl Display) -> TextError {
    TextError::table(&table.name, message)
}

/// No example of a table has a label.
pub(super) fn no_labels(table: &Table) -> TextError {
    if table.header.is_empty() {
        return whole(table, "this kind of file has no labels; use .tsv, .csv, .jsonl or .conll");
    }
    let hint = did_you_mean("label", table.header.iter().map(String::as_str));
    let hint = if hint.is_empty() { "." } else { &hint };
    let columns = table.header.join(", ");
    let message = match &table.columns.label {
        Some(column) if table.rows.iter().any(|row| row.label.is_some()) => format!(
            "all labels in the column `{column}` are -1, which stands for none, as in test data whose labels are kept back; its \
             columns are {columns}."
        ),
        Some(column) => format!("no example has a label in the column `{column}`; its columns are {columns}."),
        None => format!(
            "found no labels; its columns are {columns}{hint} Name the column of labels with --label-column{}",
            perhaps(table).unwrap_or_default()
        ),
    };
    whole(table, message)
}

/// At most twelve names, and of long ones the beginnings, for a line that can be read.
pub(super) fn listed(names: &[String]) -> String {
    // A comma within a name would look like one between two.
    let shown = |name: &String| match shortened(name, 30) {
        name if name.contains(',') => format!("`{name}`"),
        name => name,
    };
    let first = |count: usize| names[..count].iter().map(shown).collect::<Vec<_>>().join(", ");
    match names.len() {
        count @ 0..=12 => first(count),
        count => format!("{}, ... ({} more)", first(10), count - 10),
    }
}
