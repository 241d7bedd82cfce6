#![doc = include_str!("../README.md")]

pub use ndarray;

pub mod bottleneck;
pub mod closure;
mod compacter;
mod composition;
mod gate;
pub mod init;
pub mod invertible;
mod layers;
pub mod lora;
pub mod phm;
pub mod prefix;
mod projection;
pub mod prompt;
pub mod reft;
mod splice;
pub mod wiring;

mod bottleneck_fields;
mod config;
mod method;
mod nearest;

mod adapter;
mod bank;
mod combine;
pub mod format;
mod head;
mod merge;
mod model;
mod modules;
mod point;
mod tuning;

pub use adapter::Adapter;
pub use bank::{Bank, BankError};
pub use combine::{Combination, CombineError, average_heads, combine};
pub use compacter::Compacter;
pub use composition::{CompositionError, LayerDrop, Mixed, Stack};
pub use config::{BottleneckConfig, ReductionFactor};
pub use head::{Head, HeadConfig, HeadError, HeadTrace, Targets, Task};
pub use lora::config::{AttentionMatrix, Composition, LoraConfig, LoraInit, LoraKind};
pub use lora::mtl_config::{MtlLoraConfig, TaskMatrix};
pub use lora::multi_task::{MultiTask, TaskOf};
pub use merge::{MergeError, merge};
pub use method::{FieldError, Method, MethodConfig, MethodError, PRESETS, ParseMethodError, Preset};
pub use model::{AdapterModel, Counts, Part};
pub use modules::{ByPoint, Module, Modules};
pub use nearest::{did_you_mean, nearest};
pub use point::Point;
pub use prefix::PrefixConfig;
pub use prompt::PromptConfig;
pub use reft::ReftConfig;
pub use tuning::{Tuning, WITHOUT_ADAPTER};
