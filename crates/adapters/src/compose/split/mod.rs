//! Ranges of tokens, each with an adapter of its own.

mod modules;
mod node;

pub use node::Split;
