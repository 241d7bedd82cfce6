//! Linear layer.

use crate::matmul::matmul_with_bias;
use crate::profile;
use crate::{Scalar, matmul};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

/// `y = x Wᵀ + b`, shapes `[T, In] → [T, Out]` with `W: [Out, In]`, `b: [Out]`.
///
/// ```
/// use adaptune_tensor::linear;
/// use ndarray::{arr1, arr2};
/// let (x, w, b) = (arr2(&[[1.0, 2.0]]), arr2(&[[3.0, 4.0], [0.0, -1.0]]), arr1(&[0.5, 0.0]));
/// assert_eq!(linear(x.view(), w.view(), Some(b.view())), arr2(&[[11.5, -2.0]]));
/// ```
///
/// # Panics
/// If the shapes do not fit.
#[must_use]
pub fn linear<S: Scalar>(x: ArrayView2<'_, S>, w: ArrayView2<'_, S>, b: Option<ArrayView1<'_, S>>) -> Array2<S> {
    match b {
        Some(b) => matmul_with_bias(x, w.t(), b),
        None => matmul(x, w.t()),
    }
}

/// Gradient of [`linear`] with respect to its input: `d_x = d_y W`, `[T, Out] → [T, In]`.
///
/// # Panics
/// If the shapes do not fit.
#[must_use]
pub fn linear_input_backward<S: Scalar>(d_y: ArrayView2<'_, S>, w: ArrayView2<'_, S>) -> Array2<S> {
    matmul(d_y, w)
}

/// Gradient of [`linear`] with respect to `W`: `d_W = d_yᵀ x`, `[Out, In]`.
///
/// # Panics
/// If the shapes do not fit.
#[must_use]
pub fn linear_weight_backward<S: Scalar>(x: ArrayView2<'_, S>, d_y: ArrayView2<'_, S>) -> Array2<S> {
    matmul(d_y.t(), x)
}

/// Gradient of [`linear`] with respect to `b`: `d_b = Σ_t d_y[t]`, `[Out]`.
#[must_use]
pub fn linear_bias_backward<S: Scalar>(d_y: ArrayView2<'_, S>) -> Array1<S> {
    let _span = profile::moving::<S>("sum over rows", d_y.shape(), 1);
    d_y.sum_axis(Axis(0))
}
