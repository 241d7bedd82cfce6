//! One block of the encoder.

use crate::feed_forward::{FeedForward, FeedForwardTrace};
use crate::points::Place;
use crate::self_attention::{SelfAttention, SelfAttentionTrace};
use crate::{LayerNorm, Linear, Projection, Sublayer};
use adaptune_tensor::{Gradients, Scalar};
use ndarray::Array2;

/// Self-attention, then feed-forward.
#[derive(Debug)]
pub(crate) struct Block<S> {
    pub(crate) attention: SelfAttention<S>,
    pub(crate) feed_forward: FeedForward<S>,
}

pub(crate) struct BlockTrace<'a, S> {
    attention: Option<SelfAttentionTrace<'a, S>>,
    feed_forward: FeedForwardTrace<'a, S>,
}

impl<S: Scalar> Block<S> {
    pub(crate) fn linear(&self, projection: Projection) -> &Linear<S> {
        match projection {
            Projection::Query => &self.attention.query,
            Projection::Key => &self.attention.key,
            Projection::Value => &self.attention.value,
            Projection::AttentionOutput => &self.attention.output,
            Projection::FeedForwardIn => &self.feed_forward.input,
            Projection::FeedForwardOut => &self.feed_forward.output,
        }
    }

    pub(crate) fn norm(&self, sublayer: Sublayer) -> &LayerNorm<S> {
        match sublayer {
            Sublayer::Attention => &self.attention.norm,
            Sublayer::FeedForward => &self.feed_forward.norm,
        }
    }

    /// A block whose layers are made from this one's.
    pub(crate) fn map(
        &self,
        linear: impl Fn(Projection, &Linear<S>) -> Linear<S>,
        norm: impl Fn(Sublayer, &LayerNorm<S>) -> LayerNorm<S>,
    ) -> Self {
        let linear = |projection| linear(projection, self.linear(projection));
        let norm = |sublayer| norm(sublayer, self.norm(sublayer));
        Self {
            attention: SelfAttention {
                query: linear(Projection::Query),
                key: linear(Projection::Key),
                value: linear(Projection::Value),
                output: linear(Projection::AttentionOutput),
                norm: norm(Sublayer::Attention),
            },
            feed_forward: FeedForward {
                input: linear(Projection::FeedForwardIn),
                output: linear(Projection::FeedForwardOut),
                norm: norm(Sublayer::FeedForward),
            },
        }
    }

    /// `[T, D] → [T, D]`, or fewer rows if no more are read; `wants` says that the gradient of `x` is wanted. No trace means
    /// that neither this block nor anything below it trains.
    pub(crate) fn forward<'a>(
        &'a self,
        place: &Place<'a, S>,
        x: Array2<S>,
        wants: bool,
    ) -> (Array2<S>, Option<BlockTrace<'a, S>>) {
        let behind = place.behind_keys();
        let (h, attention) = self.attention.forward(place, &behind, x.into_shared(), wants);
        let (y, feed_forward) = self.feed_forward.forward(&behind, h.into_shared(), attention.is_some());
        (y, feed_forward.map(|feed_forward| BlockTrace { attention, feed_forward }))
    }
}

impl<S: Scalar> BlockTrace<'_, S> {
    pub(crate) fn backward(self, d_y: Array2<S>, gradients: &mut Gradients<S>) -> Option<Array2<S>> {
        let d_h = self.feed_forward.backward(d_y, gradients)?;
        self.attention?.backward(d_h, gradients)
    }
}
