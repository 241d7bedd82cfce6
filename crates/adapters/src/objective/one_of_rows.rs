//! Cross-entropy over rows of logits, of which one is right: the first token of a span among those of its sequence, the right
//! choice among those of its example.
//!
//! ```text
//! l = −ln softmax(x_rows,column)_target        x: [N, C]
//! ```

use adaptune_tensor::{Scalar, cross_entropy, cross_entropy_backward};
use ndarray::{Array2, ArrayView2, Axis, s};
use std::ops::Range;

/// Rows that compete in a column of logits, and which of them is right, counted from the first.
pub(super) struct OneOfRows {
    pub(super) rows: Range<usize>,
    pub(super) column: usize,
    pub(super) target: usize,
}

/// The rows of groups of these sizes that follow each other.
pub(super) fn rows_of(sizes: &[usize]) -> impl Iterator<Item = Range<usize>> {
    sizes.iter().scan(0, |end, size| {
        *end += size;
        Some(*end - size..*end)
    })
}

/// Returns the sum of the losses, each weighing `weight`.
pub(super) fn one_of_rows<S: Scalar>(logits: ArrayView2<'_, S>, all: impl Iterator<Item = OneOfRows>, weight: S) -> S {
    let one = |OneOfRows { rows, column, target }| {
        cross_entropy(logits.slice(s![rows, column]).insert_axis(Axis(0)), &[Some(target)], weight)
    };
    all.map(one).sum()
}

/// Returns the gradient of [`one_of_rows`], `[N, C]`. No row is twice in one column.
pub(super) fn one_of_rows_backward<S: Scalar>(
    logits: ArrayView2<'_, S>,
    all: impl Iterator<Item = OneOfRows>,
    weight: S,
) -> Array2<S> {
    let mut d = Array2::zeros(logits.dim());
    for OneOfRows { rows, column, target } in all {
        let row = logits.slice(s![rows.clone(), column]).insert_axis(Axis(0)).to_owned();
        d.slice_mut(s![rows, column]).assign(&cross_entropy_backward(row, &[Some(target)], weight).row(0));
    }
    d
}
