//! Scores label by label, where any number of labels hold: `eval --per-class`.

use super::report::{Cell, Report, note, print_line, thousands};
use adaptune_adapters::HeadConfig;
use adaptune_tensor::ndarray::{Array2, Axis};
use adaptune_tensor::sigmoid;
use adaptune_train::metrics::LabelReport;
use adaptune_train::{Dataset, Target};
use anyhow::Result;
use serde_json::{Value, json};

/// How each label was predicted.
pub(crate) struct PerLabel<'a> {
    labels: &'a [String],
    report: LabelReport,
    threshold: f32,
}

impl<'a> PerLabel<'a> {
    /// Counts the predictions of a data set, from its logits, `[N, C]`.
    pub(crate) fn new(head: &'a HeadConfig, data: &Dataset, logits: &Array2<f32>, threshold: f32) -> Self {
        let truths = |target: &Target| if let Target::Labels(truths) = target { Some(truths.clone()) } else { None };
        let expected: Vec<Vec<bool>> = data.examples().iter().filter_map(|example| truths(&example.target)).collect();
        let rows = logits.axis_iter(Axis(0));
        let predicted: Vec<Vec<bool>> =
            rows.map(|row| row.iter().map(|logit| sigmoid(*logit) > threshold).collect()).collect();
        Self { labels: &head.labels, report: LabelReport::new(&expected, &predicted), threshold }
    }

    pub(crate) fn print(&self) -> Result<()> {
        let mut table = Report::with_header(&["label", "precision", "recall", "F1", "support", "predicted"]);
        for (label, name) in self.labels.iter().enumerate() {
            let mut row: Vec<Cell> = vec![name.as_str().into()];
            // A score that is undefined is no number.
            let shown = |score: Option<f64>| score.map_or("-".to_owned(), |score| format!("{score:.4}"));
            row.extend(self.scores(label).map(|score| Cell::number(shown(score))));
            row.extend(self.counts(label).map(|count| Cell::number(thousands(count as u64))));
            table.row(row);
        }
        print_line("")?;
        table.print()?;
        print_line(format_args!("\na label holds where its probability is above {}", self.threshold))?;
        self.warn();
        Ok(())
    }

    fn scores(&self, label: usize) -> [Option<f64>; 3] {
        [self.report.precision(label), self.report.recall(label), self.report.f1(label)]
    }

    fn counts(&self, label: usize) -> [usize; 2] {
        [self.report.support(label), self.report.predicted(label)]
    }

    /// Says which labels are there and were never predicted.
    fn warn(&self) {
        let missed = self.report.missed();
        if !missed.is_empty() {
            let shown: Vec<String> = missed.iter().take(12).map(|label| format!("`{}`", self.labels[*label])).collect();
            note(format_args!(
                "note: {} of {} labels were never predicted: {}; train longer, at a higher rate, or lower --threshold",
                missed.len(),
                self.labels.len(),
                shown.join(", ")
            ));
        }
    }

    pub(crate) fn json(&self) -> Value {
        let labels = self.labels.iter().enumerate().map(|(label, name)| {
            let ([precision, recall, f1], [support, predicted]) = (self.scores(label), self.counts(label));
            json!({
                "label": name,
                "precision": precision,
                "recall": recall,
                "f1": f1,
                "support": support,
                "predicted": predicted,
            })
        });
        json!({ "classes": labels.collect::<Vec<_>>(), "threshold": self.threshold })
    }
}
