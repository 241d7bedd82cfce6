//! Embedding: rows of a table, gathered.

use crate::Scalar;
use ndarray::{Array2, ArrayView2};

/// `y[t] = E[ids[t]]`, shapes `E: [V, D]` → `[T, D]`.
///
/// # Panics
/// If an id is not below `V`; models check their input first.
#[must_use]
pub fn gather<S: Scalar>(table: ArrayView2<'_, S>, ids: &[u32]) -> Array2<S> {
    let mut y = Array2::zeros((ids.len(), table.ncols()));
    for (mut row, id) in y.rows_mut().into_iter().zip(ids) {
        row.assign(&table.row(*id as usize));
    }
    y
}

/// `d_E[v] = Σ d_y[t]` over the tokens with id `v`, `[V, D]` for a table of `rows` rows.
///
/// # Panics
/// If an id is not below `rows`.
#[must_use]
pub fn gather_backward<S: Scalar>(ids: &[u32], d_y: ArrayView2<'_, S>, rows: usize) -> Array2<S> {
    let mut d_table = Array2::zeros((rows, d_y.ncols()));
    for (d, id) in d_y.rows().into_iter().zip(ids) {
        let mut sum = d_table.row_mut(*id as usize);
        sum += &d;
    }
    d_table
}
