//! The tokens that come next.

use super::classification::all;
use super::contract::Objective;
use super::error::TargetError;
use crate::head::HeadConfig;
use adaptune_tensor::{Scalar, cross_entropy, cross_entropy_backward};
use adaptune_transformer::Selection;
use ndarray::{Array2, ArrayView2};

/// The tokens behind some places of the batch, by cross-entropy (Bengio et al., 2003), each of them predicted from those before it.
///
/// Which places is a matter of the data: all but the last of each sequence for a text, and where only answers are learnt those before
/// the tokens of answers. Other places are neither computed in the last block nor have logits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CausalLanguage {
    /// The places behind which a token is predicted, counted through all sequences of the batch, in ascending order.
    pub places: Vec<usize>,
    /// The token that comes next, behind each of them.
    pub tokens: Vec<u32>,
}

impl CausalLanguage {
    /// The targets as classes.
    fn classes(&self) -> Vec<Option<usize>> {
        all(&self.tokens.iter().map(|token| *token as usize).collect::<Vec<_>>())
    }
}

impl<S: Scalar> Objective<S> for CausalLanguage {
    fn selection(&self, _: &HeadConfig) -> Selection {
        Selection::Places(self.places.clone())
    }

    fn count(&self) -> usize {
        self.tokens.len()
    }

    fn next_tokens(&self) -> Option<&[u32]> {
        Some(&self.tokens)
    }

    /// Of logits that are there; models compute it [in pieces](Objective::next_tokens).
    fn loss(&self, logits: ArrayView2<'_, S>, weight: S) -> S {
        cross_entropy(logits, &self.classes(), weight)
    }

    fn loss_backward(&self, logits: Array2<S>, weight: S) -> Array2<S> {
        cross_entropy_backward(logits, &self.classes(), weight)
    }

    fn may_be_cut(&self) -> bool {
        true
    }

    fn check(&self, head: &HeadConfig, vocabulary: usize) -> Result<(), TargetError> {
        if !head.task.predicts_next_tokens() {
            return Err(TargetError::head("next tokens", head));
        }
        match self.tokens.iter().find(|token| **token as usize >= vocabulary) {
            Some(token) => Err(TargetError::Token { token: *token as usize, vocabulary }),
            None => Ok(()),
        }
    }
}
