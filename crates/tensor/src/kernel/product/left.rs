//! The left operand as tiles read it: where it lies, or copied if that is a bad place to read from.
//!
//! A micro-kernel reads one number of each of its rows, step after step of `k`. Where `k` lie next
//! to each other that is fine as it is. Where rows lie next to each other instead (`Aᵀ B`), each step
//! would touch another line of the cache, so an operand that is wide and used often is packed first: slices
//! of [`DEPTH`], in each tile after tile, in each column after column.

use super::cut::cut;
use super::pack::{DEPTH, PARALLEL, fetch_ahead};
use super::tile::Kernel;
use ndarray::{ArrayView2, Axis, s};
use rayon::prelude::*;
use std::ops::Range;

/// Up to so many panels, packing costs more than it brings.
const FEW_PANELS: usize = 2;
/// Tiles that are packed side by side: more would write to more pages than the processor keeps addresses of.
const SIDE_BY_SIDE: usize = 16;

/// A left operand `[M, K]`.
#[derive(Clone, Copy)]
pub(super) enum Left<'a> {
    /// As it lies.
    Direct(ArrayView2<'a, f32>),
    /// Packed.
    Packed {
        /// Tiles, the last of each slice filled up with whatever was there.
        numbers: &'a [f32],
        /// `[M, K]`.
        dim: (usize, usize),
        /// Rows of a tile.
        tile: usize,
    },
}

/// How a micro-kernel reads a tile: where it begins, the way to the next row, the way to the next `k`.
pub(super) type Place = (*const f32, isize, isize);

/// How many numbers the packed form of `a` has that meets so many panels; none if it is better left where it is.
pub(super) fn packed_length<K: Kernel>(a: ArrayView2<'_, f32>, tile: usize, panels: usize) -> usize {
    if lies_well::<K>(a) || panels <= FEW_PANELS { 0 } else { a.nrows().next_multiple_of(tile) * a.ncols() }
}

/// True if `a` is read as it lies, however often: a tile touches few lines of the cache from one `k` to the next.
pub(super) fn lies_well<K: Kernel>(a: ArrayView2<'_, f32>) -> bool {
    let [row, step] = [a.strides()[0], a.strides()[1]];
    step == 1 || a.ncols() <= 1 || row == 1 && (0..=K::NARROW).contains(&step)
}

impl<'a> Left<'a> {
    /// `a`, packed if there is space for it.
    pub(super) fn new(a: ArrayView2<'a, f32>, tile: usize, space: &'a mut [f32], parallel: bool) -> Self {
        if space.is_empty() {
            return Self::Direct(a);
        }
        let numbers = &mut space[..a.nrows().next_multiple_of(tile) * a.ncols()];
        let pieces = pieces(a, tile, numbers);
        if parallel && a.len() >= PARALLEL {
            pieces.collect::<Vec<_>>().into_par_iter().for_each(|(a, space)| pack_piece(a, tile, space));
        } else {
            pieces.for_each(|(a, space)| pack_piece(a, tile, space));
        }
        Self::Packed { numbers, dim: a.dim(), tile }
    }

    /// `[M, K]`.
    pub(super) fn dim(&self) -> (usize, usize) {
        match self {
            Self::Direct(a) => a.dim(),
            Self::Packed { dim, .. } => *dim,
        }
    }

    /// Rows of a tile where `rows` are computed together, and tiles have at most `most`.
    pub(super) fn tile_rows(&self, rows: usize, most: usize) -> usize {
        match self {
            // Shared out evenly, so that no tile is much thinner than the others.
            Self::Direct(_) => rows.div_ceil(rows.div_ceil(most).max(1)),
            Self::Packed { tile, .. } => *tile,
        }
    }

    /// The tile that begins with `row`, in the slice `depth`.
    pub(super) fn tile(&self, row: usize, depth: Range<usize>) -> Place {
        match *self {
            Self::Direct(a) => {
                let (row_step, step) = (a.strides()[0], a.strides()[1]);
                // Wrapping, because an operand without depth has no first number.
                let from = a.as_ptr().wrapping_offset(row as isize * row_step + depth.start as isize * step);
                (from, row_step, step)
            }
            Self::Packed { numbers, dim: (rows, _), tile } => {
                assert!(row.is_multiple_of(tile), "a packed tile begins there");
                let from = depth.start * rows.next_multiple_of(tile) + row * depth.len();
                (numbers[from..from + depth.len() * tile].as_ptr(), 1, tile as isize)
            }
        }
    }
}

/// Tiles that are packed side by side, with the numbers of theirs.
fn pieces<'a>(
    a: ArrayView2<'a, f32>,
    tile: usize,
    numbers: &'a mut [f32],
) -> impl Iterator<Item = (ArrayView2<'a, f32>, &'a mut [f32])> {
    let slices = numbers.chunks_mut(a.nrows().next_multiple_of(tile) * DEPTH).zip(cut(0..a.ncols(), DEPTH));
    slices.flat_map(move |(slice, depth)| {
        let side_by_side = SIDE_BY_SIDE * tile;
        let rows = cut(0..a.nrows(), side_by_side);
        let space = slice.chunks_mut(side_by_side * depth.len());
        rows.zip(space).map(move |(rows, space)| (a.slice_move(s![rows, depth.clone()]), space))
    })
}

/// Packs tiles side by side. Columns that lie in one piece are read from end to end.
fn pack_piece(a: ArrayView2<'_, f32>, tile: usize, space: &mut [f32]) {
    let depth = a.ncols();
    for (k, column) in a.axis_iter(Axis(1)).enumerate() {
        fetch_ahead(a.t(), k);
        let tiles = space.chunks_mut(tile * depth).map(|space| &mut space[k * tile..(k + 1) * tile]);
        match (column.to_slice(), tile) {
            // Tiles whose length the compiler knows.
            (Some(column), 9) => copy_tiles::<9>(column, tiles),
            (Some(column), 14) => copy_tiles::<14>(column, tiles),
            (Some(column), 8) => copy_tiles::<8>(column, tiles),
            (Some(column), 6) => copy_tiles::<6>(column, tiles),
            (Some(column), 4) => copy_tiles::<4>(column, tiles),
            _ => tiles.zip(column.axis_chunks_iter(Axis(0), tile)).for_each(|(into, from)| {
                into.iter_mut().zip(from).for_each(|(into, from)| *into = *from);
            }),
        }
    }
}

fn copy_tiles<'a, const TILE: usize>(column: &[f32], mut tiles: impl Iterator<Item = &'a mut [f32]>) {
    let (whole, rest) = column.as_chunks::<TILE>();
    for (from, into) in whole.iter().zip(tiles.by_ref()) {
        into[..TILE].copy_from_slice(from);
    }
    tiles.take(1).for_each(|into| into[..rest.len()].copy_from_slice(rest));
}
