//! How near the products of a step are to what the machine can do: a picture, and its numbers.
//!
//! ```sh
//! cargo run --release -p adaptune-benches --example roofline -- THREADS docs/roofline.svg
//! ```
//!
//! Right and up is better. A product does so many operations for each byte that it has to move at least once (operands and
//! result), its intensity. Below the slanted line memory is the limit, below the level one arithmetic is (Williams, Waterman
//! and Patterson, 2009).

use adaptune_benches::{bandwidth, median, peak};
use adaptune_tensor::{PackedMatrix, Precision, Seed, in_pool, init};
use plotters::prelude::*;
use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Name, rows, depth, columns.
const PRODUCTS: [(&str, usize, usize, usize); 10] = [
    ("query, 384", 4096, 384, 384),
    ("feed-forward in", 4096, 384, 1536),
    ("feed-forward out", 4096, 1536, 384),
    ("BERT-base query", 2048, 768, 768),
    ("BERT-base in", 2048, 768, 3072),
    ("BERT-base out", 2048, 3072, 768),
    ("down to 24", 4096, 384, 24),
    ("up from 24", 4096, 24, 384),
    ("one sentence", 25, 384, 1536),
    ("one token", 1, 384, 1536),
];
const REPETITIONS: usize = 25;
/// The least intensity in the picture.
const LEAST: f64 = 0.25;
/// Blue and vermilion of Okabe and Ito (2008).
const COLOURS: [RGBColor; 2] = [RGBColor(0, 114, 178), RGBColor(213, 94, 0)];
const INK: RGBColor = RGBColor(51, 51, 51);

struct Point {
    name: &'static str,
    intensity: f64,
    rate: f64,
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let threads = arguments.first().map_or(Ok(1), |threads| threads.parse())?;
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    let peak = in_pool(|| (0..50).map(|_| peak()).fold(0.0, f64::max));
    // A glance is enough where nothing is drawn.
    let (repetitions, numbers) = if arguments.len() < 2 { (2, 1 << 20) } else { (REPETITIONS, 1 << 25) };
    let bandwidth = bandwidth(numbers);
    println!("{threads} threads: {peak:.0} GFLOP/s in f32 on registers, {bandwidth:.0} GB/s from memory");
    let points = in_pool(|| {
        [Precision::Full, Precision::Bf16].map(|p| PRODUCTS.map(|product| measure(product, p, repetitions)))
    });
    for (full, half) in points[0].iter().zip(&points[1]) {
        let share = full.rate / peak.min(bandwidth * full.intensity);
        println!("{:>18}: {:>6.0} in f32, {share:.2} of the roof; {:>6.0} in bf16", full.name, full.rate, half.rate);
    }
    match arguments.get(1) {
        Some(path) => draw(path, threads, peak, bandwidth, &points),
        None => Ok(()),
    }
}

/// Billions of operations a second, the median.
fn measure((name, m, k, n): (&'static str, usize, usize, usize), precision: Precision, repetitions: usize) -> Point {
    let weight = init::normal::<f32>((n, k), 0.05, Seed::new(1));
    let packed = PackedMatrix::with_precision(weight.t(), precision);
    let x = init::normal::<f32>((m, k), 1.0, Seed::new(2));
    let (work, width) = (2.0 * (m * k * n) as f64, if precision == Precision::Full { 4 } else { 2 });
    // Short products are repeated until the clock sees them.
    let times = (2e8 / work).ceil() as usize;
    let seconds = || {
        let begun = Instant::now();
        (0..times).for_each(|_| drop(black_box(packed.product(x.view(), None))));
        begun.elapsed().as_secs_f64() / times as f64
    };
    seconds();
    let rate = work / median((0..repetitions).map(|_| seconds()).collect()) / 1e9;
    Point { name, intensity: work / (4 * (m * k + m * n) + width * k * n) as f64, rate }
}

/// What is written near a point, and how far below: nothing where others lie too near.
fn label(name: &str) -> Option<(&str, i32)> {
    match name {
        "feed-forward in" => Some(("layers of MiniLM and BERT-base", 14)),
        "one sentence" => Some((name, -20)),
        "down to 24" => Some(("bottlenecks of 24", 14)),
        "one token" => Some((name, 14)),
        _ => None,
    }
}

fn draw(path: &str, threads: usize, peak: f64, bandwidth: f64, points: &[[Point; 10]; 2]) -> Outcome<()> {
    let root = SVGBackend::new(path, (860, 520)).into_drawing_area();
    root.fill(&WHITE)?;
    let title = format!("Products on {threads} threads: blue in f32, orange in bf16");
    let mut chart = ChartBuilder::on(&root)
        .margin(12)
        .caption(title, ("sans-serif", 18, &INK))
        .x_label_area_size(44)
        .y_label_area_size(60)
        .build_cartesian_2d((LEAST..1024.0).log_scale().base(2.0), (8.0_f64..2048.0).log_scale().base(2.0))?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc("operations for each byte")
        .y_desc("GFLOP/s")
        .label_style(("sans-serif", 14, &INK))
        .draw()?;
    for (colour, roof) in COLOURS.iter().zip([peak, 2.0 * peak]) {
        let corner = roof / bandwidth;
        let line = [(LEAST, LEAST * bandwidth), (corner, roof), (1024.0, roof)];
        chart.draw_series(LineSeries::new(line, colour.stroke_width(2)))?;
    }
    for (colour, points) in COLOURS.iter().zip(points) {
        let place = |point: &Point| (point.intensity, point.rate);
        chart.draw_series(points.iter().map(|point| Circle::new(place(point), 5, colour.filled())))?;
    }
    let labels = points[0].iter().filter_map(|point| Some((point, label(point.name)?)));
    chart.draw_series(labels.map(|(point, (label, below))| {
        let at = (point.intensity, point.rate);
        EmptyElement::at(at) + Text::new(label, (-40, below), ("sans-serif", 14).into_font().color(&INK))
    }))?;
    root.present()?;
    println!("wrote {path}");
    Ok(())
}
