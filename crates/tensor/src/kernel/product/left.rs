//! The left operand of a tile: read where it lies, or copied if that is a bad place to read from.
//!
//! A micro-kernel reads one number of each of its rows, step after step of `k`. Where `k` lie next
//! to each other that is fine as it is. Where rows lie next to each other instead (`Aᵀ B`), each step
//! would touch another line of the cache, so a tile that is used often is copied first.

use super::pack::DEPTH;
use super::tile::MOST_ROWS;
use ndarray::ArrayView2;
use std::mem::MaybeUninit;
use std::ops::Range;

/// Rows whose distance is a multiple of this many numbers share a few places of the first cache.
const PAGE: isize = 1024;
/// Distance of copied rows.
const ROW_STEP: usize = DEPTH + 16;
/// Numbers in a copied tile.
const SPACE: usize = MOST_ROWS * ROW_STEP;

/// Space for one copied tile.
pub(super) struct Space([MaybeUninit<f32>; SPACE]);

/// How a micro-kernel reads a left tile.
pub(super) struct Left {
    pub(super) from: *const f32,
    /// The way to the next row.
    pub(super) row: isize,
    /// The way to the next `k`.
    pub(super) step: isize,
}

/// How left tiles are given to the micro-kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Layout {
    /// As they lie.
    Direct,
    /// Row after row, so that they do not share places of the cache.
    Rows,
    /// Column after column, so that a step of `k` reads one line of the cache.
    Columns,
}

impl Space {
    pub(super) const fn new() -> Self {
        Self([const { MaybeUninit::uninit() }; SPACE])
    }
}

impl Layout {
    /// What suits `a` when each tile meets so many panels.
    pub(super) fn of(a: ArrayView2<'_, f32>, panels: usize) -> Self {
        let (row, step) = (a.strides()[0], a.strides()[1]);
        match step {
            _ if panels <= 2 => Self::Direct,
            1 if row % PAGE == 0 && a.nrows() > 1 => Self::Rows,
            1 => Self::Direct,
            _ => Self::Columns,
        }
    }

    /// The tile `a[rows, depth]`.
    pub(super) fn tile(
        self,
        a: ArrayView2<'_, f32>,
        rows: Range<usize>,
        depth: Range<usize>,
        space: &mut Space,
    ) -> Left {
        assert!(rows.end <= a.nrows() && depth.end <= a.ncols(), "the tile is in the operand");
        assert!(rows.len() <= MOST_ROWS && depth.len() <= DEPTH, "the tile fits into the space");
        let (row, step) = (a.strides()[0], a.strides()[1]);
        let from = a.as_ptr().wrapping_offset(rows.start as isize * row + depth.start as isize * step);
        let direct = Left { from, row, step };
        match self {
            Self::Direct => direct,
            Self::Rows => copy_rows(direct, rows.len(), depth.len(), space),
            // Whole steps may be read while they end inside of the operand.
            Self::Columns if row == 1 && rows.start + MOST_ROWS <= a.nrows() => {
                copy_columns(direct, MOST_ROWS, depth.len(), space)
            }
            Self::Columns => copy_columns(direct, rows.len(), depth.len(), space),
        }
    }
}

fn copy_rows(left: Left, rows: usize, depth: usize, space: &mut Space) -> Left {
    for r in 0..rows {
        // SAFETY: `depth` numbers from the row's beginning on are in the operand, as `Layout::tile` has checked, and
        // lie next to each other in this layout; the space has `MOST_ROWS` rows.
        unsafe {
            let into = space.0.as_mut_ptr().add(r * ROW_STEP).cast();
            std::ptr::copy_nonoverlapping(left.from.offset(r as isize * left.row), into, depth);
        }
    }
    Left { from: space.0.as_ptr().cast(), row: ROW_STEP as isize, step: 1 }
}

fn copy_columns(left: Left, rows: usize, depth: usize, space: &mut Space) -> Left {
    for k in 0..depth {
        // SAFETY: column `k` has `rows` numbers in the operand, as `Layout::tile` has checked; where they are a whole
        // step they lie next to each other. The space has `DEPTH` columns of
        // `MOST_ROWS`.
        unsafe {
            let from = left.from.offset(k as isize * left.step);
            let into = space.0.as_mut_ptr().add(k * MOST_ROWS).cast::<f32>();
            if rows == MOST_ROWS && left.row == 1 {
                std::ptr::copy_nonoverlapping(from, into, MOST_ROWS);
            } else {
                (0..rows).for_each(|r| *into.add(r) = *from.offset(r as isize * left.row));
            }
        }
    }
    Left { from: space.0.as_ptr().cast(), row: 1, step: MOST_ROWS as isize }
}
