//! One block: self-attention, then feed-forward, or both side by side.

use crate::accumulator::Accumulator;
use crate::feed_forward::{FeedForwardGradient, FeedForwardTrace, feed_forward};
use crate::normed::Normed;
use crate::place::Place;
use crate::point::BlockNorm;
use crate::selection::SelectedTokens;
use crate::self_attention::{SelfAttentionGradient, SelfAttentionInput, SelfAttentionTrace, self_attention};
use adaptune_tensor::{Gradients, Scalar, gather};
use ndarray::{ArcArray2, Array2};

/// What backward needs; there is no part of the attention if neither it nor anything below trains.
pub(crate) struct BlockTrace<'a, S> {
    attention: Option<AttentionPart<'a, S>>,
    /// The norm before the feed-forward network; nothing if that reads beside the attention.
    feed_forward_input: Option<Normed<'a, S>>,
    feed_forward: FeedForwardTrace<'a, S>,
}

struct AttentionPart<'a, S> {
    input: Normed<'a, S>,
    /// The tokens that are read, unless all are.
    read: Option<SelectedTokens>,
    trace: SelfAttentionTrace<'a, S>,
}

/// `[T, D] → [T, D]`, or fewer rows if fewer tokens are read; `wants` says that the gradient of `x` is wanted. No trace means
/// that neither this block nor anything below it trains.
pub(crate) fn block<'a, S: Scalar>(
    place: &Place<'a, S>,
    x: Array2<S>,
    wants: bool,
) -> (Array2<S>, Option<BlockTrace<'a, S>>) {
    let (behind, gradients) = (place.behind_keys(), place.pass.gradients());
    let x = x.into_shared();
    let (a, input) = Normed::forward(place.norm(BlockNorm::BeforeAttention), &x, gradients, wants);
    let residual = read(place, &x);
    let a_read = if input.is_normed() { read(place, &a) } else { residual.clone() };
    drop(x);
    let beside = place.config().architecture.residual.is_parallel().then(|| (a_read.clone(), input.wants));
    let attention = SelfAttentionInput { all: a, read: a_read, wants: input.wants };
    let (h, attention) = self_attention(place, &behind, attention, (residual, wants));
    let (h, wants_h) = (h.into_shared(), attention.is_some());
    let (b, feed_forward_input) = match beside {
        Some(beside) => (beside, None),
        None => {
            let norm = behind.norm(BlockNorm::BeforeFeedForward);
            let (b, input) = Normed::forward(norm, &h, gradients, wants_h);
            ((b, input.wants), Some(input))
        }
    };
    let (y, feed_forward) = feed_forward(&behind, b, (h, wants_h));
    let read = place.read.clone();
    let attention = attention.map(|trace| AttentionPart { input, read, trace });
    (y, feed_forward.map(|feed_forward| BlockTrace { attention, feed_forward_input, feed_forward }))
}

/// The tokens that are read, `[T, D] → [N, D]`.
fn read<S: Scalar>(place: &Place<'_, S>, x: &ArcArray2<S>) -> ArcArray2<S> {
    match place.read_rows() {
        Some(rows) => gather(x.view(), rows).into_shared(),
        None => x.clone(),
    }
}

impl<S: Scalar> BlockTrace<'_, S> {
    /// Returns the gradient of `x`, `[T, D]`, if it is wanted.
    pub(crate) fn backward(self, d_y: Array2<S>, gradients: &mut Gradients<S>) -> Option<Array2<S>> {
        let (mut d_h, mut d_b) = (Accumulator::new(), Accumulator::new());
        let same = self.feed_forward_input.as_ref().is_some_and(|input| !input.is_normed());
        let d_input = (!same).then_some(&mut d_b);
        self.feed_forward.backward(d_y, gradients, FeedForwardGradient { d_input, d_residual: &mut d_h });
        let d_beside = match self.feed_forward_input {
            Some(input) => {
                input.backward(d_b, gradients, &mut d_h);
                Accumulator::new()
            }
            None => d_b,
        };
        self.attention?.backward(d_h.into_sum()?, d_beside, gradients)
    }
}

impl<S: Scalar> AttentionPart<'_, S> {
    /// Returns the gradient of `x`; `d_beside` is what reaches the attention's input by the feed-forward network beside it.
    fn backward(self, d_h: Array2<S>, d_beside: Accumulator<S>, gradients: &mut Gradients<S>) -> Option<Array2<S>> {
        let Self { input, read, trace } = self;
        let (mut d_x, mut d_a) = (Accumulator::new(), Accumulator::new());
        let normed = input.is_normed();
        match read {
            None => {
                d_a = d_beside;
                let d_read = normed.then_some(&mut d_a);
                trace.backward(d_h, gradients, SelfAttentionGradient { d_residual: &mut d_x, d_read, d_all: None });
                input.backward(d_a, gradients, &mut d_x);
            }
            Some(read) => {
                let (mut d_x_read, mut d_a_read) = (Accumulator::new(), d_beside);
                let d_all = if normed { &mut d_a } else { &mut d_x };
                let d = SelfAttentionGradient {
                    d_residual: &mut d_x_read,
                    d_read: normed.then_some(&mut d_a_read),
                    d_all: Some(d_all),
                };
                trace.backward(d_h, gradients, d);
                if let Some(d) = d_a_read.into_sum() {
                    d_a.add(read.scatter(d));
                }
                input.backward(d_a, gradients, &mut d_x);
                if let Some(d) = d_x_read.into_sum() {
                    d_x.add(read.scatter(d));
                }
            }
        }
        d_x.into_sum()
    }
}
