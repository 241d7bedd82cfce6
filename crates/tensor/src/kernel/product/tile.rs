//! What a micro-kernel is: one tile of a result, its sums held in registers.

use super::path::ProductPath;

/// A panel of each operand: `a[r, k]` lies at `a + r·a_row + k·a_step`, the row `k` of the right panel at `b + k·b_step`.
pub(super) struct Operands {
    /// How many `k` there are.
    pub(super) depth: usize,
    pub(super) a: *const f32,
    pub(super) a_row: isize,
    pub(super) a_step: isize,
    /// The columns of a row lie next to each other, as many as the tile's vectors have lanes.
    pub(super) b: *const f32,
    pub(super) b_step: isize,
}

/// Where the sums go: `c[r, j] = α s[r, j] + β start[r, j]`.
///
/// This is `fma(α, s, β start)`, or `α s` without looking at `start` where β is zero, in every kernel.
pub(super) struct Target {
    pub(super) c: *mut f32,
    pub(super) c_row: isize,
    pub(super) start: *const f32,
    pub(super) start_row: isize,
    pub(super) alpha: f32,
    pub(super) beta: f32,
    /// How many columns the tile has; they lie next to each other, in `c` as in `start`.
    pub(super) columns: usize,
}

/// Rows and columns of a full tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) rows: usize,
    /// Also the width of a right panel.
    pub(super) columns: usize,
}

/// Most numbers in a tile of any kernel.
pub(super) const MOST_NUMBERS: usize = 14 * 32;

/// A micro-kernel for one set of instructions.
///
/// Each sum is one chain of fused multiply-adds from zero over ascending `k`. So its bits depend on
/// nothing but the numbers: not on the tile it is in, not on the width of vectors.
pub(super) trait Kernel {
    /// The instructions it needs.
    const PATH: ProductPath;
    /// True if the processor has them.
    fn is_available() -> bool {
        Self::PATH.is_available()
    }
    /// Numbers in a vector. A right panel is a whole number of vectors wide.
    const LANES: usize;
    /// Up to so many rows, a right operand that is large and whose own rows lie in one piece is not worth packing: it is read too
    /// seldom. The slower the arithmetic, the fewer they are.
    const DIRECT_ROWS: usize = super::sizes::DIRECT_ROWS;
    /// If rows of a left operand lie next to each other, and one `k` is at most so far from the next, packing it brings nothing: a
    /// tile's numbers stay in the first cache, in lines that hold those of the next tiles too.
    const NARROW: isize = super::sizes::NARROW;
    /// Columns of a right operand that are packed side by side, row after row; at least one panel is.
    const SIDE_BY_SIDE: usize = 0;

    /// The largest tiles of a product whose result has so many columns.
    fn shape(columns: usize) -> Shape;

    /// Computes a tile of at least one row and column, and at most as many as [`Kernel::shape`] says.
    ///
    /// # Safety
    /// The processor has the instructions of `PATH`. All `a[r, k]` of the tile's rows and all vectors of the right
    /// panel that the columns touch, filled up to whole vectors, can be read. The tile of `c` can be
    /// written and nobody else touches it; it may hold no numbers yet. `start` can be read unless β is zero.
    unsafe fn tile(rows: usize, operands: &Operands, target: &Target);

    /// Writes `into[k·width + j] = source[j·stride + k]` for `j < LANES`, `k < depth`: a vector's columns,
    /// transposed.
    ///
    /// # Safety
    /// The processor has the instructions of `PATH`; all of `source` can be read and all of `into` written.
    unsafe fn transpose(depth: usize, source: *const f32, stride: isize, into: *mut f32, width: usize);
}

/// [`Kernel::transpose`] without vectors.
///
/// # Safety
/// As there, with `lanes` for `LANES`.
pub(super) unsafe fn transpose_plainly(
    lanes: usize,
    depths: std::ops::Range<usize>,
    source: *const f32,
    stride: isize,
    into: *mut f32,
    width: usize,
) {
    for k in depths {
        for j in 0..lanes {
            // SAFETY: the caller's promise, for `j < lanes` and `k < depth`.
            unsafe { *into.add(k * width + j) = *source.offset(j as isize * stride + k as isize) };
        }
    }
}
