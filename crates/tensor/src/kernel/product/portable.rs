//! The micro-kernel in plain Rust: any processor, and the oracle of the others.

use super::path::ProductPath;
use super::tile::{Kernel, Operands, Shape, Target, transpose_plainly};

pub(super) struct Portable;

const ROWS: usize = 4;
const WIDTH: usize = 8;

impl Kernel for Portable {
    const PATH: ProductPath = ProductPath::Portable;
    const LANES: usize = 1;

    fn shape(_columns: usize) -> Shape {
        Shape { rows: ROWS, columns: WIDTH }
    }

    unsafe fn tile(rows: usize, o: &Operands, t: &Target) {
        #[cfg(test)]
        super::count::one(Self::PATH);
        let mut sums = [[0.0_f32; WIDTH]; ROWS];
        for k in 0..o.depth as isize {
            for (r, sums) in sums[..rows].iter_mut().enumerate() {
                for (j, sum) in sums[..t.columns].iter_mut().enumerate() {
                    // SAFETY: the caller promises `a[r, k]` and row `k` of the right panel.
                    let (a, b) = unsafe {
                        (*o.a.offset(r as isize * o.a_row + k * o.a_step), *o.b.offset(k * o.b_step + j as isize))
                    };
                    *sum = a.mul_add(b, *sum);
                }
            }
        }
        for (r, sums) in sums[..rows].iter().enumerate() {
            for (j, sum) in sums[..t.columns].iter().enumerate() {
                // SAFETY: the caller promises the tile of `c`, and `start` unless β is zero.
                unsafe { *t.c.offset(r as isize * t.c_row + j as isize) = finish(*sum, r, j, t) };
            }
        }
    }

    unsafe fn transpose(depth: usize, source: *const f32, stride: isize, into: *mut f32, width: usize) {
        // SAFETY: the caller's promise is the same.
        unsafe { transpose_plainly(Self::LANES, 0..depth, source, stride, into, width) };
    }
}

/// `α s + β start` at one place.
///
/// # Safety
/// `start[r, j]` can be read unless β is zero.
unsafe fn finish(sum: f32, r: usize, j: usize, t: &Target) -> f32 {
    if t.beta == 0.0 {
        return t.alpha * sum;
    }
    // SAFETY: the caller's promise.
    let start = unsafe { *t.start.offset(r as isize * t.start_row + j as isize) };
    t.alpha.mul_add(sum, t.beta * start)
}
