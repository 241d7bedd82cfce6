//! What can be expected, measured on parts of the training data in turn: `--folds`.

use super::super::report::{Cell, Report, score};
use adaptune_train::EvaluationRecord;
use serde_json::{Value, json};

/// The best epoch of each part.
pub(super) struct Folds {
    best: Vec<EvaluationRecord>,
}

impl Folds {
    /// Those of these best epochs; nothing if there are no parts.
    pub(super) fn of(best: Vec<EvaluationRecord>) -> Option<Self> {
        (!best.is_empty()).then_some(Self { best })
    }

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

    /// Mean and deviation with what they are of, for the model card.
    pub(super) fn scores_by_name(&self) -> [(String, f64); 2] {
        let (mean, deviation) = mean_and_deviation(&self.scores());
        let of = |what: &str| format!("{} on {} parts left out in turn, {what}", self.metric(), self.best.len());
        [(of("mean"), mean), (of("deviation"), deviation)]
    }

    pub(super) fn table(&self) -> Report {
        let mut report = Report::with_header(&["part", self.metric(), "epoch"]);
        for (i, record) in self.best.iter().enumerate() {
            let epoch = Cell::number(record.epoch.to_string());
            report.row(vec![
                (i + 1).to_string().as_str().into(),
                Cell::number(score(self.metric(), record.primary())),
                epoch,
            ]);
        }
        let (mean, deviation) = mean_and_deviation(&self.scores());
        report.row(vec!["mean".into(), Cell::number(score(self.metric(), mean)), Cell::number(String::new())]);
        report.row(vec![
            "deviation".into(),
            Cell::number(score(self.metric(), deviation)),
            Cell::number(String::new()),
        ]);
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
