//! The tokens that were hidden from the model.

use super::classification::all;
use super::contract::Objective;
use super::error::TargetError;
use crate::head::HeadConfig;
use adaptune_tensor::{Scalar, cross_entropy, cross_entropy_backward};
use adaptune_transformer::Selection;
use ndarray::{Array2, ArrayView2};

/// The tokens that stand at some places of the batch, where something else was put, by cross-entropy (Devlin et al., 2019).
///
/// Only these places are read: an output layer over a vocabulary is by far the widest of a model, so it is not computed for
/// tokens without a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskedLanguage {
    /// The places, counted through all sequences of the batch, in ascending order.
    pub places: Vec<usize>,
    /// The token that belongs to each.
    pub tokens: Vec<usize>,
}

impl<S: Scalar> Objective<S> for MaskedLanguage {
    fn selection(&self, _: &HeadConfig) -> Selection {
        Selection::Places(self.places.clone())
    }

    fn count(&self) -> usize {
        self.tokens.len()
    }

    fn loss(&self, logits: ArrayView2<'_, S>, weight: S) -> S {
        cross_entropy(logits, &all(&self.tokens), weight)
    }

    fn loss_backward(&self, logits: Array2<S>, weight: S) -> Array2<S> {
        cross_entropy_backward(logits, &all(&self.tokens), weight)
    }

    fn may_be_cut(&self) -> bool {
        true
    }

    fn check(&self, head: &HeadConfig, vocabulary: usize) -> Result<(), TargetError> {
        if !head.task.predicts_tokens() {
            return Err(TargetError::head("hidden tokens", head));
        }
        match self.tokens.iter().find(|token| **token >= vocabulary) {
            Some(token) => Err(TargetError::Token { token: *token, vocabulary }),
            None => Ok(()),
        }
    }
}
