//! Layer normalisation (Ba, Kiros and Hinton, 2016).

use crate::Scalar;
use crate::profile;
use crate::rows::{for_each_row, for_each_row_with, standard};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

/// What the backward pass of [`layer_norm`] needs.
#[derive(Clone, Debug)]
pub struct LayerNormTrace<S> {
    /// `x̂`, `[T, D]`.
    normalised: Array2<S>,
    /// `1/σ` of each row.
    inverse_deviation: Vec<S>,
}

/// `y = w ∘ x̂ + b` with `x̂ = (x − μ)/√(σ² + ε)`; `μ` and `σ²` are taken over each row of `x: [T, D]`. Some norms have no `b`.
///
/// The trace is kept only if `keep` says that backward will run.
///
/// # Panics
/// If `w` or `b` is not as long as a row.
#[must_use]
pub fn layer_norm<S: Scalar>(
    x: Array2<S>,
    w: ArrayView1<'_, S>,
    b: Option<ArrayView1<'_, S>>,
    epsilon: f64,
    keep: bool,
) -> (Array2<S>, Option<LayerNormTrace<S>>) {
    assert!(w.len() == x.ncols() && b.is_none_or(|b| b.len() == w.len()), "a layer norm is as long as a row");
    let _span = profile::moving::<S>("layer norm", x.shape(), 2);
    let mut normalised = standard(x);
    let mut inverse_deviation = vec![S::zero(); normalised.nrows()];
    for_each_row_with(&mut normalised, &mut inverse_deviation, |_, row, inverse| *inverse = normalise(row, epsilon));
    let trace = keep.then(|| LayerNormTrace { normalised: normalised.clone(), inverse_deviation });
    let mut y = normalised;
    scale_and_shift(&mut y, w, b);
    (y, trace)
}

/// Gradient with respect to the input, `[T, D]`: with `g = w ∘ d_y` and means over each row,
///
/// `d_x = (g − mean(g) − x̂ mean(g ∘ x̂)) / σ`.
///
/// The last two terms are how `μ` and `σ` answer to a change of `x`.
#[must_use]
pub fn layer_norm_input_backward<S: Scalar>(
    trace: &LayerNormTrace<S>,
    w: ArrayView1<'_, S>,
    d_y: Array2<S>,
) -> Array2<S> {
    let _span = profile::moving::<S>("layer norm, backward", d_y.shape(), 3);
    let mut d_x = standard(d_y);
    let w = w.as_standard_layout();
    let w = w.as_slice().expect("standard layout");
    let normalised = trace.normalised.as_slice().expect("standard layout");
    let (columns, n) = (w.len(), S::from_f64(w.len() as f64));
    for_each_row(&mut d_x, |t, g| {
        let x = &normalised[t * columns..][..columns];
        S::scale(g, w);
        let (mean, along) = (S::sum_of_row(g) / n, S::sum_of_products(g, x) / n);
        S::norm_backward(g, x, mean, along, trace.inverse_deviation[t]);
    });
    d_x
}

/// Gradients with respect to weight and bias: `d_w = Σ_t d_y ∘ x̂`, `d_b = Σ_t d_y`, both `[D]`. The second is that of a bias of
/// zero where there is none.
#[must_use]
pub fn layer_norm_parameters_backward<S: Scalar>(
    trace: &LayerNormTrace<S>,
    d_y: ArrayView2<'_, S>,
) -> (Array1<S>, Array1<S>) {
    let _span = profile::moving::<S>("layer norm, parameter gradients", d_y.shape(), 2);
    ((&d_y * &trace.normalised).sum_axis(Axis(0)), d_y.sum_axis(Axis(0)))
}

/// Normalises a row; returns `1/√(σ² + ε)`.
fn normalise<S: Scalar>(row: &mut [S], epsilon: f64) -> S {
    let n = S::from_f64(row.len() as f64);
    let mean = S::sum_of_row(row) / n;
    let variance = S::sum_of_squared_deviations(row, mean) / n;
    let inverse = S::one() / (variance + S::from_f64(epsilon)).sqrt();
    S::normalise(row, mean, inverse);
    inverse
}

/// `y = w ∘ y + b`, row by row.
fn scale_and_shift<S: Scalar>(y: &mut Array2<S>, w: ArrayView1<'_, S>, b: Option<ArrayView1<'_, S>>) {
    let w = w.as_standard_layout();
    let w = w.as_slice().expect("standard layout");
    if let Some(b) = b {
        let b = b.as_standard_layout();
        let b = b.as_slice().expect("standard layout");
        for_each_row(y, |_, row| S::scale_and_shift(row, w, b));
    } else {
        for_each_row(y, |_, row| S::scale(row, w));
    }
}
