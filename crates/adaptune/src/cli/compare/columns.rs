//! The columns of the table and of the page.

use super::super::report::{Cell, Report, bytes, percent, score, thousands};
use super::row::Row;

/// The headings of the table and of the page.
const COLUMNS: [&str; 8] = ["method", "trained", "of all", "score", "± seeds", "time", "memory", "× base"];

/// The headings, where the name of the metric stands above the scores.
pub(super) fn headings(rows: &[Row]) -> Vec<String> {
    let metric = rows.first().map_or("score", Row::metric);
    let named = |name: &str| if name == "score" { metric.to_owned() } else { name.to_owned() };
    COLUMNS.into_iter().map(named).chain(["merges".to_owned()]).collect()
}

pub(super) fn cells(row: &Row) -> [String; 8] {
    let (mean, deviation) = row.score();
    [
        row.method.clone(),
        thousands(row.trained() as u64),
        percent(row.share()),
        score(row.metric(), mean),
        deviation.map_or_else(|| "–".into(), |deviation| format!("{:.1}", 100.0 * deviation)),
        format!("{:.1} s", row.seconds()),
        row.peak().map_or_else(|| "–".into(), bytes),
        row.overhead.map_or_else(|| "–".into(), |ratio| format!("× {ratio:.2}")),
    ]
}

pub(super) fn table(rows: &[Row]) -> Report {
    let names = headings(rows);
    let mut report = Report::with_header(&names.iter().map(String::as_str).collect::<Vec<_>>());
    for row in rows {
        let [method, numbers @ ..] = cells(row);
        let numbers = numbers.into_iter().map(Cell::number);
        report.row(std::iter::once(method.into()).chain(numbers).chain([row.mergeable().into()]).collect());
    }
    report
}
