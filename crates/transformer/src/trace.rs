//! What backward needs of a pass through the model, step by step.

use crate::accumulator::Accumulator;
use crate::base::{BaseNorm, LinearBackward, NormTrace};
use crate::block::{BlockTrace, block};
use crate::embeddings::EmbeddingsTrace;
use crate::insertion::SequenceBackward;
use crate::place::Place;
use crate::pooled::Pooled;
use crate::selection::SelectedTokens;
use adaptune_tensor::{Gradients, Scalar};
use ndarray::Array2;

/// What backward needs, from the lowest point that trains up to the last hidden state.
pub struct Trace<'a, S> {
    pub(crate) steps: Vec<Step<'a, S>>,
    pub(crate) constant_blocks: usize,
}

pub(crate) enum Step<'a, S> {
    Embeddings(Box<EmbeddingsTrace<'a, S>>),
    Sequence(SequenceBackward<'a, S>),
    Projection(LinearBackward<'a, S>),
    Block(Box<BlockTrace<'a, S>>),
    /// A block that backward runs again from its input; see [`Pass::with_checkpointing`].
    Again(Box<Again<'a, S>>),
    Selected(SelectedTokens),
    Pooled(Pooled),
    Norm(BaseNorm<'a, S>, NormTrace<S>),
}

pub(crate) struct Again<'a, S> {
    pub(crate) place: Place<'a, S>,
    pub(crate) input: Array2<S>,
    pub(crate) wants: bool,
}

impl<S: Scalar> Again<'_, S> {
    fn backward(self, d: Array2<S>, gradients: &mut Gradients<S>) -> Option<Array2<S>> {
        let (_, trace) = block(&self.place, self.input, self.wants);
        trace.expect("there was one before").backward(d, gradients)
    }
}

impl<S: Scalar> Trace<'_, S> {
    /// Carries the gradient of the last hidden state, as many rows as that has, down to the lowest point that
    /// trains, and adds the gradients of the parameters it passes.
    pub fn backward(self, d_hidden: Array2<S>, gradients: &mut Gradients<S>) {
        let mut d = d_hidden;
        for step in self.steps.into_iter().rev() {
            let below = match step {
                Step::Sequence(backward) => backward(d, gradients),
                Step::Projection(backward) => {
                    let mut d_x = Accumulator::new();
                    backward(d.view(), gradients, &mut d_x);
                    d_x.into_sum()
                }
                Step::Block(trace) => trace.backward(d, gradients),
                Step::Again(again) => again.backward(d, gradients),
                Step::Selected(chosen) => Some(chosen.scatter(d)),
                Step::Pooled(pooled) => Some(pooled.backward(d.view())),
                Step::Norm(norm, trace) => Some(norm.backward(&trace, d, gradients)),
                Step::Embeddings(trace) => return trace.backward(d, gradients),
            };
            match below {
                Some(below) => d = below,
                None => return,
            }
        }
    }

    /// How many blocks, from the lowest on and with the modules behind each, nothing that trains is in or below: without
    /// dropout, what they make of the same tokens is always the same. That of a pass without gradients is all of them.
    #[must_use]
    pub fn constant_blocks(&self) -> usize {
        self.constant_blocks
    }

    /// How many blocks, modules between blocks, and (if thawed) embeddings and final norm backward goes through, and steps in
    /// which embeddings were projected or tokens selected.
    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// True if nothing below the last hidden state trains.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}
