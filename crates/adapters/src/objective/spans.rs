//! A span of each sequence.

use super::contract::Objective;
use super::error::TargetError;
use crate::head::HeadConfig;
use adaptune_tensor::{Scalar, cross_entropy, cross_entropy_backward};
use ndarray::{Array2, ArrayView2, Axis, s};
use std::ops::Range;

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
        let half = weight * S::from_f64(0.5);
        let end = |(column, tokens, target): (usize, Range<usize>, usize)| {
            cross_entropy(logits.slice(s![tokens, column]).insert_axis(Axis(0)), &[Some(target)], half)
        };
        self.ends().map(end).sum()
    }

    fn loss_backward(&self, logits: Array2<S>, weight: S) -> Array2<S> {
        let (half, mut d) = (weight * S::from_f64(0.5), Array2::zeros(logits.dim()));
        for (column, tokens, target) in self.ends() {
            let row = logits.slice(s![tokens.clone(), column]).insert_axis(Axis(0)).to_owned();
            d.slice_mut(s![tokens, column]).assign(&cross_entropy_backward(row, &[Some(target)], half).row(0));
        }
        d
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
    /// Both ends of every span: the column of its logits, the rows of its sequence, and which of them it is.
    fn ends(&self) -> impl Iterator<Item = (usize, Range<usize>, usize)> {
        let starts = self.lengths.iter().scan(0, |first, length| {
            *first += length;
            Some(*first - length..*first)
        });
        starts.zip(&self.spans).flat_map(|(tokens, (start, end))| [(0, tokens.clone(), *start), (1, tokens, *end)])
    }
}
