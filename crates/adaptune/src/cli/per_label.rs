//! Scores label by label, where any number of labels hold: `eval --per-class`.

use super::report::{note, print_line};
use super::score_table::{ScoreTable, Scored, listed};
use adaptune_tensor::ndarray::{Array2, Axis};
use adaptune_tensor::sigmoid;
use adaptune_train::metrics::LabelReport;
use adaptune_train::{Dataset, Target};
use anyhow::Result;
use serde_json::{Value, json};

/// How each label was predicted.
pub(crate) struct PerLabel {
    table: ScoreTable,
    /// Above which probability each label holds.
    thresholds: Vec<f32>,
}

impl PerLabel {
    /// Counts the predictions of a data set, from its logits, `[N, C]`, where a label holds above its threshold.
    pub(crate) fn new(labels: &[String], thresholds: Vec<f32>, data: &Dataset, logits: &Array2<f32>) -> Self {
        let truths = |target: &Target| if let Target::Labels(truths) = target { Some(truths.clone()) } else { None };
        let expected: Vec<Vec<bool>> = data.examples().iter().filter_map(|example| truths(&example.target)).collect();
        let holds = |(logit, threshold): (&f32, &f32)| sigmoid(*logit) > *threshold;
        let predicted: Vec<Vec<bool>> =
            logits.axis_iter(Axis(0)).map(|row| row.iter().zip(&thresholds).map(holds).collect()).collect();
        Self { table: table(&LabelReport::new(&expected, &predicted), labels), thresholds }
    }

    pub(crate) fn print(&self) -> Result<()> {
        self.table.print()?;
        let named: Vec<String> = self.thresholds.iter().map(f32::to_string).collect();
        let shown = if named.windows(2).all(|pair| pair[0] == pair[1]) { &named[..1.min(named.len())] } else { &named };
        print_line(format_args!("\na label holds where its probability is above {}", shown.join(", ")))?;
        self.table.tell_absent();
        self.warn();
        Ok(())
    }

    /// Says which labels are there and were never predicted.
    pub(crate) fn warn(&self) {
        let missed = self.table.missed();
        if !missed.is_empty() {
            note(format_args!(
                "note: never predicted, {} of {} labels: {}; train longer, at another rate, or lower --threshold",
                missed.len(),
                self.table.len(),
                listed(missed.iter().copied())
            ));
        }
    }

    pub(crate) fn json(&self) -> Value {
        json!({ "classes": self.table.json(), "mean": self.table.mean_json(), "threshold": self.thresholds })
    }
}

fn table(report: &LabelReport, labels: &[String]) -> ScoreTable {
    let row = |(label, name): (usize, &String)| Scored {
        name: name.clone(),
        scores: [report.precision(label), report.recall(label), report.f1(label)],
        support: report.support(label),
        predicted: report.predicted(label),
    };
    ScoreTable::new("label", labels.iter().enumerate().map(row))
}
