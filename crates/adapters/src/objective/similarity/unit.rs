//! Rows divided by their lengths.

use adaptune_tensor::Scalar;
use ndarray::{Array2, ArrayView2};

/// Rows divided by their lengths, `u = x / ‖x‖`, so that the product of two is the cosine of their angle.
///
/// A row that is shorter than `1e-12` is divided by that, as PyTorch's `normalize` does, and has no direction.
///
/// ```
/// use adaptune_adapters::ndarray::array;
/// use adaptune_adapters::objective::UnitRows;
/// let rows = UnitRows::of(array![[3.0, 4.0], [0.0, 2.0]].view());
/// assert_eq!(rows.unit, array![[0.6, 0.8], [0.0, 1.0]]);
/// // What points along a row does not change its direction.
/// assert_eq!(rows.backward(array![[0.6, 0.8], [1.0, 0.0]]), array![[0.0, 0.0], [0.5, 0.0]]);
/// ```
#[derive(Clone, Debug)]
pub struct UnitRows<S> {
    /// The rows, `[N, D]`.
    pub unit: Array2<S>,
    /// What each was divided by, `[N]`.
    lengths: Vec<S>,
}

/// What a shorter row is divided by.
const SHORTEST: f64 = 1e-12;

impl<S: Scalar> UnitRows<S> {
    /// Divides rows `[N, D]` by their lengths.
    #[must_use]
    pub fn of(x: ArrayView2<'_, S>) -> Self {
        let length = |row: ndarray::ArrayView1<'_, S>| {
            let square: f64 = row.iter().map(|value| value.to_f64() * value.to_f64()).sum();
            S::from_f64(square.sqrt().max(SHORTEST))
        };
        let lengths: Vec<S> = x.rows().into_iter().map(length).collect();
        let mut unit = x.to_owned();
        for (mut row, length) in unit.rows_mut().into_iter().zip(&lengths) {
            row.mapv_inplace(|value| value / *length);
        }
        Self { unit, lengths }
    }

    /// The gradient with respect to the rows as they were, `[N, D]`: `d_x = (d_u − (d_u · u) u) / ‖x‖`.
    #[must_use]
    pub fn backward(&self, mut d_unit: Array2<S>) -> Array2<S> {
        let rows = d_unit.rows_mut().into_iter().zip(self.unit.rows()).zip(&self.lengths);
        for ((mut d, u), length) in rows {
            let along = d.dot(&u);
            d.zip_mut_with(&u, |d, u| *d = (*d - along * *u) / *length);
        }
        d_unit
    }
}
