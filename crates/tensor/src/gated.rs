//! Gated activation of a feed-forward layer (Shazeer, 2020): SwiGLU with [`Activation::Silu`], GeGLU with a GELU.

use crate::elementwise::multiply;
use crate::profile;
use crate::{Activation, Scalar};
use ndarray::{Array2, ArrayView2};

/// `y = φ(g) ∘ u`, where a gate `g: [T, F]` says how much of `u: [T, F]` goes through.
///
/// ```
/// use adaptune_tensor::{Activation, gated};
/// use ndarray::arr2;
/// let (gate, up) = (arr2(&[[2.0, -1.0]]), arr2(&[[3.0, 5.0]]));
/// assert_eq!(gated(Activation::Relu, gate.view(), up.view()), arr2(&[[6.0, 0.0]]));
/// ```
///
/// # Panics
/// If the shapes differ.
#[must_use]
pub fn gated<S: Scalar>(activation: Activation, gate: ArrayView2<'_, S>, up: ArrayView2<'_, S>) -> Array2<S> {
    let _span = profile::moving::<S>("gate", up.shape(), 3);
    multiply(activation.apply(gate), up)
}

/// Gradients of [`gated`] with respect to both inputs: `d_g = d_y ∘ u ∘ φ'(g)` and `d_u = d_y ∘ φ(g)`.
///
/// # Panics
/// If the shapes differ.
#[must_use]
pub fn gated_backward<S: Scalar>(
    activation: Activation,
    gate: ArrayView2<'_, S>,
    up: ArrayView2<'_, S>,
    d_y: Array2<S>,
) -> (Array2<S>, Array2<S>) {
    let _span = profile::moving::<S>("gate, backward", up.shape(), 5);
    let d_up = multiply(activation.apply(gate), d_y.view());
    (activation.backward(gate, multiply(d_y, up)), d_up)
}
