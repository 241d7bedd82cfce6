#![doc = include_str!("README.md")]

pub(crate) mod config;
mod fields;
pub mod layer;
pub mod plain;

pub use config::ReftConfig;
pub use layer::Reft;
pub use plain::{PlainReft, PlainReftTrace};
