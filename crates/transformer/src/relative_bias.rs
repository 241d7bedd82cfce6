//! The biases of attention by the distance of a key from its query: one table, from which each head has a number for each bucket.

use crate::base::{Base, BaseTable};
use crate::config::RelativeBuckets;
use crate::point::Part;
use adaptune_tensor::{Gradients, Scalar};
use ndarray::{ArcArray2, Array2, ArrayView2};

/// The table as a pass sees it, `T: [buckets, H]`.
pub(crate) struct RelativeBias<'a, S> {
    table: BaseTable<'a, S>,
    buckets: RelativeBuckets,
}

impl<S> Clone for RelativeBias<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for RelativeBias<'_, S> {}

impl<'a, S: Scalar> RelativeBias<'a, S> {
    /// That of a model, if it has one.
    pub(crate) fn of(base: Base<'a, S>) -> Option<Self> {
        let buckets = base.config().architecture.relative_bias?;
        Some(Self { table: base.table(Part::RelativeBias)?, buckets })
    }

    pub(crate) fn trains(self) -> bool {
        self.table.trains()
    }

    /// `b[h, R + d] = T[bucket(d), h]` for distances `d` from `−R` to `R`, beyond which the bias stays the same, `[H, 2R + 1]`.
    pub(crate) fn by_distance(self) -> ArcArray2<S> {
        let table = self.table.view();
        let value = |(head, column): (usize, usize)| table[[self.bucket(column), head]];
        Array2::from_shape_fn((table.ncols(), 2 * self.buckets.most + 1), value).into_shared()
    }

    /// Adds the gradient of the table, `d_T[bucket(d), h] += d_b[h, R + d]`, if it trains.
    pub(crate) fn backward(self, d: ArrayView2<'_, S>, gradients: &mut Gradients<S>) {
        let mut d_table = Array2::zeros(self.table.view().dim());
        for ((head, column), d) in d.indexed_iter() {
            d_table[[self.bucket(column), head]] += *d;
        }
        self.table.add_gradient(d_table, gradients);
    }

    fn bucket(self, column: usize) -> usize {
        self.buckets.bucket(column as isize - self.buckets.most as isize)
    }
}
