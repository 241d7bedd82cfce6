//! Products of f32 matrices.
//!
//! [`matmul`](crate::matmul) and its relatives are the way in. A product is cut into tiles, each of
//! which a micro-kernel computes with its sums in registers; `sweep`, `blocked`, `strips` and `lazy` are the
//! loops around it, `pack` and `left` lay operands out for it. There is a micro-kernel for each
//! [`ProductPath`], and one in plain Rust that is their oracle.
//!
//! **Same bits.** Every number of a result is the sum over slices of [`DEPTH`](pack::DEPTH) `k`, in
//! ascending order; the sum of a slice is one chain of fused multiply-adds from zero, in ascending
//! order. That holds in every micro-kernel and for every cut into tiles, so neither the number of
//! threads, nor neighbouring rows, nor the instructions, nor whether an operand was packed
//! beforehand change a bit.

mod bf16;
mod blocked;
mod lazy;
mod left;
mod out;
mod pack;
mod path;
mod right;
mod scratch;
mod strips;
mod sweep;
mod tile;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod half;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

/// Evaluates an expression with the kernel of a path.
macro_rules! with_kernel {
    ($path:expr, $kernel:ident => $expression:expr) => {
        match $path {
            ProductPath::Portable => {
                type $kernel = portable::Portable;
                $expression
            }
            #[cfg(target_arch = "x86_64")]
            ProductPath::Avx2 => {
                type $kernel = avx2::Avx2;
                $expression
            }
            #[cfg(target_arch = "x86_64")]
            ProductPath::Avx512 => {
                type $kernel = avx512::Avx512;
                $expression
            }
            #[cfg(target_arch = "aarch64")]
            ProductPath::Neon => {
                type $kernel = neon::Neon;
                $expression
            }
            #[allow(unreachable_patterns, reason = "which paths there are depends on the processor")]
            other => panic!("{other:?} is for another processor"),
        }
    };
}

mod packed;

#[cfg(test)]
mod tests;

pub use packed::{PackedMatrix, Precision};
pub use path::{PATH_VARIABLE, ProductPath, UnknownPath, product_path};

pub(crate) use bf16::round as bf16_round;
use out::Out;
pub(crate) use packed::Form;
use packed::PackedPanels;

use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2, LinalgScalar, s};
use std::ops::Range;

/// `c = α a b + start`.
#[derive(Debug)]
pub struct Product<'a, S, C = ArrayViewMut2<'a, S>> {
    /// `α`.
    pub alpha: S,
    /// `[M, K]`.
    pub a: ArrayView2<'a, S>,
    /// `[K, N]`.
    pub b: ArrayView2<'a, S>,
    /// What is added.
    pub start: Start<'a, S>,
    /// `[M, N]`.
    pub c: C,
}

/// What a product is added to.
#[derive(Clone, Copy, Debug)]
pub enum Start<'a, S> {
    /// Nothing; what the result held is not looked at.
    Zero,
    /// `β` times what the result held.
    Result(S),
    /// This, `[M, N]`.
    Given(ArrayView2<'a, S>),
}

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

    /// A new `a b`, or `a bᵀ` where `b` is turned, plus a bias `[N]` in each row.
    ///
    /// # Panics
    /// If the shapes do not fit.
    fn product_packed(
        a: ArrayView2<'_, Self>,
        b: &PackedMatrix<Self>,
        turned: bool,
        bias: Option<ArrayView1<'_, Self>>,
    ) -> Array2<Self>;

    /// Lays out a right operand for many products.
    fn pack(b: ArrayView2<'_, Self>, precision: Precision) -> PackedMatrix<Self>;

    /// Computes `c += a bᵀ`.
    ///
    /// # Panics
    /// If the shapes do not fit.
    fn add_product_turned(a: ArrayView2<'_, Self>, b: &PackedMatrix<Self>, c: ArrayViewMut2<'_, Self>);

    /// What was laid out, plainly.
    fn unpack(b: &PackedMatrix<Self>) -> Array2<Self>;
}

impl<S> Product<'_, S> {
    /// # Panics
    /// If the shapes do not fit.
    pub(crate) fn check(&self) {
        let Self { a, b, c, start, .. } = self;
        assert_eq!(a.ncols(), b.nrows(), "inner lengths of a product: {:?} × {:?}", a.dim(), b.dim());
        assert_eq!((a.nrows(), b.ncols()), c.dim(), "shape of a product's result");
        assert!(start.fits(c.dim()), "what is added has the shape of the result");
    }
}

impl<'a, S> Start<'a, S> {
    /// A bias, `[N]`, in each row of a result `[M, N]`, if there is one.
    ///
    /// # Panics
    /// If it has not a number for each column.
    pub(crate) fn in_each_row(bias: &'a Option<ArrayView1<'_, S>>, shape: (usize, usize)) -> Self {
        let rows = |bias: &'a ArrayView1<'_, S>| bias.broadcast(shape).expect("a bias has a number for each column");
        bias.as_ref().map_or(Self::Zero, |bias| Self::Given(rows(bias)))
    }
}

impl<S: Copy> Start<'_, S> {
    /// The same, lent for a shorter time.
    fn view(&self) -> Start<'_, S> {
        match self {
            Self::Zero => Start::Zero,
            Self::Result(beta) => Start::Result(*beta),
            Self::Given(view) => Start::Given(view.view()),
        }
    }
}

impl<S> Start<'_, S> {
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

    fn fits(&self, shape: (usize, usize)) -> bool {
        if let Self::Given(view) = self { view.dim() == shape } else { true }
    }
}

impl<S: LinalgScalar> Start<'_, S> {
    /// `β` times what the result held, where a `β` of zero does not look at it.
    pub(crate) fn scaled(beta: S) -> Self {
        if beta.is_zero() { Self::Zero } else { Self::Result(beta) }
    }
}

impl Products for f32 {
    fn multiply(precision: Precision, product: Product<'_, f32>, parallel: bool) {
        product.check();
        let Product { alpha, a, b, start, c } = product;
        if !c.is_empty() {
            multiply_in(precision, Product { alpha, a, b, start, c: Out::of(c) }, parallel);
        }
    }

    fn pack(b: ArrayView2<'_, f32>, precision: Precision) -> PackedMatrix<f32> {
        PackedMatrix(match precision {
            Precision::Full => Form::Panels(PackedPanels::new(path(), b)),
            Precision::Bf16 => packed::half(b),
        })
    }

    fn product(
        precision: Precision,
        alpha: f32,
        a: ArrayView2<'_, f32>,
        b: ArrayView2<'_, f32>,
        bias: Option<ArrayView1<'_, f32>>,
        parallel: bool,
    ) -> Array2<f32> {
        assert_eq!(a.ncols(), b.nrows(), "inner lengths of a product: {:?} × {:?}", a.dim(), b.dim());
        let compute = |start: Start<'_, f32>, c: Out<'_>| {
            let product = Product { alpha, a: a.view(), b: b.view(), start: start.view(), c };
            multiply_in(precision, product, parallel);
        };
        // SAFETY: a product writes each tile of its result, and the tiles cover it.
        unsafe { fresh((a.nrows(), b.ncols()), bias, compute) }
    }

    fn product_packed(
        a: ArrayView2<'_, f32>,
        b: &PackedMatrix<f32>,
        turned: bool,
        bias: Option<ArrayView1<'_, f32>>,
    ) -> Array2<f32> {
        let shape = (a.nrows(), if turned { b.dim().0 } else { b.dim().1 });
        // SAFETY: as above.
        unsafe { fresh(shape, bias, |start, c| multiply_packed(a, b, turned, start, c)) }
    }

    fn add_product_turned(a: ArrayView2<'_, f32>, b: &PackedMatrix<f32>, c: ArrayViewMut2<'_, f32>) {
        multiply_packed(a, b, true, Start::Result(1.0), Out::of(c));
    }

    fn unpack(b: &PackedMatrix<f32>) -> Array2<f32> {
        match &b.0 {
            Form::Panels(panels) | Form::Rounded(panels) => panels.unpack(),
            #[cfg(target_arch = "x86_64")]
            Form::Half(panels) => panels.unpack(),
            Form::Array(_) => unreachable!("f32 is packed in panels"),
        }
    }
}

/// A new result. `compute` gets what it starts from and where it goes.
///
/// # Safety
/// `compute` starts from what it is given, and writes all of the result.
unsafe fn fresh(
    shape: (usize, usize),
    bias: Option<ArrayView1<'_, f32>>,
    compute: impl FnOnce(Start<'_, f32>, Out<'_>),
) -> Array2<f32> {
    let mut c = Array2::uninit(shape);
    if !c.is_empty() {
        compute(Start::in_each_row(&bias, shape), Out::blank(c.view_mut()));
    }
    // SAFETY: the caller's promise.
    unsafe { c.assume_init() }
}

fn multiply_packed(a: ArrayView2<'_, f32>, b: &PackedMatrix<f32>, turned: bool, start: Start<'_, f32>, c: Out<'_>) {
    let (depth, columns) = if turned { (b.dim().1, b.dim().0) } else { b.dim() };
    assert_eq!(a.ncols(), depth, "inner lengths of a product");
    assert_eq!((a.nrows(), columns), c.dim(), "shape of a product's result");
    assert!(start.fits(c.dim()), "what is added has the shape of the result");
    match &b.0 {
        Form::Panels(panels) => panels.multiply(a, turned, start, c),
        Form::Rounded(panels) => panels.multiply(a.mapv(bf16::round).view(), turned, start, c),
        #[cfg(target_arch = "x86_64")]
        Form::Half(panels) => panels.multiply(a, turned, start, c),
        Form::Array(_) => unreachable!("f32 is packed in panels"),
    }
}

/// The path of this process.
///
/// # Panics
/// If [`product_path`] is an error.
pub(super) fn path() -> ProductPath {
    product_path().unwrap_or_else(|error| panic!("{error}"))
}

/// Computes a product with both operands in a precision.
fn multiply_in(precision: Precision, product: Product<'_, f32, Out<'_>>, parallel: bool) {
    match precision {
        Precision::Full => multiply_by(path(), product, parallel),
        #[cfg(target_arch = "x86_64")]
        Precision::Bf16 if half::is_there() => half::multiply(product, parallel),
        Precision::Bf16 => {
            let Product { alpha, a, b, start, c } = product;
            let (a, b, start) = (a.mapv(bf16::round), b.mapv(bf16::round), start.view());
            multiply_by(path(), Product { alpha, a: a.view(), b: b.view(), start, c }, parallel);
        }
    }
}

/// Computes a product by a path of the caller's choice.
///
/// # Panics
/// If the processor has not the path's instructions.
fn multiply_by(path: ProductPath, product: Product<'_, f32, Out<'_>>, parallel: bool) {
    with_kernel!(path, K => blocked::multiply::<K>(product, parallel));
}
