//! Matrix products.

use crate::{Var, record};
use adaptune_tensor::{Scalar, matmul};
use ndarray::{Array2, Ix2};

impl<S: Scalar> Var<S, Ix2> {
    /// `Y = A B`, shapes `[M, K] × [K, N] → [M, N]`: `d_A = d_Y Bᵀ`, `d_B = Aᵀ d_Y`. Keeps `B` only
    /// for `A`, and `A` only for `B`.
    ///
    /// Transposes are views, so `a.matmul(&b.t())` copies nothing.
    ///
    /// ```
    /// use adaptune_autograd::{Var, ndarray::arr2};
    /// let (a, b) = (Var::constant(arr2(&[[1.0, 2.0]])), Var::constant(arr2(&[[3.0, 4.0], [0.5, -1.0]])));
    /// assert_eq!(a.matmul(&b.t()).value(), arr2(&[[11.0, -1.5]]));
    /// ```
    ///
    /// # Panics
    /// If the inner lengths differ.
    #[must_use]
    pub fn matmul(&self, other: &Self) -> Self {
        let (a, b) = (self, other);
        record((a, b), |(a_needs, b_needs)| {
            let (kept_b, kept_a) = (a_needs.then(|| b.to_shared()), b_needs.then(|| a.to_shared()));
            let backward = move |d_y: Array2<S>| {
                let d_a = kept_b.map(|b| matmul(d_y.view(), b.t()));
                (d_a, kept_a.map(|a| matmul(a.t(), d_y.view())))
            };
            (matmul(a.value(), b.value()), backward)
        })
    }
}
