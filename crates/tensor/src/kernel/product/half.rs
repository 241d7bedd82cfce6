//! Products with right operands in bf16.
//!
//! Two bf16 that follow each other along `k` take the place of one f32: a *pair*, the earlier one in the lower half. The
//! instruction `vdpbf16ps` multiplies a pair with a pair and adds both products to a sum in f32, so a matrix of pairs is
//! laid out, cut and swept like one of numbers, `k` half as long; only the micro-kernel differs. The left operand is rounded
//! to bf16 on the way.
//!
//! A product of two bf16 is exact in f32, whose sums are rounded like any other. Without the instruction the rounded numbers
//! are multiplied as f32, to the same result but for the order of the sum.

use super::avx512::Avx512Half;
use super::bf16::rounded;
use super::blocked;
use super::operation::{Product, Start};
use super::out::Out;
use super::pack::{PARALLEL, Panels, fetch_ahead, has_rows_in_one_piece, packed_length};
use super::scratch::{Line, Use, lines, numbers, numbers_mut, with_space};
use super::tile::{Kernel, Shape};
use ndarray::{Array2, ArrayView2, Axis, CowArray, Ix2, s};
use rayon::prelude::*;
use std::arch::x86_64::*;
use std::mem::transmute;
use std::ops::Range;

type K = Avx512Half;

/// Rows of a left operand that are rounded together, where not all are.
const GROUP: usize = 99;
/// All are if there are so few, or if the right operand has more columns: rounding is little of the work then, and each group reads
/// all of the right operand.
const FEW_ROWS: usize = 1024;
const FEW_COLUMNS: usize = 512;

/// A right operand `[K, N]` as pairs, in panels.
pub(crate) struct HalfPanels {
    lines: Vec<Line>,
    depth: usize,
    columns: usize,
    shape: Shape,
}

impl HalfPanels {
    /// `b`, rounded; `None` if the processor has not the instruction, or another path was chosen.
    pub(super) fn new(b: ArrayView2<'_, f32>) -> Option<Self> {
        if !is_there() {
            return None;
        }
        let (depth, columns) = b.dim();
        let shape = K::shape(columns);
        let mut lines = lines(packed_length::<K>(depth.div_ceil(2), columns));
        with_pairs(Use::Pairs, b.t(), true, |pairs| {
            Panels::pack::<K>(pairs.t(), shape, numbers_mut(&mut lines), true);
        });
        Some(Self { lines, depth, columns, shape })
    }

    /// `[K, N]`.
    pub(super) fn dim(&self) -> (usize, usize) {
        (self.depth, self.columns)
    }

    /// `c = a b + start`, or `c = a bᵀ + start`.
    pub(super) fn multiply(&self, a: ArrayView2<'_, f32>, transposed: bool, start: Start<'_, f32>, c: Out<'_>) {
        match (in_groups(c.dim()), transposed) {
            (true, false) => multiply_in_groups(a, self.panels(), start, c),
            (true, true) => self.with_transposed(|b| multiply_in_groups(a, b, start, c)),
            (false, false) => with_pairs(Use::Pairs, a, true, |a| {
                blocked::multiply_packed::<K>(1.0, a, self.panels(), start, c, true);
            }),
            (false, true) => with_pairs(Use::Pairs, a, true, |a| self.multiply_transposed(a, start, c)),
        }
    }

    /// `c = a bᵀ + start`, from pairs, transposed block after block.
    fn multiply_transposed(&self, a: ArrayView2<'_, f32>, start: Start<'_, f32>, c: Out<'_>) {
        blocked::in_blocks::<K>(1.0, a, (a.ncols(), self.depth), start, c, true, |depth, columns, space, parallel| {
            self.pack_transposed(depth, columns, space, parallel)
        });
    }

    /// Lends all of `bᵀ`.
    fn with_transposed<T>(&self, f: impl FnOnce(Panels<'_>) -> T) -> T {
        let (depth, columns) = (self.columns.div_ceil(2), self.depth);
        let length = packed_length::<K>(depth, columns);
        with_space(Use::Right, length, |space| f(self.pack_transposed(0..depth, 0..columns, space, true)))
    }

    /// `bᵀ[depth, columns]` in the front of `space`; `depth` counts pairs.
    fn pack_transposed<'a>(
        &self,
        depth: Range<usize>,
        columns: Range<usize>,
        space: &'a mut [f32],
        parallel: bool,
    ) -> Panels<'a> {
        let transpose = |depth, columns, into: &mut [f32]| transpose_panel(self.panels(), depth, columns, into);
        Panels::fill::<K>(depth, columns, K::shape(self.depth), space, parallel, transpose)
    }

    pub(super) fn unpack(&self) -> Array2<f32> {
        let pairs = self.panels().unpack::<K>();
        let part = |(k, j): (usize, usize)| {
            let [early, late] = halves(pairs[[k / 2, j]]);
            if k % 2 == 0 { early } else { late }
        };
        Array2::from_shape_fn(self.dim(), part)
    }

    fn panels(&self) -> Panels<'_> {
        let Self { ref lines, depth, columns, shape } = *self;
        Panels { numbers: numbers(lines), depth: depth.div_ceil(2), columns, shape }
    }
}

/// True if a result is computed group after group of rows; there are two for each thread at least.
pub(super) fn in_groups((rows, columns): (usize, usize)) -> bool {
    rows > FEW_ROWS.max(2 * GROUP * rayon::current_num_threads()) && columns <= FEW_COLUMNS
}

/// `c = a b + start`, group after group of rows: a thread multiplies the pairs that it has made while they are near.
fn multiply_in_groups(a: ArrayView2<'_, f32>, b: Panels<'_>, start: Start<'_, f32>, c: Out<'_>) {
    c.cut(Axis(0), GROUP).into_par_iter().for_each(|(first, c)| {
        let rows = first..first + c.dim().0;
        let start = start.view().part(rows.clone(), 0..c.dim().1);
        let a = a.slice(s![rows, ..]);
        with_pairs(Use::Pairs, a, false, |a| blocked::multiply_packed::<K>(1.0, a, b, start, c, false));
    });
}

/// True if the processor has the instruction and no other path was chosen.
pub(super) fn is_there() -> bool {
    super::path::path() == K::PATH && K::is_available()
}

/// Computes a product, both operands rounded.
///
/// # Panics
/// If the instruction is not [there](is_there).
pub(super) fn multiply(product: Product<'_, f32, Out<'_>>, parallel: bool) {
    assert!(is_there(), "this processor has not the instruction, or another path was asked for");
    let Product { alpha, a, b, start, c } = product;
    with_pairs(Use::Pairs, a, parallel, |a| {
        with_pairs(Use::RightPairs, b.t(), parallel, |b| {
            let (a, b, start) = (a.view(), b.reversed_axes(), start.view());
            blocked::multiply::<K>(Product { alpha, a, b, start, c }, parallel);
        });
    });
}

/// A pair, in the place of an f32. It is copied and never computed with.
#[inline(always)]
fn pair(early: f32, late: f32) -> f32 {
    f32::from_bits(rounded(early) >> 16 | rounded(late))
}

/// The two numbers of a pair.
fn halves(pair: f32) -> [f32; 2] {
    let bits = pair.to_bits();
    [f32::from_bits(bits << 16), f32::from_bits(bits & 0xFFFF_0000)]
}

/// Lends the pairs along `k` of a left operand, `[M, K] → [M, K/2]`, which lie as its numbers do: next to each other along `k`, or
/// along `m`. What has no neighbour is paired with zero.
fn with_pairs<T>(which: Use, a: ArrayView2<'_, f32>, parallel: bool, f: impl FnOnce(ArrayView2<'_, f32>) -> T) -> T {
    let (transposed, dim) = (a.strides()[0] == 1 && a.strides()[1] != 1, (a.nrows(), a.ncols().div_ceil(2)));
    let dim = if transposed { (dim.1, dim.0) } else { dim };
    with_space(which, dim.0 * dim.1, |space| {
        let fill = if transposed { pair_columns } else { pair_rows };
        fill(if transposed { a.reversed_axes() } else { a }, space, parallel);
        let pairs = ArrayView2::from_shape(dim, space).expect("as many pairs as there is space for");
        f(if transposed { pairs.reversed_axes() } else { pairs })
    })
}

/// Pairs of neighbours in each row, `[M, K] → [M, K/2]`.
fn pair_rows(a: ArrayView2<'_, f32>, pairs: &mut [f32], parallel: bool) {
    let (a, width) = (in_rows(a), a.ncols().div_ceil(2).max(1));
    let least = if parallel { PARALLEL.div_ceil(4 * width) } else { usize::MAX };
    let apart = !a.is_standard_layout();
    pairs.par_chunks_mut(width).with_min_len(least).enumerate().for_each(|(row, pairs)| {
        if apart {
            fetch_ahead(a.view(), row);
        }
        let row = a.row(row);
        // SAFETY: pairs are made only where the instruction is there, which has the others beside it.
        unsafe { pair_up(row.as_slice().expect("rows lie in one piece"), pairs) };
    });
}

/// Pairs of neighbours in each column, `[K, N] → [K/2, N]`.
fn pair_columns(b: ArrayView2<'_, f32>, pairs: &mut [f32], parallel: bool) {
    let (b, width) = (in_rows(b), b.ncols().max(1));
    let least = if parallel { PARALLEL.div_ceil(4 * width) } else { usize::MAX };
    let apart = !b.is_standard_layout();
    pairs.par_chunks_mut(width).with_min_len(least).enumerate().for_each(|(k, pairs)| {
        if apart {
            fetch_ahead(b.view(), 2 * k);
            fetch_ahead(b.view(), 2 * k + 1);
        }
        let row = |k| b.slice(s![k, ..]).to_slice().expect("rows lie in one piece");
        let late = if 2 * k + 1 < b.nrows() { row(2 * k + 1) } else { &[] };
        // SAFETY: as above.
        unsafe { pair_with(row(2 * k), late, pairs) };
    });
}

/// An array whose rows lie each in one piece, as the columns of a head do: copied only if they don't.
fn in_rows(a: ArrayView2<'_, f32>) -> CowArray<'_, f32, Ix2> {
    if has_rows_in_one_piece(a) { a.into() } else { a.as_standard_layout().into_owned().into() }
}

/// Sixteen numbers at a time: in memory, pairs are nothing but one bf16 behind the other.
#[target_feature(enable = "avx512f,avx512bf16")]
fn pair_up(row: &[f32], pairs: &mut [f32]) {
    let (sixteens, rest) = row.as_chunks::<16>();
    let (eights, pairs) = pairs.split_at_mut(8 * sixteens.len());
    for (into, numbers) in eights.as_chunks_mut::<8>().0.iter_mut().zip(sixteens) {
        // SAFETY: sixteen numbers are read; eight pairs are as many bytes as sixteen bf16.
        *into = unsafe { transmute::<__m256bh, [f32; 8]>(_mm512_cvtneps_pbh(_mm512_loadu_ps(numbers.as_ptr()))) };
    }
    let (whole, rest) = rest.as_chunks::<2>();
    for (into, [early, late]) in pairs.iter_mut().zip(whole) {
        *into = pair(*early, *late);
    }
    if let ([last], Some(into)) = (rest, pairs.last_mut()) {
        *into = pair(*last, 0.0);
    }
}

/// Each early number with the late one of its place, or with zero if there are none.
#[target_feature(enable = "avx512f,avx512bf16")]
fn pair_with(early: &[f32], late: &[f32], pairs: &mut [f32]) {
    let whole = if late.is_empty() { 0 } else { pairs.len() - pairs.len() % 16 };
    for j in (0..whole).step_by(16) {
        let bf16 = |from: &[f32]| {
            let numbers: &[f32; 16] = from[j..].first_chunk().expect("a whole vector is left");
            // SAFETY: sixteen numbers are read; both types are 32 bytes.
            unsafe { transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(_mm512_loadu_ps(numbers.as_ptr()))) }
        };
        let [early, late] = [early, late].map(|from| _mm512_cvtepu16_epi32(bf16(from)));
        let both = _mm512_or_si512(early, _mm512_slli_epi32::<16>(late));
        let into: &mut [f32; 16] = pairs[j..].first_chunk_mut().expect("a whole vector is left");
        // SAFETY: sixteen numbers are written.
        unsafe { _mm512_storeu_ps(into.as_mut_ptr(), _mm512_castsi512_ps(both)) };
    }
    for j in whole..pairs.len() {
        pairs[j] = pair(early[j], late.get(j).copied().unwrap_or(0.0));
    }
}

/// One panel of pairs of `bᵀ`, `[depth, columns] → [depth, width]`, from the panels of `b`; `depth` counts pairs of `bᵀ`, and
/// columns begin with an even number. Neighbours along `k` become neighbours along `n`: of two by two numbers the corners
/// change places.
fn transpose_panel(b: Panels<'_>, depth: Range<usize>, columns: Range<usize>, into: &mut [f32]) {
    let width = into.len() / depth.len().max(1);
    if columns.len() < width {
        into.fill(0.0);
    }
    // Pairs of the source along its k are columns here, its columns pairs of depth.
    let sources = columns.start / 2..columns.end.div_ceil(2);
    let ends = b.columns.min(2 * depth.end);
    for (from, view) in b.pieces::<K>(sources, 2 * depth.start..ends) {
        let into = &mut into[(from.start / 2 - depth.start) * width..];
        let (rows, columns) = (view.nrows() - view.nrows() % 8, from.len() - from.len() % 16);
        let numbers = view.to_slice().expect("rows of a panel lie in one piece");
        // SAFETY: there are such panels only where the processor has the instructions.
        unsafe { transpose_blocks(numbers, view.ncols(), columns, into, width) };
        transpose_plainly(view, 0..rows, columns..from.len(), into, width);
        transpose_plainly(view, rows..view.nrows(), 0..from.len(), into, width);
    }
}

/// Some rows and columns, pair by pair.
fn transpose_plainly(
    view: ArrayView2<'_, f32>,
    rows: Range<usize>,
    columns: Range<usize>,
    into: &mut [f32],
    width: usize,
) {
    for p in rows {
        for j in columns.clone().step_by(2) {
            let late = if j + 1 < columns.end { view[[p, j + 1]].to_bits() } else { 0 };
            let (early, into) = (view[[p, j]].to_bits(), &mut into[j / 2 * width..][..width]);
            into[2 * p] = f32::from_bits(early & 0xFFFF | late << 16);
            if let Some(into) = into.get_mut(2 * p + 1) {
                *into = f32::from_bits(early >> 16 | late & 0xFFFF_0000);
            }
        }
    }
}

/// Whole blocks of eight rows, which are `from` long, and eight neighbours, up to `columns`.
#[target_feature(enable = "avx512f,avx512bw")]
fn transpose_blocks(rows: &[f32], from: usize, columns: usize, into: &mut [f32], width: usize) {
    for (block, rows) in rows.chunks_exact(8 * from).enumerate() {
        for j in (0..columns).step_by(16) {
            let row = |r: usize| {
                let row: &[f32; 16] = rows[r * from + j..].first_chunk().expect("a panel is whole vectors wide");
                // SAFETY: sixteen numbers are read.
                unsafe { _mm512_loadu_si512(row.as_ptr().cast()) }
            };
            let rows = [row(0), row(1), row(2), row(3), row(4), row(5), row(6), row(7)];
            for (q, row) in transposed(rows).into_iter().enumerate() {
                let into = &mut into[(j / 2 + q) * width + 16 * block..][..16];
                // SAFETY: sixteen numbers are written.
                unsafe { _mm512_storeu_si512(into.as_mut_ptr().cast(), row) };
            }
        }
    }
}

/// Eight by eight neighbours transposed, and in each the corners.
#[target_feature(enable = "avx512f,avx512bw")]
fn transposed(mut rows: [__m512i; 8]) -> [__m512i; 8] {
    for row in &mut rows {
        *row = _mm512_shufflehi_epi16::<0xD8>(_mm512_shufflelo_epi16::<0xD8>(*row));
    }
    let mut columns = rows;
    for odd in [0, 1] {
        // Two rows in each: the even neighbours, or the odd ones.
        let two = |r: usize| match odd {
            0 => _mm512_unpacklo_epi64(rows[r], rows[r + 1]),
            _ => _mm512_unpackhi_epi64(rows[r], rows[r + 1]),
        };
        let (a, b, c, d) = (two(0), two(2), two(4), two(6));
        let (ab, cd) = (_mm512_shuffle_i64x2::<0x88>(a, b), _mm512_shuffle_i64x2::<0x88>(c, d));
        columns[odd] = _mm512_shuffle_i64x2::<0x88>(ab, cd);
        columns[odd + 4] = _mm512_shuffle_i64x2::<0xDD>(ab, cd);
        let (ab, cd) = (_mm512_shuffle_i64x2::<0xDD>(a, b), _mm512_shuffle_i64x2::<0xDD>(c, d));
        columns[odd + 2] = _mm512_shuffle_i64x2::<0x88>(ab, cd);
        columns[odd + 6] = _mm512_shuffle_i64x2::<0xDD>(ab, cd);
    }
    columns
}
