//! What can be expected, measured on parts of the training data in turn: `--folds`.

use super::super::report::{Cell, Report, note, percent};
use super::outcome::evaluations;
use super::{Setting, follow};
use adaptune_train::{Dataset, EvaluationRecord};
use anyhow::{Context, Result};
use serde_json::{Value, json};

/// The best epoch of each part.
pub(super) struct Folds {
    best: Vec<EvaluationRecord>,
}

impl Setting<'_> {
    /// Trains on all parts but one, and measures on that one, for each part.
    pub(super) fn cross_validated(&self) -> Result<Option<Folds>> {
        let folds = &self.data.folds;
        let mut best = Vec::with_capacity(folds.len());
        for (i, part) in folds.iter().enumerate() {
            if !self.args.json {
                note(format_args!("part {} of {}: {} examples to measure on", i + 1, folds.len(), part.len()));
            }
            let others: Vec<usize> = (0..self.data.train.len()).filter(|n| part.binary_search(n).is_err()).collect();
            best.push(self.fold(&self.data.train.select(&others)?, &self.data.train.select(part)?)?);
        }
        Ok((!best.is_empty()).then_some(Folds { best }))
    }

    fn fold(&self, train: &Dataset, dev: &Dataset) -> Result<EvaluationRecord> {
        let trained = follow(self.trainer_on(&self.choices.tuning, train, Some(dev))?, self.args.json)?;
        let best = evaluations(&trained.history).filter(|record| record.best).last();
        best.cloned().context("no epoch was measured")
    }
}

impl Folds {
    /// The epochs that were best, in the middle of all parts: so many are worth training on all data.
    pub(super) fn epochs(&self) -> usize {
        let mut epochs: Vec<usize> = self.best.iter().map(|record| record.epoch).collect();
        epochs.sort_unstable();
        epochs[epochs.len() / 2].max(1)
    }

    fn metric(&self) -> &str {
        self.best[0].metrics.first().map_or("metric", |(name, _)| name)
    }

    fn scores(&self) -> Vec<f64> {
        self.best.iter().map(EvaluationRecord::primary).collect()
    }

    pub(super) fn table(&self) -> Report {
        let mut report = Report::with_header(&["part", self.metric(), "epoch"]);
        for (i, record) in self.best.iter().enumerate() {
            let epoch = Cell::number(record.epoch.to_string());
            report.row(vec![(i + 1).to_string().as_str().into(), Cell::number(percent(record.primary())), epoch]);
        }
        let (mean, deviation) = mean_and_deviation(&self.scores());
        report.row(vec!["mean".into(), Cell::number(percent(mean)), Cell::number(String::new())]);
        report.row(vec!["deviation".into(), Cell::number(percent(deviation)), Cell::number(String::new())]);
        report
    }

    pub(super) fn json(&self) -> Value {
        let (mean, deviation) = mean_and_deviation(&self.scores());
        json!({
            "metric": self.metric(),
            "scores": self.scores(),
            "best_epochs": self.best.iter().map(|record| record.epoch).collect::<Vec<_>>(),
            "mean": mean,
            "deviation": deviation,
        })
    }
}

/// The mean, and the deviation of single values from it, with `N − 1`.
fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (count - 1.0)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(score: f64, epoch: usize) -> EvaluationRecord {
        let metrics = vec![("accuracy".to_owned(), score)];
        EvaluationRecord { step: 9, epoch, loss: 0.5, metrics, best: true }
    }

    #[test]
    fn parts_are_summed_up() {
        let folds = Folds { best: vec![record(0.5, 7), record(0.8, 2), record(0.8, 3)] };
        assert_eq!((folds.epochs(), folds.metric()), (3, "accuracy"));
        let (mean, deviation) = mean_and_deviation(&folds.scores());
        assert!((mean - 0.7).abs() < 1e-12 && (deviation - 0.03_f64.sqrt()).abs() < 1e-12);
    }
}
