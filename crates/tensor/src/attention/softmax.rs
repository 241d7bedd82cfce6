//! Softmax over the visible part of each row; what is invisible becomes zero.

use crate::Scalar;
use ndarray::Array2;
use std::ops::Range;

/// The columns of a row that are visible: those of the prefix, and others behind them.
pub(super) type Visible = [Range<usize>; 2];

/// Softmax in place over the columns of each row that `visible(row)` names, and zeros elsewhere. Tells each row's number and
/// `ln Σ e^x`.
pub(super) fn masked_softmax<S: Scalar>(
    scores: &mut Array2<S>,
    visible: impl Fn(usize) -> Visible,
    mut normalisers: impl FnMut(usize, S),
) {
    let columns = scores.ncols().max(1);
    for (r, row) in scores.as_slice_mut().expect("standard layout").chunks_mut(columns).enumerate() {
        let visible = visible(r);
        let normaliser = log_sum_exp(row, &visible);
        exponentials_of(row, visible, normaliser);
        normalisers(r, normaliser);
    }
}

/// `e^(x − normaliser)` in the visible columns, zero in all others.
pub(super) fn exponentials_of<S: Scalar>(row: &mut [S], [front, behind]: Visible, normaliser: S) {
    row[front.end..behind.start].fill(S::zero());
    row[behind.end..].fill(S::zero());
    S::exp_minus(&mut row[front], normaliser);
    S::exp_minus(&mut row[behind], normaliser);
}

/// `ln Σ e^x` over the visible columns. Where nothing is hidden between them they are one row, as without a mask.
fn log_sum_exp<S: Scalar>(row: &[S], [front, behind]: &Visible) -> S {
    let split = if front.end == behind.start { behind.end } else { front.end };
    let (front, behind) = (&row[front.start..split], &row[behind.start.max(split)..behind.end]);
    let largest = S::largest(front).max(S::largest(behind));
    largest + (S::sum_of_exponentials(front, largest) + S::sum_of_exponentials(behind, largest)).ln()
}
