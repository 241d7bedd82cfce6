//! Cosines of pairs: two rows each, one behind the other.

use super::unit::UnitRows;
use adaptune_tensor::Scalar;
use ndarray::{Array2, ArrayView2};

/// The cosine of each pair of rows.
pub(super) struct Pairs<S> {
    rows: UnitRows<S>,
    pub(super) cosines: Vec<S>,
}

impl<S: Scalar> Pairs<S> {
    /// Those of rows `[2 N, D]`.
    ///
    /// # Panics
    /// If there are not two rows for each of `count` pairs.
    pub(super) fn of(x: ArrayView2<'_, S>, count: usize) -> Self {
        assert_eq!(x.nrows(), 2 * count, "two rows for each pair");
        let rows = UnitRows::of(x);
        let cosines = (0..count).map(|i| rows.unit.row(2 * i).dot(&rows.unit.row(2 * i + 1))).collect();
        Self { rows, cosines }
    }

    /// The gradient with respect to the rows, `[2 N, D]`, of that with respect to the cosines: each row of a pair gets the other
    /// one, times the pair's.
    pub(super) fn backward(&self, d_cosines: &[S]) -> Array2<S> {
        let mut d_unit = self.rows.unit.clone();
        for (i, d) in d_cosines.iter().enumerate() {
            for (to, from) in [(2 * i, 2 * i + 1), (2 * i + 1, 2 * i)] {
                d_unit.row_mut(to).assign(&self.rows.unit.row(from).mapv(|value| value * *d));
            }
        }
        self.rows.backward(d_unit)
    }
}
