//! A layer with two backward functions, one of which forgets a term: the check tells which.
//!
//! ```sh
//! cargo run --package adaptune-autograd --example check_a_layer
//! ```
//!
//! The layer is the root mean square norm (Zhang and Sennrich, 2019) of one row `x: [D]`,
//!
//! ```text
//! y = x / ρ   with   ρ = √(mean(x²) + ε)
//! ```

use adaptune_autograd::{GradientMismatch, Worst, check_gradients};

const EPSILON: f64 = 1e-6;

fn main() -> Result<(), GradientMismatch> {
    let x = [0.8, -1.5, 0.3, 2.1, -0.4];
    // The layer gives a row, the check wants a number: `f(x) = Σ c ∘ y(x)`, whose gradient is backward of `d_y = c`.
    let c = [0.7, -0.2, 1.1, 0.5, -0.9];

    println!("backward that takes ρ for a constant:");
    let mismatch = check(forgetful_backward, &x, &c).expect_err("ρ is no constant");
    println!("  {mismatch}");

    println!("backward that follows x into ρ:");
    let Worst { index, gradient, differences, error } = check(backward, &x, &c)?;
    println!("  right: the worst is element {index}, {gradient:.9} and {differences:.9}, an error of {error:.0e}");
    Ok(())
}

type Backward = fn(x: &[f64], d_y: &[f64]) -> Vec<f64>;

fn check(backward: Backward, x: &[f64], c: &[f64]) -> Result<Worst, GradientMismatch> {
    let f = |x: &[f64]| forward(x).iter().zip(c).map(|(y, c)| y * c).sum::<f64>();
    check_gradients(f, x, &backward(x, c))
}

/// `y = x / ρ`.
fn forward(x: &[f64]) -> Vec<f64> {
    let rho = root_mean_square(x);
    x.iter().map(|x| x / rho).collect()
}

/// `d_x = d_y / ρ`: what would be right if `ρ` did not depend on `x`.
fn forgetful_backward(x: &[f64], d_y: &[f64]) -> Vec<f64> {
    let rho = root_mean_square(x);
    d_y.iter().map(|d_y| d_y / rho).collect()
}

/// `d_x = (d_y − y mean(d_y ∘ y)) / ρ`: the second term is how `ρ` answers to a change of `x`.
fn backward(x: &[f64], d_y: &[f64]) -> Vec<f64> {
    let (y, rho) = (forward(x), root_mean_square(x));
    let along = mean(d_y.iter().zip(&y).map(|(d_y, y)| d_y * y));
    d_y.iter().zip(&y).map(|(d_y, y)| (d_y - y * along) / rho).collect()
}

/// `ρ = √(mean(x²) + ε)`.
fn root_mean_square(x: &[f64]) -> f64 {
    (mean(x.iter().map(|x| x * x)) + EPSILON).sqrt()
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}
