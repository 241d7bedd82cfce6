//! The loops around a micro-kernel.
//!
//! ```text
//! for each strip of columns (in parallel, if packing is a good part of the work):
//!   for each block of columns and of k that fits the space for packing:      pack it
//!     for each part of the result (in parallel, unless strips are):
//!       sweep over its tiles
//! ```
//!
//! Where threads would have too few strips, [`lazy`] packs what a part reads when the part's turn comes.

use super::cut::cut;
use super::left::{self, Left};
use super::operation::{Product, Start};
use super::out::Out;
use super::pack::{DEPTH, Panels, has_rows_in_one_piece, packed_length};
use super::right::Right;
use super::scratch::{Use, with_space};
use super::sizes::{COLUMNS, DIRECT_ROWS, NEAR, PACKED, PART, TASK};
use super::sweep::sweep;
use super::tile::{Kernel, Shape};
use super::{lazy, strips};
use ndarray::{ArrayView2, ArrayViewMut2, Axis, s};
use rayon::prelude::*;
use std::ops::Range;

/// Times as many where threads share the work: there are several caches, and they wait for each other less often.
const PACKED_TOGETHER: usize = 4;
/// Parts that a result is cut into if each is worth it, for threads to share.
const PARTS: usize = 24;
/// Fewest, unless the result has fewer: what a part reads, it should read often.
const SMALL_PART: (usize, usize) = (36, 96);

/// Computes a product; `parallel` allows more than this thread.
pub(super) fn multiply<K: Kernel>(product: Product<'_, f32, Out<'_>>, parallel: bool) {
    assert!(K::is_available(), "this processor has not the instructions of {:?}", K::PATH);
    let product = transposed_if_better::<K>(product);
    if product.a.ncols() > DEPTH && !product.c.has_rows_in_one_piece() {
        return multiply_elsewhere::<K>(product, parallel);
    }
    multiply_in_place::<K>(product, parallel);
}

/// Where the rows of a result do not lie in one piece, writing it is slow, and it is written once for each slice of `k`. So it
/// is computed in a place of its own and copied once.
fn multiply_elsewhere<K: Kernel>(product: Product<'_, f32, Out<'_>>, parallel: bool) {
    let Product { alpha, a, b, start, c } = product;
    let (m, n) = c.dim();
    with_space(Use::Result, m * n, |space| {
        let mut rows = ArrayViewMut2::from_shape((m, n), space).expect("as many numbers as there is space for");
        if matches!(start, Start::Result(_)) {
            // SAFETY: who starts from a result has written it.
            rows.assign(&unsafe { c.view() });
        }
        let (a, b, start) = (a.view(), b.view(), start.view());
        multiply_in_place::<K>(Product { alpha, a, b, start, c: Out::of(rows.view_mut()) }, parallel);
        c.write::<K>(rows.view());
    });
}

fn multiply_in_place<K: Kernel>(product: Product<'_, f32, Out<'_>>, parallel: bool) {
    let shape = K::shape(product.b.ncols());
    if reads_directly::<K>(product.a.nrows(), product.b) {
        multiply_directly::<K>(product, shape, parallel);
    } else {
        multiply_packing::<K>(product, shape, parallel);
    }
}

/// The right operand is read where it lies, but for what is left behind its last whole panel.
fn multiply_directly<K: Kernel>(product: Product<'_, f32, Out<'_>>, shape: Shape, parallel: bool) {
    let Product { alpha, a, b, start, c } = product;
    let (direct, rest) = b.split_at(Axis(1), b.ncols() - b.ncols() % shape.columns);
    with_space(Use::Right, packed_length::<K>(rest.nrows(), rest.ncols()), |space| {
        let right = Right { direct: Some(direct), panels: Panels::pack::<K>(rest, shape, space, false) };
        in_parts::<K>(alpha, a, right, start, c, parallel);
    });
}

/// Block after block of the right operand is packed.
fn multiply_packing<K: Kernel>(product: Product<'_, f32, Out<'_>>, shape: Shape, parallel: bool) {
    let Product { alpha, a, b, start, c } = product;
    in_blocks::<K>(alpha, a, b.dim(), start, c, parallel, |depth, columns, space, parallel| {
        Panels::pack::<K>(b.slice(s![depth, columns]), shape, space, parallel)
    });
}

/// Computes `c = a bᵀ + start` from the panels of `b`.
pub(super) fn multiply_transposed<K: Kernel>(a: ArrayView2<'_, f32>, b: Panels<'_>, start: Start<'_, f32>, c: Out<'_>) {
    assert!(K::is_available(), "this processor has not the instructions of {:?}", K::PATH);
    let shape = K::shape(b.depth);
    in_blocks::<K>(1.0, a, (b.columns, b.depth), start, c, true, |depth, columns, space, parallel| {
        Panels::pack_transposed::<K>(b, depth, columns, shape, space, parallel)
    });
}

/// Computes a product with a right operand `[K, N]`, which is packed on the way: `pack(depth, columns, space, parallel)`.
pub(super) fn in_blocks<K: Kernel>(
    alpha: f32,
    a: ArrayView2<'_, f32>,
    (k, n): (usize, usize),
    start: Start<'_, f32>,
    c: Out<'_>,
    parallel: bool,
    pack: impl for<'s> Fn(Range<usize>, Range<usize>, &'s mut [f32], bool) -> Panels<'s> + Sync,
) {
    let panel = K::shape(n).columns;
    let (own, shared) = if parallel { (strips::count::<K>(a, n), lazy::count::<K>(a, n, panel)) } else { (1, 1) };
    match (own, shared) {
        (1, 1) => block_after_block::<K>(alpha, a, k, start, c, parallel, pack),
        (1, count) => {
            lazy::multiply::<K>(alpha, a, count, start, c, |depth, columns, space| pack(depth, columns, space, false));
        }
        (count, _) => in_strips::<K>(alpha, a, k, count, start, c, pack),
    }
}

/// Computes a product in so many strips, each on one thread, which packs what it reads.
fn in_strips<K: Kernel>(
    alpha: f32,
    a: ArrayView2<'_, f32>,
    k: usize,
    count: usize,
    start: Start<'_, f32>,
    c: Out<'_>,
    pack: impl for<'s> Fn(Range<usize>, Range<usize>, &'s mut [f32], bool) -> Panels<'s> + Sync,
) {
    let panel = K::shape(c.dim().1).columns;
    strips::cut_out(c, count, panel).into_par_iter().for_each(|(first, c)| {
        let start = start.view().part(0..a.nrows(), first..first + c.dim().1);
        block_after_block::<K>(alpha, a, k, start, c, false, |depth, columns, space, parallel| {
            pack(depth, first + columns.start..first + columns.end, space, parallel)
        });
    });
}

/// Computes a product block after block of its right operand.
fn block_after_block<K: Kernel>(
    alpha: f32,
    a: ArrayView2<'_, f32>,
    k: usize,
    start: Start<'_, f32>,
    mut c: Out<'_>,
    parallel: bool,
    pack: impl for<'s> Fn(Range<usize>, Range<usize>, &'s mut [f32], bool) -> Panels<'s>,
) {
    if c.is_empty() {
        return;
    }
    let n = c.dim().1;
    let columns = n.min(COLUMNS);
    let packed_rows = if left::lies_well::<K>(a) { 0 } else { a.nrows() };
    let packed = if parallel && rayon::current_num_threads() > 1 { PACKED_TOGETHER * PACKED } else { PACKED };
    let depth = (packed / columns.max(packed_rows) / DEPTH).max(1) * DEPTH;
    with_space(Use::Right, packed_length::<K>(depth.min(k), columns), |space| {
        for columns in cut(0..n, columns) {
            for depth in cut(0..k, depth) {
                let panels = pack(depth.clone(), columns.clone(), space, parallel);
                let start = match depth.start {
                    0 => start.part(0..a.nrows(), columns.clone()),
                    _ => Start::Result(1.0),
                };
                let (a, c) = (a.slice(s![.., depth]), c.columns(columns.clone()));
                in_parts::<K>(alpha, a, Right::packed(panels), start, c, parallel);
            }
        }
    });
}

/// Computes a product whose right operand was packed before.
pub(super) fn multiply_packed<K: Kernel>(
    alpha: f32,
    a: ArrayView2<'_, f32>,
    panels: Panels<'_>,
    start: Start<'_, f32>,
    c: Out<'_>,
    parallel: bool,
) {
    assert!(K::is_available(), "this processor has not the instructions of {:?}", K::PATH);
    in_parts::<K>(alpha, a, Right::packed(panels), start, c, parallel);
}

/// Computes a product whose right operand is ready, part by part.
fn in_parts<K: Kernel>(
    alpha: f32,
    a: ArrayView2<'_, f32>,
    right: Right<'_>,
    start: Start<'_, f32>,
    c: Out<'_>,
    parallel: bool,
) {
    if c.is_empty() {
        return;
    }
    let shape = right.shape();
    let length = left::packed_length::<K>(a, shape.rows, c.dim().1.div_ceil(shape.columns));
    let (rows, columns) = part_size(c.dim(), a.ncols(), shape);
    with_space(Use::Left, length, |space| {
        let left = Left::new(a, shape.rows, space, parallel);
        if rows >= c.dim().0 && columns >= c.dim().1 {
            return sweep::<K>(alpha, left, right, (0, 0), start, c);
        }
        let compute = |(first, c): ((usize, usize), Out<'_>)| {
            let (m, n) = c.dim();
            let start = start.part(first.0..first.0 + m, first.1..first.1 + n);
            sweep::<K>(alpha, left, right, first, start, c);
        };
        let parts = parts(c, rows, columns);
        if parallel { parts.into_par_iter().for_each(compute) } else { parts.into_iter().for_each(compute) }
    });
}

/// The parts of a result, each with its first row and column.
fn parts(c: Out<'_>, rows: usize, columns: usize) -> Vec<((usize, usize), Out<'_>)> {
    let strips = c.cut(Axis(0), rows).into_iter();
    strips.flat_map(|(i, strip)| strip.cut(Axis(1), columns).into_iter().map(move |(j, c)| ((i, j), c))).collect()
}

/// Rows and columns of a part, whole tiles.
fn part_size((m, n): (usize, usize), depth: usize, shape: Shape) -> (usize, usize) {
    let wanted = (m * n * depth / TASK).clamp(1, PARTS);
    let by_columns = n.div_ceil(PART.1);
    let by_rows = wanted.div_ceil(by_columns).min(m / SMALL_PART.0).max(m.div_ceil(PART.0));
    let by_columns = (wanted / by_rows).min(n / SMALL_PART.1).max(by_columns);
    (m.div_ceil(by_rows).next_multiple_of(shape.rows), n.div_ceil(by_columns).next_multiple_of(shape.columns))
}

/// True if the right operand is used too seldom to be worth packing, and can be read as it is.
fn reads_directly<K: Kernel>(rows: usize, b: ArrayView2<'_, f32>) -> bool {
    has_rows_in_one_piece(b) && rows <= if b.len() <= NEAR { DIRECT_ROWS } else { K::DIRECT_ROWS }
}

/// `C = A B`, or `Cᵀ = Bᵀ Aᵀ` where that is less work.
fn transposed_if_better<'a, 'c, K: Kernel>(product: Product<'a, f32, Out<'c>>) -> Product<'a, f32, Out<'c>> {
    let Product { a, b, c, .. } = &product;
    let effort_now = effort::<K>(*a, *b, c.has_rows_in_one_piece());
    let effort_transposed = effort::<K>(b.t(), a.t(), c.strides()[0] == 1 || c.dim().0 <= 1);
    if effort_transposed >= effort_now {
        return product;
    }
    let Product { alpha, a, b, start, c } = product;
    Product { alpha, a: b.reversed_axes(), b: a.reversed_axes(), start: start.transposed(), c: c.reversed_axes() }
}

/// What a product costs, roughly, in vector operations: multiply-adds, packing, and writing tiles whose rows do not
/// lie in one piece.
fn effort<K: Kernel>(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>, writes_directly: bool) -> usize {
    let (m, k, n) = (a.nrows(), a.ncols(), b.ncols());
    let sums = m * k * n.div_ceil(K::LANES);
    let packing = match has_rows_in_one_piece(b) {
        true if reads_directly::<K>(m, b) => 0,
        true => k * n / 4,
        false => k * n,
    };
    let left = if left::lies_well::<K>(a) { 0 } else { m * k / 2 };
    sums + packing + left + if writes_directly { 0 } else { 4 * m * n }
}
