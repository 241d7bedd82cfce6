//! Layer normalisation (Ba, Kiros and Hinton, 2016).

use crate::Scalar;
use crate::kernel::rows;
use crate::rows::{for_each_row, standard};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

/// What the backward pass of [`layer_norm`] needs.
#[derive(Clone, Debug)]
pub struct LayerNormTrace<S> {
    /// `x̂`, `[T, D]`.
    normalised: Array2<S>,
    /// `1/σ` of each row.
    inverse_deviation: Vec<S>,
}

/// `y = w ∘ x̂ + b` with `x̂ = (x − μ)/√(σ² + ε)`; `μ` and `σ²` are taken over each row of `x: [T, D]`.
///
/// The trace is kept only if `keep` says that backward will run.
///
/// # Panics
/// If `w` or `b` is not as long as a row.
#[must_use]
pub fn layer_norm<S: Scalar>(
    x: Array2<S>,
    w: ArrayView1<'_, S>,
    b: ArrayView1<'_, S>,
    epsilon: f64,
    keep: bool,
) -> (Array2<S>, Option<LayerNormTrace<S>>) {
    assert_eq!((w.len(), b.len()), (x.ncols(), x.ncols()), "a layer norm is as long as a row");
    let mut normalised = standard(x);
    let deviations = keep.then(|| inverse_deviations(normalised.view(), epsilon));
    for_each_row(&mut normalised, |_, row| normalise(row, epsilon));
    let trace =
        deviations.map(|inverse_deviation| LayerNormTrace { normalised: normalised.clone(), inverse_deviation });
    let mut y = normalised;
    let (w, b) = (w.as_standard_layout(), b.as_standard_layout());
    let (w, b) = (w.as_slice().expect("standard layout"), b.as_slice().expect("standard layout"));
    for_each_row(&mut y, |_, row| rows::scale_and_shift(row, w, b));
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
    let mut d_x = standard(d_y);
    let w = w.as_standard_layout();
    let w = w.as_slice().expect("standard layout");
    let normalised = trace.normalised.as_slice().expect("standard layout");
    for_each_row(&mut d_x, |t, g| {
        let x = &normalised[t * g.len()..][..g.len()];
        g.iter_mut().zip(w).for_each(|(g, w)| *g *= *w);
        let (mean, along) = (mean_of(g.iter().copied()), mean_of(g.iter().zip(x).map(|(g, x)| *g * *x)));
        rows::norm_backward(g, x, mean, along, trace.inverse_deviation[t]);
    });
    d_x
}

/// Gradients with respect to weight and bias: `d_w = Σ_t d_y ∘ x̂`, `d_b = Σ_t d_y`, both `[D]`.
#[must_use]
pub fn layer_norm_parameters_backward<S: Scalar>(
    trace: &LayerNormTrace<S>,
    d_y: ArrayView2<'_, S>,
) -> (Array1<S>, Array1<S>) {
    ((&d_y * &trace.normalised).sum_axis(Axis(0)), d_y.sum_axis(Axis(0)))
}

fn inverse_deviations<S: Scalar>(x: ArrayView2<'_, S>, epsilon: f64) -> Vec<S> {
    x.rows().into_iter().map(|row| statistics(row.as_slice().expect("standard layout"), epsilon).1).collect()
}

fn normalise<S: Scalar>(row: &mut [S], epsilon: f64) {
    let (mean, inverse) = statistics(row, epsilon);
    rows::normalise(row, mean, inverse);
}

/// `(μ, 1/√(σ² + ε))` of a row.
fn statistics<S: Scalar>(row: &[S], epsilon: f64) -> (S, S) {
    let mean = mean_of(row.iter().copied());
    let variance = mean_of(row.iter().map(|v| (*v - mean) * (*v - mean)));
    (mean, S::one() / (variance + S::from_f64(epsilon)).sqrt())
}

fn mean_of<S: Scalar>(values: impl ExactSizeIterator<Item = S>) -> S {
    let n = S::from_f64(values.len() as f64);
    values.sum::<S>() / n
}
