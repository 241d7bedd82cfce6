//! One of several sequences of each example.

use super::contract::Objective;
use super::error::TargetError;
use super::one_of_rows::{OneOfRows, one_of_rows, one_of_rows_backward, rows_of};
use crate::head::HeadConfig;
use adaptune_tensor::Scalar;
use ndarray::{Array2, ArrayView2};

/// Which of an example's sequences is right, by cross-entropy over their logits, as BERT is trained on SWAG (Devlin et al., 2019):
///
/// ```text
/// l = −ln softmax(x)_right        x: [K], a logit for each of the K sequences of an example
/// ```
///
/// Sequences of an example follow each other, and examples may have different numbers of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MultipleChoice {
    /// How many sequences each example has, its choices; two at least.
    pub choices: Vec<usize>,
    /// Which of them is right, from 0.
    pub right: Vec<usize>,
}

impl<S: Scalar> Objective<S> for MultipleChoice {
    fn count(&self) -> usize {
        self.right.len()
    }

    fn loss(&self, logits: ArrayView2<'_, S>, weight: S) -> S {
        self.check_rows(logits);
        one_of_rows(logits, self.examples(), weight)
    }

    fn loss_backward(&self, logits: Array2<S>, weight: S) -> Array2<S> {
        self.check_rows(logits.view());
        one_of_rows_backward(logits.view(), self.examples(), weight)
    }

    fn may_be_cut(&self) -> bool {
        true
    }

    fn check(&self, head: &HeadConfig, _: usize) -> Result<(), TargetError> {
        if !head.task.predicts_a_choice() || head.task.reads_every_token() {
            return Err(TargetError::head("one of several sequences", head));
        }
        self.choices.iter().zip(&self.right).try_for_each(|(choices, right)| match choices {
            0 | 1 => Err(TargetError::Other(format!("{choices} choices, but one of at least two is chosen"))),
            _ if right >= choices => Err(TargetError::Other(format!(
                "choice {right} (they count from 0) as the right one, but {choices} choices: correct it, or take the example out"
            ))),
            _ => Ok(()),
        })
    }
}

impl MultipleChoice {
    /// The rows of every example's choices, and the right one.
    fn examples(&self) -> impl Iterator<Item = OneOfRows> {
        rows_of(&self.choices).zip(&self.right).map(|(rows, right)| OneOfRows { rows, column: 0, target: *right })
    }

    fn check_rows<S>(&self, logits: ArrayView2<'_, S>) {
        assert_eq!(logits.dim(), (self.choices.iter().sum(), 1), "a logit for each choice");
    }
}
