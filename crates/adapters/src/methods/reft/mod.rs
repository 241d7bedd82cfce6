#![doc = include_str!("README.md")]

pub(crate) mod config;
mod fields;
pub mod layer;

pub use config::ReftConfig;
pub use layer::Reft;
