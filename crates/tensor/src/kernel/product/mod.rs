//! Products of f32 matrices.
//!
//! [`matmul`](crate::matmul) and its relatives are the way in. A product is cut into tiles, each of
//! which a micro-kernel computes with its sums in registers; `sweep` and `blocked` are the loops
//! around it, `pack` and `left` lay operands out for it. There is a micro-kernel for each
//! [`ProductPath`], and one in plain Rust that is their oracle.
//!
//! **Same bits.** Every number of a result is the sum over slices of [`DEPTH`](pack::DEPTH) `k`, in
//! ascending order; the sum of a slice is one chain of fused multiply-adds from zero, in ascending
//! order. That holds in every micro-kernel and for every cut into tiles, so neither the number of
//! threads, nor neighbouring rows, nor the instructions, nor whether an operand was packed
//! beforehand change a bit.

mod blocked;
mod left;
mod pack;
mod path;
mod right;
mod scratch;
mod sweep;
mod tile;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(test)]
mod tests;

pub use path::{PATH_VARIABLE, ProductPath, UnknownPath, product_path};

use ndarray::{ArrayView2, ArrayViewMut2, s};
use std::ops::Range;

/// `c = α a b + start`.
pub(crate) struct Product<'a> {
    pub(crate) alpha: f32,
    /// `[M, K]`.
    pub(crate) a: ArrayView2<'a, f32>,
    /// `[K, N]`.
    pub(crate) b: ArrayView2<'a, f32>,
    pub(crate) start: Start<'a>,
    /// `[M, N]`.
    pub(crate) c: ArrayViewMut2<'a, f32>,
}

/// What a product is added to.
#[derive(Clone, Copy)]
pub(crate) enum Start<'a> {
    /// Nothing; what the result held is not looked at.
    Zero,
    /// `β` times what the result held.
    Result(f32),
    /// This, `[M, N]`.
    Given(ArrayView2<'a, f32>),
}

impl Product<'_> {
    /// `cᵀ = α bᵀ aᵀ + startᵀ`.
    fn turned(self) -> Self {
        let Self { alpha, a, b, start, c } = self;
        Self { alpha, a: b.reversed_axes(), b: a.reversed_axes(), start: start.turned(), c: c.reversed_axes() }
    }
}

impl<'a> Start<'a> {
    /// `β` times what the result held, where a `β` of zero does not look at it.
    pub(crate) fn scaled(beta: f32) -> Self {
        if beta == 0.0 { Self::Zero } else { Self::Result(beta) }
    }

    fn part(self, rows: Range<usize>, columns: Range<usize>) -> Self {
        match self {
            Self::Given(view) => Self::Given(view.slice_move(s![rows, columns])),
            other => other,
        }
    }

    fn turned(self) -> Self {
        match self {
            Self::Given(view) => Self::Given(view.reversed_axes()),
            other => other,
        }
    }

    fn fits(self, shape: (usize, usize)) -> bool {
        if let Self::Given(view) = self { view.dim() == shape } else { true }
    }
}

/// Computes a product by the path of this process.
///
/// # Panics
/// If the shapes do not fit, or if [`product_path`] is an error.
pub(crate) fn multiply(product: Product<'_>, parallel: bool) {
    let path = product_path().unwrap_or_else(|error| panic!("{error}"));
    multiply_by(path, product, parallel);
}

/// Computes a product by a path of the caller's choice.
///
/// # Panics
/// If the shapes do not fit, or if the processor has not the path's instructions.
pub(crate) fn multiply_by(path: ProductPath, product: Product<'_>, parallel: bool) {
    let Product { a, b, c, start, .. } = &product;
    assert_eq!(a.ncols(), b.nrows(), "inner lengths of a product: {:?} × {:?}", a.dim(), b.dim());
    assert_eq!((a.nrows(), b.ncols()), c.dim(), "shape of a product's result");
    assert!(start.fits(c.dim()), "what is added has the shape of the result");
    if c.is_empty() {
        return;
    }
    match path {
        ProductPath::Portable => blocked::multiply::<portable::Portable>(product, parallel),
        #[cfg(target_arch = "x86_64")]
        ProductPath::Avx2 => blocked::multiply::<avx2::Avx2>(product, parallel),
        #[cfg(target_arch = "x86_64")]
        ProductPath::Avx512 => blocked::multiply::<avx512::Avx512>(product, parallel),
        #[cfg(target_arch = "aarch64")]
        ProductPath::Neon => blocked::multiply::<neon::Neon>(product, parallel),
        #[allow(unreachable_patterns, reason = "which paths there are depends on the processor")]
        _ => panic!("{path:?} is for another processor"),
    }
}
