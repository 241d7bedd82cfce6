//! The micro-kernel for AVX2 with FMA: tiles of 6 rows and two vectors of 8.
//!
//! Of 16 registers, 12 hold sums, two a row of the right panel and one a number of the left.

use super::ProductPath;
use super::tile::{Kernel, Operands, Target};
use super::x86::turn_by_eight;
use std::arch::x86_64::*;

pub(super) struct Avx2;

impl Kernel for Avx2 {
    const PATH: ProductPath = ProductPath::Avx2;
    const ROWS: usize = 6;
    const LANES: usize = 8;
    const WIDTH: usize = 16;

    unsafe fn tile(rows: usize, operands: &Operands, target: &Target) {
        #[cfg(test)]
        super::tile::count::one(Self::PATH);
        macro_rules! by_rows {
            ($($r:literal)*) => {
                // SAFETY: the caller promises the instructions and the arrays.
                unsafe {
                    match (rows, target.columns > Self::LANES) {
                        $(
                            ($r, false) => tile::<$r, 1>(operands, target),
                            ($r, true) => tile::<$r, 2>(operands, target),
                        )*
                        _ => unreachable!("a tile has 1 to 6 rows"),
                    }
                }
            };
        }
        by_rows!(1 2 3 4 5 6);
    }

    unsafe fn turn(depth: usize, source: *const f32, stride: isize, into: *mut f32, width: usize) {
        // SAFETY: the caller's promise is the same.
        unsafe { turn_by_eight(depth, source, stride, into, width) };
    }
}

/// A tile of exactly `R` rows and `V` vectors.
///
/// # Safety
/// As [`Kernel::tile`] says.
#[target_feature(enable = "avx2,fma")]
unsafe fn tile<const R: usize, const V: usize>(o: &Operands, t: &Target) {
    let mut sums = [[_mm256_setzero_ps(); V]; R];
    let (mut a, mut b) = (o.a, o.b);
    for _ in 0..o.depth {
        // SAFETY: row `k` of the right panel has `V` whole vectors.
        let right: [__m256; V] = std::array::from_fn(|v| unsafe { _mm256_loadu_ps(b.add(8 * v)) });
        for (r, sums) in sums.iter_mut().enumerate() {
            // SAFETY: `r < R` and `k < depth`.
            let left = _mm256_set1_ps(unsafe { *a.offset(r as isize * o.a_row) });
            for (sum, right) in sums.iter_mut().zip(right) {
                *sum = _mm256_fmadd_ps(left, right, *sum);
            }
        }
        // Wrapping, because the last step leaves the arrays.
        (a, b) = (a.wrapping_offset(o.a_step), b.wrapping_offset(o.b_step));
    }
    for (r, sums) in sums.into_iter().enumerate() {
        for (v, sum) in sums.into_iter().enumerate() {
            // SAFETY: `finish` touches only columns of the tile, and `r < R`.
            unsafe { finish(sum, r as isize, 8 * v, t) };
        }
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
