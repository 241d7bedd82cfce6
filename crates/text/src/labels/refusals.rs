//! What is wrong with the labels of a table, and where.

use crate::error::TextError;
use crate::table::{Row, Table};
use std::fmt::Display;

/// Something about one row.
pub(super) fn at(table: &Table, row: &Row, message: impl Display) -> TextError {
    TextError::line(&table.name, row.line, message)
}

/// Something about all of the table.
pub(super) fn whole(table: &Table, message: impl Display) -> TextError {
    TextError::table(&table.name, message)
}
