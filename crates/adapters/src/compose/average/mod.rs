//! A weighted average of what several adapters give.

mod modules;
mod node;

pub use node::Average;
