//! The comparison as one page that needs nothing beside itself.

use super::super::page::{Page, PageTable};
use super::columns::{cells, headings};
use super::row::Row;
use serde_json::Value;

/// What each column means.
const MEANING: [(&str, &str); 8] = [
    ("trained", "numbers that were trained, those of the head among them"),
    ("of all", "their share of all numbers that a prediction computes with"),
    ("the score", "mean over seeds on the data named below, by the metric whose name stands above"),
    ("± seeds", "standard deviation over seeds, in points"),
    ("time", "median time of a training, in a process of its own"),
    ("memory", "largest resident memory of a training"),
    ("× base", "median time of predictions, of that of the base with the head alone, measured in turn"),
    ("merges", "the adapter can become a part of the base's weights, and then costs nothing"),
];

/// The whole page.
pub(super) fn page(rows: &[Row], picture: &str, conditions: &Value) -> String {
    let row = |row: &Row| cells(row).into_iter().chain([row.mergeable().to_owned()]).collect();
    let table = PageTable { caption: "", headings: headings(rows), rows: rows.iter().map(row).collect() };
    Page { title: "Methods compared", tables: vec![table], picture, meaning: &MEANING, conditions }.html()
}
