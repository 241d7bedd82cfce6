//! Rows put into every sequence of a batch, and taken out again: what prefixes and prompts do.

use adaptune_tensor::{Layout, Scalar};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, s};
use std::ops::Range;

/// Puts `rows` new rows before row `at` of each sequence, or at its end if it is shorter: `[T, D] → [T + S rows, D]`.
/// `fill` is given those of each sequence to write.
pub(crate) fn insert<S: Scalar>(
    x: ArrayView2<'_, S>,
    layout: &Layout,
    (at, rows): (usize, usize),
    mut fill: impl FnMut(usize, ArrayViewMut2<'_, S>),
) -> Array2<S> {
    let mut longer = Array2::zeros((x.nrows() + layout.sequences() * rows, x.ncols()));
    for (sequence, old) in layout.ranges().enumerate() {
        let [before, new, after] = parts(sequence, &old, at, rows);
        let middle = old.start + before.len();
        longer.slice_mut(s![before, ..]).assign(&x.slice(s![old.start..middle, ..]));
        fill(sequence, longer.slice_mut(s![new, ..]));
        longer.slice_mut(s![after, ..]).assign(&x.slice(s![middle..old.end, ..]));
    }
    longer
}

/// Takes them out again, as a gradient is: `[T + S rows, D] → [T, D]`. `take` is given those of each sequence.
pub(crate) fn remove<S: Scalar>(
    d: ArrayView2<'_, S>,
    layout: &Layout,
    (at, rows): (usize, usize),
    mut take: impl FnMut(usize, ArrayView2<'_, S>),
) -> Array2<S> {
    let mut rest = Array2::zeros((layout.tokens(), d.ncols()));
    for (sequence, old) in layout.ranges().enumerate() {
        let [before, new, after] = parts(sequence, &old, at, rows);
        let middle = old.start + before.len();
        rest.slice_mut(s![old.start..middle, ..]).assign(&d.slice(s![before, ..]));
        take(sequence, d.slice(s![new, ..]));
        rest.slice_mut(s![middle..old.end, ..]).assign(&d.slice(s![after, ..]));
    }
    rest
}

/// The rows of a sequence in the longer array: those before the new ones, the new ones, those after them.
fn parts(sequence: usize, old: &Range<usize>, at: usize, rows: usize) -> [Range<usize>; 3] {
    let start = old.start + sequence * rows;
    let first = start + at.min(old.len());
    [start..first, first..first + rows, first + rows..start + old.len() + rows]
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr2;

    #[test]
    fn rows_come_in_and_go_out() {
        let (x, layout) = (arr2(&[[1.0], [2.0], [3.0]]), Layout::from_lengths(&[2, 1]));
        let fill = |s: usize, mut rows: ArrayViewMut2<'_, f64>| rows.fill(10.0 * (s + 1) as f64);
        let front = insert(x.view(), &layout, (0, 1), fill);
        assert_eq!(front, arr2(&[[10.0], [1.0], [2.0], [20.0], [3.0]]));
        let second = insert(x.view(), &layout, (1, 2), fill);
        assert_eq!(second, arr2(&[[1.0], [10.0], [10.0], [2.0], [3.0], [20.0], [20.0]]));
        let mut sums = Vec::new();
        assert_eq!(remove(second.view(), &layout, (1, 2), |_, rows| sums.push(rows.sum())), x);
        assert_eq!(sums, [20.0, 40.0]);
        for (s, row) in [(0, 1), (1, 4)] {
            assert_eq!(layout.insert(1, 2).text(s).last(), Some(if s == 0 { row + 2 } else { row }), "layouts agree");
        }
    }
}
