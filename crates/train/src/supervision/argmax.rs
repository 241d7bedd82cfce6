//! The class that logits are for.

use adaptune_tensor::Scalar;
use ndarray::{ArrayView1, ArrayView2};

/// The class with the largest logit; the first of equals.
#[must_use]
pub fn argmax<S: Scalar>(logits: ArrayView1<'_, S>) -> usize {
    let better = |best: usize, (i, v): (usize, &S)| if *v > logits[best] { i } else { best };
    logits.iter().enumerate().fold(0, better)
}

/// The class of each row.
pub(super) fn classes<S: Scalar>(logits: ArrayView2<'_, S>) -> Vec<usize> {
    logits.rows().into_iter().map(argmax).collect()
}
