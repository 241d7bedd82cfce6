//! Functions on the tape, of operations that know nothing of each other: what the formulas are compared with.

use adaptune::autograd::{TapeGradients, Var};
use adaptune::tensor::ndarray::{Array, Array2, Axis, Dimension, Ix0, Ix1, Ix2};
use std::error::Error;

// ANCHOR: tape
/// Softmax of each row.
pub(crate) fn softmax(scores: &Var<f64, Ix2>) -> Var<f64, Ix2> {
    let exponentials = scores.exp();
    let sums = exponentials.sum_axis(Axis(1)).insert_axis(Axis(1));
    exponentials / sums
}

pub(crate) fn attention(q: &Var<f64, Ix2>, k: &Var<f64, Ix2>, v: &Var<f64, Ix2>, scale: f64) -> Var<f64, Ix2> {
    softmax(&(q.matmul(&k.t()) * scale)).matmul(v)
}

pub(crate) fn layer_norm(x: &Var<f64, Ix2>, w: &Var<f64, Ix1>, b: &Var<f64, Ix1>) -> Var<f64, Ix2> {
    let centred = x - x.mean_axis(Axis(1)).insert_axis(Axis(1));
    let variance = centred.square().mean_axis(Axis(1)).insert_axis(Axis(1));
    centred / variance.sqrt() * w + b
}
// ANCHOR_END: tape

/// The gradient of a loss with respect to a variable.
pub(crate) fn take<D: Dimension>(
    gradients: &mut TapeGradients<f64>,
    variable: &Var<f64, D>,
) -> Result<Array<f64, D>, Box<dyn Error>> {
    Ok(gradients.take(variable).ok_or("the loss depends on it")?)
}

/// `Σ d_y ∘ y`, whose gradient with respect to `y` is `d_y`.
pub(crate) fn weighted(y: &Var<f64, Ix2>, d_y: &Array2<f64>) -> Var<f64, Ix0> {
    (y * Var::constant(d_y.clone())).sum()
}

/// `½ Σ (y − t)²`.
pub(crate) fn squared_error(y: &Var<f64, Ix2>, target: &Array2<f64>) -> Var<f64, Ix0> {
    (y - Var::constant(target.clone())).square().sum() * 0.5
}
