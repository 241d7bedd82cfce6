//! Row-wise work in parallel: the one helper through which element-wise operations use threads.
//!
//! Every row is computed by itself, so the number of threads cannot change a result.

use crate::Scalar;
use ndarray::Array2;
use rayon::prelude::*;

/// Below this many elements a thread costs more than it saves.
const MIN_ELEMENTS: usize = 1 << 15;

/// Calls `work(row, values)` for each row of `rows`, in parallel where it is large enough.
pub(crate) fn for_each_row<S: Scalar>(rows: &mut Array2<S>, work: impl Fn(usize, &mut [S]) + Sync) {
    let columns = rows.ncols();
    if columns == 0 {
        return;
    }
    let values = rows.as_slice_mut().expect("operations make arrays in standard layout");
    if values.len() < MIN_ELEMENTS {
        values.chunks_mut(columns).enumerate().for_each(|(row, v)| work(row, v));
    } else {
        let least = (MIN_ELEMENTS / 4).div_ceil(columns);
        values.par_chunks_mut(columns).with_min_len(least).enumerate().for_each(|(row, v)| work(row, v));
    }
}

/// The array in standard layout, copied only if it is not so already.
pub(crate) fn standard<S: Scalar>(x: Array2<S>) -> Array2<S> {
    if x.is_standard_layout() { x } else { x.as_standard_layout().into_owned() }
}
