#![doc = include_str!("README.md")]

pub(crate) mod config;
pub mod layer;
pub(crate) mod side;
pub(crate) mod stack;

pub use config::{PhmConfig, PhmInit};
pub use layer::PhmShared;
