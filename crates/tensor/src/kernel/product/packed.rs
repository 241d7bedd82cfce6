//! Right operands that are packed once for many products.

use super::dispatch::with_kernel;
#[cfg(target_arch = "x86_64")]
use super::half::HalfPanels;
#[cfg(target_arch = "aarch64")]
use super::neon;
use super::operation::Start;
use super::out::Out;
use super::pack::{Panels, packed_length};
use super::path::{ProductPath, path};
use super::portable;
use super::scratch::{Line, lines, numbers, numbers_mut};
use super::tile::{Kernel, Shape};
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512};
use super::{bf16, blocked};
use ndarray::{Array2, ArrayView2};
use std::fmt;

/// A matrix `B: [K, N]` that is laid out once for many products `A B`, in the order in which a kernel reads it.
///
/// A product with it gives the same bits as [`matmul`](crate::matmul) and spends no time on laying out `B`, which counts
/// where `A` has few rows. It takes as much memory as the matrix, and can stand in its place: `A Bᵀ` is computed from it as
/// well, and [`PackedMatrix::unpack`] gives `B` back.
///
/// ```
/// use adaptune_tensor::PackedMatrix;
/// use ndarray::{arr1, arr2};
/// let w = arr2(&[[3.0_f32, 4.0], [0.0, -1.0]]); // [Out, In]
/// let packed = PackedMatrix::new(w.t());
/// let y = packed.product(arr2(&[[1.0, 2.0]]).view(), Some(arr1(&[0.5, 0.0]).view()));
/// assert_eq!(y, arr2(&[[11.5, -2.0]]));
/// assert_eq!(packed.product_transposed(arr2(&[[1.0, 2.0]]).view()), arr2(&[[3.0, 2.0]]));
/// assert_eq!(packed.unpack(), w.t());
/// ```
pub struct PackedMatrix<S>(pub(crate) Form<S>);

/// How exactly a [`PackedMatrix`] holds its numbers, or the operands of other products are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// As they came.
    #[default]
    Full,
    /// Rounded to bf16. Left operands of f32 are rounded too; products are exact and sums in f32. On a processor with AVX-512
    /// for bf16 that takes half the memory, and little more than half the time; on another one the time and memory of f32. In f64 only a
    /// packed matrix is rounded.
    Bf16,
}

/// How it is held.
pub(crate) enum Form<S> {
    /// As f32 kernels read it.
    Panels(PackedPanels),
    /// The same, of numbers that are rounded to bf16, as those are that meet it.
    Rounded(PackedPanels),
    /// In bf16.
    #[cfg(target_arch = "x86_64")]
    Half(HalfPanels),
    /// Plainly, for number types that have no kernels of ours.
    Array(Array2<S>),
}

impl<S> PackedMatrix<S> {
    /// `[K, N]`.
    #[must_use]
    pub fn dim(&self) -> (usize, usize) {
        match &self.0 {
            Form::Panels(panels) | Form::Rounded(panels) => (panels.depth, panels.columns),
            #[cfg(target_arch = "x86_64")]
            Form::Half(panels) => panels.dim(),
            Form::Array(array) => array.dim(),
        }
    }
}

impl<S> fmt::Debug for PackedMatrix<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PackedMatrix({:?})", self.dim())
    }
}

/// In bf16 where products can be computed in it.
pub(super) fn half<S>(b: ArrayView2<'_, f32>) -> Form<S> {
    #[cfg(target_arch = "x86_64")]
    if let Some(panels) = HalfPanels::new(b) {
        return Form::Half(panels);
    }
    Form::Rounded(PackedPanels::new(path(), b.mapv(bf16::round).view()))
}

/// A right operand in panels for the kernel of one path.
pub(crate) struct PackedPanels {
    path: ProductPath,
    lines: Vec<Line>,
    depth: usize,
    columns: usize,
    shape: Shape,
}

impl PackedPanels {
    pub(super) fn new(path: ProductPath, b: ArrayView2<'_, f32>) -> Self {
        with_kernel!(path, K => Self::with::<K>(b))
    }

    fn with<K: Kernel>(b: ArrayView2<'_, f32>) -> Self {
        assert!(K::is_available(), "this processor has not the instructions of {:?}", K::PATH);
        let (depth, columns) = b.dim();
        let shape = K::shape(columns);
        let mut lines = lines(packed_length::<K>(depth, columns));
        Panels::pack::<K>(b, shape, numbers_mut(&mut lines), true);
        Self { path: K::PATH, lines, depth, columns, shape }
    }

    /// `c = a b + start`, or `c = a bᵀ + start`.
    pub(super) fn multiply(&self, a: ArrayView2<'_, f32>, transposed: bool, start: Start<'_, f32>, c: Out<'_>) {
        match transposed {
            true => with_kernel!(self.path, K => blocked::multiply_transposed::<K>(a, self.panels(), start, c)),
            false => with_kernel!(self.path, K => blocked::multiply_packed::<K>(1.0, a, self.panels(), start, c, true)),
        }
    }

    pub(super) fn unpack(&self) -> Array2<f32> {
        with_kernel!(self.path, K => self.panels().unpack::<K>())
    }

    fn panels(&self) -> Panels<'_> {
        let Self { ref lines, depth, columns, shape, .. } = *self;
        Panels { numbers: numbers(lines), depth, columns, shape }
    }
}
