//! A span of each sequence.

use super::contract::Objective;
use super::error::TargetError;
use super::one_of_rows::{OneOfRows, one_of_rows, one_of_rows_backward, rows_of};
use crate::head::HeadConfig;
use adaptune_tensor::Scalar;
use ndarray::{Array2, ArrayView2};

/// Where a span of each sequence starts and ends, by the mean of two cross-entropies over the sequence's own tokens, as BERT is
/// trained on SQuAD:
///
/// ```text
/// l = ½ (−ln softmax(x_·1)_start − ln softmax(x_·2)_end)        x: [T_s, 2]
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spans {
    /// How many tokens each sequence has.
    pub lengths: Vec<usize>,
    /// The first and the last token of each sequence's span, counted in the sequence; the first token of the sequence twice where
    /// it has none.
    pub spans: Vec<(usize, usize)>,
}

impl<S: Scalar> Objective<S> for Spans {
    fn count(&self) -> usize {
        self.spans.len()
    }

    fn loss(&self, logits: ArrayView2<'_, S>, weight: S) -> S {
        one_of_rows(logits, self.ends(), weight * S::from_f64(0.5))
    }

    fn loss_backward(&self, logits: Array2<S>, weight: S) -> Array2<S> {
        one_of_rows_backward(logits.view(), self.ends(), weight * S::from_f64(0.5))
    }

    fn may_be_cut(&self) -> bool {
        true
    }

    fn check(&self, head: &HeadConfig, _: usize) -> Result<(), TargetError> {
        if !head.task.predicts_a_span() {
            return Err(TargetError::head("a span of each sequence", head));
        }
        match self.lengths.iter().zip(&self.spans).find(|(length, (start, end))| start > end || end >= length) {
            Some((length, (start, end))) => Err(TargetError::Other(format!(
                "a span from token {start} to {end}, but {length} tokens, which count from 0"
            ))),
            None => Ok(()),
        }
    }
}

impl Spans {
    /// Both ends of every span.
    fn ends(&self) -> impl Iterator<Item = OneOfRows> {
        rows_of(&self.lengths).zip(&self.spans).flat_map(|(rows, (start, end))| {
            [OneOfRows { rows: rows.clone(), column: 0, target: *start }, OneOfRows { rows, column: 1, target: *end }]
        })
    }
}
