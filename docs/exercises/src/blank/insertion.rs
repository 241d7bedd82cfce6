//! Exercise 2: a module at an insertion point.

use adaptune_tensor::Scalar;
use adaptune_tensor::ndarray::Array2;
use adaptune_transformer::{Properties, Reads, SublayerBackward, SublayerInput, SublayerModule, SublayerPoint};

use crate::insertion::Shift;

impl<S: Scalar> SublayerModule<S> for Shift<S> {
    /// From `o`, `[T, D]`, and `r`, `[T, D]`, to the next state, `[T, D]`, and to the backward pass, if any gradient is wanted.
    ///
    /// `input.join.forward(z, &r, keep)` is the next state of an output `z`, with what its backward pass needs, and
    /// `join.backward(&trace, d_y, wants_residual, gradients)` leads `d_y` back to `d_z` and `d_r`. For now the base does what it does by itself.
    fn forward<'a>(&'a self, input: SublayerInput<'a, S>) -> (Array2<S>, Option<SublayerBackward<'a, S>>) {
        input.base()
    }

    fn properties(&self, _: SublayerPoint) -> Properties {
        Properties { token_wise: true, causal: true, may_be_followed: false, needs_plain_weight: false }
    }

    fn reads(&self, _: SublayerPoint) -> Option<Reads> {
        None
    }
}
