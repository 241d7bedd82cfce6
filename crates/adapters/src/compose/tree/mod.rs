//! A tree of adapters, of which every sequence has a path.

mod modules;
mod node;

pub use node::Tree;
