//! The micro-kernel for aarch64: tiles of 8 rows and two vectors of 4.

use super::path::ProductPath;
use super::tile::{Kernel, Operands, Shape, Target, transpose_plainly};
use std::arch::aarch64::*;

pub(super) struct Neon;

impl Kernel for Neon {
    const PATH: ProductPath = ProductPath::Neon;
    const LANES: usize = 4;

    fn shape(_columns: usize) -> Shape {
        Shape { rows: 8, columns: 8 }
    }

    unsafe fn tile(rows: usize, operands: &Operands, target: &Target) {
        #[cfg(test)]
        super::count::one(Self::PATH);
        macro_rules! by_rows {
            ($($r:literal)*) => {
                // SAFETY: the caller promises the instructions and the arrays.
                unsafe {
                    match (rows, target.columns > Self::LANES) {
                        $(
                            ($r, false) => tile::<$r, 1>(operands, target),
                            ($r, true) => tile::<$r, 2>(operands, target),
                        )*
                        _ => unreachable!("a tile has 1 to 8 rows"),
                    }
                }
            };
        }
        by_rows!(1 2 3 4 5 6 7 8);
    }

    unsafe fn transpose(depth: usize, source: *const f32, stride: isize, into: *mut f32, width: usize) {
        // SAFETY: the caller's promise is the same.
        unsafe { transpose_plainly(Self::LANES, 0..depth, source, stride, into, width) };
    }
}

/// A tile of exactly `R` rows and `V` vectors.
///
/// # Safety
/// As [`Kernel::tile`] says.
#[target_feature(enable = "neon")]
unsafe fn tile<const R: usize, const V: usize>(o: &Operands, t: &Target) {
    let mut sums = [[vdupq_n_f32(0.0); V]; R];
    let (mut a, mut b) = (o.a, o.b);
    for _ in 0..o.depth {
        // SAFETY: row `k` of the right panel has `V` whole vectors.
        let right: [float32x4_t; V] = std::array::from_fn(|v| unsafe { vld1q_f32(b.add(4 * v)) });
        for (r, sums) in sums.iter_mut().enumerate() {
            // SAFETY: `r < R` and `k < depth`.
            let left = vdupq_n_f32(unsafe { *a.offset(r as isize * o.a_row) });
            for (sum, right) in sums.iter_mut().zip(right) {
                *sum = vfmaq_f32(*sum, left, right);
            }
        }
        // Wrapping, because the last step leaves the arrays.
        (a, b) = (a.wrapping_offset(o.a_step), b.wrapping_offset(o.b_step));
    }
    for (r, sums) in sums.into_iter().enumerate() {
        for (v, sum) in sums.into_iter().enumerate() {
            // SAFETY: `finish` touches only columns of the tile, and `r < R`.
            unsafe { finish(sum, r as isize, 4 * v, t) };
        }
    }
}

/// `c = α s + β start` for those lanes of a vector that are columns of the tile.
///
/// # Safety
/// The columns of `c` in row `r`, from `j` on, can be written, and of `start` read unless β is zero.
#[target_feature(enable = "neon")]
unsafe fn finish(sum: float32x4_t, r: isize, j: usize, t: &Target) {
    let columns = (t.columns - j).min(4);
    let mut lanes = [0.0_f32; 4];
    // SAFETY: only `columns` numbers of `start` and `c` are touched, which the caller promises.
    unsafe {
        let mut value = vmulq_n_f32(sum, t.alpha);
        if t.beta != 0.0 {
            std::ptr::copy_nonoverlapping(t.start.offset(r * t.start_row).add(j), lanes.as_mut_ptr(), columns);
            let start = vmulq_n_f32(vld1q_f32(lanes.as_ptr()), t.beta);
            value = vfmaq_f32(start, vdupq_n_f32(t.alpha), sum);
        }
        vst1q_f32(lanes.as_mut_ptr(), value);
        std::ptr::copy_nonoverlapping(lanes.as_ptr(), t.c.offset(r * t.c_row).add(j), columns);
    }
}
