//! What came of a training.

use super::super::report::score;
use adaptune_adapters::Counts;
use adaptune_train::{Evaluation, EvaluationRecord, Record};
use std::path::Path;
use std::time::Duration;

/// A loss that is so many times another one is far from it.
const FAR: f64 = 1.5;

/// What came of training something.
pub(super) struct Outcome {
    pub(super) name: String,
    pub(super) counts: Counts,
    pub(super) history: Vec<Record>,
    pub(super) test: Option<Evaluation>,
    pub(super) time: Duration,
}

impl Outcome {
    /// The development data before the first step.
    pub(super) fn before(&self) -> Option<&EvaluationRecord> {
        evaluations(&self.history).find(|e| e.epoch == 0)
    }

    /// The development data after the epoch that is kept.
    pub(super) fn best(&self) -> Option<&EvaluationRecord> {
        evaluations(&self.history).filter(|e| e.best).last()
    }

    /// What is to be said if no epoch was better on the development data than the start was, of an adapter in a folder perhaps.
    pub(super) fn no_better(&self, from: Option<&Path>) -> Option<String> {
        let (before, best) = self.before().zip(self.best())?;
        let [start, found] = [before, best].map(EvaluationRecord::primary);
        let is_better = best.merit() > before.merit();
        let name = self.metric().unwrap_or_default();
        let advice = match from {
            Some(from) => {
                format!("What is in {} is at least as good; try a lower rate (--lr) or other data.", from.display())
            }
            None if best.loss > before.loss => {
                format!("The loss rose from {:.2} to {:.2}: try a lower rate (--lr).", before.loss, best.loss)
            }
            None => "Try more steps (--epochs), another rate (--lr; 1e-3 is usual) or another --method.".to_owned(),
        };
        (!is_better).then(|| {
            format!(
                "training did not help: before {}, best {} (epoch {}). Nothing better than the start was found; that of this epoch is \
                 saved. {advice}",
                score(name, start),
                score(name, found),
                best.epoch
            )
        })
    }

    /// What is to be said if the loss on the development data was far less than it is after the epoch that is kept.
    pub(super) fn overfitted(&self) -> Option<String> {
        let best = self.best()?;
        let least = evaluations(&self.history).min_by(|a, b| a.loss.total_cmp(&b.loss))?;
        let when = if least.epoch == 0 { "before training".to_owned() } else { format!("after epoch {}", least.epoch) };
        (best.loss > FAR * least.loss).then(|| {
            format!(
                "dev loss was {:.2} {when} and is {:.2} after epoch {}, which is kept for its {}: the model learns the training data by heart. \
                 --metric loss keeps the epoch with the least loss; fewer --epochs or a lower --lr may do too.",
                least.loss,
                best.loss,
                best.epoch,
                best.metrics.first().map_or("metric", |(name, _)| name)
            )
        })
    }

    /// The share of what a prediction computes with that was trained.
    pub(super) fn share(&self) -> f64 {
        self.counts.trainable() as f64 / self.counts.total() as f64
    }

    /// The name of the metric that decides, or of the first one on the test data.
    pub(super) fn metric(&self) -> Option<&str> {
        let dev = self.best().and_then(|best| best.metrics.first()).map(|(name, _)| name.as_str());
        dev.or_else(|| self.test().map(|(name, _)| name))
    }

    /// Name and value, on the test data, of the metric that decides, if they have it, or of the first one.
    pub(super) fn test(&self) -> Option<(&str, f64)> {
        let test = &self.test.as_ref()?.metrics;
        let decides = self.best().and_then(|best| Some(best.metrics.first()?.0.as_str()));
        let same = decides.and_then(|name| test.iter().find(|(known, _)| *known == name));
        Some(same.unwrap_or_else(|| test.primary()))
    }
}

/// The evaluations among the records of a run.
pub(in crate::cli) fn evaluations(history: &[Record]) -> impl Iterator<Item = &EvaluationRecord> {
    history.iter().filter_map(|r| if let Record::Evaluation(e) = r { Some(e) } else { None })
}
