//! Exercise 1: the backward pass of a bottleneck.

use adaptune_tensor::ndarray::{Array2, Axis};
use adaptune_tensor::{Activation, matmul};

use crate::bottleneck::{ScaledBottleneck, Trace};

/// From `d_u`, `[T, D]`, to `d_x`, `[T, D]`, and the gradients of the parameters, `s` among them.
#[must_use]
pub fn backward(
    bottleneck: &ScaledBottleneck,
    trace: &Trace,
    d_u: &Array2<f64>,
) -> Option<(Array2<f64>, ScaledBottleneck)> {
    let Trace { x, h, a, p } = trace;
    // u = s p: each factor answers with the other, and s, which multiplied every number, adds up over them.
    let s = (d_u * p).sum();
    let d_p = d_u * bottleneck.s;
    // p = a W_upᵀ + b_up
    let w_up = matmul(d_p.t(), a.view());
    let b_up = d_p.sum_axis(Axis(0));
    let d_a = matmul(d_p.view(), bottleneck.w_up.view());
    // a = φ(h)
    let d_h = Activation::Gelu.backward(h.view(), d_a);
    // h = x W_downᵀ + b_down
    let w_down = matmul(d_h.t(), x.view());
    let b_down = d_h.sum_axis(Axis(0));
    let d_x = matmul(d_h.view(), bottleneck.w_down.view());
    Some((d_x, ScaledBottleneck { w_down, b_down, w_up, b_up, s }))
}
