//! The trait of supervisions.

use crate::data::ExampleBatch;
use crate::metrics::Metrics;
use adaptune_adapters::Objective;
use adaptune_tensor::Scalar;
use ndarray::{Array2, ArrayView2};

/// Makes the objective of a batch, and scores predictions.
pub trait Supervision<S: Scalar>: Send + Sync {
    /// Its name with all its settings: a checkpoint of a run with another name is refused.
    fn name(&self) -> String;

    /// Returns the objective of a batch. Only targets of the data set's task are in it.
    fn objective(&self, batch: &ExampleBatch<'_>) -> Box<dyn Objective<S>>;

    /// Returns the scores of a data set, the first of which chooses the best epoch: the whole set as one batch, its logits
    /// `[N, C]` or what is [condensed](Supervision::condensed) from them, its mean loss, and the labels of the head.
    ///
    /// # Panics
    /// If there are not as many predictions as targets.
    fn metrics(&self, all: &ExampleBatch<'_>, logits: ArrayView2<'_, S>, loss: f64, labels: &[String]) -> Metrics;

    /// False if the logits of a whole data set are too many to be kept. Loss is then summed, and logits are condensed, batch by
    /// batch, over the tokens that the objective reads.
    fn keeps_logits(&self) -> bool {
        true
    }

    /// Returns what scores need of a batch's logits, `[N, C]` to `[N, K]`, where logits are not kept.
    fn condensed(&self, logits: Array2<S>) -> Array2<S> {
        logits
    }
}
