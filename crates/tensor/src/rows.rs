//! Row-wise work in parallel: through this, operations on rows use threads.
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

/// Calls `work(row, values, what the row has in own)` for each row, in parallel where it is large enough.
pub(crate) fn for_each_row_with<S: Scalar, O: Send>(
    rows: &mut Array2<S>,
    own: &mut [O],
    work: impl Fn(usize, &mut [S], &mut O) + Sync,
) {
    assert_eq!(rows.nrows(), own.len(), "something for each row");
    let columns = rows.ncols();
    if columns == 0 {
        return;
    }
    let values = rows.as_slice_mut().expect("operations make arrays in standard layout");
    let work = |(row, (values, own)): (usize, (&mut [S], &mut O))| work(row, values, own);
    if values.len() < MIN_ELEMENTS {
        values.chunks_mut(columns).zip(own).enumerate().for_each(work);
    } else {
        let least = (MIN_ELEMENTS / 4).div_ceil(columns);
        values.par_chunks_mut(columns).zip(own).with_min_len(least).enumerate().for_each(work);
    }
}

/// The array in standard layout, copied only if it is not so already.
pub(crate) fn standard<S: Scalar>(x: Array2<S>) -> Array2<S> {
    if x.is_standard_layout() { x } else { x.as_standard_layout().into_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Loops;
    use crate::testing::random;

    /// Below and above the size that is worth threads.
    #[test]
    fn every_row_meets_its_own() {
        for (rows, columns) in [(1, 1), (7, 30), (29, 5), (1003, 70)] {
            let mut values = random::<f32>(1, (rows, columns));
            let before = values.clone();
            let mut own = vec![0.0; rows];
            for_each_row_with(&mut values, &mut own, |row, values, own| {
                *own = f32::sum_of_row(values);
                values.fill(row as f32);
            });
            let sums: Vec<f32> = before.rows().into_iter().map(|row| f32::sum_of_row(&row.to_vec())).collect();
            assert_eq!(own, sums, "{rows} {columns}");
            assert_eq!(values, Array2::from_shape_fn((rows, columns), |(row, _)| row as f32));
        }
    }
}
