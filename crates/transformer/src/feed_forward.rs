//! The second sublayer of a block: the feed-forward network.

use crate::accumulator::Accumulator;
use crate::base::LinearBackward;
use crate::place::Place;
use crate::point::{Projection, Sublayer};
use crate::sublayer_end::{SublayerEnd, SublayerEndTrace};
use adaptune_tensor::{Activation, Gradients, Scalar};
use ndarray::{ArcArray2, Array2};

/// What backward needs; the parts below the lowest point that trains are `None`.
pub(crate) struct FeedForwardTrace<'a, S> {
    input: Option<LinearBackward<'a, S>>,
    activation: Activation,
    /// The input of the activation, `[T, F]`.
    before: Option<Array2<S>>,
    end: SublayerEndTrace<'a, S>,
}

/// The sums of the gradients of what the sublayer reads and of its residual input.
pub(crate) struct FeedForwardGradient<'s, S> {
    /// Of what it reads, if that is another array than the residual input.
    pub(crate) d_input: Option<&'s mut Accumulator<S>>,
    pub(crate) d_residual: &'s mut Accumulator<S>,
}

/// `join(dropout(W_out φ(W_in x)), r)`, `[T, D] → [T, D]`, of what the sublayer reads and its residual input, each with the word
/// whether its gradient is wanted.
pub(crate) fn feed_forward<'a, S: Scalar>(
    place: &Place<'a, S>,
    (x, wants_x): (ArcArray2<S>, bool),
    residual: (ArcArray2<S>, bool),
) -> (Array2<S>, Option<FeedForwardTrace<'a, S>>) {
    let activation = place.config().activation;
    let (f, input) = place.linear(Projection::FeedForwardIn, &x, wants_x);
    drop(x);
    let (a, before) = match &input {
        Some(_) => (activation.apply(f.view()), Some(f)),
        None => (activation.forward(f), None),
    };
    let end = SublayerEnd {
        sublayer: Sublayer::FeedForward,
        projection: Projection::FeedForwardOut,
        dropout: place.config().hidden_dropout,
    };
    let (y, end) = end.forward(place, (a.into_shared(), input.is_some()), residual);
    (y, end.map(|end| FeedForwardTrace { input, activation, before, end }))
}

impl<S: Scalar> FeedForwardTrace<'_, S> {
    /// Adds the gradients of what the sublayer reads and of its residual input to their sums.
    pub(crate) fn backward(self, d_y: Array2<S>, gradients: &mut Gradients<S>, d: FeedForwardGradient<'_, S>) {
        let d_a = self.end.backward(d_y, gradients, d.d_residual);
        if let (Some(d_a), Some(input), Some(before)) = (d_a, self.input, self.before) {
            let d_f = self.activation.backward(before.view(), d_a);
            input(d_f.view(), gradients, d.d_input.unwrap_or(d.d_residual));
        }
    }
}
