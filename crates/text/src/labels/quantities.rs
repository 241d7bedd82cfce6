//! Labels that are numbers, and words among them.

use super::decimals;
use super::refusals::{at, whole};
use super::spelling::{canonical, whole_number};
use super::written::label;
use crate::error::Result;
use crate::table::{Row, Table};
use std::collections::BTreeSet;

/// The most kinds of whole numbers that are taken for classes.
const FEW: usize = 20;

pub(super) fn is_number(row: &Row) -> bool {
    row.label.as_deref().is_some_and(|label| label.parse::<f64>().is_ok())
}

/// The number of a row.
pub(super) fn number(table: &Table, row: &Row) -> Result<f64> {
    let label = label(table, row)?;
    match label.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => {
            let message = format!(
                "expected a finite number, found the label `{label}`; mend it, or empty it if there is none (as names labels are learnt with \
                 --task classification){}",
                decimals::hint(label)
            );
            Err(at(table, row, message))
        }
    }
}

/// Refuses numbers that are no quantities to be learnt.
///
/// # Errors
/// A label is no finite number, or all are alike.
pub(super) fn check(table: &Table) -> Result<()> {
    let numbers = table.rows.iter().map(|row| number(table, row)).collect::<Result<Vec<_>>>()?;
    match numbers.iter().all(|&number| number == numbers[0]) {
        true => Err(whole(table, format!("every label is {}; there is nothing to learn", numbers[0]))),
        false => Ok(()),
    }
}

/// What whole numbers as labels are, if all labels are some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whole {
    /// Few kinds of them, as of classes.
    Few,
    /// As many kinds as there are rows, without a gap, as of rows that are counted.
    Counted,
    /// Any others.
    Many,
}

/// What the labels are, if all are whole numbers.
pub(super) fn whole_numbers(table: &Table) -> Option<Whole> {
    let kinds: BTreeSet<i64> =
        table.rows.iter().map(|row| whole_number(row.label.as_deref()?)).collect::<Option<_>>()?;
    let (first, last) = (kinds.first()?, kinds.last()?);
    let gapless = last.abs_diff(*first) + 1 == kinds.len() as u64;
    Some(match kinds.len() {
        count if (2..=FEW).contains(&count) && 2 * count <= table.rows.len() => Whole::Few,
        count if count == table.rows.len() && gapless => Whole::Counted,
        _ => Whole::Many,
    })
}

/// The few labels that are no numbers where nearly all others are.
fn words(table: &Table) -> Vec<&Row> {
    let words: Vec<&Row> = table.rows.iter().filter(|row| !is_number(row)).collect();
    if 10 * words.len() <= table.rows.len() { words } else { Vec::new() }
}

/// Refuses words among quantities, which are more likely slips than classes.
///
/// # Errors
/// Nearly all labels are numbers of many kinds, or with a fraction.
pub(super) fn refuse_words(table: &Table) -> Result<()> {
    let Some(first) = words(table).first().copied() else { return Ok(()) };
    let numbers = table.rows.iter().filter(|row| is_number(row)).filter_map(|row| row.label.as_deref());
    let kinds: BTreeSet<String> = numbers.map(canonical).collect();
    if kinds.len() <= FEW && kinds.iter().all(|kind| whole_number(kind).is_some()) {
        return Ok(());
    }
    let message = format!(
        "expected a number, as nearly all other labels are, found `{}`; mend it, or empty it if there is none; with --task classification \
         labels are names",
        first.label.as_deref().unwrap_or_default()
    );
    Err(at(table, first, message))
}

/// The most words that are told.
const TOLD: usize = 4;

/// That there are words among numbers.
pub(super) fn tell_words(table: &Table) -> String {
    let words = words(table);
    let told = |row: &&Row| format!("`{}` on line {}", row.label.as_deref().unwrap_or_default(), row.line);
    let first: Vec<String> = words.iter().take(TOLD).map(told).collect();
    let more = match words.len().saturating_sub(TOLD) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    match words.is_empty() {
        true => String::new(),
        false => format!("; most labels are numbers, but not {}{more}: mend what is a slip", first.join(", ")),
    }
}
