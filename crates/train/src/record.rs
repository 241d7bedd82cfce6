//! What happens in a run, as observers see it and as it is kept.

use crate::json;
use crate::metrics::{Metrics, lower_is_better};
use serde::{Deserialize, Serialize};

/// One step of the optimiser.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Number of the step, from 1.
    pub step: usize,
    /// The epoch it belongs to, from 1.
    pub epoch: usize,
    /// Mean loss of its batch, before the update.
    #[serde(with = "json::plain")]
    pub loss: f64,
    /// Learning rate of the adapter in this step.
    #[serde(with = "json::plain")]
    pub learning_rate: f64,
    /// Norm of all gradients, before clipping.
    #[serde(with = "json::plain")]
    pub gradient_norm: f64,
    /// Tokens of its batch.
    pub tokens: usize,
}

/// One evaluation on the development data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvaluationRecord {
    /// Steps taken before it.
    pub step: usize,
    /// Epochs finished before it; 0 is before training.
    pub epoch: usize,
    /// Mean loss.
    #[serde(with = "json::plain")]
    pub loss: f64,
    /// The metrics of the task by name, the one that decides first; of several tasks their mean, and then those of each.
    #[serde(with = "json::pairs")]
    pub metrics: Vec<(String, f64)>,
    /// True if it is the best so far; the evaluation before training does not compete.
    pub best: bool,
}

impl EvaluationRecord {
    /// The metrics with their names, the one that decides first.
    pub fn scores(&self) -> impl Iterator<Item = (&str, f64)> {
        self.metrics.iter().map(|(name, value)| (name.as_str(), *value))
    }

    /// The metric that decides which epoch is best.
    #[must_use]
    pub fn primary(&self) -> f64 {
        self.metrics.first().map_or(f64::NAN, |(_, value)| *value)
    }

    /// The metric that decides, the larger the better: those of which [less is better](lower_is_better) are negated.
    #[must_use]
    pub fn merit(&self) -> f64 {
        let negated = self.metrics.first().is_some_and(|(name, _)| lower_is_better(name));
        if negated { -self.primary() } else { self.primary() }
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Record {
    /// A step was taken.
    Step(StepRecord),
    /// The development data was evaluated.
    Evaluation(EvaluationRecord),
}

/// The names and values of metrics.
pub(crate) fn values(metrics: &Metrics) -> Vec<(String, f64)> {
    metrics.iter().map(|(name, value)| (name.to_string(), value)).collect()
}

/// How long a run is, and how far it has come already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunExtent {
    /// Steps of the whole run.
    pub steps: usize,
    /// Steps of one epoch.
    pub steps_per_epoch: usize,
    /// Steps that were done before, in a run that goes on.
    pub done: usize,
}

/// Follows a run. Every method has a default that does nothing.
///
/// ```
/// use adaptune_train::{Observer, StepRecord};
/// struct Losses(Vec<f64>);
/// impl Observer for Losses {
///     fn step(&mut self, record: &StepRecord) {
///         self.0.push(record.loss);
///     }
/// }
/// ```
pub trait Observer {
    /// The run begins, or goes on after what is in `history`.
    fn start(&mut self, extent: RunExtent, history: &[Record]) {
        let _ = (extent, history);
    }
    /// A step was taken.
    fn step(&mut self, record: &StepRecord) {
        let _ = record;
    }
    /// The development data was evaluated.
    fn evaluation(&mut self, record: &EvaluationRecord) {
        let _ = record;
    }
    /// The run ends early, since `patience` epochs brought nothing better.
    fn early_stop(&mut self, epoch: usize, patience: usize) {
        let _ = (epoch, patience);
    }
}

impl Observer for () {}
