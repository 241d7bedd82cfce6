//! The one door to matrix products.
//!
//! f32 products are computed by our own kernels, see [`kernel`](crate::kernel); f64 products by ndarray, block by block.
//! Neither the number of threads nor neighbouring rows change a bit of a result.
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
//! | `A B`, rounded to bf16 | `matmul_in(Precision::Bf16, a, b, None)` |

use crate::Scalar;
use crate::kernel::{Precision, Product, Start};
use crate::profile::{self, Span, Work};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2};

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
    let _span = span(a, b);
    S::product(Precision::Full, S::one(), a, b, None, true)
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
    let _span = span(a, b);
    let product = Product { alpha, a, b, start: Start::scaled(beta), c: c.view_mut() };
    S::multiply(Precision::Full, product, true);
}

/// `C = α A B` in a precision, on this thread alone: for products that are small, or one of many that run side by side.
///
/// # Panics
/// If the shapes do not fit.
pub(crate) fn matmul_alone<S: Scalar>(
    precision: Precision,
    alpha: S,
    a: ArrayView2<'_, S>,
    b: ArrayView2<'_, S>,
    c: &mut ArrayViewMut2<'_, S>,
) {
    S::multiply(precision, Product { alpha, a, b, start: Start::Zero, c: c.view_mut() }, false);
}

/// `C += α A B`, likewise.
///
/// # Panics
/// If the shapes do not fit.
pub(crate) fn matmul_alone_add<S: Scalar>(
    precision: Precision,
    alpha: S,
    a: ArrayView2<'_, S>,
    b: ArrayView2<'_, S>,
    c: &mut ArrayViewMut2<'_, S>,
) {
    S::multiply(precision, Product { alpha, a, b, start: Start::Result(S::one()), c: c.view_mut() }, false);
}

/// A new `α A B`, likewise.
///
/// # Panics
/// If the inner lengths differ.
pub(crate) fn product_alone<S: Scalar>(
    precision: Precision,
    alpha: S,
    a: ArrayView2<'_, S>,
    b: ArrayView2<'_, S>,
) -> Array2<S> {
    S::product(precision, alpha, a, b, None, false)
}

/// `A B + 1 bᵀ`: a `bias: [N]` in each row.
///
/// # Panics
/// If the shapes do not fit.
pub(crate) fn matmul_with_bias<S: Scalar>(
    a: ArrayView2<'_, S>,
    b: ArrayView2<'_, S>,
    bias: ArrayView1<'_, S>,
) -> Array2<S> {
    let _span = span(a, b);
    S::product(Precision::Full, S::one(), a, b, Some(bias), true)
}

/// `A B`, plus a `bias: [N]` in each row, in a precision.
///
/// In [`Precision::Bf16`] both operands are rounded on the way; products are exact and sums are in f32. Rounding takes time
/// too, so that it pays where `M`, `K` and `N` are all at least 128, on a processor with AVX-512 for bf16; on others it does
/// not. In f64 nothing is rounded.
///
/// ```
/// use adaptune_tensor::{Precision, matmul_in};
/// use ndarray::{arr1, arr2};
/// let (a, b, bias) = (arr2(&[[0.1_f32, 2.0]]), arr2(&[[1.0_f32], [3.0]]), arr1(&[0.5]));
/// let c = matmul_in(Precision::Bf16, a.view(), b.view(), Some(bias.view()));
/// assert_eq!(c, arr2(&[[205.0 / 2048.0 + 6.5]]));
/// ```
///
/// # Panics
/// If the shapes do not fit.
#[must_use]
pub fn matmul_in<S: Scalar>(
    precision: Precision,
    a: ArrayView2<'_, S>,
    b: ArrayView2<'_, S>,
    bias: Option<ArrayView1<'_, S>>,
) -> Array2<S> {
    let _span = span(a, b);
    S::product(precision, S::one(), a, b, bias, true)
}

#[inline(always)]
fn span<S>(a: ArrayView2<'_, S>, b: ArrayView2<'_, S>) -> Span {
    let shape = [a.nrows(), a.ncols(), b.ncols()];
    profile::span("product", &shape, || Work::product::<S>(shape))
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
    use adaptune_test_support::on_threads;
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

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        let (a, b) = (random::<f32>(3, (1001, 130)), random::<f32>(4, (130, 401)));
        let run = |threads| on_threads(threads, || matmul(a.view(), b.view()));
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
