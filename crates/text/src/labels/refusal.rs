//! What is wrong with the labels of a table, and where.

use crate::error::TextError;
use crate::table::{Row, Table};

/// An error about a row.
pub(super) fn at(table: &Table, row: &Row, message: impl std::fmt::Display) -> TextError {
    TextError::line(&table.name, row.line, message)
}

/// An error about the whole table.
pub(super) fn whole(table: &Table, message: impl std::fmt::Display) -> TextError {
    TextError::table(&table.name, message)
}
