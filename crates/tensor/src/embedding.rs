//! Embedding: rows of a table, gathered.

use crate::Scalar;
use crate::profile;
use crate::rows::for_each_row;
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1};

/// `y[t] = E[ids[t]]`, shapes `E: [V, D]` → `[T, D]`.
///
/// # Panics
/// If an id is not below `V`; models check their input first.
#[must_use]
pub fn gather<S: Scalar>(table: ArrayView2<'_, S>, ids: &[u32]) -> Array2<S> {
    let shape = [ids.len(), table.ncols()];
    let _span = profile::moving::<S>("gather", &shape, 2);
    let mut y = Array2::zeros(shape);
    for_each_row(&mut y, |t, row| copy(table.row(ids[t] as usize), row));
    y
}

/// The other way round, `y[ids[t]] = x[t]`, shapes `x: [T, D]`, `y: [V, D]`; other rows of `y` stay as they are. Of several
/// `x` for one row the last stays.
///
/// ```
/// use adaptune_tensor::scatter;
/// use ndarray::{Array2, arr2};
/// let mut y = Array2::zeros((3, 2));
/// scatter(arr2(&[[1.0, 2.0], [3.0, 4.0]]).view(), &[2, 0], &mut y);
/// assert_eq!(y, arr2(&[[3.0, 4.0], [0.0, 0.0], [1.0, 2.0]]));
/// ```
///
/// # Panics
/// If an id is not below `V`, there are not as many as `x` has rows, or rows differ in length.
pub fn scatter<S: Scalar>(x: ArrayView2<'_, S>, ids: &[u32], y: &mut Array2<S>) {
    assert_eq!(x.nrows(), ids.len(), "an id for each row");
    let _span = profile::moving::<S>("scatter", x.shape(), 2);
    let mut from = vec![None; y.nrows()];
    ids.iter().enumerate().for_each(|(t, id)| from[*id as usize] = Some(t));
    for_each_row(y, |row, values| from[row].into_iter().for_each(|t| copy(x.row(t), values)));
}

fn copy<S: Scalar>(from: ArrayView1<'_, S>, into: &mut [S]) {
    match from.to_slice() {
        Some(from) => into.copy_from_slice(from),
        None => ArrayViewMut1::from(into).assign(&from),
    }
}

/// `d_E[v] = Σ d_y[t]` over the tokens with id `v`, `[V, D]` for a table of `rows` rows.
///
/// # Panics
/// If an id is not below `rows`.
#[must_use]
pub fn gather_backward<S: Scalar>(ids: &[u32], d_y: ArrayView2<'_, S>, rows: usize) -> Array2<S> {
    let _span = profile::moving::<S>("gather, backward", d_y.shape(), 3);
    let mut d_table = Array2::zeros((rows, d_y.ncols()));
    for (d, id) in d_y.rows().into_iter().zip(ids) {
        let mut sum = d_table.row_mut(*id as usize);
        sum += &d;
    }
    d_table
}
