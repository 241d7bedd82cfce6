//! Classes some of which weigh more than others.

use super::contract::Objective;
use super::error::TargetError;
use crate::head::HeadConfig;
use adaptune_tensor::{Scalar, cross_entropy, cross_entropy_backward};
use ndarray::{Array2, ArrayView2, Axis};

/// A class for each sequence or for each token, by cross-entropy, each target by the weight `a_c` of its class `c`:
/// `−a_c ln softmax(x)_c`, where rare classes are to count as much as frequent ones.
///
/// The mean divides by the number of targets, not by the sum of their weights as PyTorch does, so that a batch is the sum of its
/// micro-batches whatever classes they hold.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightedClasses {
    /// The class of each sequence or token; `None` where a token does not count.
    pub classes: Vec<Option<usize>>,
    /// The weight of each class, finite and not negative.
    pub weights: Vec<f64>,
}

impl WeightedClasses {
    fn weight_of<S: Scalar>(&self, class: Option<usize>) -> S {
        class.map_or(S::zero(), |class| S::from_f64(self.weights[class]))
    }
}

impl<S: Scalar> Objective<S> for WeightedClasses {
    fn count(&self) -> usize {
        self.classes.iter().flatten().count()
    }

    fn loss(&self, logits: ArrayView2<'_, S>, weight: S) -> S {
        assert_eq!(logits.nrows(), self.classes.len(), "one target a row");
        let rows = logits.axis_iter(Axis(0)).zip(&self.classes);
        rows.map(|(row, class)| {
            cross_entropy(row.insert_axis(Axis(0)), &[*class], weight * self.weight_of::<S>(*class))
        })
        .sum()
    }

    fn loss_backward(&self, logits: Array2<S>, weight: S) -> Array2<S> {
        let mut d = cross_entropy_backward(logits, &self.classes, weight);
        for (mut row, class) in d.rows_mut().into_iter().zip(&self.classes) {
            row *= self.weight_of::<S>(*class);
        }
        d
    }

    fn may_be_cut(&self) -> bool {
        true
    }

    fn check(&self, head: &HeadConfig, _: usize) -> Result<(), TargetError> {
        if !head.task.predicts_one_label() {
            return Err(TargetError::head("weighted classes", head));
        }
        if self.weights.len() != head.labels.len() {
            let (weights, labels) = (self.weights.len(), head.labels.len());
            return Err(TargetError::Other(format!("{weights} weights of classes, but the head has {labels} labels")));
        }
        if let Some(weight) = self.weights.iter().find(|weight| !(weight.is_finite() && **weight >= 0.0)) {
            let message = format!("a class of weight {weight}, but weights must be finite and not negative");
            return Err(TargetError::Other(message));
        }
        TargetError::check_classes(self.classes.iter().flatten().copied(), head)
    }
}
