//! A picture of a training run: the losses by step, and below them how good the model is on development data.

use crate::cli::report::{note, thousands};
use adaptune_train::Record;
use adaptune_transformer::weights::replace_file;
use anyhow::{Result, anyhow, bail};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::io::Write;
use std::ops::Range;
use std::path::Path;

/// The drawing is made at twice its size: the backend rounds to whole pixels, and halves look smoother than wholes.
const SCALE: u32 = 2;
const WIDTH: u32 = 860;
const LOSS_HEIGHT: u32 = 400;
const DEV_HEIGHT: u32 = 270;
/// Around each panel, in pixels of the drawing.
const MARGIN: u32 = 12 * SCALE;
/// To the left of each panel, for values and their name.
const VALUE_AREA: u32 = 64 * SCALE;

/// Blue and vermilion of Okabe and Ito (2008), which are told apart with any kind of colour vision.
pub(crate) const LOSS: RGBColor = RGBColor(0, 114, 178);
const DEV: RGBColor = RGBColor(213, 94, 0);
pub(crate) const INK: RGBColor = RGBColor(51, 51, 51);
pub(crate) const GRID: RGBColor = RGBColor(226, 226, 226);

/// More points than this cannot be seen apart. Of a longer run each stretch is drawn by its lowest and highest loss.
const MOST_POINTS: usize = 1200;

/// Draws the loss curve. It is an extra: without it the run is as good, so a failure is only told.
pub(crate) fn draw(history: &[Record], path: &Path) {
    let losses: Vec<_> =
        history.iter().filter_map(|r| if let Record::Step(s) = r { Some((s.step, s.loss)) } else { None }).collect();
    let evaluations = || history.iter().filter_map(|r| if let Record::Evaluation(e) = r { Some(e) } else { None });
    let (dev_loss, dev_metric): (Vec<_>, Vec<_>) =
        evaluations().map(|e| ((e.step, e.loss), (e.step, e.primary()))).unzip();
    let metric = evaluations().find_map(|e| Some(e.metrics.first()?.0.as_str()));
    let metric_name = metric.unwrap_or("metric");
    let curves = Curves { training: &losses, dev_loss: &dev_loss, dev_metric: &dev_metric, metric_name };
    if let Err(error) = loss_curve(path, &curves) {
        note(format_args!("note: cannot draw {}: {error}; the numbers are in metrics.jsonl", path.display()));
    }
}

/// What is drawn of a run: points `(step, value)` in the order of steps; those that are not finite are left out.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Curves<'a> {
    /// The training loss.
    pub(crate) training: &'a [(usize, f64)],
    /// The loss on development data.
    pub(crate) dev_loss: &'a [(usize, f64)],
    /// The metric on development data.
    pub(crate) dev_metric: &'a [(usize, f64)],
    /// The name of the metric.
    pub(crate) metric_name: &'a str,
}

/// Writes the picture as SVG: training loss (thin as measured, thick smoothed) and the loss on development data, if there is
/// any, and in a second panel the metric on it. The same points give the same bytes.
///
/// # Errors
///
/// No training loss is finite, or the file cannot be written; a file that is there already then stays as it was.
pub(crate) fn loss_curve(path: &Path, curves: &Curves<'_>) -> Result<()> {
    let [points, losses, dev] = [curves.training, curves.dev_loss, curves.dev_metric].map(finite);
    if points.is_empty() {
        bail!("there is no finite training loss to draw in {}", path.display());
    }
    let picture = picture(&points, &losses, &dev, curves.metric_name);
    let picture = picture.map_err(|error| anyhow!("cannot draw the loss curve: {error}"))?;
    Ok(replace_file(path, |file| file.write_all(picture.as_bytes()))?)
}

/// Writes a score by the number of lowest layers that are without adapters, as SVG. Points are `(layers, value)` in their order.
///
/// # Errors
///
/// No score is finite, or the file cannot be written.
pub(crate) fn layer_curve(path: &Path, points: &[(usize, f64)], metric_name: &str) -> Result<()> {
    let points = finite(points);
    if points.is_empty() {
        bail!("there is no finite score to draw in {}", path.display());
    }
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (WIDTH * SCALE, LOSS_HEIGHT * SCALE)).into_drawing_area();
        root.fill(&WHITE)?;
        let below =
            Below { name: "lowest layers without adapters", steps: padded_steps(points.iter().map(|point| point.0)) };
        score_panel(&root, &points, &below, metric_name, metric_name)?;
        root.present()?;
    }
    let picture = scaled(&svg, LOSS_HEIGHT);
    Ok(replace_file(path, |file| file.write_all(picture.as_bytes()))?)
}

/// What an axis of steps or layers shows, and what it is called, if that is said below this panel.
struct Below<'a> {
    name: &'a str,
    steps: Range<f64>,
}

/// The picture at half the size at which it was drawn.
fn scaled(svg: &str, height: u32) -> String {
    let drawn = format!("width=\"{}\" height=\"{}\"", WIDTH * SCALE, height * SCALE);
    svg.replacen(&drawn, &format!("width=\"{WIDTH}\" height=\"{height}\""), 1)
}

fn picture(points: &[(f64, f64)], losses: &[(f64, f64)], dev: &[(f64, f64)], metric_name: &str) -> Result<String> {
    let height = LOSS_HEIGHT + if dev.is_empty() { 0 } else { DEV_HEIGHT };
    let size = (WIDTH * SCALE, height * SCALE);
    let steps = padded_steps([points, losses, dev].into_iter().flatten().map(|point| point.0));
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        root.fill(&WHITE)?;
        let (top, bottom) = root.split_vertically(LOSS_HEIGHT * SCALE);
        let name = if dev.is_empty() { "step" } else { "" };
        loss_panel(&top, points, losses, &Below { name, steps: steps.clone() })?;
        if !dev.is_empty() {
            let title = format!("Development data: {metric_name}");
            score_panel(&bottom, dev, &Below { name: "step", steps }, &title, metric_name)?;
        }
        root.present()?;
    }
    Ok(scaled(&svg, height))
}

type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<
    'a,
    SVGBackend<'b>,
    Cartesian2d<plotters::coord::types::RangedCoordf64, plotters::coord::types::RangedCoordf64>,
>;

/// The losses on one scale: where that on development data rises above that of training, the model has begun to learn by heart.
fn loss_panel(panel: &Panel<'_>, points: &[(f64, f64)], dev: &[(f64, f64)], below: &Below<'_>) -> Result<()> {
    let values = padded_values(points.iter().chain(dev).map(|point| point.1));
    let mut chart = axes(panel, "Loss", "loss", below, values)?;
    training_series(&mut chart, points)?;
    if !dev.is_empty() {
        let line = LineSeries::new(dev.iter().copied(), dev_line());
        chart.draw_series(line)?.label("development data").legend(|at| key(at, dev_line()));
        marks(&mut chart, dev, DEV)?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .margin(12 * SCALE as i32)
        .legend_area_size(30 * SCALE as i32)
        .label_font(text_style(13))
        .background_style(WHITE.mix(0.85))
        .draw()?;
    Ok(())
}

/// The loss of each step, thin, and smoothed, thick; a single one is a mark.
fn training_series(chart: &mut Chart<'_, '_>, points: &[(f64, f64)]) -> Result<()> {
    if points.len() == 1 {
        return marks(chart, points, LOSS);
    }
    let (thin, thick) = (stroke(LOSS.mix(0.3), SCALE), stroke(LOSS.to_rgba(), 2 * SCALE + 1));
    let smooth = sampled(&smoothed(points));
    chart.draw_series(LineSeries::new(thinned(points), thin))?.label("each step").legend(move |at| key(at, thin));
    chart.draw_series(LineSeries::new(smooth, thick))?.label("smoothed").legend(move |at| key(at, thick));
    Ok(())
}

fn stroke(color: RGBAColor, stroke_width: u32) -> ShapeStyle {
    ShapeStyle { color, filled: false, stroke_width }
}

fn dev_line() -> ShapeStyle {
    stroke(DEV.to_rgba(), 2 * SCALE)
}

fn score_panel(panel: &Panel<'_>, dev: &[(f64, f64)], below: &Below<'_>, title: &str, metric_name: &str) -> Result<()> {
    let values = padded_values(dev.iter().map(|point| point.1));
    let mut chart = axes(panel, title, metric_name, below, values)?;
    chart.draw_series(LineSeries::new(dev.iter().copied(), dev_line()))?;
    marks(&mut chart, dev, DEV)
}

/// Title, grid and axes. Steps are named below the lowest panel only; all panels share them.
fn axes<'a, 'b>(
    panel: &'a Panel<'b>,
    title: &str,
    value_name: &str,
    below: &Below<'_>,
    values: Range<f64>,
) -> Result<Chart<'a, 'b>> {
    let places = decimals(&values);
    let corner = ((MARGIN + VALUE_AREA) as i32, MARGIN as i32);
    panel.draw(&Text::new(title.to_owned(), corner, text_style(16)))?;
    let mut chart = ChartBuilder::on(panel)
        .margin(MARGIN)
        .margin_top(MARGIN + 28 * SCALE)
        .margin_right(24 * SCALE)
        .x_label_area_size(if below.name.is_empty() { 24 } else { 44 } * SCALE)
        .y_label_area_size(VALUE_AREA)
        .build_cartesian_2d(below.steps.clone(), values)?;
    chart
        .configure_mesh()
        .x_desc(below.name)
        .y_desc(value_name)
        .x_labels(8)
        .y_labels(6)
        .x_label_formatter(&step_label)
        .y_label_formatter(&|value| value_label(*value, places))
        .label_style(text_style(13))
        .axis_desc_style(text_style(14))
        .axis_style(ShapeStyle { color: INK.to_rgba(), filled: false, stroke_width: SCALE })
        .bold_line_style(ShapeStyle { color: GRID.to_rgba(), filled: false, stroke_width: SCALE })
        .light_line_style(TRANSPARENT)
        .draw()?;
    Ok(chart)
}

/// Steps are whole numbers; a short axis has marks between them, which get no name.
fn step_label(step: &f64) -> String {
    match step.round() {
        whole if (step - whole).abs() < 1e-6 => thousands(whole.max(0.0) as u64),
        _ => String::new(),
    }
}

/// A run that fails reaches numbers that are too long to write out.
fn value_label(value: f64, places: usize) -> String {
    if value.abs() < 1e6 { format!("{value:.places$}") } else { format!("{value:.1e}") }
}

fn marks(chart: &mut Chart<'_, '_>, points: &[(f64, f64)], colour: RGBColor) -> Result<()> {
    chart.draw_series(points.iter().map(|&point| Circle::new(point, 4 * SCALE, colour.filled())))?;
    Ok(())
}

fn key(at: (i32, i32), style: ShapeStyle) -> PathElement<(i32, i32)> {
    PathElement::new(vec![at, (at.0 + 24 * SCALE as i32, at.1)], style)
}

/// The backend writes sizes divided by 1.24, so they are multiplied by it here.
fn text_style(size: u32) -> TextStyle<'static> {
    let size = f64::from(size * SCALE) * 1.24;
    ("sans-serif", size).into_font().color(&INK).pos(Pos::new(HPos::Left, VPos::Top))
}

/// What can be drawn. Beyond the limit a run has failed, and the marks of an axis could not be told apart.
fn finite(points: &[(usize, f64)]) -> Vec<(f64, f64)> {
    const LIMIT: f64 = 1e30;
    points.iter().filter(|point| point.1.abs() <= LIMIT).map(|&(step, value)| (step as f64, value)).collect()
}

/// An exponential moving average, corrected for its start as in Adam (Kingma and Ba, 2015):
/// `m = beta m + (1 - beta) x`, shown as `m / (1 - beta^n)`. It reaches over about a fiftieth of the run.
fn smoothed(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let beta = 1.0 - 1.0 / (points.len() as f64 / 50.0).max(4.0);
    let (mut mean, mut weight) = (0.0, 0.0);
    let average = |&(step, value): &(f64, f64)| {
        mean = beta * mean + (1.0 - beta) * value;
        weight = beta * weight + (1.0 - beta);
        (step, mean / weight)
    };
    points.iter().map(average).collect()
}

/// At most [`MOST_POINTS`] points: of each stretch the lowest and the highest, in the order of steps.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if points.len() <= MOST_POINTS {
        return points.to_vec();
    }
    let stretch = (2 * points.len()).div_ceil(MOST_POINTS);
    let extremes = |stretch: &[(f64, f64)]| {
        let by_value = |a: &(f64, f64), b: &(f64, f64)| a.1.total_cmp(&b.1);
        let ends = [stretch.iter().copied().min_by(by_value), stretch.iter().copied().max_by(by_value)];
        let mut ends: Vec<(f64, f64)> = ends.into_iter().flatten().collect();
        ends.sort_by(|a, b| a.0.total_cmp(&b.0));
        ends
    };
    points.chunks(stretch).flat_map(extremes).collect()
}

/// Every so many points, and always the last: enough for a curve that is smooth.
fn sampled(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let stretch = points.len().div_ceil(MOST_POINTS / 4).max(1);
    points.rchunks(stretch).rev().map(|stretch| stretch[stretch.len() - 1]).collect()
}

/// All steps, with room at both ends; never empty.
fn padded_steps(steps: impl Iterator<Item = f64>) -> Range<f64> {
    let (low, high) = steps.fold((f64::INFINITY, 0.0), |(low, high), step| (step.min(low), step.max(high)));
    let room = ((high - low) * 0.02).max(0.5);
    (low - room).max(0.0)..high + room
}

/// All values, with room above and below; never empty.
fn padded_values(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (low, high) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (value.min(low), value.max(high)));
    let room = match high - low {
        // Values that agree in six digits get an axis that the numbers can resolve.
        spread if spread > 0.0 => (spread * 0.06).max(high.abs().max(low.abs()) * 1e-6),
        _ => (high.abs() * 0.1).max(0.01),
    };
    // Losses and most metrics are not negative, and then neither is their axis.
    let floor = if low >= 0.0 { 0.0 } else { f64::NEG_INFINITY };
    (low - room).max(floor)..high + room
}

/// Decimal places that tell the marks of an axis apart.
fn decimals(values: &Range<f64>) -> usize {
    let between_marks = (values.end - values.start) / 6.0;
    (-between_marks.log10().floor()).clamp(0.0, 12.0) as usize
}

#[cfg(test)]
mod tests;
