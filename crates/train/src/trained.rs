//! What a run leaves.

use crate::record::Record;
use adaptune_adapters::AdapterModel;

/// A run of a model of one task that has ended.
pub type Trained<S> = TrainedModel<AdapterModel<S>>;

/// A run that has ended.
#[derive(Debug)]
pub struct TrainedModel<M> {
    /// The model: of the best epoch if there was development data, else of the last one.
    pub model: M,
    /// Everything that has happened.
    pub history: Vec<Record>,
}
