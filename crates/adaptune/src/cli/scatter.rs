//! Scores over trained parameters, as SVG: a dot for each adapter.

use super::plot::{GRID, INK, LOSS as MARK};
use super::report::thousands;
use anyhow::{Result, anyhow};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::ops::Range;

const SIZE: (u32, u32) = (860, 460);

/// One adapter, or one way of training.
pub(super) struct Dot {
    /// Numbers that were trained.
    pub(super) parameters: u64,
    pub(super) score: f64,
    /// Standard deviation of the score.
    pub(super) deviation: f64,
    /// What stands beside it, if anything does.
    pub(super) name: String,
    /// True for one that is on the line, if there is one; others are faint.
    pub(super) joined: bool,
}

/// What is drawn.
pub(super) struct Scatter<'a> {
    pub(super) dots: &'a [Dot],
    /// True if a line goes through those that are on it.
    pub(super) line: bool,
    /// What the parameters are of.
    pub(super) parameters: &'a str,
    /// The name of the score.
    pub(super) metric: &'a str,
}

impl Scatter<'_> {
    /// A dot for each, with a bar of one standard deviation, its name beside it, and steps through those that are joined.
    pub(super) fn draw(&self) -> Result<String> {
        let mut svg = String::new();
        self.plot(&mut svg).map_err(|error| anyhow!("cannot draw the scores: {error}"))?;
        Ok(svg)
    }

    fn plot(&self, svg: &mut String) -> Result<()> {
        let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let range = parameters(self.dots);
        let mut chart = ChartBuilder::on(&root)
            .margin(16)
            .x_label_area_size(48)
            .y_label_area_size(60)
            .build_cartesian_2d(range.clone().log_scale().with_key_points(ticks(&range)), scores(self.dots))?;
        chart
            .configure_mesh()
            .x_desc(self.parameters)
            .y_desc(format!("{} × 100", self.metric))
            .x_label_formatter(&|n| thousands(n.round() as u64))
            .y_label_formatter(&|score| format!("{score:.1}"))
            .label_style(style(13))
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .draw()?;
        if self.line {
            chart.draw_series([PathElement::new(steps(self.dots), MARK.mix(0.5).stroke_width(2))])?;
        }
        for (number, dot) in self.dots.iter().enumerate() {
            let (x, y, spread) = (dot.x(), dot.y(), 100.0 * dot.deviation);
            let faint = if dot.joined { 1.0 } else { 0.35 };
            chart.draw_series([PathElement::new(
                vec![(x, y - spread), (x, y + spread)],
                MARK.mix(0.5).stroke_width(2),
            )])?;
            chart.draw_series([Circle::new((x, y), 5, MARK.mix(faint).filled())])?;
            // Neighbours get their names above and below in turn, so that they do not run into each other.
            let offset = if number % 2 == 0 { -16 } else { 8 };
            chart.draw_series([EmptyElement::at((x, y)) + Text::new(dot.name.clone(), (8, offset), style(13))])?;
        }
        root.present()?;
        drop(chart);
        Ok(())
    }
}

impl Dot {
    fn x(&self) -> f64 {
        self.parameters.max(1) as f64
    }

    fn y(&self) -> f64 {
        100.0 * self.score
    }
}

/// From one joined dot to the next: to the right at the score of the first, then up.
fn steps(dots: &[Dot]) -> Vec<(f64, f64)> {
    let mut line: Vec<(f64, f64)> = Vec::new();
    for dot in dots.iter().filter(|dot| dot.joined) {
        if let Some((_, score)) = line.last().copied() {
            line.push((dot.x(), score));
        }
        line.push((dot.x(), dot.y()));
    }
    line
}

fn style(size: u32) -> TextStyle<'static> {
    ("sans-serif", f64::from(size) * 1.24).into_font().color(&INK).pos(Pos::new(HPos::Left, VPos::Top))
}

/// From half the smallest to a few times the largest: names stand to the right of their dots.
fn parameters(dots: &[Dot]) -> Range<f64> {
    let all = dots.iter().map(Dot::x);
    let (low, high) = all.fold((f64::INFINITY, 1.0), |(low, high): (f64, f64), n| (low.min(n), high.max(n)));
    if low.is_finite() { 0.5 * low..6.0 * high } else { 1.0..10.0 }
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

fn scores(dots: &[Dot]) -> Range<f64> {
    let fold = |(low, high): (f64, f64), dot: &Dot| {
        let spread = 100.0 * dot.deviation;
        (low.min(dot.y() - spread), high.max(dot.y() + spread))
    };
    let (low, high) = dots.iter().fold((f64::INFINITY, f64::NEG_INFINITY), fold);
    if low > high {
        return 0.0..1.0;
    }
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

    #[test]
    fn the_line_goes_by_steps_through_those_that_are_joined() {
        let dot = |parameters, score, joined| Dot { parameters, score, deviation: 0.0, name: String::new(), joined };
        let dots = [dot(10, 0.5, true), dot(20, 0.25, false), dot(40, 0.75, true)];
        assert_eq!(steps(&dots), [(10.0, 50.0), (40.0, 50.0), (40.0, 75.0)]);
        let svg =
            Scatter { dots: &dots, line: true, parameters: "trained parameters", metric: "accuracy" }.draw().unwrap();
        assert_eq!(svg.matches("<circle").count(), 3);
        assert!(Scatter { dots: &[], line: true, parameters: "none", metric: "none" }.draw().is_ok());
    }
}
