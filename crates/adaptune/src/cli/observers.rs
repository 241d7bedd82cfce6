//! Who follows a training run: the progress bar, and the file of its records.

use super::progress::{Extent, Progress};
use adaptune_train::{EvaluationRecord, Observer, Record, RunExtent, StepRecord};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Writes `metrics.jsonl`, one record a line. A run that goes on begins it anew with what had
/// happened up to its checkpoint, so the file does not show that there was an interruption.
pub(crate) struct MetricsFile {
    path: PathBuf,
    file: Option<BufWriter<File>>,
    error: Option<io::Error>,
}

impl MetricsFile {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), file: None, error: None }
    }

    /// Ends the file; tells of anything that could not be written.
    pub(crate) fn finish(self) -> io::Result<()> {
        match (self.error, self.file) {
            (Some(error), _) => Err(error),
            (None, Some(mut file)) => file.flush(),
            (None, None) => Ok(()),
        }
    }

    fn begin(&mut self, history: &[Record]) -> io::Result<()> {
        self.file = Some(BufWriter::new(File::create(&self.path)?));
        history.iter().try_for_each(|record| self.write(record))
    }

    fn write(&mut self, record: &Record) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        serde_json::to_writer(&mut *file, record)?;
        writeln!(file)?;
        match record {
            Record::Evaluation(_) => file.flush(),
            Record::Step(_) => Ok(()),
        }
    }

    /// The first error is kept for the end: a run does not stop for it.
    fn remember(&mut self, result: io::Result<()>) {
        if let (Err(error), None) = (result, &self.error) {
            self.error = Some(error);
        }
    }
}

impl Observer for MetricsFile {
    fn start(&mut self, _: RunExtent, history: &[Record]) {
        let result = self.begin(history);
        self.remember(result);
    }
    fn step(&mut self, record: &StepRecord) {
        let result = self.write(&Record::Step(record.clone()));
        self.remember(result);
    }
    fn evaluation(&mut self, record: &EvaluationRecord) {
        let result = self.write(&Record::Evaluation(record.clone()));
        self.remember(result);
    }
}

/// The progress bar, and a line for each evaluation.
pub(crate) struct Bar {
    quiet: bool,
    progress: Option<Progress>,
}

impl Bar {
    pub(crate) fn new(quiet: bool) -> Self {
        Self { quiet, progress: None }
    }

    pub(crate) fn finish(self) {
        if let Some(progress) = self.progress {
            progress.finish();
        }
    }
}

impl Observer for Bar {
    fn start(&mut self, extent: RunExtent, _: &[Record]) {
        let RunExtent { steps, steps_per_epoch, done } = extent;
        let extent = Extent { total_steps: steps, start_step: done, steps_per_epoch };
        self.progress = Some(Progress::start(extent, self.quiet));
    }
    fn step(&mut self, record: &StepRecord) {
        if let Some(progress) = &mut self.progress {
            progress.step(record.loss, record.tokens);
        }
    }
    fn evaluation(&mut self, record: &EvaluationRecord) {
        let Some(progress) = &mut self.progress else { return };
        let when = if record.epoch == 0 { "before training".to_owned() } else { format!("epoch {}", record.epoch) };
        let metrics: Vec<String> = record.metrics.iter().map(|(name, value)| format!("{name} {value:.4}")).collect();
        let best = if record.best { "  (best so far)" } else { "" };
        progress.message(&format!("{when}: dev loss {:.4}, {}{best}", record.loss, metrics.join(", ")));
    }
    fn early_stop(&mut self, epoch: usize, patience: usize) {
        if let Some(progress) = &mut self.progress {
            progress.message(&format!("stopped after epoch {epoch}: nothing better for {patience} epochs"));
        }
    }
}

/// Several observers as one.
pub(crate) struct All<'a>(pub(crate) Vec<&'a mut dyn Observer>);

impl Observer for All<'_> {
    fn start(&mut self, extent: RunExtent, history: &[Record]) {
        self.0.iter_mut().for_each(|o| o.start(extent, history));
    }
    fn step(&mut self, record: &StepRecord) {
        self.0.iter_mut().for_each(|o| o.step(record));
    }
    fn evaluation(&mut self, record: &EvaluationRecord) {
        self.0.iter_mut().for_each(|o| o.evaluation(record));
    }
    fn early_stop(&mut self, epoch: usize, patience: usize) {
        self.0.iter_mut().for_each(|o| o.early_stop(epoch, patience));
    }
}
