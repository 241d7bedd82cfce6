//! Any number of labels for each sequence.

use super::contract::Objective;
use super::error::TargetError;
use crate::head::HeadConfig;
use adaptune_tensor::{Scalar, binary_cross_entropy, binary_cross_entropy_backward};
use ndarray::{Array2, ArrayView2};

/// Whether each label holds for each sequence, by binary cross-entropy `−y ln σ(x) − (1 − y) ln(1 − σ(x))` of every logit.
///
/// Each label of each sequence is a target, so the mean loss is over all of them, as that of PyTorch's `BCEWithLogitsLoss`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MultiLabel(pub Vec<Vec<bool>>);

impl<S: Scalar> Objective<S> for MultiLabel {
    fn count(&self) -> usize {
        self.0.iter().map(Vec::len).sum()
    }

    fn loss(&self, logits: ArrayView2<'_, S>, weight: S) -> S {
        binary_cross_entropy(logits, self.truths(logits.dim()).view(), weight)
    }

    fn loss_backward(&self, logits: Array2<S>, weight: S) -> Array2<S> {
        let truths = self.truths(logits.dim());
        binary_cross_entropy_backward(logits, truths.view(), weight)
    }

    fn may_be_cut(&self) -> bool {
        true
    }

    fn check(&self, head: &HeadConfig, _: usize) -> Result<(), TargetError> {
        if !head.task.predicts_any_labels() || head.task.reads_every_token() {
            return Err(TargetError::head("any number of labels of each sequence", head));
        }
        match self.0.iter().find(|truths| truths.len() != head.labels.len()) {
            Some(truths) => Err(TargetError::Truths { found: truths.len(), labels: head.labels.len() }),
            None => Ok(()),
        }
    }
}

impl MultiLabel {
    /// Returns the truths, `[N, C]`.
    fn truths(&self, shape: (usize, usize)) -> Array2<bool> {
        let truths = self.0.iter().flatten().copied().collect();
        Array2::from_shape_vec(shape, truths).expect("one truth a logit")
    }
}
