//! The one door to matrix products.
//!
//! A product is cut into blocks of rows or columns of the result, each computed by ndarray's own
//! product, in parallel. The cut depends on the shapes alone, never on the number of threads, so
//! the bits of the result do not depend on it either.
//!
//! Transpositions are views: `a.t()` costs nothing.
//!
//! | product | written |
//! |---|---|
//! | `A B` | `matmul(a, b)` |
//! | `A Bᵀ` | `matmul(a, b.t())` |
//! | `Aᵀ B` | `matmul(a.t(), b)` |
//! | `C += A B` | `matmul_add(a, b, &mut c)` |
//! | `C = α A B + β C` | `matmul_into(alpha, a, b, beta, &mut c)` |

use crate::Scalar;
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};
use rayon::prelude::*;

/// Multiply-adds that are worth a task of their own.
const BLOCK_WORK: usize = 1 << 24;
/// Each block packs the whole other operand, so a thin one would spend its time on that.
const MIN_BLOCK: usize = 192;

/// `A B`, shapes `[M, K] × [K, N] → [M, N]`.
///
/// ```
/// use adaptune_tensor::matmul;
/// use ndarray::arr2;
/// let (a, b) = (arr2(&[[1.0, 2.0]]), arr2(&[[3.0, 4.0]]));
/// assert_eq!(matmul(a.view(), b.t()), arr2(&[[11.0]]));
/// ```
///
/// # Panics
/// If the inner lengths differ.
#[must_use]
pub fn matmul<S: Scalar>(a: ArrayView2<'_, S>, b: ArrayView2<'_, S>) -> Array2<S> {
    let mut c = Array2::zeros((a.nrows(), b.ncols()));
    matmul_into(S::one(), a, b, S::zero(), &mut c.view_mut());
    c
}

/// `C += A B`.
///
/// # Panics
/// If the shapes do not fit.
pub fn matmul_add<S: Scalar>(a: ArrayView2<'_, S>, b: ArrayView2<'_, S>, c: &mut Array2<S>) {
    matmul_into(S::one(), a, b, S::one(), &mut c.view_mut());
}

/// `C = α A B + β C`.
///
/// # Panics
/// If the shapes do not fit.
pub fn matmul_into<S: Scalar>(
    alpha: S,
    a: ArrayView2<'_, S>,
    b: ArrayView2<'_, S>,
    beta: S,
    c: &mut ArrayViewMut2<'_, S>,
) {
    assert_eq!(a.ncols(), b.nrows(), "inner lengths of a product: {:?} × {:?}", a.dim(), b.dim());
    assert_eq!((a.nrows(), b.ncols()), c.dim(), "shape of a product's result");
    let (m, n) = c.dim();
    let axis = if m >= n { Axis(0) } else { Axis(1) };
    let block = block_length(m.max(n), m.min(n) * a.ncols());
    if block >= m.max(n) {
        return general_mat_mul(alpha, &a, &b, beta, c);
    }
    let parts: Vec<_> = c.axis_chunks_iter_mut(axis, block).enumerate().collect();
    parts.into_par_iter().for_each(|(i, mut part)| {
        let range = i * block..i * block + part.len_of(axis);
        if axis == Axis(0) {
            general_mat_mul(alpha, &a.slice_axis(axis, range.into()), &b, beta, &mut part);
        } else {
            general_mat_mul(alpha, &a, &b.slice_axis(axis, range.into()), beta, &mut part);
        }
    });
}

/// How many rows (or columns) a block takes: even shares of `length`, each worth a task.
fn block_length(length: usize, work_per_row: usize) -> usize {
    let least = MIN_BLOCK.max(BLOCK_WORK.div_ceil(work_per_row.max(1)));
    let blocks = (length / least).max(1);
    length.div_ceil(blocks)
}

/// The plain triple loop: the oracle of [`matmul`].
#[must_use]
pub fn matmul_reference<S: Scalar>(a: ArrayView2<'_, S>, b: ArrayView2<'_, S>) -> Array2<S> {
    Array2::from_shape_fn((a.nrows(), b.ncols()), |(i, j)| (0..a.ncols()).map(|k| a[[i, k]] * b[[k, j]]).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::random;
    use approx::assert_abs_diff_eq;
    use ndarray::s;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn all_transpositions_follow_the_triple_loop(m in 1usize..40, k in 1usize..40, n in 1usize..40, seed: u64) {
            let (a, b) = (random::<f64>(seed, (m, k)), random::<f64>(seed ^ 1, (k, n)));
            let expected = matmul_reference(a.view(), b.view());
            let (at, bt) = (a.t().as_standard_layout().into_owned(), b.t().as_standard_layout().into_owned());
            for product in [matmul(a.view(), b.view()), matmul(at.t(), b.view()), matmul(a.view(), bt.t()), matmul(at.t(), bt.t())] {
                assert_abs_diff_eq!(product, expected, epsilon = 1e-12);
            }
            let c = random::<f64>(seed ^ 2, (m, n));
            let mut sum = c.clone();
            matmul_into(1.5, a.view(), b.view(), -0.5, &mut sum.view_mut());
            assert_abs_diff_eq!(sum, &expected * 1.5 - &c * 0.5, epsilon = 1e-12);
        }
    }

    /// Large enough for several blocks along each axis, with uneven last blocks and strided operands.
    #[test]
    fn blocks_follow_the_triple_loop() {
        for (m, k, n) in [(1211, 70, 501), (37, 301, 5001), (5001, 301, 37)] {
            assert!(block_length(m.max(n), k * m.min(n)) < m.max(n), "{m} {k} {n} is not cut");
            let (a, b) = (random::<f64>(7, (m, 2 * k)), random::<f64>(8, (k, n)));
            let a = a.slice(s![.., ..;2]);
            assert_abs_diff_eq!(matmul(a, b.view()), matmul_reference(a, b.view()), epsilon = 1e-11);
        }
    }

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        let (a, b) = (random::<f32>(3, (1001, 130)), random::<f32>(4, (130, 401)));
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a small thread pool");
            pool.install(|| matmul(a.view(), b.view()))
        };
        let one = run(1);
        assert!([2, 3, 5].into_iter().all(|threads| run(threads) == one));
    }

    /// The same rows give the same bits whatever stands above and below them.
    #[test]
    fn rows_do_not_depend_on_their_neighbours() {
        let (a, b) = (random::<f32>(5, (905, 384)), random::<f32>(6, (384, 96)));
        let whole = matmul(a.view(), b.view());
        for (from, to) in [(0, 1), (1, 8), (13, 300), (301, 905)] {
            let part = matmul(a.slice(s![from..to, ..]), b.view());
            assert_eq!(part, whole.slice(s![from..to, ..]), "rows {from}..{to}");
        }
    }
}
