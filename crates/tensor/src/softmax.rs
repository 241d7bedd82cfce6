//! Softmax over the last axis.

use crate::Scalar;
use crate::kernel::rows;
use crate::rows::standard;
use ndarray::{Array2, ArrayView2};

/// `p_j = e^(x_j) / Σ_k e^(x_k)` for each row of `x: [N, K]`.
///
/// The row's maximum is taken out first, so that no exponential overflows.
#[must_use]
pub fn softmax<S: Scalar>(x: Array2<S>) -> Array2<S> {
    let mut p = standard(x);
    softmax_rows(&mut p, |_, _| {});
    p
}

/// The same in place, for rows in standard layout. Tells each row's number and `ln Σ_k e^(x_k)`.
pub(crate) fn softmax_rows<S: Scalar>(x: &mut Array2<S>, mut normalisers: impl FnMut(usize, S)) {
    let mut exponentials = vec![S::zero(); x.ncols()];
    for (i, mut row) in x.rows_mut().into_iter().enumerate() {
        let row = row.as_slice_mut().expect("standard layout");
        let normaliser = log_sum_exp(row, &mut exponentials);
        rows::exp_minus(row, normaliser);
        normalisers(i, normaliser);
    }
}

/// `d_x = p ∘ (d_p − Σ_k p_k d_p_k)` for each row; `p` is the result of [`softmax`].
///
/// # Panics
/// If the shapes differ.
#[must_use]
pub fn softmax_backward<S: Scalar>(p: ArrayView2<'_, S>, d_p: Array2<S>) -> Array2<S> {
    assert_eq!(p.dim(), d_p.dim(), "a gradient has the shape of its value");
    let (p, mut d) = (p.as_standard_layout(), standard(d_p));
    for (p, mut d) in p.rows().into_iter().zip(d.rows_mut()) {
        let (p, d) = (p.as_slice().expect("standard layout"), d.as_slice_mut().expect("standard layout"));
        let along = p.iter().zip(&*d).map(|(p, d)| *p * *d).sum::<S>();
        rows::softmax_backward(p, d, along);
    }
    d
}

/// `ln Σ e^x`, exact for large numbers too; minus infinity-like for none. `exponentials` is as long as the row, and what it
/// holds is lost.
pub(crate) fn log_sum_exp<S: Scalar>(row: &[S], exponentials: &mut [S]) -> S {
    let maximum = rows::maximum(row);
    if row.is_empty() {
        return maximum;
    }
    rows::exp_into(row, maximum, exponentials);
    maximum + exponentials.iter().copied().sum::<S>().ln()
}
