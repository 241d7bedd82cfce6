//! Exercise 1: the backward pass of a bottleneck.

use adaptune_tensor::ndarray::Array2;

use crate::bottleneck::{ScaledBottleneck, Trace};

/// From `d_u`, `[T, D]`, to `d_x`, `[T, D]`, and the gradients of the parameters, `s` among them. `None` stands for "not yet".
///
/// `Activation::Gelu.backward(h.view(), d_a)` of `adaptune_tensor` gives `φ'(h) ∘ d_a`, and its `matmul(a.view(), b.view())` the product of two
/// matrices; `a.t()` is the transposed one, `a.sum_axis(Axis(0))` the sum over rows, `(a * b).sum()` that of all products.
#[must_use]
pub fn backward(
    _bottleneck: &ScaledBottleneck,
    _trace: &Trace,
    _d_u: &Array2<f64>,
) -> Option<(Array2<f64>, ScaledBottleneck)> {
    None
}
