//! What is said at the end of a run of several tasks.

use super::super::super::report::{self, Cell, Report, duration, print_line, score, thousands};
use super::super::outcome::Outcome;
use adaptune_train::EvaluationRecord;
use anyhow::Result;
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;

/// What came of each task.
pub(super) struct Closing {
    pub(super) out: PathBuf,
    pub(super) outcomes: Vec<Outcome>,
    /// How many numbers all tasks share.
    pub(super) shared: usize,
    /// How many each has of what is plugged in.
    pub(super) own: usize,
    pub(super) elapsed: Duration,
}

impl Closing {
    /// A row for each task.
    pub(super) fn print(&self) -> Result<()> {
        let mut report = Report::with_header(&["task", "own parameters", "metric", "before", "after", "test"]);
        for outcome in &self.outcomes {
            let metric = outcome.metric().unwrap_or("metric").to_owned();
            let shown = |value: Option<f64>| Cell::number(value.map(|v| score(&metric, v)).unwrap_or_default());
            report.row(vec![
                outcome.name.as_str().into(),
                Cell::number(thousands(self.own(outcome) as u64)),
                metric.as_str().into(),
                shown(outcome.before().map(EvaluationRecord::primary)),
                shown(outcome.best().map(EvaluationRecord::primary)),
                shown(outcome.test().map(|(_, value)| value)),
            ]);
        }
        report.print()?;
        print_line(format_args!("{} parameters are shared by all tasks", thousands(self.shared as u64)))?;
        print_line(format_args!("saved in {}, each task in a folder of its name", self.out.display()))?;
        Ok(print_line(format_args!("time {}", duration(self.elapsed)))?)
    }

    /// What a task has for itself while it trains: its head, and what is plugged in and not shared.
    fn own(&self, outcome: &Outcome) -> usize {
        self.own + outcome.counts.head
    }

    pub(super) fn print_json(&self) -> Result<()> {
        let task = |outcome: &Outcome| {
            let mut task = outcome.json();
            if let Some(fields) = task.as_object_mut() {
                ["method", "seconds"].iter().for_each(|of_all| _ = fields.remove(*of_all));
            }
            (outcome.name.clone(), task)
        };
        let tasks: serde_json::Map<_, _> = self.outcomes.iter().map(task).collect();
        let (shared, seconds) = (self.shared, self.elapsed.as_secs_f64());
        Ok(report::print_json(&json!({ "out": self.out, "tasks": tasks, "shared": shared, "seconds": seconds }))?)
    }
}
