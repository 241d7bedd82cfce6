//! Softmax over the last axis.

use crate::Scalar;
use crate::kernel::GROUP;
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
    let columns = x.ncols();
    let mut exponentials = vec![S::zero(); GROUP * columns];
    let values = x.as_slice_mut().expect("standard layout");
    for (group, rows) in values.chunks_mut((GROUP * columns).max(1)).enumerate() {
        let count = rows.len() / columns;
        let of_group = log_sums_exp(rows, count, &mut exponentials);
        for (r, row) in rows.chunks_mut(columns).enumerate() {
            S::exp_minus(row, of_group[r]);
            normalisers(group * GROUP + r, of_group[r]);
        }
    }
}

/// `ln Σ e^x` of each row of a group.
fn log_sums_exp<S: Scalar>(rows: &[S], count: usize, exponentials: &mut [S]) -> [S; GROUP] {
    let columns = rows.len() / count;
    let mut maxima = [S::zero(); GROUP];
    for (r, row) in rows.chunks(columns).enumerate() {
        maxima[r] = S::largest(row);
        S::exp_into(row, maxima[r], &mut exponentials[r * columns..][..columns]);
    }
    let sums = S::sums(&exponentials[..rows.len()], columns);
    std::array::from_fn(|r| maxima[r] + sums[r].ln())
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
    let length = (GROUP * columns).max(1);
    for (p, d) in p_all.chunks(length).zip(d_all.chunks_mut(length)) {
        let along = S::sums_of_products(p, d, columns);
        for (r, (p, d)) in p.chunks(columns).zip(d.chunks_mut(columns)).enumerate() {
            S::softmax_row_backward(p, d, along[r]);
        }
    }
    d
}

/// `ln Σ e^x`, exact for large numbers too; minus infinity-like for none. `exponentials` is as long as the row, and what it
/// holds is lost.
pub(crate) fn log_sum_exp<S: Scalar>(row: &[S], exponentials: &mut [S]) -> S {
    if row.is_empty() { S::largest(row) } else { log_sums_exp(row, 1, exponentials)[0] }
}
