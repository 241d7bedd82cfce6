//! A label of a tree for each sequence.

use super::contract::Objective;
use super::error::TargetError;
use crate::head::{HeadConfig, LabelTree};
use adaptune_tensor::{Scalar, cross_entropy, cross_entropy_backward};
use ndarray::{Array2, ArrayView2, Axis};
use std::sync::Arc;

/// A label of a [tree](LabelTree) for each sequence, coarse to fine, by `−ln P(label) = −Σ ln softmax(x_siblings)_n` over the labels `n` from the top down
/// to it.
///
/// So a fine label is learnt among those that share its coarse one, whose logits get no gradient from examples of other coarse labels; and an
/// example of which the coarse label alone is known counts for that.
///
/// With `p = softmax(x_siblings)`, `d x_m = p_m − [m = n]` for the siblings `m` of each `n` of the path, and 0 for all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hierarchical {
    /// The labels of the head.
    pub tree: Arc<LabelTree>,
    /// The number of each sequence's label.
    pub labels: Vec<usize>,
}

impl Hierarchical {
    /// Hands every choice to `take`: the row, the labels among which, and the place of the right one.
    fn choices<'t>(&'t self, mut take: impl FnMut(usize, &'t [usize], usize)) {
        for (row, label) in self.labels.iter().enumerate() {
            for node in self.tree.path(*label) {
                let siblings = self.tree.siblings(node);
                let place = siblings.iter().position(|sibling| *sibling == node).expect("it is one of its siblings");
                take(row, siblings, place);
            }
        }
    }
}

/// The logits of some labels of a row, `[1, K]`.
fn among<S: Scalar>(logits: ArrayView2<'_, S>, row: usize, labels: &[usize]) -> Array2<S> {
    logits.row(row).select(Axis(0), labels).insert_axis(Axis(0))
}

impl<S: Scalar> Objective<S> for Hierarchical {
    fn count(&self) -> usize {
        self.labels.len()
    }

    fn loss(&self, logits: ArrayView2<'_, S>, weight: S) -> S {
        assert_eq!(logits.nrows(), self.labels.len(), "a row of logits for each label");
        let mut loss = S::zero();
        self.choices(|row, siblings, place| {
            loss += cross_entropy(among(logits, row, siblings).view(), &[Some(place)], weight);
        });
        loss
    }

    fn loss_backward(&self, logits: Array2<S>, weight: S) -> Array2<S> {
        assert_eq!(logits.nrows(), self.labels.len(), "a row of logits for each label");
        let mut d = Array2::zeros(logits.dim());
        self.choices(|row, siblings, place| {
            let of_choice = cross_entropy_backward(among(logits.view(), row, siblings), &[Some(place)], weight);
            siblings.iter().zip(of_choice.row(0)).for_each(|(label, of_label)| d[[row, *label]] = *of_label);
        });
        d
    }

    fn may_be_cut(&self) -> bool {
        true
    }

    fn check(&self, head: &HeadConfig, _: usize) -> Result<(), TargetError> {
        if !head.task.predicts_a_path() || self.tree.len() != head.labels.len() {
            return Err(TargetError::head("a label of a tree for each sequence", head));
        }
        TargetError::check_classes(self.labels.iter().copied(), head)
    }
}
