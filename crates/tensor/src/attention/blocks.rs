//! Arrays cut into blocks, one for each sequence and head.

use crate::Layout;
use ndarray::{Array2, ArrayViewMut2, Axis};

/// Cuts an array of equal groups of columns into blocks, sequence by sequence, within each head by head.
pub(super) fn blocks_mut<'a, S>(layout: &Layout, heads: usize, array: &'a mut Array2<S>) -> Vec<ArrayViewMut2<'a, S>> {
    let width = array.ncols() / heads;
    let mut blocks = Vec::with_capacity(layout.sequences() * heads);
    let mut rest = array.view_mut();
    for range in layout.ranges() {
        let (mut rows, below) = rest.split_at(Axis(0), range.len());
        rest = below;
        for _ in 1..heads {
            let (head, right) = rows.split_at(Axis(1), width);
            blocks.push(head);
            rows = right;
        }
        blocks.push(rows);
    }
    blocks
}
