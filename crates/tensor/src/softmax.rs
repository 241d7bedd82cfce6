//! Softmax over the last axis.

use crate::Scalar;
use ndarray::{Array2, ArrayView2};

/// `p_j = e^(x_j) / Σ_k e^(x_k)` for each row of `x: [N, K]`.
///
/// The row's maximum is taken out first, so that no exponential overflows.
#[must_use]
pub fn softmax<S: Scalar>(mut x: Array2<S>) -> Array2<S> {
    for mut row in x.rows_mut() {
        let normaliser = log_sum_exp(row.iter().copied());
        row.mapv_inplace(|v| (v - normaliser).exp());
    }
    x
}

/// `d_x = p ∘ (d_p − Σ_k p_k d_p_k)` for each row; `p` is the result of [`softmax`].
///
/// # Panics
/// If the shapes differ.
#[must_use]
pub fn softmax_backward<S: Scalar>(p: ArrayView2<'_, S>, mut d_p: Array2<S>) -> Array2<S> {
    assert_eq!(p.dim(), d_p.dim(), "a gradient has the shape of its value");
    for (p, mut d) in p.rows().into_iter().zip(d_p.rows_mut()) {
        let along = p.iter().zip(&d).map(|(p, d)| *p * *d).sum::<S>();
        d.zip_mut_with(&p, |d, p| *d = *p * (*d - along));
    }
    d_p
}

/// `ln Σ e^x`, exact for large numbers too; minus infinity-like for none.
pub(crate) fn log_sum_exp<S: Scalar>(row: impl Iterator<Item = S> + Clone) -> S {
    let Some(maximum) = row.clone().reduce(S::max) else { return S::from_f64(f64::NEG_INFINITY) };
    maximum + row.map(|v| (v - maximum).exp()).sum::<S>().ln()
}
