//! What rows have for labels.

use super::decimals;
use super::refusals::{at, no_labels, whole};
use crate::error::Result;
use crate::table::{Row, Table, Text};

pub(super) fn is_number(row: &Row) -> bool {
    row.label.as_deref().is_some_and(|label| label.parse::<f64>().is_ok())
}

pub(super) fn label<'a>(table: &Table, row: &'a Row) -> Result<&'a str> {
    row.label.as_deref().ok_or_else(|| {
        if table.rows.iter().all(|row| row.label.is_none()) {
            return no_labels(table);
        }
        at(table, row, "the label is blank; every row needs one: fill it in or delete the row")
    })
}

pub(super) fn label_set<'a>(table: &Table, row: &'a Row) -> Result<&'a [String]> {
    row.labels.as_deref().ok_or_else(|| match table.has_label_sets() {
        true => at(
            table,
            row,
            "the labels are null; every row needs a list, which may be empty: fill it in or delete the row",
        ),
        false => whole(table, "found one label for each example; Table::with_label_sets makes lists of them"),
    })
}

pub(super) fn number(table: &Table, row: &Row) -> Result<f64> {
    let label = label(table, row)?;
    match label.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => {
            let message = format!(
                "expected a finite number, found the label `{label}`; mend it, or use --task classification{}",
                decimals::hint(label)
            );
            Err(at(table, row, message))
        }
    }
}

pub(super) fn tags<'a>(table: &Table, row: &'a Row) -> Result<&'a [String]> {
    match (&row.text, row.tags.len()) {
        (Text::Words(words), tags) if words.len() == tags => Ok(&row.tags),
        _ => Err(at(table, row, "found words without tags; expected a word and its tag on each line")),
    }
}
