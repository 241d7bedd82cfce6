//! What can be expected, measured on parts of the training data in turn: `--folds`.

use super::super::missed::{may_miss, tell_missed};
use super::super::report::{Cell, Report, score};
use adaptune_adapters::{AdapterModel, HeadConfig};
use adaptune_tensor::ndarray::{Array2, Axis, concatenate};
use adaptune_train::{Dataset, EvaluationRecord, predict};
use anyhow::Result;
use serde_json::{Value, json};

/// What the models of all parts say of the examples that each was measured on.
#[derive(Default)]
pub(super) struct Judged {
    head: Option<HeadConfig>,
    rows: Vec<usize>,
    logits: Vec<Array2<f32>>,
}

impl Judged {
    /// Adds the logits of a model for a fold, which has these rows of the training data.
    pub(super) fn add(
        &mut self,
        model: &AdapterModel<f32>,
        part: &Dataset,
        rows: &[usize],
        batch_size: usize,
    ) -> Result<()> {
        let head = model.head().config();
        if may_miss(head) {
            self.logits.push(predict(model, part, batch_size)?);
            self.rows.extend_from_slice(rows);
            self.head = Some(head.clone());
        }
        Ok(())
    }

    /// Says which classes or labels no model predicted of any part.
    pub(super) fn tell_missed(&self, train: &Dataset) -> Result<()> {
        let Some(head) = &self.head else { return Ok(()) };
        let logits: Vec<_> = self.logits.iter().map(|logits| logits.view()).collect();
        tell_missed(head, &train.select(&self.rows)?, &concatenate(Axis(0), &logits)?)
    }
}

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
