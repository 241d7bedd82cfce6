//! What is said at the end.

use super::super::report::{
    self, Cell, Report, bytes, counted, duration, percent, print_line, score, thousands, time_of,
};
use super::folds::Folds;
use super::outcome::Outcome;
use adaptune_adapters::Counts;
use adaptune_train::{EvaluationRecord, json};
use anyhow::Result;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// What was trained, and what was trained beside it for comparison.
pub(super) struct Closing<'a> {
    pub(super) out: &'a Path,
    pub(super) trained: Outcome,
    /// What was measured on parts of the training data in turn, if it was.
    pub(super) folds: Option<Folds>,
    pub(super) baselines: Vec<Outcome>,
    pub(super) elapsed: Duration,
    /// True if the training went on from a checkpoint, so that the time is that of its last part.
    pub(super) resumed: bool,
    pub(super) peak_bytes: Option<u64>,
    /// The folder of the adapter that the training went on from, if it did.
    pub(super) from: Option<&'a Path>,
    /// A text to try the result with.
    pub(super) sample: Option<&'a str>,
    /// What shows a language model at work, if one was trained.
    pub(super) language: Option<String>,
}

impl Closing<'_> {
    pub(super) fn print(&self) -> Result<()> {
        if let Some(folds) = &self.folds {
            folds.table().print()?;
            print_line(format_args!(
                "trained on all of it for {}, the middle of these:\n",
                counted(folds.epochs(), "epoch")
            ))?;
        }
        self.table().print()?;
        if !self.baselines.is_empty() {
            print_line("")?;
            self.comparison().print()?;
        }
        if let Some(said) = self.trained.no_better(self.from).or_else(|| self.trained.overfitted()) {
            print_line(said)?;
        }
        print_line(format_args!("saved in {}", self.out.display()))?;
        if !self.baselines.is_empty() {
            self.print_explanation()?;
        }
        self.language.as_ref().map_or(Ok(()), |command| Ok(print_line(format_args!("Try it:\n    {command}"))?))
    }

    fn table(&self) -> Report {
        let Counts { base, adapter, head, thawed } = self.trained.counts;
        let mut report = Report::new();
        let mut row = |name: &str, value: String| _ = report.row(vec![name.into(), Cell::number(value)]);
        row("frozen parameters", thousands((base - thawed) as u64));
        row("trained parameters", thousands(self.trained.counts.trainable() as u64));
        for (name, count) in [("  adapter", adapter), ("  head", head), ("  thawed", thawed)] {
            if count > 0 {
                row(name, thousands(count as u64));
            }
        }
        row("  of all", percent(self.trained.share()));
        if let (Some(before), Some(best)) = (self.trained.before(), self.trained.best()) {
            let name = best.metrics.first().map_or("metric", |(name, _)| name);
            row(&format!("dev {name} before"), score(name, before.primary()));
            row(&format!("dev {name} after (epoch {})", best.epoch), score(name, best.primary()));
        }
        if let Some((name, value)) = self.trained.test() {
            row(&format!("test {name}"), score(name, value));
        }
        row(time_of(self.resumed), duration(self.elapsed));
        if let Some(peak) = self.peak_bytes {
            row("peak memory", bytes(peak));
        }
        report
    }

    /// Each way of training as a row.
    fn comparison(&self) -> Report {
        let metric = self.trained.best().and_then(|best| best.metrics.first()).map_or("metric", |(name, _)| name);
        let (dev, test) = (format!("dev {metric}"), format!("test {metric}"));
        let mut report = Report::with_header(&["trained", "parameters", "of all", &dev, &test, "time"]);
        let shown = |value: Option<f64>| Cell::number(value.map(|value| score(metric, value)).unwrap_or_default());
        for outcome in std::iter::once(&self.trained).chain(&self.baselines) {
            report.row(vec![
                outcome.name.as_str().into(),
                Cell::number(thousands(outcome.counts.trainable() as u64)),
                Cell::number(percent(outcome.share())),
                shown(outcome.best().map(EvaluationRecord::primary)),
                shown(outcome.test().map(|(_, value)| value)),
                Cell::number(duration(outcome.time)),
            ]);
        }
        report
    }

    fn print_explanation(&self) -> Result<()> {
        let Counts { adapter, head, .. } = self.trained.counts;
        let file = bytes(4 * (adapter + head) as u64);
        print_line(format_args!(
            "\nThe base stays as it is; what was trained is a file of {file} that can be plugged in and taken out."
        ))?;
        let Some(sample) = self.sample else { return Ok(()) };
        let out = self.out.display();
        Ok(print_line(format_args!("Try it:\n    echo '{sample}' | adaptune predict --adapter {out} --input -"))?)
    }

    pub(super) fn print_json(&self) -> Result<()> {
        let mut closing = self.trained.json();
        closing["out"] = json!(self.out);
        closing["resumed"] = self.resumed.into();
        closing["seconds"] = self.elapsed.as_secs_f64().into();
        closing["peak_bytes"] = self.peak_bytes.into();
        if let Some(folds) = &self.folds {
            closing["folds"] = folds.json();
        }
        if !self.baselines.is_empty() {
            closing["baselines"] = self.baselines.iter().map(Outcome::json).collect();
        }
        Ok(report::print_json(&closing)?)
    }
}

impl Outcome {
    pub(super) fn json(&self) -> Value {
        let Counts { base, adapter, head, thawed } = self.counts;
        let metrics = |evaluation: Option<&EvaluationRecord>| evaluation.map(|e| json::scores(e.scores()));
        let test = self.test.as_ref().map(|e| json::scores(e.metrics.iter()));
        json!({
            "method": self.name,
            "parameters": { "base": base, "adapter": adapter, "head": head, "thawed": thawed },
            "before": metrics(self.before()),
            "after": metrics(self.best()),
            "metric": self.metric(),
            "best_epoch": self.best().map(|e| e.epoch),
            "helped": self.before().zip(self.best()).map(|(before, best)| best.merit() > before.merit()),
            "test": test,
            "seconds": self.time.as_secs_f64(),
        })
    }
}
