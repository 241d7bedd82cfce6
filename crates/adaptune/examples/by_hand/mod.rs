//! How the programs that compute by hand print arrays: a name, then the rows below each other.
#![allow(dead_code)] // each program uses a part of it

use adaptune::tensor::ndarray::{Array, Dimension};

pub(crate) mod tape;

/// Gradients from two sources may differ by rounding alone.
const ROUNDING: f64 = 1e-12;

/// A name and an array.
pub(crate) fn show<D: Dimension>(name: &str, values: &Array<f64, D>) {
    println!("{} {}", label(name), rows(values).join("\n           "));
}

/// A gradient as it was derived, and as the tape finds it.
pub(crate) fn compare<D: Dimension>(name: &str, derived: &Array<f64, D>, tape: &Array<f64, D>) {
    assert_close(name, derived, tape);
    for (row, (derived, tape)) in rows(derived).iter().zip(rows(tape)).enumerate() {
        println!("{} {derived:<32} tape: {tape}", label(if row == 0 { name } else { "" }));
    }
}

/// # Panics
/// If two arrays differ by more than rounding.
pub(crate) fn assert_close<D: Dimension>(name: &str, one: &Array<f64, D>, other: &Array<f64, D>) {
    assert_eq!(one.shape(), other.shape(), "{name}");
    let worst = one.iter().zip(other).fold(0.0_f64, |worst, (one, other)| worst.max((one - other).abs()));
    assert!(worst < ROUNDING, "{name}: {one} and {other}");
}

/// A name as the first column of a line.
pub(crate) fn label(name: &str) -> String {
    // The hat of x̂ takes no place.
    let wide = 10 + name.matches('\u{302}').count();
    format!("{name:<wide$}")
}

/// At most five digits behind the point, and none that say nothing.
pub(crate) fn number(value: f64) -> String {
    // Zero has a sign, which nobody wants to read.
    format!("{:>8}", (value * 1e5).round() / 1e5 + 0.0)
}

fn rows<D: Dimension>(values: &Array<f64, D>) -> Vec<String> {
    let row = |row: &[f64]| row.iter().map(|value| number(*value)).collect::<Vec<_>>().join(" ");
    let width = values.shape().last().copied().unwrap_or(1);
    let all: Vec<f64> = values.iter().copied().collect();
    all.chunks(width).map(row).collect()
}

/// The root of the sum of squares.
pub(crate) fn length<D: Dimension>(values: &Array<f64, D>) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}
