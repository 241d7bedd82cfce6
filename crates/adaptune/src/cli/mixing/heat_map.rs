//! Shares as colours, as SVG.

use super::super::plot::{INK, LOSS as FULL};
use super::super::report::shortened;
use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// What is drawn: a square for each row and column, darker where its number, from 0 to 1, is larger.
pub(super) struct Grid<'a> {
    pub(super) title: &'a str,
    pub(super) columns: &'a [String],
    pub(super) rows: &'a [(String, Vec<f64>)],
}

const CELL: (i32, i32) = (96, 26);
/// To the left, for the names of rows; above, for title and names of columns.
const NAMES: i32 = 220;
const TOP: i32 = 64;
const MARGIN: i32 = 16;
/// More letters of a name would run into its neighbour.
const LETTERS: usize = 13;

pub(super) fn draw(grid: &Grid<'_>) -> Result<String> {
    let size = (
        (NAMES + CELL.0 * grid.columns.len() as i32 + MARGIN) as u32,
        (TOP + CELL.1 * grid.rows.len() as i32 + MARGIN) as u32,
    );
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        plot(&root, grid).map_err(|error| anyhow!("cannot draw what adapters weigh: {error}"))?;
    }
    Ok(svg)
}

fn plot(root: &DrawingArea<SVGBackend<'_>, Shift>, grid: &Grid<'_>) -> Result<()> {
    root.fill(&WHITE)?;
    root.draw(&Text::new(
        format!("{}: weight of each adapter, %", grid.title),
        (MARGIN, MARGIN),
        style(15, HPos::Left),
    ))?;
    for (column, name) in grid.columns.iter().enumerate() {
        let middle = NAMES + CELL.0 * column as i32 + CELL.0 / 2;
        root.draw(&Text::new(shortened(name, LETTERS), (middle, TOP - 12), style(13, HPos::Center)))?;
    }
    for (row, (name, weights)) in grid.rows.iter().enumerate() {
        let top = TOP + CELL.1 * row as i32;
        root.draw(&Text::new(name.clone(), (NAMES - 10, top + CELL.1 / 2), style(13, HPos::Right)))?;
        for (column, weight) in weights.iter().enumerate() {
            cell(root, (NAMES + CELL.0 * column as i32, top), *weight)?;
        }
    }
    Ok(root.present()?)
}

fn cell(root: &DrawingArea<SVGBackend<'_>, Shift>, (left, top): (i32, i32), weight: f64) -> Result<()> {
    let corners = [(left + 1, top + 1), (left + CELL.0 - 1, top + CELL.1 - 1)];
    root.draw(&Rectangle::new(corners, FULL.mix(weight.clamp(0.0, 1.0)).filled()))?;
    let color = if weight > 0.55 { WHITE } else { INK };
    let middle = (left + CELL.0 / 2, top + CELL.1 / 2);
    root.draw(&Text::new(format!("{:.1}", 100.0 * weight), middle, style(13, HPos::Center).color(&color)))?;
    Ok(())
}

fn style(size: u32, side: HPos) -> TextStyle<'static> {
    ("sans-serif", f64::from(size) * 1.24).into_font().color(&INK).pos(Pos::new(side, VPos::Center))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_drawn_once() {
        let rows = [("layer.0.feed_forward".to_owned(), vec![0.25, 0.75]), ("label good".to_owned(), vec![1.0, 0.0])];
        let columns = ["mood".to_owned(), "a name that is very long".to_owned()];
        let svg = draw(&Grid { title: "fusion a,b", columns: &columns, rows: &rows }).expect("it is drawn");
        for text in ["25.0", "75.0", "100.0", "0.0", "mood", "a name that …", "label good"] {
            assert_eq!(svg.matches(&format!("\n{text}\n")).count(), 1, "{text}: {svg}");
        }
        assert!(svg.starts_with("<svg width=\"428\" height=\"132\""), "{svg}");
    }
}
