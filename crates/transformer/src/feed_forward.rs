//! The second sublayer of a block: the feed-forward network, plain or gated.

use crate::accumulator::Accumulator;
use crate::base::LinearBackward;
use crate::place::Place;
use crate::point::{Projection, Sublayer};
use crate::sublayer_end::{SublayerEnd, SublayerEndTrace};
use adaptune_tensor::{Activation, Gradients, Scalar, gated, gated_backward};
use ndarray::{ArcArray2, Array2};

/// What backward needs; the parts below the lowest point that trains are `None`.
pub(crate) struct FeedForwardTrace<'a, S> {
    inner: Inner<'a, S>,
    activation: Activation,
    end: SublayerEndTrace<'a, S>,
}

/// What backward needs of the network up to its output projection.
enum Inner<'a, S> {
    /// Nothing trains up to there.
    Constant,
    /// `φ(W_in x)`: the layer's backward pass and its result, `[T, F]`.
    Plain(LinearBackward<'a, S>, Array2<S>),
    /// `φ(W_gate x) ∘ W_in x`: those of the gate, then those of the other.
    Gated(Branch<'a, S>, Branch<'a, S>),
}

type Branch<'a, S> = (Option<LinearBackward<'a, S>>, Array2<S>);

/// The sums of the gradients of what the sublayer reads and of its residual input.
pub(crate) struct FeedForwardGradient<'s, S> {
    /// Of what it reads, if that is another array than the residual input.
    pub(crate) d_input: Option<&'s mut Accumulator<S>>,
    pub(crate) d_residual: &'s mut Accumulator<S>,
}

/// `join(dropout(W_out a), r)` with `a = φ(W_in x)` or `φ(W_gate x) ∘ W_in x`, `[T, D] → [T, D]`, of what the sublayer reads and its residual input, each with the word
/// whether its gradient is wanted.
pub(crate) fn feed_forward<'a, S: Scalar>(
    place: &Place<'a, S>,
    (x, wants_x): (ArcArray2<S>, bool),
    residual: (ArcArray2<S>, bool),
) -> (Array2<S>, Option<FeedForwardTrace<'a, S>>) {
    let activation = place.config().activation;
    let (a, inner) = inner(place, &x, wants_x);
    drop(x);
    let wants_a = !matches!(inner, Inner::Constant);
    let end = SublayerEnd {
        sublayer: Sublayer::FeedForward,
        projection: Projection::FeedForwardOut,
        dropout: place.config().feed_forward_dropout,
    };
    let (y, end) = end.forward(place, (a.into_shared(), wants_a), residual);
    (y, end.map(|end| FeedForwardTrace { inner, activation, end }))
}

/// `φ(W_in x)`, or with a gate `φ(W_gate x) ∘ W_in x`, `[T, D] → [T, F]`.
fn inner<'a, S: Scalar>(place: &Place<'a, S>, x: &ArcArray2<S>, wants_x: bool) -> (Array2<S>, Inner<'a, S>) {
    let activation = place.config().activation;
    let (f, input) = place.linear(Projection::FeedForwardIn, x, wants_x);
    if place.config().architecture.gated {
        let (g, gate) = place.linear(Projection::FeedForwardGate, x, wants_x);
        let a = gated(activation, g.view(), f.view());
        let kept = input.is_some() || gate.is_some();
        return (a, if kept { Inner::Gated((gate, g), (input, f)) } else { Inner::Constant });
    }
    match input {
        Some(input) => (activation.apply(f.view()), Inner::Plain(input, f)),
        None => (activation.forward(f), Inner::Constant),
    }
}

impl<S: Scalar> FeedForwardTrace<'_, S> {
    /// Adds the gradients of what the sublayer reads and of its residual input to their sums.
    pub(crate) fn backward(self, d_y: Array2<S>, gradients: &mut Gradients<S>, d: FeedForwardGradient<'_, S>) {
        let Some(d_a) = self.end.backward(d_y, gradients, d.d_residual) else { return };
        let d_x = d.d_input.unwrap_or(d.d_residual);
        match self.inner {
            Inner::Constant => {}
            Inner::Plain(input, f) => input(self.activation.backward(f.view(), d_a).view(), gradients, d_x),
            Inner::Gated((gate, g), (input, f)) => {
                let (d_g, d_f) = gated_backward(self.activation, g.view(), f.view(), d_a);
                for (backward, d) in [(input, d_f), (gate, d_g)] {
                    if let Some(backward) = backward {
                        backward(d.view(), gradients, d_x);
                    }
                }
            }
        }
    }
}
