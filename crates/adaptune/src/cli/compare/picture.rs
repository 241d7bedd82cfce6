//! Scores over trained parameters, as SVG.

use super::super::scatter::{Dot, Scatter};
use super::Row;
use anyhow::Result;

/// A dot for each method, with a bar of one standard deviation over seeds, its name beside it.
pub(super) fn draw(rows: &[Row]) -> Result<String> {
    let metric = rows.first().map_or("score", Row::metric);
    let all: Vec<Dot> = rows.iter().map(dot).collect();
    // Nothing joins methods, so none is fainter than the others.
    Scatter { dots: &all, line: false, parameters: "trained parameters", metric }.draw()
}

fn dot(row: &Row) -> Dot {
    let (score, deviation) = row.score();
    Dot {
        parameters: row.trained() as u64,
        score,
        deviation: deviation.unwrap_or(0.0),
        name: row.method.clone(),
        joined: true,
    }
}
