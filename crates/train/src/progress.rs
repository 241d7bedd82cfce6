//! Where the records of a run say that it stands. A checkpoint that says something else is damaged.

use crate::checkpoint::Position;
use crate::criterion::{Criterion, standing};
use crate::record::{EvaluationRecord, Record, StepRecord};

/// What decides which record follows which.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    pub(crate) criterion: Criterion,
    pub(crate) epochs: usize,
    pub(crate) steps_per_epoch: usize,
    /// There is development data.
    pub(crate) evaluates: bool,
    pub(crate) patience: Option<usize>,
}

/// What has happened, as far as the rest of the run depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Progress {
    step: usize,
    evaluations: usize,
    stale: usize,
    stopped: bool,
    /// Score and loss of the best epoch.
    best: Option<(f64, f64)>,
}

impl Progress {
    /// Follows the records from the first on.
    ///
    /// # Errors
    /// If a record cannot come where it stands: in words.
    pub(crate) fn of(records: &[Record], course: &Course) -> Result<Self, String> {
        records.iter().try_fold(Self::default(), |progress, record| progress.then(record, course))
    }

    fn then(self, record: &Record, course: &Course) -> Result<Self, String> {
        match record {
            Record::Evaluation(record) if self.evaluation_is_due(course) => self.then_evaluation(record, course),
            Record::Step(record) if !self.evaluation_is_due(course) && !self.is_at_its_end(course) => {
                self.then_step(record, course)
            }
            Record::Evaluation(EvaluationRecord { step, epoch, .. }) => {
                Err(format!("its records have an evaluation in epoch {epoch}, behind step {step}, that is not due"))
            }
            Record::Step(StepRecord { step, epoch, .. }) => {
                Err(format!("its records have a step {step} in epoch {epoch} that is not due"))
            }
        }
    }

    /// Evaluation `n` stands behind epoch `n`; the first one before all.
    fn evaluation_is_due(self, course: &Course) -> bool {
        course.evaluates && self.evaluations * course.steps_per_epoch == self.step
    }

    fn is_at_its_end(self, course: &Course) -> bool {
        self.stopped || self.step >= course.epochs * course.steps_per_epoch
    }

    fn then_step(self, record: &StepRecord, course: &Course) -> Result<Self, String> {
        let (step, epoch) = (self.step + 1, self.step / course.steps_per_epoch + 1);
        if (record.step, record.epoch) != (step, epoch) {
            let found = (record.step, record.epoch);
            return Err(format!(
                "its records have step {} of epoch {} in the place of step {step} of epoch {epoch}",
                found.0, found.1
            ));
        }
        Ok(Self { step, ..self })
    }

    fn then_evaluation(self, record: &EvaluationRecord, course: &Course) -> Result<Self, String> {
        let (step, epoch, standing) = (self.step, self.evaluations, standing(record));
        let is_best = epoch > 0 && self.best.is_none_or(|best| course.criterion.is_better(standing, best));
        if (record.step, record.epoch, record.best) != (step, epoch, is_best) {
            return Err(format!(
                "its records do not say of the evaluation behind epoch {epoch} what the ones before imply"
            ));
        }
        let best = if is_best { Some(standing) } else { self.best };
        let stale = if is_best || epoch == 0 { 0 } else { self.stale + 1 };
        let stopped = stale > 0 && epoch < course.epochs && course.patience.is_some_and(|patience| stale >= patience);
        Ok(Self { evaluations: epoch + 1, best, stale, stopped, ..self })
    }

    /// True if some epoch was the best so far, so that its parameters are kept.
    pub(crate) fn has_best(self) -> bool {
        self.best.is_some()
    }

    /// Checks that a position is where the records end.
    ///
    /// # Errors
    /// If it is elsewhere: in words.
    pub(crate) fn check(self, position: &Position, course: &Course) -> Result<(), String> {
        let Position { epoch, batch, step, stale, stopped, past: _ } = *position;
        let (epochs, batches) = (self.step / course.steps_per_epoch, self.step % course.steps_per_epoch);
        let pairs = [
            ("steps", step, self.step),
            ("finished epochs", epoch, epochs),
            ("batches of the epoch under way", batch, batches),
            ("epochs since the best one", stale, self.stale),
        ];
        if let Some((what, found, expected)) = pairs.into_iter().find(|(_, found, expected)| found != expected) {
            return Err(format!("it counts {found} {what}, but its records {expected}"));
        }
        if stopped != self.stopped {
            let [found, expected] = [stopped, self.stopped].map(|stopped| if stopped { "has" } else { "has not" });
            return Err(format!("it says that patience {found} run out, but by its records it {expected}"));
        }
        // A checkpoint is never written between the last step of an epoch and its evaluation.
        match self.evaluation_is_due(course) {
            true => Err(format!("its records end before the evaluation behind epoch {epochs}")),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(step: usize, epoch: usize) -> Record {
        let (loss, learning_rate, gradient_norm) = (0.5, 1e-3, 2.0);
        Record::Step(StepRecord { step, epoch, loss, learning_rate, gradient_norm, tokens: 9 })
    }

    fn evaluation(step: usize, epoch: usize, score: f64, best: bool) -> Record {
        let metrics = vec![("accuracy".to_owned(), score)];
        Record::Evaluation(EvaluationRecord { step, epoch, loss: 0.5, metrics, best })
    }

    fn course() -> Course {
        Course { criterion: Criterion::default(), epochs: 3, steps_per_epoch: 2, evaluates: true, patience: Some(1) }
    }

    fn records() -> Vec<Record> {
        let first = [evaluation(0, 0, 0.9, false), step(1, 1), step(2, 1), evaluation(2, 1, 0.5, true)];
        let second = [step(3, 2), step(4, 2), evaluation(4, 2, 0.5, false)];
        [&first[..], &second].concat()
    }

    fn position(epoch: usize, batch: usize, step: usize) -> Position {
        Position { epoch, batch, step, ..Position::default() }
    }

    #[test]
    fn the_records_of_a_run_end_where_it_stands() {
        let at = |n: usize| Progress::of(&records()[..n], &course()).expect("they follow each other");
        assert_eq!(at(2).check(&position(0, 1, 1), &course()), Ok(()));
        assert_eq!(at(4).check(&position(1, 0, 2), &course()), Ok(()));
        assert_eq!(at(5).check(&position(1, 1, 3), &course()), Ok(()));
        let ended = Position { stale: 1, stopped: true, ..position(2, 0, 4) };
        assert_eq!(at(7).check(&ended, &course()), Ok(()));
        assert!(!at(3).has_best() && at(4).has_best());
        assert!(
            at(3).check(&position(1, 0, 2), &course()).expect_err("not evaluated").contains("before the evaluation")
        );
        assert!(
            at(5)
                .check(&position(1, 1, 5), &course())
                .expect_err("too far")
                .contains("counts 5 steps, but its records 3")
        );
    }

    #[test]
    fn records_that_cannot_follow_each_other_are_refused() {
        let patient = Course { patience: None, ..course() };
        assert!(Progress::of(&[records(), vec![step(5, 3)]].concat(), &patient).is_ok());
        for (records, words) in [
            ([records(), vec![step(5, 3)]].concat(), "step 5 in epoch 3 that is not due"),
            (records()[1..].to_vec(), "step 1 in epoch 1 that is not due"),
            ([records()[..2].to_vec(), vec![step(3, 1)]].concat(), "step 3 of epoch 1 in the place of step 2"),
            ([records()[..2].to_vec(), vec![evaluation(1, 1, 0.5, true)]].concat(), "an evaluation in epoch 1"),
            ([records()[..3].to_vec(), vec![evaluation(2, 1, 0.5, false)]].concat(), "behind epoch 1"),
        ] {
            assert!(Progress::of(&records, &course()).expect_err(words).contains(words), "{words}");
        }
    }
}
