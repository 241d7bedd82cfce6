#![doc = include_str!("README.md")]

pub(crate) mod config;
mod fields;
pub mod layer;
pub mod plain;
mod source;

pub use config::PrefixConfig;
pub use layer::PrefixTuning;
pub use plain::PlainPrefix;
