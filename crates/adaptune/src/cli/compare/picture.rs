//! Scores over trained parameters, as SVG.

use super::super::plot::{GRID, INK, LOSS as MARK};
use super::super::report::thousands;
use super::Row;
use anyhow::{Result, anyhow};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::ops::Range;

const SIZE: (u32, u32) = (860, 460);

/// A dot for each method, with a bar of one standard deviation over seeds, its name beside it.
pub(super) fn draw(rows: &[Row]) -> Result<String> {
    let mut svg = String::new();
    plot(rows, &mut svg).map_err(|error| anyhow!("cannot draw the comparison: {error}"))?;
    Ok(svg)
}

fn plot(rows: &[Row], svg: &mut String) -> Result<()> {
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .margin(16)
        .x_label_area_size(48)
        .y_label_area_size(60)
        .build_cartesian_2d(parameters(rows).log_scale().with_key_points(ticks(&parameters(rows))), scores(rows))?;
    chart
        .configure_mesh()
        .x_desc("trained parameters")
        .y_desc(format!("{} × 100", rows.first().map_or("score", Row::metric)))
        .x_label_formatter(&|n| thousands(n.round() as u64))
        .y_label_formatter(&|score| format!("{score:.1}"))
        .label_style(style(13))
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .draw()?;
    for (number, row) in rows.iter().enumerate() {
        let (x, (mean, deviation)) = (row.trained().max(1) as f64, row.score());
        let (y, spread) = (100.0 * mean, 100.0 * deviation.unwrap_or(0.0));
        chart.draw_series([PathElement::new(vec![(x, y - spread), (x, y + spread)], MARK.mix(0.5).stroke_width(2))])?;
        chart.draw_series([Circle::new((x, y), 5, MARK.filled())])?;
        // Neighbours get their names above and below in turn, so that they do not run into each other.
        let offset = if number % 2 == 0 { -16 } else { 8 };
        chart.draw_series([EmptyElement::at((x, y)) + Text::new(row.method.clone(), (8, offset), style(13))])?;
    }
    root.present()?;
    drop(chart);
    Ok(())
}

fn style(size: u32) -> TextStyle<'static> {
    ("sans-serif", f64::from(size) * 1.24).into_font().color(&INK).pos(Pos::new(HPos::Left, VPos::Top))
}

/// From half the smallest to a few times the largest: names stand to the right of their dots.
fn parameters(rows: &[Row]) -> Range<f64> {
    let all = rows.iter().map(|row| row.trained().max(1) as f64);
    let (low, high) = all.fold((f64::INFINITY, 1.0), |(low, high): (f64, f64), n| (low.min(n), high.max(n)));
    0.5 * low..6.0 * high
}

/// Round numbers that stand far enough apart for their labels: 1, 2 and 5 of each power of ten, or of more powers 1 alone.
fn ticks(range: &Range<f64>) -> Vec<f64> {
    let powers = || (0..20).map(|power| 10_f64.powi(power));
    let within = |factors: &[f64]| -> Vec<f64> {
        powers()
            .flat_map(|power| factors.iter().map(move |factor| factor * power))
            .filter(|n| range.contains(n))
            .collect()
    };
    let close = within(&[1.0, 2.0, 5.0]);
    if close.len() <= 8 { close } else { within(&[1.0]) }
}

fn scores(rows: &[Row]) -> Range<f64> {
    let all = rows.iter().map(|row| (100.0 * row.score().0, 100.0 * row.score().1.unwrap_or(0.0)));
    let fold = |(low, high): (f64, f64), (y, d)| (low.min(y - d), high.max(y + d));
    let (low, high) = all.fold((f64::INFINITY, f64::NEG_INFINITY), fold);
    let room = (0.12 * (high - low)).max(0.5);
    low - room..high + room
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_the_axis_stand_apart() {
        assert_eq!(ticks(&(9_000.0..400_000.0)), [1e4, 2e4, 5e4, 1e5, 2e5]);
        assert_eq!(ticks(&(300.0..2e7)), [1e3, 1e4, 1e5, 1e6, 1e7]);
    }
}
