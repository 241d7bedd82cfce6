//! One part of a result, tile after tile, on one thread.
//!
//! ```text
//! for each slice of k (DEPTH):
//!   for each tile of rows:      it stays in the first cache while the right panels pass by,
//!     for each panel:           which stay in the second cache, as does the part of the result
//! ```

use super::cut::cut;
use super::left::Left;
use super::operation::Start;
use super::out::Out;
use super::pack::{DEPTH, has_rows_in_one_piece};
use super::right::Right;
use super::tile::{Kernel, MOST_NUMBERS, Operands, Target};
use std::ops::Range;

/// `c = α left · right + start`. The rows and columns of `c` are those of the operands from `first` on, where a tile
/// begins.
pub(super) fn sweep<K: Kernel>(
    alpha: f32,
    left: Left<'_>,
    right: Right<'_>,
    first: (usize, usize),
    start: Start<'_, f32>,
    mut c: Out<'_>,
) {
    let ((m, n), (all, k)) = (c.dim(), left.dim());
    assert!(k == right.depth() && first.0 + m <= all && first.1 + n <= right.columns(), "shapes of a sweep");
    assert!(start.fits(c.dim()), "what is added has the shape of the result");
    let tile = left.tile_rows(m, right.shape().rows);
    for depth in cut(0..k, DEPTH) {
        let sum = Sum::new(alpha, if depth.start == 0 { start } else { Start::Result(1.0) }, &mut c);
        for rows in cut(0..m, tile) {
            let (a, a_row, a_step) = left.tile(first.0 + rows.start, depth.clone());
            for columns in cut(0..n, right.shape().columns) {
                let (b, b_step) = right.panel::<K>(depth.start, depth.len(), first.1 + columns.start);
                let operands = Operands { depth: depth.len(), a, a_row, a_step, b, b_step };
                // SAFETY: the operands are a tile of `left` and a panel of `right`, as deep as the slice; the rows and
                // columns are in `c`, and the panel has as many columns as the tile. What is read of `c` was there if the
                // product starts from it, and else, from the second slice on, is what the slice before has written.
                unsafe { sum.tile::<K>(&operands, rows.clone(), columns) };
            }
        }
    }
}

/// Where the sums of a slice of `k` go.
struct Sum {
    alpha: f32,
    beta: f32,
    c: *mut f32,
    c_strides: [isize; 2],
    start: *const f32,
    start_strides: [isize; 2],
    /// False where a tile's rows do not lie in one piece, in the result or in what is added.
    in_rows: bool,
}

impl Sum {
    fn new(alpha: f32, start: Start<'_, f32>, c: &mut Out<'_>) -> Self {
        let (c_strides, in_rows) = (c.strides(), c.has_rows_in_one_piece());
        let c = c.as_mut_ptr();
        let sum = Self { alpha, beta: 0.0, c, c_strides, start: c, start_strides: c_strides, in_rows };
        match start {
            Start::Zero => sum,
            Start::Result(beta) => Self { beta, ..sum },
            Start::Given(view) => Self {
                beta: 1.0,
                start: view.as_ptr(),
                start_strides: [view.strides()[0], view.strides()[1]],
                in_rows: in_rows && has_rows_in_one_piece(view),
                ..sum
            },
        }
    }

    /// Computes a tile of the result.
    ///
    /// # Safety
    /// The operands are a left tile of the rows and a right panel of the columns; both are in the result.
    unsafe fn tile<K: Kernel>(&self, operands: &Operands, rows: Range<usize>, columns: Range<usize>) {
        let offset = |strides: [isize; 2]| rows.start as isize * strides[0] + columns.start as isize * strides[1];
        let c = self.c.wrapping_offset(offset(self.c_strides));
        let start = self.start.wrapping_offset(offset(self.start_strides));
        let (alpha, beta, c_row, start_row) = (self.alpha, self.beta, self.c_strides[0], self.start_strides[0]);
        if self.in_rows {
            let target = Target { c, c_row, start, start_row, alpha, beta, columns: columns.len() };
            // SAFETY: the caller's promise; that the processor has the instructions was checked when the product began.
            return unsafe { K::tile(rows.len(), operands, &target) };
        }
        let mut sums = [0.0; MOST_NUMBERS];
        let (buffer, width) = (sums.as_mut_ptr(), columns.len() as isize);
        let target = Target {
            c: buffer,
            c_row: width,
            start: buffer,
            start_row: width,
            alpha: 1.0,
            beta: 0.0,
            columns: columns.len(),
        };
        assert!(rows.len() * columns.len() <= MOST_NUMBERS, "a tile fits into the buffer");
        // SAFETY: as above, and the buffer holds a whole tile.
        unsafe { K::tile(rows.len(), operands, &target) };
        for r in 0..rows.len() {
            for j in 0..columns.len() {
                let at = |strides: [isize; 2]| r as isize * strides[0] + j as isize * strides[1];
                let start = start.wrapping_offset(at(self.start_strides));
                // SAFETY: row and column are in the result, and in what is added if that is read.
                unsafe { c.offset(at(self.c_strides)).write(self.finish(sums[r * columns.len() + j], start)) };
            }
        }
    }

    /// `α s + β start`, to the bit as the kernels compute it; without their fused instruction where it makes no difference.
    ///
    /// # Safety
    /// `start` can be read unless β is zero.
    unsafe fn finish(&self, sum: f32, start: *const f32) -> f32 {
        if self.beta == 0.0 {
            return self.alpha * sum;
        }
        // SAFETY: the caller's promise.
        let start = self.beta * unsafe { *start };
        if self.alpha == 1.0 { sum + start } else { self.alpha.mul_add(sum, start) }
    }
}
