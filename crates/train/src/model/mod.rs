//! What a trainer trains: a model of one task or of several.

mod adapter_model;
mod contract;
pub(crate) mod description;
mod multi_task;

pub use contract::Model;
