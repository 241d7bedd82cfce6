//! Sums, means and maxima.

use crate::{Var, record};
use adaptune_tensor::Scalar;
use ndarray::{Array, ArrayView1, Axis, Dimension, Ix0, RemoveAxis, Zip, arr0};

impl<S: Scalar, D: Dimension + 'static> Var<S, D> {
    /// `y = Σ x`: `d_x = d_y` for every element.
    #[must_use]
    pub fn sum(&self) -> Var<S, Ix0> {
        let shape = self.raw_dim();
        record(self, |_| {
            let backward = move |d_y: Array<S, Ix0>| Array::from_elem(shape, d_y[()]);
            (arr0(self.value().sum()), backward)
        })
    }

    /// `y = Σ x / n` over all `n` elements: `d_x = d_y / n`. NaN if there are none.
    #[must_use]
    pub fn mean(&self) -> Var<S, Ix0> {
        self.sum() / S::from_f64(self.value().len() as f64)
    }

    /// `y = Σ x` along an axis: `d_x` repeats `d_y` along it.
    ///
    /// # Panics
    /// If the axis does not exist.
    #[must_use]
    pub fn sum_axis(&self, axis: Axis) -> Var<S, D::Smaller>
    where
        D: RemoveAxis,
    {
        let shape = self.raw_dim();
        record(self, |_| {
            let backward = move |d_y: Array<S, D::Smaller>| {
                let d_y = d_y.insert_axis(axis).into_dyn();
                let d_x = d_y.broadcast(shape.slice()).expect("the summed axis has length 1").to_owned();
                d_x.into_dimensionality().expect("the rank before the sum")
            };
            (self.value().sum_axis(axis), backward)
        })
    }

    /// `y = Σ x / n` along an axis of length `n`: `d_x` repeats `d_y / n` along it.
    ///
    /// # Panics
    /// If the axis does not exist.
    #[must_use]
    pub fn mean_axis(&self, axis: Axis) -> Var<S, D::Smaller>
    where
        D: RemoveAxis,
    {
        self.sum_axis(axis) / S::from_f64(self.shape()[axis.index()] as f64)
    }

    /// The largest along an axis: `d_x` is `d_y` where it stands, and 0 elsewhere.
    ///
    /// Of several equal ones the first counts. A NaN counts as largest, so that it is not lost.
    ///
    /// # Panics
    /// If the axis does not exist or has length 0.
    #[must_use]
    pub fn max_axis(&self, axis: Axis) -> Var<S, D::Smaller>
    where
        D: RemoveAxis,
    {
        let shape = self.raw_dim();
        assert!(shape[axis.index()] > 0, "the largest along axis {} of {:?}: it is empty", axis.index(), shape.slice());
        let places = self.value().map_axis(axis, first_largest);
        record(self, |_| {
            let mut y = Array::zeros(places.raw_dim());
            Zip::from(&mut y).and(&places).and(self.value().lanes(axis)).for_each(|y, &i, lane| *y = lane[i]);
            let backward = move |d_y: Array<S, D::Smaller>| {
                let mut d_x = Array::zeros(shape);
                Zip::from(d_x.lanes_mut(axis)).and(&places).and(&d_y).for_each(|mut lane, &i, &d| lane[i] = d);
                d_x
            };
            (y, backward)
        })
    }
}

/// Where the first of the largest elements stands; the first NaN, if there is one.
fn first_largest<S: Scalar>(lane: ArrayView1<'_, S>) -> usize {
    let is_nan = |x: S| x.to_f64().is_nan();
    let larger = |x: S, y: S| x > y || is_nan(x) && !is_nan(y);
    (1..lane.len()).fold(0, |best, i| if larger(lane[i], lane[best]) { i } else { best })
}
