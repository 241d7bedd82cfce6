//! The same elements in another shape.
//!
//! What these operations give shares the array of their input wherever its order in memory allows.

use crate::{Var, record};
use adaptune_tensor::Scalar;
use ndarray::{
    ArcArray, ArcArray2, Array, Array2, ArrayBase, Axis, DataOwned, Dimension, IntoDimension, Ix2, RemoveAxis,
};

impl<S: Scalar, D: Dimension + 'static> Var<S, D> {
    /// The elements in row-major order in another shape: `d_x` is `d_y` in the shape of `x`.
    ///
    /// ```
    /// use adaptune_autograd::{Var, ndarray::{arr1, arr2}};
    /// let x = Var::constant(arr1(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    /// assert_eq!(x.reshape((2, 3)).value(), arr2(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]));
    /// ```
    ///
    /// # Panics
    /// If the other shape has another number of elements.
    #[must_use]
    pub fn reshape<E: IntoDimension>(&self, shape: E) -> Var<S, E::Dim> {
        let (from, to) = (self.raw_dim(), shape.into_dimension());
        assert_eq!(to.size(), from.size(), "shape {:?} cannot become {:?}", from.slice(), to.slice());
        record(self, |_| (reshaped(self.to_shared(), to), move |d_y| reshaped(d_y, from)))
    }

    /// All axes in the opposite order, a view: `d_x = d_yᵀ`.
    #[must_use]
    pub fn t(&self) -> Self {
        record(self, |_| (self.to_shared().reversed_axes(), Array::reversed_axes))
    }

    /// Two axes in each other's place, a view; `d_x` is `d_y` with the same two exchanged.
    ///
    /// # Panics
    /// If an axis does not exist.
    #[must_use]
    pub fn swap_axes(&self, a: Axis, b: Axis) -> Self {
        record(self, |_| (swapped(self.to_shared(), a, b), move |d_y: Array<S, D>| swapped(d_y, a, b)))
    }

    /// With an axis of length 1 more, a view: `d_x` is `d_y` without it.
    ///
    /// # Panics
    /// If `axis` is larger than the rank.
    #[must_use]
    pub fn insert_axis(&self, axis: Axis) -> Var<S, D::Larger> {
        let shape = self.raw_dim();
        record(self, |_| (self.to_shared().insert_axis(axis), move |d_y| reshaped(d_y, shape)))
    }

    /// Without an axis of length 1, a view: `d_x` is `d_y` with it.
    ///
    /// # Panics
    /// If the axis does not exist or has another length.
    #[must_use]
    pub fn remove_axis(&self, axis: Axis) -> Var<S, D::Smaller>
    where
        D: RemoveAxis,
    {
        let length = self.shape()[axis.index()];
        assert_eq!(length, 1, "axis {} of {:?} cannot be removed: its length is not 1", axis.index(), self.shape());
        self.index_axis(axis, 0)
    }

    /// Repeated along axes of length 1 and along new ones in front: `d_x = Σ d_y` over the repetitions.
    ///
    /// Arithmetic does this by itself.
    ///
    /// # Panics
    /// If the shapes do not broadcast so.
    #[must_use]
    pub fn broadcast<E: IntoDimension>(&self, shape: E) -> Var<S, E::Dim> {
        let (from, to) = (self.raw_dim(), shape.into_dimension());
        record(self, |_| {
            let y = self.value().broadcast(to.clone()).map(|y| y.to_owned());
            let y = y.unwrap_or_else(|| panic!("shape {:?} does not broadcast to {:?}", from.slice(), to.slice()));
            (y, move |d_y: Array<S, E::Dim>| sum_to(d_y.into_shared(), from))
        })
    }
}

/// The gradient of a value of shape `shape` that was broadcast to the shape of `d`: summed over what
/// broadcasting repeated. If that is nothing, `d` is moved, or copied if something else shares it.
pub(crate) fn sum_to<S: Scalar, D: Dimension, E: Dimension>(d: ArcArray<S, E>, shape: D) -> Array<S, D> {
    let mut d = d.into_dyn();
    while d.ndim() > shape.ndim() {
        d = d.sum_axis(Axis(0)).into_shared();
    }
    for (i, length) in shape.slice().iter().enumerate() {
        if *length == 1 && d.shape()[i] != 1 {
            d = d.sum_axis(Axis(i)).insert_axis(Axis(i)).into_shared();
        }
    }
    d.into_owned().into_dimensionality().expect("as many axes as the shape has are left")
}

/// In standard layout, copied only if it is not so already.
pub(crate) fn standard<S: Scalar, R: DataOwned<Elem = S>, D: Dimension>(x: ArrayBase<R, D>) -> ArrayBase<R, D> {
    if x.is_standard_layout() {
        return x;
    }
    let (shape, elements) = (x.raw_dim(), x.iter().copied().collect());
    ArrayBase::from_shape_vec(shape, elements).expect("as many elements as before")
}

/// The elements in row-major order, in a shape with as many of them.
pub(crate) fn reshaped<S: Scalar, R: DataOwned<Elem = S>, D: Dimension, E: Dimension>(
    x: ArrayBase<R, D>,
    shape: E,
) -> ArrayBase<R, E> {
    standard(x).into_shape_with_order(shape).expect("as many elements as before")
}

/// As rows along the last axis, in standard layout: what the functions of `adaptune-tensor` take.
pub(crate) fn rows<S: Scalar, D: Dimension>(x: Array<S, D>) -> Array2<S> {
    let shape = row_shape(x.shape());
    reshaped(x, shape)
}

/// The array of a variable as [`rows`], shared if it is in standard layout.
pub(crate) fn shared_rows<S: Scalar, D: Dimension>(x: &Var<S, D>) -> ArcArray2<S> {
    reshaped(x.to_shared(), row_shape(x.shape()))
}

fn row_shape(shape: &[usize]) -> Ix2 {
    let columns = shape.last().copied().unwrap_or(1);
    let rows = shape.iter().rev().skip(1).product();
    Ix2(rows, columns)
}

fn swapped<S: Scalar, R: DataOwned<Elem = S>, D: Dimension>(
    mut x: ArrayBase<R, D>,
    a: Axis,
    b: Axis,
) -> ArrayBase<R, D> {
    x.swap_axes(a.index(), b.index());
    x
}
