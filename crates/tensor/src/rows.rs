//! Row-wise work in parallel: through this, operations on rows use threads.
//!
//! Every row is computed by itself, so the number of threads cannot change a result.

use crate::Scalar;
use crate::kernel::GROUP;
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

/// Calls `work(first row, values of up to `[`GROUP`]` rows, what each has in `own`)` for each group of rows, in parallel where
/// it is large enough. `own` has something for each row, be it nothing.
pub(crate) fn for_each_group<S: Scalar, O: Send>(
    rows: &mut Array2<S>,
    own: &mut [O],
    work: impl Fn(usize, &mut [S], &mut [O]) + Sync,
) {
    assert_eq!(rows.nrows(), own.len(), "something for each row");
    let columns = rows.ncols();
    if columns == 0 {
        return;
    }
    let values = rows.as_slice_mut().expect("operations make arrays in standard layout");
    let work = |(group, (values, own)): (usize, (&mut [S], &mut [O]))| work(group * GROUP, values, own);
    if values.len() < MIN_ELEMENTS {
        values.chunks_mut(GROUP * columns).zip(own.chunks_mut(GROUP)).enumerate().for_each(work);
    } else {
        let least = (MIN_ELEMENTS / 4).div_ceil(GROUP * columns);
        let groups = values.par_chunks_mut(GROUP * columns).zip(own.par_chunks_mut(GROUP));
        groups.with_min_len(least).enumerate().for_each(work);
    }
}

/// The means of a group's rows, from their sums.
pub(crate) fn means<S: Scalar>(columns: usize, sums: [S; GROUP]) -> [S; GROUP] {
    let n = S::from_f64(columns as f64);
    sums.map(|sum| sum / n)
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

    /// Whole groups and others, below and above the size that is worth threads.
    #[test]
    fn groups_and_their_sums_are_those_of_rows() {
        for (rows, columns) in [(1, 1), (7, 30), (8, 33), (29, 5), (1003, 70)] {
            let mut values = random::<f32>(1, (rows, columns));
            let expected: Vec<f32> =
                values.rows().into_iter().map(|row| row.iter().fold(0.0, |sum, v| sum + v)).collect();
            let before = values.clone();
            let mut own = vec![0.0; rows];
            for_each_group(&mut values, &mut own, |first, group, own| {
                own.copy_from_slice(&f32::sums(group, columns)[..own.len()]);
                group.iter_mut().for_each(|v| *v += first as f32);
            });
            assert_eq!(own, expected, "{rows} {columns}");
            let firsts = Array2::from_shape_fn((rows, columns), |(r, _)| (r - r % GROUP) as f32);
            assert_eq!(values, before + firsts);
        }
    }
}
