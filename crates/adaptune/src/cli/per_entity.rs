//! Scores of each kind of entity, where tags mark spans: `eval --per-class`.

use super::score_table::{ScoreTable, Scored};
use adaptune_adapters::HeadConfig;
use adaptune_tensor::ndarray::Array2;
use adaptune_train::metrics::{SpanReport, labels_mark_spans};
use adaptune_train::{Dataset, Target, argmax};
use anyhow::Result;
use serde_json::Value;

/// How spans of each kind were found: with the right kind, start and end.
pub(crate) struct PerEntity {
    table: ScoreTable,
}

impl PerEntity {
    /// Counts the spans of a data set from its logits, `[T, C]`; nothing if the head's tags mark none.
    pub(crate) fn new(head: &HeadConfig, data: &Dataset, logits: &Array2<f32>) -> Option<Self> {
        if !head.task.reads_every_token() || !labels_mark_spans(&head.labels) {
            return None;
        }
        let (mut expected, mut predicted, mut first) = (Vec::new(), Vec::new(), 0);
        for example in data.examples() {
            let Target::Tags(tags) = &example.target else { continue };
            let counted: Vec<(usize, usize)> = tags.iter().enumerate().filter_map(|(i, t)| Some((i, (*t)?))).collect();
            let name = |class: usize| head.labels[class].as_str();
            expected.push(counted.iter().map(|(_, tag)| name(*tag)).collect());
            predicted.push(counted.iter().map(|(i, _)| name(argmax(logits.row(first + i)))).collect());
            first += tags.len();
        }
        Some(Self { table: table(&SpanReport::new(&expected, &predicted)) })
    }

    pub(crate) fn print(&self) -> Result<()> {
        self.table.print()?;
        self.table.tell_absent();
        Ok(())
    }

    pub(crate) fn json(&self) -> Value {
        self.table.json()
    }
}

fn table(report: &SpanReport) -> ScoreTable {
    let rows = report.kinds().map(|(kind, counts)| Scored {
        name: kind.to_owned(),
        scores: [counts.precision(), counts.recall(), counts.f1()].map(Some),
        support: counts.expected,
        predicted: counts.predicted,
    });
    ScoreTable::new("entity", rows)
}
