//! What each number type has to compute, and packed matrices by it.

use super::operation::Product;
use super::packed::{PackedMatrix, Precision};
use crate::profile::{self, Span, Work};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2};

/// Products of one number type. Part of [`Scalar`](crate::Scalar), and no business of anybody else.
pub trait Products: Sized {
    /// Computes a product with both operands in a precision; on this thread alone unless `parallel`.
    ///
    /// # Panics
    /// If the shapes do not fit.
    fn multiply(precision: Precision, product: Product<'_, Self>, parallel: bool);

    /// A new `α a b`, plus a bias `[N]` in each row, likewise.
    ///
    /// # Panics
    /// If the shapes do not fit.
    fn product(
        precision: Precision,
        alpha: Self,
        a: ArrayView2<'_, Self>,
        b: ArrayView2<'_, Self>,
        bias: Option<ArrayView1<'_, Self>>,
        parallel: bool,
    ) -> Array2<Self>;

    /// A new `a b`, or `a bᵀ` where `b` is transposed, plus a bias `[N]` in each row.
    ///
    /// # Panics
    /// If the shapes do not fit.
    fn product_packed(
        a: ArrayView2<'_, Self>,
        b: &PackedMatrix<Self>,
        transposed: bool,
        bias: Option<ArrayView1<'_, Self>>,
    ) -> Array2<Self>;

    /// Lays out a right operand for many products.
    fn pack(b: ArrayView2<'_, Self>, precision: Precision) -> PackedMatrix<Self>;

    /// Computes `c += a bᵀ`.
    ///
    /// # Panics
    /// If the shapes do not fit.
    fn add_product_transposed(a: ArrayView2<'_, Self>, b: &PackedMatrix<Self>, c: ArrayViewMut2<'_, Self>);

    /// What was laid out, plainly.
    fn unpack(b: &PackedMatrix<Self>) -> Array2<Self>;
}

impl<S: Products> PackedMatrix<S> {
    /// Lays out `b: [K, N]`.
    ///
    /// # Panics
    /// If [`product_path`](crate::kernel::product_path) is an error.
    #[must_use]
    pub fn new(b: ArrayView2<'_, S>) -> Self {
        Self::with_precision(b, Precision::Full)
    }

    /// Lays out `b: [K, N]`, perhaps rounded.
    ///
    /// ```
    /// use adaptune_tensor::{PackedMatrix, Precision};
    /// use ndarray::arr2;
    /// let packed = PackedMatrix::with_precision(arr2(&[[0.1_f32]]).view(), Precision::Bf16);
    /// assert_eq!(packed.unpack(), arr2(&[[205.0 / 2048.0]]));
    /// ```
    ///
    /// # Panics
    /// If [`product_path`](crate::kernel::product_path) is an error.
    #[must_use]
    pub fn with_precision(b: ArrayView2<'_, S>, precision: Precision) -> Self {
        S::pack(b, precision)
    }

    /// `A B`, `[M, K] → [M, N]`, plus a `bias: [N]` in each row.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[must_use]
    pub fn product(&self, a: ArrayView2<'_, S>, bias: Option<ArrayView1<'_, S>>) -> Array2<S> {
        let _span = self.span(a, false);
        S::product_packed(a, self, false, bias)
    }

    /// `A Bᵀ`, `[M, N] → [M, K]`. The panels are transposed piece by piece on the way, which takes at most 4 MB for each thread, and
    /// time that counts only where `A` has few rows.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[must_use]
    pub fn product_transposed(&self, a: ArrayView2<'_, S>) -> Array2<S> {
        let _span = self.span(a, true);
        S::product_packed(a, self, true, None)
    }

    /// `C += A Bᵀ`.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn add_product_transposed(&self, a: ArrayView2<'_, S>, c: &mut Array2<S>) {
        let _span = self.span(a, true);
        S::add_product_transposed(a, self, c.view_mut());
    }

    /// `B`, `[K, N]`, as exactly as it is held.
    #[must_use]
    pub fn unpack(&self) -> Array2<S> {
        S::unpack(self)
    }

    #[inline(always)]
    fn span(&self, a: ArrayView2<'_, S>, transposed: bool) -> Span {
        let (name, columns) = match transposed {
            true => ("packed product, transposed", self.dim().0),
            false => ("packed product", self.dim().1),
        };
        let shape = [a.nrows(), a.ncols(), columns];
        profile::span(name, &shape, || Work::product::<S>(shape))
    }
}
