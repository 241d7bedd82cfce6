//! What fusions and routers weigh their adapters by, written down while a model computes.

use crate::core::point::Point;
use adaptune_tensor::{Layout, Scalar};
use ndarray::{Array2, ArrayView2};
use std::sync::{Arc, Mutex, PoisonError};

/// What one fusion or router gave its adapters at one point in one pass.
#[derive(Clone, Debug)]
pub struct MixingWeights {
    /// The kind and name of what weighed: `fusion a,b`.
    pub mixing: String,
    /// Where it stands.
    pub point: Point,
    /// The names of the adapters, that of the uppermost one where a part is a stack.
    pub adapters: Vec<String>,
    /// How the tokens lie that it saw; in the last block these may be only those that the head reads.
    pub layout: Layout,
    /// The weight of each adapter for each token, `[T, N]`.
    pub weights: Array2<f64>,
}

/// Where a model that is [watched](crate::AdapterModel::watch_mixing) writes down what its fusions and routers weigh by.
#[derive(Clone, Debug, Default)]
pub struct MixingRecord(Arc<Mutex<Vec<MixingWeights>>>);

impl MixingRecord {
    /// Takes out what has been written down since the last time, in the order of the passes.
    #[must_use]
    pub fn take(&self) -> Vec<MixingWeights> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Writes down what one layer of a fusion or a router weighs by.
#[derive(Clone, Debug)]
pub(super) struct Watcher {
    record: MixingRecord,
    mixing: String,
    point: Point,
    adapters: Vec<String>,
}

impl Watcher {
    pub(super) fn new(record: &MixingRecord, mixing: &str, point: Point, adapters: &[String]) -> Self {
        Self { record: record.clone(), mixing: mixing.to_owned(), point, adapters: adapters.to_vec() }
    }

    /// Writes down the weights `[T, N]` of tokens that lie so.
    pub(super) fn write<S: Scalar>(&self, layout: &Layout, weights: ArrayView2<'_, S>) {
        let Self { record, mixing, point, adapters } = self.clone();
        let (layout, weights) = (layout.clone(), weights.mapv(Scalar::to_f64));
        let written = MixingWeights { mixing, point, adapters, layout, weights };
        record.0.lock().unwrap_or_else(PoisonError::into_inner).push(written);
    }
}
