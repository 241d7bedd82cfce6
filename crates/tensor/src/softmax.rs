//! Softmax over the last axis.

use crate::Scalar;
use crate::profile;
use crate::rows::standard;
use ndarray::{Array2, ArrayView2};

/// `p_j = e^(x_j) / Σ_k e^(x_k)` for each row of `x: [N, K]`.
///
/// The row's maximum is taken out first, so that no exponential overflows.
#[must_use]
pub fn softmax<S: Scalar>(x: Array2<S>) -> Array2<S> {
    let _span = profile::moving::<S>("softmax", x.shape(), 2);
    let mut p = standard(x);
    softmax_rows(&mut p, |_, _| {});
    p
}

/// The same in place, for rows in standard layout. Tells each row's number and `ln Σ_k e^(x_k)`.
pub(crate) fn softmax_rows<S: Scalar>(x: &mut Array2<S>, mut normalisers: impl FnMut(usize, S)) {
    let columns = x.ncols().max(1);
    for (r, row) in x.as_slice_mut().expect("standard layout").chunks_mut(columns).enumerate() {
        let normaliser = log_sum_exp(row);
        S::exp_minus(row, normaliser);
        normalisers(r, normaliser);
    }
}

/// `d_x = p ∘ (d_p − Σ_k p_k d_p_k)` for each row; `p` is the result of [`softmax`].
///
/// # Panics
/// If the shapes differ.
#[must_use]
pub fn softmax_backward<S: Scalar>(p: ArrayView2<'_, S>, d_p: Array2<S>) -> Array2<S> {
    assert_eq!(p.dim(), d_p.dim(), "a gradient has the shape of its value");
    let _span = profile::moving::<S>("softmax, backward", p.shape(), 3);
    let (p, mut d, columns) = (p.as_standard_layout(), standard(d_p), p.ncols());
    let (p_all, d_all) = (p.as_slice().expect("standard layout"), d.as_slice_mut().expect("standard layout"));
    for (p, d) in p_all.chunks(columns.max(1)).zip(d_all.chunks_mut(columns.max(1))) {
        S::softmax_row_backward(p, d, S::sum_of_products(p, d));
    }
    d
}

/// `ln Σ e^x`, exact for large numbers too; minus infinity of none.
pub(crate) fn log_sum_exp<S: Scalar>(row: &[S]) -> S {
    let largest = S::largest(row);
    if row.is_empty() { largest } else { largest + S::sum_of_exponentials(row, largest).ln() }
}
