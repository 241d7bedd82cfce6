//! What makes models and adapters of adapters, without training.

mod combine;
mod merge;

pub use combine::{Combination, CombineError, average_heads, combine};
pub use merge::{MergeError, merge};
