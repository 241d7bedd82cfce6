//! The loops around a micro-kernel.
//!
//! ```text
//! for each block of columns and of k that fits the space for packing:      pack it
//!   for each part of the result (in parallel):
//!     sweep over its tiles
//! ```

use super::pack::{DEPTH, Panels, has_rows_in_one_piece, packed_length};
use super::right::Right;
use super::scratch::with_space;
use super::sweep::{cut, sweep};
use super::tile::{Kernel, Shape};
use super::{Product, Start};
use ndarray::{ArrayView2, ArrayViewMut2, Axis, s};
use rayon::prelude::*;

/// Columns that are packed at a time; a multiple of all widths of panels.
const COLUMNS: usize = 4032;
/// Numbers that are packed at a time: 16 MiB.
const PACKED: usize = 1 << 22;
/// Multiply-adds that are worth a task of their own, about 50 µs.
const TASK: usize = 1 << 22;
/// Most parts that a result is cut into.
const PARTS: usize = 64;
/// Fewest rows of a part that others share columns with, and fewest columns: operands are laid out anew for each part.
const PART_ROWS: usize = 54;
const PART_COLUMNS: usize = 192;
/// Up to so many rows, a right operand whose own rows lie in one piece is not worth packing.
const DIRECT_ROWS: usize = 64;

/// Computes a product; `parallel` allows more than this thread.
pub(super) fn multiply<K: Kernel>(product: Product<'_>, parallel: bool) {
    assert!(K::PATH.is_available(), "this processor has not the instructions of {:?}", K::PATH);
    let product = turned_if_better::<K>(product);
    let shape = K::shape(product.b.ncols());
    if reads_directly(product.a.nrows(), product.b) {
        multiply_directly::<K>(product, shape, parallel);
    } else {
        multiply_packing::<K>(product, shape, parallel);
    }
}

/// The right operand is read where it lies, but for what is left behind its last whole panel.
fn multiply_directly<K: Kernel>(product: Product<'_>, shape: Shape, parallel: bool) {
    let Product { alpha, a, b, start, c } = product;
    let (direct, rest) = b.split_at(Axis(1), b.ncols() - b.ncols() % shape.columns);
    with_space(packed_length::<K>(rest.nrows(), rest.ncols()), |space| {
        let right = Right { direct: Some(direct), panels: Panels::pack::<K>(rest, shape, space, false) };
        in_parts::<K>(alpha, a, right, start, c, parallel);
    });
}

/// Block after block of the right operand is packed.
fn multiply_packing<K: Kernel>(product: Product<'_>, shape: Shape, parallel: bool) {
    let Product { alpha, a, b, start, mut c } = product;
    let columns = b.ncols().min(COLUMNS);
    let depth = (PACKED / columns / DEPTH).max(1) * DEPTH;
    with_space(packed_length::<K>(depth.min(b.nrows()), columns), |space| {
        for columns in cut(0..b.ncols(), columns) {
            for depth in cut(0..b.nrows(), depth) {
                let panels = Panels::pack::<K>(b.slice(s![depth.clone(), columns.clone()]), shape, space, parallel);
                let start = match depth.start {
                    0 => start.part(0..a.nrows(), columns.clone()),
                    _ => Start::Result(1.0),
                };
                let (a, c) = (a.slice(s![.., depth]), c.slice_mut(s![.., columns.clone()]));
                in_parts::<K>(alpha, a, Right::packed(panels), start, c, parallel);
            }
        }
    });
}

/// Computes a product whose right operand is ready, part by part. The cut depends on shapes alone.
pub(super) fn in_parts<K: Kernel>(
    alpha: f32,
    a: ArrayView2<'_, f32>,
    right: Right<'_>,
    start: Start<'_>,
    mut c: ArrayViewMut2<'_, f32>,
    parallel: bool,
) {
    let (rows, columns) = part_size(c.dim(), a.ncols(), right.shape());
    if !parallel || (rows >= c.nrows() && columns >= c.ncols()) {
        return sweep::<K>(alpha, a, (right, 0), start, c);
    }
    let mut parts = Vec::new();
    for (i, c) in c.axis_chunks_iter_mut(Axis(0), rows).enumerate() {
        let mut rest = c;
        for j in (0..right.columns()).step_by(columns) {
            let (c, others) = rest.split_at(Axis(1), columns.min(right.columns() - j));
            parts.push((i * rows, j, c));
            rest = others;
        }
    }
    parts.into_par_iter().for_each(|(i, j, c)| {
        let a = a.slice(s![i..i + c.nrows(), ..]);
        let start = start.part(i..i + c.nrows(), j..j + c.ncols());
        sweep::<K>(alpha, a, (right, j), start, c);
    });
}

/// Rows and columns of a part: at least a task's work each, cut along rows first, in whole tiles.
fn part_size((m, n): (usize, usize), depth: usize, shape: Shape) -> (usize, usize) {
    let parts = (m * n * depth / TASK).clamp(1, PARTS);
    let by_rows = parts.min(m / PART_ROWS).max(1);
    let by_columns = (parts / by_rows).min(n / PART_COLUMNS).max(1);
    (m.div_ceil(by_rows).next_multiple_of(shape.rows), n.div_ceil(by_columns).next_multiple_of(shape.columns))
}

/// True if the right operand is used too seldom to be worth packing, and can be read as it is.
fn reads_directly(rows: usize, b: ArrayView2<'_, f32>) -> bool {
    has_rows_in_one_piece(b) && rows <= DIRECT_ROWS
}

/// `C = A B`, or `Cᵀ = Bᵀ Aᵀ` where that is less work.
fn turned_if_better<K: Kernel>(product: Product<'_>) -> Product<'_> {
    let Product { a, b, c, .. } = &product;
    let effort_now = effort::<K>(*a, *b, has_rows_in_one_piece(c.view()));
    let effort_turned = effort::<K>(b.t(), a.t(), has_rows_in_one_piece(c.t()));
    if effort_turned < effort_now { product.turned() } else { product }
}

/// What a product costs, roughly, in vector operations: multiply-adds, packing, and writing tiles whose rows do not
/// lie in one piece.
fn effort<K: Kernel>(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>, writes_directly: bool) -> usize {
    let (m, k, n) = (a.nrows(), a.ncols(), b.ncols());
    let sums = m * k * n.div_ceil(K::LANES);
    let packing = match has_rows_in_one_piece(b) {
        true if reads_directly(m, b) => 0,
        true => k * n / 4,
        false => k * n,
    };
    let left = if a.strides()[1] == 1 { 0 } else { m * k / 4 };
    sums + packing + left + if writes_directly { 0 } else { 4 * m * n }
}
