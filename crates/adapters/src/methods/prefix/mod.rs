#![doc = include_str!("README.md")]

pub(crate) mod config;
mod fields;
pub mod layer;
mod source;

pub use config::PrefixConfig;
pub use layer::PrefixTuning;
