//! A class for each token.

use super::contract::Objective;
use super::error::TargetError;
use crate::head::HeadConfig;
use adaptune_tensor::{Scalar, cross_entropy, cross_entropy_backward};
use ndarray::{Array2, ArrayView2};

/// A class for each token, by cross-entropy; `None` where a token does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tagging(pub Vec<Option<usize>>);

impl<S: Scalar> Objective<S> for Tagging {
    fn count(&self) -> usize {
        self.0.iter().flatten().count()
    }

    fn loss(&self, logits: ArrayView2<'_, S>, weight: S) -> S {
        cross_entropy(logits, &self.0, weight)
    }

    fn loss_backward(&self, logits: Array2<S>, weight: S) -> Array2<S> {
        cross_entropy_backward(logits, &self.0, weight)
    }

    fn may_be_cut(&self) -> bool {
        true
    }

    fn check(&self, head: &HeadConfig, _: usize) -> Result<(), TargetError> {
        if !head.task.predicts_one_label() || !head.task.reads_every_token() {
            return Err(TargetError::head("a class of each token", head));
        }
        TargetError::check_classes(self.0.iter().flatten().copied(), head)
    }
}
