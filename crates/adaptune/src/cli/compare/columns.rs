//! What the table and the page say of each method.

use super::row::Row;
use crate::cli::report::{bytes, percent, thousands};

/// The headings of the table and of the page.
pub(super) const COLUMNS: [&str; 8] =
    ["method", "trained", "of all", "score", "± seeds", "training", "peak memory", "prediction"];

/// What stands under them for a method.
pub(super) fn cells(row: &Row) -> [String; 8] {
    let (mean, deviation) = row.score();
    [
        row.method.clone(),
        thousands(row.trained() as u64),
        percent(row.share()),
        percent(mean),
        deviation.map_or_else(|| "–".into(), |deviation| format!("{:.1}", 100.0 * deviation)),
        format!("{:.1} s", row.seconds()),
        row.peak().map_or_else(|| "–".into(), bytes),
        row.overhead.map_or_else(|| "–".into(), |ratio| format!("× {ratio:.2}")),
    ]
}
