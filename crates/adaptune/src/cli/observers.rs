//! Who follows a training run: the progress bar.

use super::progress::{Extent, Progress};
use super::report::counted;
use super::wrap::{Stream, columns};
use adaptune_train::{EvaluationRecord, Observer, Record, RunExtent, StepRecord};

/// The progress bar, and a line for each evaluation.
pub(crate) struct Bar {
    quiet: bool,
    progress: Option<Progress>,
    /// How good the model was before training, the larger the better.
    before: Option<f64>,
}

impl Bar {
    pub(crate) fn new(quiet: bool) -> Self {
        Self { quiet, progress: None, before: None }
    }

    pub(crate) fn finish(self) {
        if let Some(progress) = self.progress {
            progress.finish();
        }
    }
}

/// A bar, and whoever else follows the run.
pub(crate) struct Both<'a, 'b>(pub(crate) &'a mut dyn Observer, pub(crate) &'b mut dyn Observer);

impl Observer for Both<'_, '_> {
    fn start(&mut self, extent: RunExtent, history: &[Record]) {
        self.0.start(extent, history);
        self.1.start(extent, history);
    }
    fn step(&mut self, record: &StepRecord) {
        self.0.step(record);
        self.1.step(record);
    }
    fn evaluation(&mut self, record: &EvaluationRecord) {
        self.0.evaluation(record);
        self.1.evaluation(record);
    }
    fn early_stop(&mut self, epoch: usize, patience: usize) {
        self.0.early_stop(epoch, patience);
        self.1.early_stop(epoch, patience);
    }
}

/// The loss and as many scores as there is room for, at least the one that decides which epoch is best. All are in `metrics.jsonl`.
fn scores(record: &EvaluationRecord, room: usize) -> String {
    let mut line = format!("dev loss {:.4}", record.loss);
    for (i, (name, value)) in record.scores().enumerate() {
        let value = if value.is_nan() { "undefined".to_owned() } else { format!("{value:.4}") };
        let longer = format!("{line}, {name} {value}");
        if i > 0 && longer.len() > room {
            break;
        }
        line = longer;
    }
    line
}

impl Observer for Bar {
    fn start(&mut self, extent: RunExtent, history: &[Record]) {
        let before = |record: &Record| match record {
            Record::Evaluation(evaluation) if evaluation.epoch == 0 => Some(evaluation.merit()),
            _ => None,
        };
        self.before = history.iter().find_map(before);
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
        if record.epoch == 0 {
            self.before = Some(record.merit());
        }
        let best = match (record.best, self.before) {
            (true, Some(before)) if record.epoch > 0 && record.merit() < before => {
                "  (best epoch so far, worse than before training)"
            }
            (true, _) => "  (best epoch)",
            (false, _) => "",
        };
        let room = columns(Stream::Error).saturating_sub(best.len());
        progress.message(&format!("{when}: {}{best}", scores(record, room.saturating_sub(when.len() + 2))));
    }
    fn early_stop(&mut self, epoch: usize, patience: usize) {
        if let Some(progress) = &mut self.progress {
            progress
                .message(&format!("stopped after epoch {epoch}: nothing better for {}", counted(patience, "epoch")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_score_that_decides_is_always_told() {
        let record = |score| EvaluationRecord {
            step: 12,
            epoch: 1,
            loss: 0.342,
            metrics: vec![("span_f1".to_owned(), score), ("accuracy".to_owned(), 0.93)],
            best: true,
        };
        assert_eq!(scores(&record(0.0), 80), "dev loss 0.3420, span_f1 0.0000, accuracy 0.9300");
        assert_eq!(scores(&record(0.0), 30), "dev loss 0.3420, span_f1 0.0000");
        assert_eq!(scores(&record(f64::NAN), 0), "dev loss 0.3420, span_f1 undefined");
    }
}
