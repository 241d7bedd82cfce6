//! Why a run failed.

use crate::data_error::DataError;
use crate::record::StepRecord;
use adaptune_adapters::{CompositionError, PoolError};
use adaptune_transformer::BatchError;
use adaptune_transformer::weights::WeightError;
use std::path::PathBuf;
use thiserror::Error;

/// Why a run failed.
#[derive(Debug, Error)]
pub enum TrainError {
    /// The options contradict themselves.
    #[error("{0}")]
    Options(String),
    /// The data cannot be trained on.
    #[error("{which} data: {source}")]
    Data {
        /// Which data set.
        which: &'static str,
        /// What is wrong with it.
        source: DataError,
    },
    /// The data is for another task than the head.
    #[error("the head predicts {head}, but the {which} data is for {data}")]
    Task {
        /// Which data set.
        which: &'static str,
        /// The head's task.
        head: String,
        /// The data's task.
        data: String,
    },
    /// Data or head of one of several tasks.
    #[error("task {task}: {source}")]
    OfTask {
        /// The task.
        task: String,
        /// What is wrong with it.
        source: Box<TrainError>,
    },
    /// The base cannot take an example.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// Adapters cannot be left out of so many layers.
    #[error("layer drop: {0}")]
    LayerDrop(#[from] CompositionError),
    /// An adapter of a pool is not there, or cannot be used.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// Logits that are no finite numbers.
    #[error(
        "the logits of example {example} hold {value}, which is no finite number: {place}. Numbers of the base, of the adapter \
         or of the head are too large to compute with"
    )]
    NotFinite {
        /// The example, from 0.
        example: usize,
        /// What they hold.
        value: f64,
        /// Where it began, in words.
        place: String,
    },
    /// A loss that is no finite number, of logits that are.
    #[error("the loss is {value}, which is no finite number: logits or targets are too large to compute it")]
    Loss {
        /// The loss.
        value: f64,
    },
    /// Loss or gradients are no longer numbers.
    #[error(
        "the {what} became {value} in step {step} (epoch {epoch}), at learning rate {learning_rate:.2e}: \
         nothing was saved from this step on. {}", advice(.what, *.step, *.learning_rate)
    )]
    Diverged {
        /// Loss, gradient norm or parameters.
        what: &'static str,
        /// What it became.
        value: f64,
        /// The step, from 1.
        step: usize,
        /// The epoch, from 1.
        epoch: usize,
        /// The learning rate of the step.
        learning_rate: f64,
    },
    /// A checkpoint could not be written or read.
    #[error("checkpoint: {0}")]
    Checkpoint(#[from] WeightError),
    /// The file of records could not be written or read.
    #[error("cannot {doing} {}: {source}", path.display())]
    History {
        /// What was tried.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A checkpoint has another layout.
    #[error(
        "{} was written by another version of adaptune, which keeps other things in its checkpoints: \
         finish the run with that version, or start anew in another folder", path.display()
    )]
    OtherVersion {
        /// The checkpoint.
        path: PathBuf,
    },
    /// A checkpoint is not one of this run.
    #[error(
        "{} belongs to another run: the {what} was {found}, but now is {expected}. \
         Resume with what the run was started with, or start anew in another folder", path.display()
    )]
    OtherRun {
        /// The checkpoint.
        path: PathBuf,
        /// What differs.
        what: String,
        /// What the checkpoint says.
        found: String,
        /// What this run says.
        expected: String,
    },
    /// A checkpoint is damaged.
    #[error("{}: {message}; the checkpoint is damaged: start anew in another folder", path.display())]
    Damaged {
        /// The checkpoint.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
}

impl TrainError {
    /// What an evaluation has said in a run, behind so many steps: what training has done is to be seen in the run.
    pub(crate) fn in_a_run(self, step: usize, epoch: usize, learning_rate: f64) -> Self {
        match self {
            Self::NotFinite { value, .. } if step > 0 => {
                Self::Diverged { what: "loss on the development data", value, step, epoch, learning_rate }
            }
            other => other,
        }
    }

    /// Checks that numbers of a step, each with what it is, are finite.
    pub(crate) fn check_finite<const N: usize>(
        step: &StepRecord,
        numbers: [(&'static str, f64); N],
    ) -> Result<(), Self> {
        let StepRecord { step, epoch, learning_rate, .. } = *step;
        match numbers.into_iter().find(|(_, value)| !value.is_finite()) {
            Some((what, value)) => Err(Self::Diverged { what, value, step, epoch, learning_rate }),
            None => Ok(()),
        }
    }
}

/// What to do about a number that is not finite. Before anything has trained no learning rate is to blame.
fn advice(what: &str, step: usize, learning_rate: f64) -> &'static str {
    let before_the_update = ["loss", "gradient norm"].contains(&what);
    if learning_rate == 0.0 || step == 0 || step == 1 && before_the_update {
        return "Nothing has trained until then, so the learning rate is not the reason: numbers of the base, of the adapter or \
                of the head, or a factor in its configuration, such as a scaling, are too large to compute with";
    }
    "Try a lower learning rate, a longer warm-up or stronger clipping"
}
