//! The second half of a block: feed-forward network, residual, norm.

use crate::ending::{Ending, EndingTrace};
use crate::insertion::*;
use crate::points::Place;
use crate::{Accumulator, LayerNorm, Linear};
use adaptune_tensor::{Activation, Gradients, Scalar};
use ndarray::{ArcArray2, Array2};

/// `norm(dropout(W_out φ(W_in x)) + x)`.
#[derive(Debug)]
pub(crate) struct FeedForward<S> {
    pub(crate) input: Linear<S>,
    pub(crate) output: Linear<S>,
    pub(crate) norm: LayerNorm<S>,
}

/// What backward needs; the parts below the lowest point that trains are `None`.
pub(crate) struct FeedForwardTrace<'a, S> {
    input: Option<LinearBackward<'a, S>>,
    activation: Activation,
    /// The input of the activation, `[T, F]`.
    before: Option<Array2<S>>,
    ending: EndingTrace<'a, S>,
}

impl<S: Scalar> FeedForward<S> {
    /// `[T, D] → [T, D]`; `wants` says that the gradient of `x` is wanted.
    pub(crate) fn forward<'a>(
        &'a self,
        place: &Place<'a, S>,
        x: ArcArray2<S>,
        wants: bool,
    ) -> (Array2<S>, Option<FeedForwardTrace<'a, S>>) {
        let activation = place.config.activation;
        let (f, input) = place.linear(Projection::FeedForwardIn, &self.input, &x, wants);
        let (a, before) = match &input {
            Some(_) => (activation.apply(f.view()), Some(f)),
            None => (activation.forward(f), None),
        };
        let a = a.into_shared();
        let ending = Ending {
            sublayer: Sublayer::FeedForward,
            projection: Projection::FeedForwardOut,
            linear: &self.output,
            norm: &self.norm,
            dropout: place.config.hidden_dropout,
        };
        let (y, ending) = ending.forward(place, (a, input.is_some()), (x, wants));
        (y, ending.map(|ending| FeedForwardTrace { input, activation, before, ending }))
    }
}

impl<S: Scalar> FeedForwardTrace<'_, S> {
    /// From the gradient of the half block's result to that of `x`, if wanted.
    pub(crate) fn backward(self, d_y: Array2<S>, gradients: &mut Gradients<S>) -> Option<Array2<S>> {
        let mut d_x = Accumulator::new();
        let d_a = self.ending.backward(d_y, gradients, &mut d_x);
        if let (Some(d_a), Some(input), Some(before)) = (d_a, self.input, self.before) {
            let d_f = self.activation.backward(before.view(), d_a);
            input(d_f.view(), gradients, &mut d_x);
        }
        d_x.into_sum()
    }
}
