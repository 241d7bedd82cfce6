#![doc = include_str!("../README.md")]

pub use ndarray;

mod answer;
mod batching;
mod clip;
mod criterion;
mod data;
mod data_error;
mod example;
pub mod json;
mod masking;
pub mod metrics;
mod mixing;
mod model;
mod optimiser;
mod schedule;
pub mod search;

mod activations;
mod checkpoint;
mod error;
mod evaluate;
mod finite;
mod fit;
mod group_router;
mod history;
mod identity;
#[cfg(all(debug_assertions, not(test)))]
#[doc(hidden)]
pub mod instances;
mod options;
mod parallel;
mod progress;
mod record;
pub mod supervision;
mod tasks;
mod trained;
mod trainer;
mod values;

pub use activations::CacheLimits;
pub use answer::{Answer, AnswerWindow, LONGEST_ANSWER, Question, answers};
pub use batching::{Batching, in_order};
pub use clip::clip_by_global_norm;
pub use data::{Dataset, ExampleBatch};
pub use data_error::DataError;
pub use error::TrainError;
pub use evaluate::{Evaluation, evaluate, evaluate_by, evaluate_logits, predict};
pub use example::{Example, Sequence, Target};
pub use group_router::{GroupRouter, GroupRouterError};
pub use masking::{Hidden, Masking};
pub use metrics::Metrics;
pub use mixing::{MixingShares, mixing_shares};
pub use model::Model;
pub use optimiser::{Optimiser, OptimiserConfig, OptimiserError, StateError, Trainable, decays};
pub use options::TrainOptions;
pub use parallel::predict_parallel;
pub use record::{EvaluationRecord, Observer, Record, RunExtent, StepRecord};
pub use schedule::{LearningRate, ParseWarmupError, Schedule, Warmup};
pub use supervision::{Supervision, argmax};
pub use tasks::TaskData;
pub use trained::{Trained, TrainedModel};
pub use trainer::Trainer;
