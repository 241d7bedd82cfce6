#![doc = include_str!("../README.md")]

pub use ndarray;

pub mod bottleneck;
pub mod closure;
pub mod init;
mod layers;
pub mod wiring;

mod config;
mod fields;
mod literal;
mod method;
mod nearest;

mod adapter;
pub mod format;
mod head;
mod model;
mod tuning;

pub use adapter::{Adapter, Module, Point};
pub use config::{BottleneckConfig, MethodError, ReductionFactor};
pub use fields::FieldError;
pub use head::{Head, HeadConfig, HeadError, HeadTrace, Targets, Task};
pub use method::{Method, PRESETS, ParseMethodError, Preset};
pub use model::{AdapterModel, Counts, Part};
pub use nearest::{did_you_mean, nearest};
pub use tuning::{Tuning, WITHOUT_ADAPTER};
