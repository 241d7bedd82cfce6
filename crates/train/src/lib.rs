#![doc = include_str!("../README.md")]

pub use ndarray;

mod data;
mod batching;
mod optimiser;
mod schedule;
mod clip;
pub mod metrics;

mod options;
mod record;
mod error;
mod evaluate;
mod checkpoint;
mod trainer;

pub use batching::{Batching, in_order};
pub use clip::clip_by_global_norm;
pub use data::{DataError, Dataset, Example, Target};
pub use error::TrainError;
pub use evaluate::{Evaluation, argmax, evaluate, predict};
pub use metrics::Metrics;
pub use optimiser::{Optimiser, OptimiserConfig, Trainable, decays};
pub use options::TrainOptions;
pub use record::{EvaluationRecord, Observer, Record, RunExtent, StepRecord};
pub use schedule::{LearningRate, Schedule, Warmup};
pub use trainer::{Trained, Trainer};
