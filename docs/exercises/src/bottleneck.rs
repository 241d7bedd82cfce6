//! Exercise 1, what is given: a bottleneck with GELU and one number that multiplies its output.

use adaptune_tensor::ndarray::{Array1, Array2};
use adaptune_tensor::{Activation, linear};

// ANCHOR: given
/// A bottleneck's parameters; of the same type are their gradients.
#[derive(Clone, Debug)]
pub struct ScaledBottleneck {
    /// `[M, D]`.
    pub w_down: Array2<f64>,
    /// `[M]`.
    pub b_down: Array1<f64>,
    /// `[D, M]`.
    pub w_up: Array2<f64>,
    /// `[D]`.
    pub b_up: Array1<f64>,
    /// One number for the whole output.
    pub s: f64,
}

/// What backward needs of forward.
pub struct Trace {
    /// `[T, D]`.
    pub x: Array2<f64>,
    /// `[T, M]`.
    pub h: Array2<f64>,
    /// `[T, M]`.
    pub a: Array2<f64>,
    /// `[T, D]`.
    pub p: Array2<f64>,
}

impl ScaledBottleneck {
    /// From `x`, `[T, D]`, to `u`, `[T, D]`.
    #[must_use]
    pub fn forward(&self, x: Array2<f64>) -> (Array2<f64>, Trace) {
        let h = linear(x.view(), self.w_down.view(), Some(self.b_down.view())); // h = x W_downᵀ + b_down
        let a = Activation::Gelu.apply(h.view()); // a = φ(h)
        let p = linear(a.view(), self.w_up.view(), Some(self.b_up.view())); // p = a W_upᵀ + b_up
        let u = &p * self.s; // u = s p
        (u, Trace { x, h, a, p })
    }
}
// ANCHOR_END: given
