//! An embedding table as a pass sees it.

use adaptune_tensor::{Gradients, Parameter, Scalar, gather, gather_backward};
use ndarray::{Array2, ArrayView2, Ix2};

/// An embedding table of the base, which may be thawed.
#[derive(Debug)]
pub struct BaseTable<'a, S> {
    pub(crate) frozen: &'a Array2<S>,
    pub(crate) thawed: Option<&'a Parameter<S, Ix2>>,
}

impl<S> Clone for BaseTable<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for BaseTable<'_, S> {}

impl<'a, S: Scalar> BaseTable<'a, S> {
    /// The table, `[V, D]`.
    #[must_use]
    pub fn view(self) -> ArrayView2<'a, S> {
        self.thawed.map_or_else(|| self.frozen.view(), Parameter::view)
    }

    /// True if it trains.
    #[must_use]
    pub fn trains(self) -> bool {
        self.thawed.is_some_and(Parameter::trains)
    }

    /// `y[t] = E[ids[t]]`, `[T, D]`.
    pub(crate) fn gather(self, ids: &[u32]) -> Array2<S> {
        gather(self.view(), ids)
    }

    /// Adds the gradient of the table through [`BaseTable::gather`], if it trains.
    pub(crate) fn gather_backward(self, ids: &[u32], d_y: ArrayView2<'_, S>, gradients: &mut Gradients<S>) {
        if let Some(table) = self.thawed.filter(|table| table.trains()) {
            gradients.add(table, gather_backward(ids, d_y, table.view().nrows()));
        }
    }

    /// Adds `d_E`, `[V, D]`, which was computed elsewhere, if the table trains.
    pub fn add_gradient(self, d_table: Array2<S>, gradients: &mut Gradients<S>) {
        if let Some(table) = self.thawed {
            gradients.add(table, d_table);
        }
    }
}
