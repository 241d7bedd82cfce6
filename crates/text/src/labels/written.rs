//! The label of a row as it is written.

use super::refusals::{at, no_labels};
use crate::error::Result;
use crate::table::{Row, Table};

/// The label of a row.
///
/// # Errors
/// It has none.
pub(super) fn label<'a>(table: &Table, row: &'a Row) -> Result<&'a str> {
    row.label.as_deref().ok_or_else(|| {
        if table.rows.iter().all(|row| row.label.is_none()) {
            return no_labels(table);
        }
        at(table, row, "the label is blank; every row needs one: fill it in or delete the row")
    })
}
