//! The micro-kernel for AVX2 with FMA: tiles of 6 rows and two vectors of 8, or, where they fit a narrow result, 4 rows and three.
//!
//! Of 16 registers, 12 hold sums, two (three) a row of the right panel and one a number of the left. Two vectors are a line of the cache:
//! lines of a result that is aligned are written by one tile each, and a right panel, 384 × 16, is 24 KB of the first cache's 32.

use super::path::ProductPath;
use super::tile::{Kernel, Operands, Shape, Target};
use super::x86::{fetch, groups, transpose_by_eight};
use std::arch::x86_64::*;

pub(super) struct Avx2;

/// Steps of `k` after which a row of the right panel that is fetched now will be needed.
const AHEAD: isize = 8;

impl Kernel for Avx2 {
    const PATH: ProductPath = ProductPath::Avx2;
    const LANES: usize = 8;
    const DIRECT_ROWS: usize = 12;
    const NARROW: isize = 16;
    const SIDE_BY_SIDE: usize = 384;

    fn shape(columns: usize) -> Shape {
        match columns {
            17..=24 => Shape { rows: 4, columns: 24 },
            _ => Shape { rows: 6, columns: 16 },
        }
    }

    unsafe fn tile(rows: usize, operands: &Operands, target: &Target) {
        #[cfg(test)]
        super::count::one(Self::PATH);
        macro_rules! by_shape {
            ($($vectors:literal: $($rows:literal)*;)*) => {
                // SAFETY: the caller promises the instructions and the arrays.
                unsafe {
                    match (target.columns.div_ceil(Self::LANES), rows) {
                        $($(($vectors, $rows) => tile::<$rows, $vectors>(operands, target),)*)*
                        _ => unreachable!("no tile is larger than the largest"),
                    }
                }
            };
        }
        by_shape! {
            1: 1 2 3 4 5 6;
            2: 1 2 3 4 5 6;
            3: 1 2 3 4;
        }
    }

    unsafe fn transpose(depth: usize, source: *const f32, stride: isize, into: *mut f32, width: usize) {
        // SAFETY: the caller's promise is the same.
        unsafe { transpose_by_eight(depth, source, stride, into, width) };
    }
}

/// A tile of exactly `R` rows and `V` vectors.
///
/// # Safety
/// As [`Kernel::tile`] says.
#[target_feature(enable = "avx2,fma")]
unsafe fn tile<const R: usize, const V: usize>(o: &Operands, t: &Target) {
    fetch_result::<R>(t);
    let mut sums = [[_mm256_setzero_ps(); V]; 6];
    let (mut a, mut b) = (groups::<3>(o.a, o.a_row), o.b);
    for _ in 0..o.depth {
        // SAFETY: row `k` of the right panel has `V` whole vectors.
        let right: [__m256; V] = std::array::from_fn(|v| unsafe { _mm256_loadu_ps(b.add(8 * v)) });
        if V == 3 {
            _mm_prefetch::<_MM_HINT_T0>(b.wrapping_offset(AHEAD * o.b_step).cast());
        }
        // Written out, because the compiler does not unroll so long a loop, and sums must stay in registers.
        macro_rules! rows {
            ($($r:literal)*) => { $(
                if $r < R {
                    // SAFETY: `r < R` and `k < depth`.
                    let left = _mm256_set1_ps(unsafe { *a[$r / 3].offset($r % 3 * o.a_row) });
                    for v in 0..V {
                        sums[$r][v] = _mm256_fmadd_ps(left, right[v], sums[$r][v]);
                    }
                }
            )* };
        }
        rows!(0 1 2 3 4 5);
        // Wrapping, because the last step leaves the arrays.
        a = a.map(|a| a.wrapping_offset(o.a_step));
        b = b.wrapping_offset(o.b_step);
    }
    for (r, sums) in sums.into_iter().take(R).enumerate() {
        for (v, sum) in sums.into_iter().enumerate() {
            // SAFETY: `finish` touches only columns of the tile, and `r < R`.
            unsafe { finish(sum, r as isize, 8 * v, t) };
        }
    }
}

/// Brings the tile's place in the result near while its sums are computed: else every write waits for its line, which a narrow product,
/// with little to compute, feels most.
#[inline(always)]
fn fetch_result<const R: usize>(t: &Target) {
    for r in 0..R as isize {
        let row = t.c.wrapping_offset(r * t.c_row);
        fetch(row);
        fetch(row.wrapping_add(t.columns - 1));
    }
}

/// `c = α s + β start` for those lanes of a vector that are columns of the tile.
///
/// # Safety
/// The columns of `c` in row `r`, from `j` on, can be written, and of `start` read unless β is zero.
#[target_feature(enable = "avx2,fma")]
unsafe fn finish(sum: __m256, r: isize, j: usize, t: &Target) {
    let (alpha, beta) = (_mm256_set1_ps(t.alpha), _mm256_set1_ps(t.beta));
    let mask = mask(t.columns - j);
    // SAFETY: masked lanes are neither read nor written; the caller promises the others.
    unsafe {
        let value = if t.beta == 0.0 {
            _mm256_mul_ps(alpha, sum)
        } else {
            let start = _mm256_maskload_ps(t.start.offset(r * t.start_row).add(j), mask);
            _mm256_fmadd_ps(alpha, sum, _mm256_mul_ps(beta, start))
        };
        let place = t.c.offset(r * t.c_row).add(j);
        if t.columns - j >= 8 { _mm256_storeu_ps(place, value) } else { _mm256_maskstore_ps(place, mask, value) }
    }
}

/// Lets the first `columns` lanes through.
#[target_feature(enable = "avx2")]
fn mask(columns: usize) -> __m256i {
    let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    _mm256_cmpgt_epi32(_mm256_set1_epi32(columns.min(8) as i32), lanes)
}
