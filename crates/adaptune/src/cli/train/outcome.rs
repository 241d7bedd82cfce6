//! What came of a training.

use super::super::plot;
use super::super::report::{note, score};
use adaptune_adapters::Counts;
use adaptune_train::{Evaluation, EvaluationRecord, Record};
use std::path::Path;
use std::time::Duration;

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

    /// What is to be said if no epoch was better on the development data than the start was.
    pub(super) fn no_better(&self) -> Option<String> {
        let (before, best) = self.before().zip(self.best())?;
        let [start, found] = [before, best].map(EvaluationRecord::primary);
        let name = self.metric().unwrap_or_default();
        (found <= start).then(|| {
            format!(
                "training did not help: before {}, best {} (epoch {}). Nothing better than the start was found; that of this epoch is \
                 saved. Try more steps (--epochs), a higher rate (--lr) or another --method.",
                score(name, start),
                score(name, found),
                best.epoch
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

    /// Name and value of the first metric on the test data.
    pub(super) fn test(&self) -> Option<(&str, f64)> {
        self.test.as_ref().map(|test| test.metrics.primary())
    }
}

/// The evaluations among the records of a run.
pub(in crate::cli) fn evaluations(history: &[Record]) -> impl Iterator<Item = &EvaluationRecord> {
    history.iter().filter_map(|r| if let Record::Evaluation(e) = r { Some(e) } else { None })
}

/// Draws the loss curve. It is an extra: without it the run is as good, so a failure is only told.
pub(in crate::cli) fn draw(history: &[Record], path: &Path) {
    let losses: Vec<_> =
        history.iter().filter_map(|r| if let Record::Step(s) = r { Some((s.step, s.loss)) } else { None }).collect();
    let dev: Vec<_> = evaluations(history).map(|e| (e.step, e.primary())).collect();
    let metric = evaluations(history).find_map(|e| Some(e.metrics.first()?.0.as_str()));
    if let Err(error) = plot::loss_curve(path, &losses, &dev, metric.unwrap_or("metric")) {
        note(format_args!("note: cannot draw {}: {error}; the numbers are in metrics.jsonl", path.display()));
    }
}
