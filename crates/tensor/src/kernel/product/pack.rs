//! Packing: operands laid out in the order in which a micro-kernel reads them.
//!
//! The right operand `[K, N]` becomes panels of `WIDTH` columns, the last one filled up with zeros to
//! whole vectors. Depth is cut into slices of [`DEPTH`]; slice after slice, panel after panel, row
//! after row lie next to each other. The left operand is packed a tile at a time and only where its
//! own layout is bad to read.

use super::cut::cut;
use super::tile::{Kernel, Shape};
use ndarray::{Array2, ArrayView2, s};
use rayon::prelude::*;
use std::ops::Range;

/// Length of a slice of `k`: a left tile (14 × 384) and a row of right panels stay in the first and the second cache.
///
/// The sums of a slice are added to the result before the next begins, so this number is part of
/// what the bits of a product are, and the same for all kernels.
pub(super) const DEPTH: usize = 384;

/// Numbers to pack that are worth a second thread.
pub(super) const PARALLEL: usize = 1 << 16;

/// Rows between the one that is packed and the one that is fetched.
const AHEAD: usize = 8;
/// Numbers in a line of the cache.
#[cfg(target_arch = "x86_64")]
const LINE: usize = 16;

/// A packed right operand, or consecutive panels of it.
#[derive(Clone, Copy)]
pub(super) struct Panels<'a> {
    pub(super) numbers: &'a [f32],
    pub(super) depth: usize,
    pub(super) columns: usize,
    /// Of the tiles that will read it.
    pub(super) shape: Shape,
}

/// `columns`, filled up to whole vectors.
pub(super) fn padded<K: Kernel>(columns: usize) -> usize {
    columns.next_multiple_of(K::LANES)
}

/// How many numbers a packed `[depth, columns]` has.
pub(super) fn packed_length<K: Kernel>(depth: usize, columns: usize) -> usize {
    depth * padded::<K>(columns)
}

impl<'a> Panels<'a> {
    /// Packs `b` into the front of `space`.
    pub(super) fn pack<K: Kernel>(b: ArrayView2<'_, f32>, shape: Shape, space: &'a mut [f32], parallel: bool) -> Self {
        let (depth, columns) = b.dim();
        let panels = if has_rows_in_one_piece(b) { (K::SIDE_BY_SIDE / shape.columns).max(1) } else { 1 };
        let several = Shape { columns: panels * shape.columns, ..shape };
        let pack = |depth, columns, into: &mut [f32]| {
            pack_side_by_side::<K>(b.slice(s![depth, columns]), shape.columns, into);
        };
        Self { shape, ..Self::fill::<K>(0..depth, 0..columns, several, space, parallel, pack) }
    }

    /// Packs `bᵀ[depth, columns]` into the front of `space`, from the panels of `b`. Depth begins where a slice does, and so where a
    /// panel of `b` does; columns begin where a panel of `bᵀ` does, and since its width divides [`DEPTH`], none reaches from one
    /// slice of `b` into the next.
    pub(super) fn pack_transposed<K: Kernel>(
        b: Panels<'_>,
        depth: Range<usize>,
        columns: Range<usize>,
        shape: Shape,
        space: &'a mut [f32],
        parallel: bool,
    ) -> Self {
        let pack = |depth, columns, into: &mut [f32]| pack_transposed_panel::<K>(b, depth, columns, into);
        Self::fill::<K>(depth, columns, shape, space, parallel, pack)
    }

    /// Fills the front of `space` with a right operand: `pack(depth, columns, panel)` for each panel of each slice.
    pub(super) fn fill<K: Kernel>(
        depth: Range<usize>,
        columns: Range<usize>,
        shape: Shape,
        space: &'a mut [f32],
        parallel: bool,
        pack: impl Fn(Range<usize>, Range<usize>, &mut [f32]) + Sync,
    ) -> Self {
        let all = padded::<K>(columns.len());
        let numbers = &mut space[..depth.len() * all];
        let slices = numbers.chunks_mut((DEPTH * all).max(1)).zip(cut(depth.clone(), DEPTH));
        let pieces = slices.flat_map(|(slice, depth)| {
            let panels = slice.chunks_mut((depth.len() * shape.columns).max(1));
            panels.zip(cut(columns.clone(), shape.columns)).map(move |(into, columns)| (depth.clone(), columns, into))
        });
        if parallel && depth.len() * columns.len() >= PARALLEL {
            pieces.collect::<Vec<_>>().into_par_iter().for_each(|(depth, columns, into)| pack(depth, columns, into));
        } else {
            pieces.for_each(|(depth, columns, into)| pack(depth, columns, into));
        }
        Self { numbers, depth: depth.len(), columns: columns.len(), shape }
    }

    /// `[depth, columns]`, plainly.
    pub(super) fn unpack<K: Kernel>(&self) -> Array2<f32> {
        let mut plain = Array2::zeros((self.depth, self.columns));
        for depth in cut(0..self.depth, DEPTH) {
            for columns in cut(0..self.columns, self.shape.columns) {
                let panel = self.view::<K>(depth.clone(), columns.start);
                plain.slice_mut(s![depth.clone(), columns.clone()]).assign(&panel.slice(s![.., ..columns.len()]));
            }
        }
        plain
    }

    /// The panel from `column` on, in some `k` of one slice: `[k, width]`.
    pub(super) fn view<K: Kernel>(&self, k: Range<usize>, column: usize) -> ArrayView2<'a, f32> {
        let first = k.start - k.start % DEPTH;
        let depth = self.depth.min(first + DEPTH) - first;
        let panel = self.panel::<K>(first, depth, column);
        let width = panel.len() / depth.max(1);
        let view = ArrayView2::from_shape((depth, width), panel).expect("a panel is as deep as its slice");
        view.slice_move(s![k.start - first..k.end - first, ..])
    }

    /// What lies in some `k` of one slice and some columns, which begin with a panel: a piece of each panel, with its
    /// columns. While one is worked on, the next is fetched.
    pub(super) fn pieces<K: Kernel>(
        self,
        k: Range<usize>,
        columns: Range<usize>,
    ) -> impl Iterator<Item = (Range<usize>, ArrayView2<'a, f32>)> {
        let piece = move |columns: Range<usize>| (columns.clone(), self.view::<K>(k.clone(), columns.start));
        let mut pieces = cut(columns, self.shape.columns).map(piece).peekable();
        std::iter::from_fn(move || {
            let piece = pieces.next();
            pieces.peek().and_then(|(_, next)| next.to_slice()).into_iter().for_each(fetch);
            piece
        })
    }

    /// The panel of the columns from `column` on, in the slice of depth from `k` on, which is `depth` deep.
    pub(super) fn panel<K: Kernel>(&self, k: usize, depth: usize, column: usize) -> &'a [f32] {
        let from = k * padded::<K>(self.columns) + depth * column;
        &self.numbers[from..from + depth * self.shape.columns.min(padded::<K>(self.columns - column))]
    }
}

/// Packs one panel of `bᵀ`: in it lie pieces of the panels of `b`, each transposed.
fn pack_transposed_panel<K: Kernel>(b: Panels<'_>, depth: Range<usize>, columns: Range<usize>, into: &mut [f32]) {
    let width = into.len() / depth.len().max(1);
    for (rows, piece) in b.pieces::<K>(columns, depth.clone()) {
        let from = (rows.start - depth.start) * width;
        pack_panel::<K>(piece.slice(s![.., ..rows.len()]).reversed_axes(), &mut into[from..from + rows.len() * width]);
    }
}

/// Packs panels of `width` columns side by side: where rows lie in one piece, each is read from end to end, as processors foresee it. The
/// last panel may be narrower.
fn pack_side_by_side<K: Kernel>(b: ArrayView2<'_, f32>, width: usize, into: &mut [f32]) {
    let (depth, columns) = b.dim();
    let whole = if columns > width { columns - columns % width } else { 0 };
    let (panels, last) = into.split_at_mut(depth * whole);
    for (k, row) in b.rows().into_iter().enumerate().filter(|_| whole > 0) {
        fetch_ahead(b, k);
        let row = row.to_slice().expect("the row lies in one piece");
        for (from, into) in row.chunks_exact(width).zip(panels.chunks_exact_mut(depth * width)) {
            copy_vectors::<K>(from, &mut into[k * width..(k + 1) * width]);
        }
    }
    if whole < columns {
        pack_panel::<K>(b.slice(s![.., whole..]), last);
    }
}

/// Copies numbers vector by vector, whose length the compiler knows; what is left behind the last whole one too.
fn copy_vectors<K: Kernel>(from: &[f32], into: &mut [f32]) {
    let (mut from, mut to) = (from.chunks_exact(K::LANES), into.chunks_exact_mut(K::LANES));
    for (from, to) in from.by_ref().zip(to.by_ref()) {
        to[..K::LANES].copy_from_slice(&from[..K::LANES]);
    }
    let rest = from.remainder();
    if !rest.is_empty() {
        to.take(1).for_each(|to| to[..rest.len()].copy_from_slice(rest));
    }
}

/// Packs one panel, `[depth, columns] → [depth, width]`.
fn pack_panel<K: Kernel>(b: ArrayView2<'_, f32>, into: &mut [f32]) {
    let (depth, columns) = b.dim();
    let width = into.len() / depth.max(1);
    if columns < width {
        into.fill(0.0);
    }
    if has_rows_in_one_piece(b) {
        return copy_rows::<K>(b, into, width);
    }
    let whole = if b.strides()[0] == 1 { columns - columns % K::LANES } else { 0 };
    for j in (0..whole).step_by(K::LANES) {
        let stride = b.strides()[1];
        // SAFETY: the columns `j..j + LANES` are in `b`, whose `k` lie next to each other, and in `into`, which is
        // `depth · width` long. That the processor has the kernel's instructions was checked when the product began.
        unsafe { K::transpose(depth, b.as_ptr().offset(j as isize * stride), stride, into.as_mut_ptr().add(j), width) };
    }
    for (row, into) in b.rows().into_iter().zip(into.chunks_mut(width)) {
        (whole..columns).for_each(|j| into[j] = row[j]);
    }
}

/// True if the numbers of each row lie next to each other.
pub(super) fn has_rows_in_one_piece(b: ArrayView2<'_, f32>) -> bool {
    b.strides()[1] == 1 || b.ncols() <= 1
}

/// While row `k` is packed, brings a later one near: rows lie too far apart for the processor to see what comes next.
pub(super) fn fetch_ahead(rows: ArrayView2<'_, f32>, k: usize) {
    rows.outer_iter().nth(k + AHEAD).and_then(|row| row.to_slice()).into_iter().for_each(fetch);
}

/// Loads numbers into the cache ahead of use, where the processor has an instruction for it.
#[inline(always)]
fn fetch(numbers: &[f32]) {
    #[cfg(target_arch = "x86_64")]
    numbers.chunks(LINE).for_each(|line| super::x86::fetch(line.as_ptr()));
    #[cfg(not(target_arch = "x86_64"))]
    let _ = numbers;
}

/// Copies rows that lie in one piece.
fn copy_rows<K: Kernel>(b: ArrayView2<'_, f32>, into: &mut [f32], width: usize) {
    for (k, (row, into)) in b.rows().into_iter().zip(into.chunks_mut(width)).enumerate() {
        fetch_ahead(b, k);
        copy_vectors::<K>(row.to_slice().expect("the row lies in one piece"), into);
    }
}
