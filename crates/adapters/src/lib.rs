#![doc = include_str!("../README.md")]

pub use ndarray;

mod adapter;
mod compose;
mod core;
pub mod format;
mod head;
#[cfg(all(debug_assertions, not(test)))]
#[doc(hidden)]
pub mod instances;
pub mod memory;
mod methods;
mod model;
mod multi_task_model;
pub mod objective;
mod of_modules;
mod pool;
mod registry;
mod tools;
mod tuning;

pub use crate::core::by_point::ByPoint;
pub use crate::core::error::MethodError;
pub use crate::core::fields::FieldError;
pub use crate::core::hub_names::HubNames;
pub use crate::core::init;
pub use crate::core::inverse::{InverseBackward, InverseModule};
pub use crate::core::literal;
pub use crate::core::method_config::MethodConfig;
pub use crate::core::module::Module;
pub use crate::core::modules::Modules;
pub use crate::core::nearest::{did_you_mean, nearest};
pub use crate::core::point::Point;
pub use crate::core::size::{PointSize, Size};
pub use adapter::Adapter;
pub use compose::{
    ArrowError, Average, CompositionError, Expression, ExpressionError, Fuse, Fusion, FusionConfig, LayerDrop, Mixer,
    MixerKind, Mixing, MixingRecord, MixingWeights, MultiTask, NodeExpression, ParseFusionError, PerSequence, Route,
    RoutedBy, Router, RouterConfig, Setup, Split, Stack, Supply, TaskOf, Tree, WantedMixer,
};
pub use head::{
    Head, HeadConfig, HeadError, HeadTrace, LabelTree, NoParentLabel, Outputs, Pooling, TargetScale, Task,
    TaskDescription,
};
pub use methods::bottleneck::{BottleneckConfig, Compacter, ReductionFactor};
pub use methods::lora::mtl::{MtlLoraConfig, TaskMatrix};
pub use methods::lora::poly::PolytroponConfig;
pub use methods::lora::{AttentionMatrix, Composition, LoraConfig, LoraInit, LoraKind};
pub use methods::prefix::PrefixConfig;
pub use methods::prompt::PromptConfig;
pub use methods::reft::ReftConfig;
pub use methods::{bottleneck, closure, lora, prefix, prompt, reft};
pub use model::{AdapterModel, Counts, Part};
pub use multi_task_model::{MultiTaskModel, TaskBatch, TaskHeadsError};
pub use objective::{Objective, TargetError};
pub use of_modules::ModuleError;
pub use pool::{AdapterPool, PoolError};
pub use registry::{Method, PRESETS, ParseMethodError, Preset, WITHOUT_ADAPTER};
pub use tools::{Combination, CombineError, MergeError, average_heads, combine, merge};
pub use tuning::Tuning;
