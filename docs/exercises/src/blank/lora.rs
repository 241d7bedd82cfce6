//! Exercise 3: LoRA from the contract of a module in the place of a linear layer.

use adaptune_tensor::Scalar;
use adaptune_tensor::ndarray::Array2;
use adaptune_transformer::{LinearBackward, LinearInput, LinearModule, LinearPoint, Properties};

use crate::lora::LowRank;

impl<S: Scalar> LinearModule<S> for LowRank<S> {
    /// From `x`, `[T, In]`, to `y`, `[T, Out]`, and to the backward pass, if any gradient is wanted.
    ///
    /// `input.layer(&input.x, input.wants_input)` is the base's output, and its backward pass, which has to run too. Gradients of
    /// parameters go to `gradients.add(&self.a, d_a)`, that of `x` to `d_x.add(...)`, but only if `input.wants_input`. For now the base does what it
    /// does by itself.
    fn forward<'a>(&'a self, input: LinearInput<'a, S>) -> (Array2<S>, Option<LinearBackward<'a, S>>) {
        input.layer(&input.x, input.wants_input)
    }

    fn properties(&self, _: LinearPoint) -> Properties {
        Properties { token_wise: true, causal: true, may_be_followed: true, needs_plain_weight: false }
    }
}
