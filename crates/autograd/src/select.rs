//! Parts of an array, and arrays put together from others.

use crate::{Var, record};
use adaptune_tensor::{Scalar, gather, gather_backward};
use ndarray::{Array, ArrayView, Axis, Dimension, Ix2, RemoveAxis, Slice};
use std::ops::Range;

impl<S: Scalar, D: Dimension + 'static> Var<S, D> {
    /// A range along an axis, a view: `d_x` is `d_y` there and 0 elsewhere.
    ///
    /// ```
    /// use adaptune_autograd::{Tape, ndarray::{Axis, arr1}};
    /// let tape = Tape::new();
    /// let x = tape.variable(arr1(&[1.0, 2.0, 3.0, 4.0]));
    /// let y = x.slice_axis(Axis(0), 1..3);
    /// assert_eq!(y.value(), arr1(&[2.0, 3.0]));
    /// let d_x = y.backward_from(arr1(&[5.0, 7.0]))?.take(&x);
    /// assert_eq!(d_x, Some(arr1(&[0.0, 5.0, 7.0, 0.0])));
    /// # Ok::<(), adaptune_autograd::BackwardError>(())
    /// ```
    ///
    /// # Panics
    /// If the axis does not exist or is shorter than the range's end.
    #[must_use]
    pub fn slice_axis(&self, axis: Axis, range: Range<usize>) -> Self {
        assert!(
            range.start <= range.end && range.end <= self.shape()[axis.index()],
            "range {range:?} of axis {} of {:?}",
            axis.index(),
            self.shape()
        );
        let (shape, range) = (self.raw_dim(), Slice::from(range));
        record(self, |_| {
            let mut y = self.to_shared();
            y.slice_axis_inplace(axis, range);
            (y, move |d_y: Array<S, D>| {
                let mut d_x = Array::zeros(shape);
                d_x.slice_axis_mut(axis, range).assign(&d_y);
                d_x
            })
        })
    }

    /// What stands at one index of an axis, a view: `d_x` is `d_y` there and 0 elsewhere.
    ///
    /// # Panics
    /// If the axis does not exist or is not longer than the index.
    #[must_use]
    pub fn index_axis(&self, axis: Axis, index: usize) -> Var<S, D::Smaller>
    where
        D: RemoveAxis,
    {
        let shape = self.raw_dim();
        record(self, |_| {
            let y = self.to_shared().index_axis_move(axis, index);
            (y, move |d_y: Array<S, D::Smaller>| {
                let mut d_x = Array::zeros(shape);
                d_x.index_axis_mut(axis, index).assign(&d_y);
                d_x
            })
        })
    }

    /// What stands at some indices of an axis, in their order: `d_x[i] = Σ d_y[j]` over the places
    /// `j` where `indices` has `i`.
    ///
    /// # Panics
    /// If the axis does not exist or is not longer than every index.
    #[must_use]
    pub fn index_select(&self, axis: Axis, indices: &[usize]) -> Self
    where
        D: RemoveAxis,
    {
        let (shape, kept) = (self.raw_dim(), indices.to_vec());
        record(self, |_| {
            let backward = move |d_y: Array<S, D>| {
                let mut d_x = Array::zeros(shape);
                for (i, d) in kept.into_iter().zip(d_y.axis_iter(axis)) {
                    let mut sum = d_x.index_axis_mut(axis, i);
                    sum += &d;
                }
                d_x
            };
            (self.value().select(axis, indices), backward)
        })
    }
}

impl<S: Scalar> Var<S, Ix2> {
    /// Rows of a table, `[V, D]` → `[T, D]`: [`gather`], with [`gather_backward`].
    ///
    /// # Panics
    /// If an id is not below `V`.
    #[must_use]
    pub fn gather(&self, ids: &[u32]) -> Self {
        let (rows, kept) = (self.dim().0, ids.to_vec());
        record(self, |_| {
            let backward = move |d_y: Array<S, Ix2>| gather_backward(&kept, d_y.view(), rows);
            (gather(self.value(), ids), backward)
        })
    }
}

/// Arrays end to end along an axis: `d_x` of each is its part of `d_y`. Keeps nothing.
///
/// ```
/// use adaptune_autograd::{Tape, concatenate, ndarray::{Axis, arr1}};
/// let tape = Tape::new();
/// let (a, b) = (tape.variable(arr1(&[1.0])), tape.variable(arr1(&[2.0, 3.0])));
/// let y = concatenate(Axis(0), &[&a, &b]);
/// let mut gradients = y.backward_from(arr1(&[4.0, 5.0, 6.0]))?;
/// assert_eq!(gradients.take(&b), Some(arr1(&[5.0, 6.0])));
/// # Ok::<(), adaptune_autograd::BackwardError>(())
/// ```
///
/// # Panics
/// If there are none, the axis does not exist, or lengths along the other axes differ.
#[must_use]
pub fn concatenate<S: Scalar, D: RemoveAxis>(axis: Axis, parts: &[&Var<S, D>]) -> Var<S, D> {
    let views: Vec<ArrayView<'_, S, D>> = parts.iter().map(|part| part.value()).collect();
    let y = ndarray::concatenate(axis, &views).unwrap_or_else(|e| {
        let shapes: Vec<_> = parts.iter().map(|part| part.shape()).collect();
        panic!("shapes {shapes:?} do not fit together along axis {}: {e}", axis.index())
    });
    let lengths: Vec<usize> = parts.iter().map(|part| part.shape()[axis.index()]).collect();
    record(parts, |needs| (y, move |d_y: Array<S, D>| split(&d_y, axis, &lengths, &needs)))
}

/// Arrays of one shape on top of each other along a new axis: `d_x` of each is its part of `d_y`.
///
/// # Panics
/// If there are none, their shapes differ, or `axis` is larger than their rank.
#[must_use]
pub fn stack<S: Scalar, D: Dimension + 'static>(axis: Axis, parts: &[&Var<S, D>]) -> Var<S, D::Larger>
where
    D::Larger: RemoveAxis,
{
    let layers: Vec<Var<S, D::Larger>> = parts.iter().map(|part| part.insert_axis(axis)).collect();
    concatenate(axis, &layers.iter().collect::<Vec<_>>())
}

/// The parts of `d_y` that are needed.
fn split<S: Scalar, D: Dimension>(
    d_y: &Array<S, D>,
    axis: Axis,
    lengths: &[usize],
    needs: &[bool],
) -> Vec<Option<Array<S, D>>> {
    let mut start = 0;
    let mut part = |(length, needed): (&usize, &bool)| {
        let range = start..start + length;
        start = range.end;
        needed.then(|| d_y.slice_axis(axis, range.into()).to_owned())
    };
    lengths.iter().zip(needs).map(&mut part).collect()
}
