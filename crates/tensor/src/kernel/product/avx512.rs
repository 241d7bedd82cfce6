//! The micro-kernel for AVX-512: tiles of 9 rows and three vectors of 16, or 14 rows and two vectors.
//!
//! Of 32 registers, 27 (28) hold sums, three (two) a row of the right panel and one a number of the
//! left. Each step of `k` loads 12 times for 27 multiply-adds, so the loads hide behind them. The
//! sizes of encoders and of most bottlenecks are multiples of 48; those of heads of attention are not.

use super::path::ProductPath;
use super::tile::{Kernel, Operands, Shape, Target, transpose_plainly};
use super::x86::groups;
use std::arch::x86_64::*;
use std::mem::transmute;

pub(super) struct Avx512;

/// Steps of `k` after which a row of the right panel that is fetched now will be needed.
const AHEAD: isize = 8;

/// Below so many `k`, waiting for the result's place in memory would take a good part of a tile's time. A result that is added
/// to is waited for at any depth.
const SHALLOW: usize = 128;

/// How many tiles to the right of this one the place in memory is fetched: sums of few `k` are done before it comes.
fn tiles_ahead(depth: usize) -> usize {
    match depth {
        0..=32 => 2,
        33..SHALLOW => 1,
        _ => 0,
    }
}

/// The same for pairs of bf16; see [`half`](super::half).
pub(super) struct Avx512Half;

impl Kernel for Avx512 {
    const PATH: ProductPath = ProductPath::Avx512;
    const LANES: usize = 16;

    fn shape(columns: usize) -> Shape {
        match columns {
            ..=32 | 49..=64 => Shape { rows: 14, columns: 32 },
            _ => Shape { rows: 9, columns: 48 },
        }
    }

    unsafe fn tile(rows: usize, operands: &Operands, target: &Target) {
        #[cfg(test)]
        super::count::one(Self::PATH);
        // SAFETY: the caller's promise is the same.
        unsafe { single::by_size(rows, operands, target) };
    }

    unsafe fn transpose(depth: usize, source: *const f32, stride: isize, into: *mut f32, width: usize) {
        // SAFETY: the caller's promise is the same.
        unsafe { transpose_by_sixteen(depth, source, stride, into, width) };
    }
}

impl Kernel for Avx512Half {
    const PATH: ProductPath = ProductPath::Avx512;
    const LANES: usize = 16;

    fn is_available() -> bool {
        Self::PATH.is_available() && is_x86_feature_detected!("avx512bf16")
    }

    fn shape(columns: usize) -> Shape {
        Avx512::shape(columns)
    }

    unsafe fn tile(rows: usize, operands: &Operands, target: &Target) {
        #[cfg(test)]
        super::count::half();
        // SAFETY: the caller's promise is the same.
        unsafe { half::by_size(rows, operands, target) };
    }

    unsafe fn transpose(depth: usize, source: *const f32, stride: isize, into: *mut f32, width: usize) {
        // SAFETY: the caller's promise is the same.
        unsafe { Avx512::transpose(depth, source, stride, into, width) };
    }
}

/// [`Kernel::transpose`], whole lines of the cache at a time.
///
/// # Safety
/// As there.
#[target_feature(enable = "avx512f")]
unsafe fn transpose_by_sixteen(depth: usize, source: *const f32, stride: isize, into: *mut f32, width: usize) {
    let whole = depth - depth % 16;
    for k in (0..whole).step_by(16) {
        // SAFETY: sixteen columns, and `k + 16 <= depth`.
        unsafe {
            let columns = std::array::from_fn(|j| _mm512_loadu_ps(source.offset(j as isize * stride).add(k)));
            for (i, row) in transposed(columns).into_iter().enumerate() {
                _mm512_storeu_ps(into.add((k + i) * width), row);
            }
        }
    }
    // SAFETY: the caller's promise, for the steps that are left.
    unsafe { transpose_plainly(16, whole..depth, source, stride, into, width) };
}

/// The transpose of sixteen vectors: pairs of numbers, pairs of pairs, then quarters change places.
#[target_feature(enable = "avx512f")]
fn transposed(v: [__m512; 16]) -> [__m512; 16] {
    let (mut fours, mut transposed) = (v, v);
    for g in (0..16).step_by(4) {
        let low = [0, 2].map(|i| _mm512_castps_pd(_mm512_unpacklo_ps(v[g + i], v[g + i + 1])));
        let high = [0, 2].map(|i| _mm512_castps_pd(_mm512_unpackhi_ps(v[g + i], v[g + i + 1])));
        // In quarter `l` of `fours[g + q]`: number `4 l + q` of the vectors from `g` on.
        fours[g] = _mm512_castpd_ps(_mm512_unpacklo_pd(low[0], low[1]));
        fours[g + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low[0], low[1]));
        fours[g + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(high[0], high[1]));
        fours[g + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(high[0], high[1]));
    }
    for q in 0..4 {
        let even = [0, 8].map(|g| _mm512_shuffle_f32x4::<0x88>(fours[g + q], fours[g + 4 + q]));
        let odd = [0, 8].map(|g| _mm512_shuffle_f32x4::<0xDD>(fours[g + q], fours[g + 4 + q]));
        transposed[q] = _mm512_shuffle_f32x4::<0x88>(even[0], even[1]);
        transposed[q + 4] = _mm512_shuffle_f32x4::<0x88>(odd[0], odd[1]);
        transposed[q + 8] = _mm512_shuffle_f32x4::<0xDD>(even[0], even[1]);
        transposed[q + 12] = _mm512_shuffle_f32x4::<0xDD>(odd[0], odd[1]);
    }
    transposed
}

/// How a left tile lies. Where the compiler knows it, four steps of `k` share their addresses.
const ANYHOW: u8 = 0;
/// `k` lie next to each other, and the right panel is packed.
const ROWS: u8 = 1;
/// Packed, as is the right panel: rows lie next to each other, and next to those of the next `k`.
const PACKED: u8 = 2;

/// One multiply-add of numbers.
#[inline]
#[target_feature(enable = "avx512f")]
fn fused(left: __m512, right: __m512, sum: __m512) -> __m512 {
    _mm512_fmadd_ps(left, right, sum)
}

/// Two multiply-adds, of pairs.
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn dot(left: __m512, right: __m512, sum: __m512) -> __m512 {
    // SAFETY: both types are 64 bytes, any of which are numbers of either.
    let [left, right] = [left, right].map(|pairs| unsafe { transmute::<__m512, __m512bh>(pairs) });
    _mm512_dpbf16_ps(sum, left, right)
}

/// Step `k` for the rows that are named. Written out, because the compiler does not unroll so long a loop, and sums must
/// stay in registers.
macro_rules! step {
    ($add:ident, $a:ident $a_row:ident $a_step:ident, $b:ident $b_step:ident, $sums:ident, $k:literal, $($r:literal)*) => {{
        let b = $b.wrapping_offset($k * $b_step);
        // SAFETY: row `k` of the right panel has `V` whole vectors.
        let right: [__m512; V] = std::array::from_fn(|v| unsafe { _mm512_loadu_ps(b.add(16 * v)) });
        let ahead = b.wrapping_offset(AHEAD * $b_step);
        for v in 0..V {
            _mm_prefetch::<_MM_HINT_T0>(ahead.wrapping_add(16 * v).cast());
        }
        $(
            if $r < R {
                // SAFETY: `r < R` and `k < depth`.
                let left = _mm512_set1_ps(unsafe { *$a[$r / 7].offset($r % 7 * $a_row + $k * $a_step) });
                for v in 0..V {
                    $sums[$r][v] = $add(left, right[v], $sums[$r][v]);
                }
            }
        )*
    }};
}

/// Steps of `k`, one behind the other.
macro_rules! steps {
    ($add:ident, $a:ident $a_row:ident $a_step:ident, $b:ident $b_step:ident, $sums:ident, $($k:literal)*) => {
        $( step!($add, $a $a_row $a_step, $b $b_step, $sums, $k, 0 1 2 3 4 5 6 7 8 9 10 11 12 13); )*
        // Wrapping, because the last step leaves the arrays.
        $a = $a.map(|a| a.wrapping_offset([$($k),*].len() as isize * $a_step));
        $b = $b.wrapping_offset([$($k),*].len() as isize * $b_step);
    };
}

macro_rules! by_size {
    ($rows:ident $operands:ident $target:ident, $($vectors:literal: $($r:literal)*;)*) => {
        // SAFETY: the caller promises the instructions and the arrays.
        unsafe {
            match ($target.columns.div_ceil(16), $rows) {
                $($(($vectors, $r) => by_layout::<$r, $vectors>($operands, $target),)*)*
                _ => unreachable!("no tile is larger than the largest"),
            }
        }
    };
}

/// A micro-kernel with one way to multiply and add.
macro_rules! micro_kernel {
    ($name:ident, $features:literal, $add:ident) => {
        mod $name {
            use super::*;

            /// # Safety
            /// As [`Kernel::tile`] says.
            pub(super) unsafe fn by_size(rows: usize, operands: &Operands, target: &Target) {
                by_size! {
                    rows operands target,
                    1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14;
                    2: 1 2 3 4 5 6 7 8 9 10 11 12 13 14;
                    3: 1 2 3 4 5 6 7 8 9;
                }
            }

            /// A tile of exactly `R` rows and `V` vectors.
            ///
            /// # Safety
            /// As [`Kernel::tile`] says.
            #[target_feature(enable = $features)]
            unsafe fn by_layout<const R: usize, const V: usize>(o: &Operands, t: &Target) {
                // SAFETY: the caller's promise is the same.
                unsafe {
                    match (o.a_row, o.a_step) {
                        (_, 1) if o.b_step == 16 * V as isize => tile::<R, V, ROWS>(o, t),
                        (1, step) if step == R as isize && o.b_step == 16 * V as isize => tile::<R, V, PACKED>(o, t),
                        _ => tile::<R, V, ANYHOW>(o, t),
                    }
                }
            }

            /// A tile of exactly `R` rows and `V` vectors, whose operands lie as `LAYOUT` says.
            ///
            /// # Safety
            /// As [`Kernel::tile`] says.
            #[target_feature(enable = $features)]
            unsafe fn tile<const R: usize, const V: usize, const LAYOUT: u8>(o: &Operands, t: &Target) {
                let (a_row, a_step, b_step) = match LAYOUT {
                    ROWS => (o.a_row, 1, 16 * V as isize),
                    PACKED => (1, R as isize, 16 * V as isize),
                    _ => (o.a_row, o.a_step, o.b_step),
                };
                // The result is on its way while the sums are computed, these or those of the tiles before.
                let place = t.c.wrapping_add(16 * V * tiles_ahead(o.depth));
                for r in 0..if o.depth < SHALLOW || t.beta != 0.0 { R as isize } else { 0 } {
                    for v in 0..V {
                        _mm_prefetch::<_MM_HINT_T0>(place.wrapping_offset(r * t.c_row).wrapping_add(16 * v).cast());
                    }
                }
                let mut sums = [[_mm512_setzero_ps(); V]; 14];
                let (mut a, mut b) = (groups::<7>(o.a, a_row), o.b);
                for _ in 0..if LAYOUT == ANYHOW { 0 } else { o.depth / 4 } {
                    steps!($add, a a_row a_step, b b_step, sums, 0 1 2 3);
                }
                for _ in 0..if LAYOUT == ANYHOW { o.depth } else { o.depth % 4 } {
                    steps!($add, a a_row a_step, b b_step, sums, 0);
                }
                for (r, sums) in sums.into_iter().take(R).enumerate() {
                    for (v, sum) in sums.into_iter().enumerate() {
                        let columns = t.columns - 16 * v;
                        let mask = if columns >= 16 { u16::MAX } else { (1 << columns) - 1 };
                        // SAFETY: the mask lets only columns of the tile through, and `r < R`.
                        unsafe { finish(sum, mask, r as isize, 16 * v, t) };
                    }
                }
            }
        }
    };
}

micro_kernel!(single, "avx512f", fused);
micro_kernel!(half, "avx512f,avx512bf16", dot);

/// `c = α s + β start` for those lanes of a vector that the mask names.
///
/// # Safety
/// Those lanes of `c` in row `r`, from column `j` on, can be written, and of `start` read unless β is zero.
#[target_feature(enable = "avx512f")]
unsafe fn finish(sum: __m512, mask: __mmask16, r: isize, j: usize, t: &Target) {
    let alpha = _mm512_set1_ps(t.alpha);
    // SAFETY: masked lanes are neither read nor written; the caller promises the others.
    unsafe {
        let value = if t.beta == 0.0 {
            _mm512_mul_ps(alpha, sum)
        } else {
            let start = _mm512_maskz_loadu_ps(mask, t.start.offset(r * t.start_row).add(j));
            _mm512_fmadd_ps(alpha, sum, _mm512_mul_ps(_mm512_set1_ps(t.beta), start))
        };
        _mm512_mask_storeu_ps(t.c.offset(r * t.c_row).add(j), mask, value);
    }
}
