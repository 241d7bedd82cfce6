//! What a sublayer reads: the state, or the state behind a norm.

use crate::accumulator::Accumulator;
use crate::base::{BaseNorm, NormTrace};
use adaptune_tensor::{Gradients, Scalar, copied};
use ndarray::ArcArray2;

/// The input of a sublayer, made of a state, `[T, D] → [T, D]`.
pub(crate) struct Normed<'a, S> {
    norm: Option<BaseNorm<'a, S>>,
    trace: Option<NormTrace<S>>,
    /// Backward has something to do: the norm trains or the gradient of the state is wanted.
    pub(crate) wants: bool,
}

impl<'a, S: Scalar> Normed<'a, S> {
    /// Returns the input, and what its backward pass needs; `wants` says that the gradient of the state is wanted.
    pub(crate) fn forward(
        norm: Option<BaseNorm<'a, S>>,
        state: &ArcArray2<S>,
        gradients: bool,
        wants: bool,
    ) -> (ArcArray2<S>, Self) {
        let Some(norm) = norm else { return (state.clone(), Self { norm: None, trace: None, wants }) };
        let wants = wants || gradients && norm.trains();
        let (input, trace) = norm.forward(copied(state), wants);
        (input.into_shared(), Self { norm: Some(norm), trace, wants })
    }

    /// True if the input is not the state itself.
    pub(crate) fn is_normed(&self) -> bool {
        self.norm.is_some()
    }

    /// Adds the gradients of the norm's weights, and that of the state to `d_state`, from the sum of the input's gradients.
    pub(crate) fn backward(self, d_input: Accumulator<S>, gradients: &mut Gradients<S>, d_state: &mut Accumulator<S>) {
        if let (Some(norm), Some(trace), Some(d)) = (self.norm, self.trace, d_input.into_sum()) {
            d_state.add(norm.backward(&trace, d, gradients));
        }
    }
}
