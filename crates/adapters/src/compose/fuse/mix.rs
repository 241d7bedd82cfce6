//! Attention over few things for each token: `N` of them, `u_i: [T, D]` each.

use adaptune_tensor::Scalar;
use ndarray::{Array2, ArrayView2, Axis, Zip};

/// `Σ_i p_ti u_i,t`, `[T, D]`, for `p: [T, N]`.
pub(super) fn mixed<S: Scalar>(p: ArrayView2<'_, S>, u: &[Array2<S>]) -> Array2<S> {
    let mut sum = Array2::zeros(u[0].dim());
    for (p, u) in p.axis_iter(Axis(1)).zip(u) {
        add_scaled(&mut sum, p.iter().copied(), u.view());
    }
    sum
}

/// Adds `p_t u_t` to each row `t`.
pub(super) fn add_scaled<S: Scalar>(sum: &mut Array2<S>, p: impl Iterator<Item = S>, u: ArrayView2<'_, S>) {
    for ((mut sum, u), p) in sum.outer_iter_mut().zip(u.outer_iter()).zip(p) {
        sum.scaled_add(p, &u);
    }
}

/// Each row multiplied by its number, `p_t u_t`.
pub(super) fn scaled<S: Scalar>(p: impl Iterator<Item = S>, mut u: Array2<S>) -> Array2<S> {
    for (mut u, p) in u.outer_iter_mut().zip(p) {
        u *= p;
    }
    u
}

/// `a_t · u_i,t` for each token and thing, `[T, N]`.
pub(super) fn products<S: Scalar>(a: ArrayView2<'_, S>, u: &[Array2<S>]) -> Array2<S> {
    let mut products = Array2::zeros((a.nrows(), u.len()));
    for (column, u) in products.axis_iter_mut(Axis(1)).zip(u) {
        Zip::from(column).and(a.rows()).and(u.rows()).for_each(|product, a, u| *product = a.dot(&u));
    }
    products
}
