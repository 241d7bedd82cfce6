//! Softmax over the visible part of each row; what is invisible becomes zero.

use crate::Scalar;
use crate::kernel::GROUP;
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
    let columns = scores.ncols();
    let mut exponentials = vec![S::zero(); GROUP * columns];
    let values = scores.as_slice_mut().expect("standard layout");
    for (group, rows) in values.chunks_mut((GROUP * columns).max(1)).enumerate() {
        let of_group = log_sums_exp(rows, columns, |row| visible(group * GROUP + row), &mut exponentials);
        for (r, row) in rows.chunks_mut(columns).enumerate() {
            exponentials_of(row, visible(group * GROUP + r), of_group[r]);
            normalisers(group * GROUP + r, of_group[r]);
        }
    }
}

/// `e^(x − normaliser)` in the visible columns, zero in all others.
pub(super) fn exponentials_of<S: Scalar>(row: &mut [S], [front, behind]: Visible, normaliser: S) {
    row[front.end..behind.start].fill(S::zero());
    row[behind.end..].fill(S::zero());
    S::exp_minus(&mut row[front], normaliser);
    S::exp_minus(&mut row[behind], normaliser);
}

/// `ln Σ e^x` over the visible columns of each row of a group. Invisible ones count as zeros, which change no sum, so that rows
/// are added up side by side.
fn log_sums_exp<S: Scalar>(
    rows: &[S],
    columns: usize,
    visible: impl Fn(usize) -> Visible,
    exponentials: &mut [S],
) -> [S; GROUP] {
    let mut maxima = [S::zero(); GROUP];
    exponentials.fill(S::zero());
    for (r, (row, exponentials)) in rows.chunks(columns).zip(exponentials.chunks_mut(columns)).enumerate() {
        let [front, behind] = visible(r);
        maxima[r] = S::largest(&row[front.clone()]).max(S::largest(&row[behind.clone()]));
        for visible in [front, behind] {
            S::exp_into(&row[visible.clone()], maxima[r], &mut exponentials[visible]);
        }
    }
    let sums = S::sums(&exponentials[..rows.len()], columns);
    std::array::from_fn(|r| maxima[r] + sums[r].ln())
}
