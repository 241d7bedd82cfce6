//! Root mean square normalisation (Zhang and Sennrich, 2019).

use crate::Scalar;
use crate::profile;
use crate::rows::{for_each_row, for_each_row_with, standard};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

/// How the stored weight `w` of an RMS norm scales.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RmsWeight {
    /// By `w`, as in Llama.
    #[default]
    Plain,
    /// By `1 + w`, as in Gemma.
    OnePlus,
}

/// What the backward pass of [`rms_norm`] needs.
#[derive(Clone, Debug)]
pub struct RmsNormTrace<S> {
    /// `x̂`, `[T, D]`.
    normalised: Array2<S>,
    /// `1/√(mean(x²) + ε)` of each row.
    inverse_root: Vec<S>,
}

/// `y = s ∘ x̂` with `x̂ = x/√(mean(x²) + ε)`, the mean over each row of `x: [T, D]`, and `s` either `w` or `1 + w`.
///
/// The trace is kept only if `keep` says that backward will run.
///
/// ```
/// use adaptune_tensor::{RmsWeight, rms_norm};
/// use ndarray::{arr1, arr2};
/// let (x, w) = (arr2(&[[1.0, -7.0]]), arr1(&[0.5, 1.0])); // the root of the mean square is 5
/// let y = |weight| rms_norm(x.clone(), w.view(), weight, 0.0, false).0.mapv(|y: f64| (y * 1e9).round() / 1e9);
/// assert_eq!((y(RmsWeight::Plain), y(RmsWeight::OnePlus)), (arr2(&[[0.1, -1.4]]), arr2(&[[0.3, -2.8]])));
/// ```
///
/// # Panics
/// If `w` is not as long as a row.
#[must_use]
pub fn rms_norm<S: Scalar>(
    x: Array2<S>,
    w: ArrayView1<'_, S>,
    weight: RmsWeight,
    epsilon: f64,
    keep: bool,
) -> (Array2<S>, Option<RmsNormTrace<S>>) {
    assert_eq!(w.len(), x.ncols(), "an RMS norm is as long as a row");
    let _span = profile::moving::<S>("RMS norm", x.shape(), 2);
    let mut normalised = standard(x);
    let mut inverse_root = vec![S::zero(); normalised.nrows()];
    for_each_row_with(&mut normalised, &mut inverse_root, |_, row, inverse| *inverse = normalise(row, epsilon));
    let trace = keep.then(|| RmsNormTrace { normalised: normalised.clone(), inverse_root });
    let (mut y, scale) = (normalised, weight.scale(w));
    for_each_row(&mut y, |_, row| S::scale(row, &scale));
    (y, trace)
}

/// Gradient with respect to the input, `[T, D]`: with `g = s ∘ d_y` and the mean over each row,
///
/// `d_x = (g − x̂ mean(g ∘ x̂)) / √(mean(x²) + ε)`.
///
/// # Panics
/// If the shapes do not fit.
#[must_use]
pub fn rms_norm_input_backward<S: Scalar>(
    trace: &RmsNormTrace<S>,
    w: ArrayView1<'_, S>,
    weight: RmsWeight,
    d_y: Array2<S>,
) -> Array2<S> {
    assert_eq!(d_y.dim(), trace.normalised.dim(), "a gradient has the shape of its value");
    let _span = profile::moving::<S>("RMS norm, backward", d_y.shape(), 3);
    let (mut d_x, scale) = (standard(d_y), weight.scale(w));
    let normalised = trace.normalised.as_slice().expect("standard layout");
    let (columns, n) = (scale.len(), S::from_f64(scale.len() as f64));
    for_each_row(&mut d_x, |t, g| {
        let x = &normalised[t * columns..][..columns];
        S::scale(g, &scale);
        let along = S::sum_of_products(g, x) / n;
        S::norm_backward(g, x, S::zero(), along, trace.inverse_root[t]);
    });
    d_x
}

/// Gradient with respect to the weight, `d_w = Σ_t d_y ∘ x̂`, `[D]`: the same for `w` and `1 + w`.
///
/// # Panics
/// If `d_y` has not the shape of the result.
#[must_use]
pub fn rms_norm_weight_backward<S: Scalar>(trace: &RmsNormTrace<S>, d_y: ArrayView2<'_, S>) -> Array1<S> {
    assert_eq!(d_y.dim(), trace.normalised.dim(), "a gradient has the shape of its value");
    let _span = profile::moving::<S>("RMS norm, weight gradient", d_y.shape(), 2);
    (&d_y * &trace.normalised).sum_axis(Axis(0))
}

impl RmsWeight {
    /// What a normalised row is multiplied by.
    fn scale<S: Scalar>(self, w: ArrayView1<'_, S>) -> Vec<S> {
        match self {
            Self::Plain => w.to_vec(),
            Self::OnePlus => w.iter().map(|w| S::one() + *w).collect(),
        }
    }
}

/// Divides a row by its root mean square; returns `1/√(mean(x²) + ε)`.
fn normalise<S: Scalar>(row: &mut [S], epsilon: f64) -> S {
    let square = S::sum_of_products(row, row) / S::from_f64(row.len() as f64);
    let inverse = S::one() / (square + S::from_f64(epsilon)).sqrt();
    S::normalise(row, S::zero(), inverse);
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::random;
    use adaptune_test_support::on_threads;

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        let (x, w, d_y) = (random::<f32>(1, (1003, 130)), random::<f32>(2, (1, 130)), random::<f32>(3, (1003, 130)));
        let run = |threads| {
            on_threads(threads, || {
                let (y, trace) = rms_norm(x.clone(), w.row(0), RmsWeight::OnePlus, 1e-6, true);
                let trace = trace.expect("kept");
                let d_x = rms_norm_input_backward(&trace, w.row(0), RmsWeight::OnePlus, d_y.clone());
                (y, d_x, rms_norm_weight_backward(&trace, d_y.view()))
            })
        };
        assert!(run(1) == run(2) && run(1) == run(3));
    }
}
