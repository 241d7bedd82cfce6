//! Products of f32 matrices, by the kernel of the process's path.

use super::dispatch::with_kernel;
#[cfg(target_arch = "aarch64")]
use super::neon;
use super::operation::{Product, Start};
use super::out::Out;
use super::packed::{Form, PackedMatrix, PackedPanels, Precision, half};
use super::path::{ProductPath, path};
use super::products::Products;
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512};
use super::{bf16, blocked, portable};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2};

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
            Precision::Bf16 => half(b),
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
        transposed: bool,
        bias: Option<ArrayView1<'_, f32>>,
    ) -> Array2<f32> {
        let shape = (a.nrows(), if transposed { b.dim().0 } else { b.dim().1 });
        // SAFETY: as above.
        unsafe { fresh(shape, bias, |start, c| multiply_packed(a, b, transposed, start, c)) }
    }

    fn add_product_transposed(a: ArrayView2<'_, f32>, b: &PackedMatrix<f32>, c: ArrayViewMut2<'_, f32>) {
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

fn multiply_packed(a: ArrayView2<'_, f32>, b: &PackedMatrix<f32>, transposed: bool, start: Start<'_, f32>, c: Out<'_>) {
    let (depth, columns) = if transposed { (b.dim().1, b.dim().0) } else { b.dim() };
    assert_eq!(a.ncols(), depth, "inner lengths of a product");
    assert_eq!((a.nrows(), columns), c.dim(), "shape of a product's result");
    assert!(start.fits(c.dim()), "what is added has the shape of the result");
    match &b.0 {
        Form::Panels(panels) => panels.multiply(a, transposed, start, c),
        Form::Rounded(panels) => panels.multiply(a.mapv(bf16::round).view(), transposed, start, c),
        #[cfg(target_arch = "x86_64")]
        Form::Half(panels) => panels.multiply(a, transposed, start, c),
        Form::Array(_) => unreachable!("f32 is packed in panels"),
    }
}

/// Computes a product with both operands in a precision.
fn multiply_in(precision: Precision, product: Product<'_, f32, Out<'_>>, parallel: bool) {
    match precision {
        Precision::Full => multiply_by(path(), product, parallel),
        #[cfg(target_arch = "x86_64")]
        Precision::Bf16 if super::half::is_there() => super::half::multiply(product, parallel),
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
pub(super) fn multiply_by(path: ProductPath, product: Product<'_, f32, Out<'_>>, parallel: bool) {
    with_kernel!(path, K => blocked::multiply::<K>(product, parallel));
}
