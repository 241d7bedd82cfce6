//! One adapter upon another: `node.rs` which may stand where, `modules.rs` what they compute together.

mod modules;
mod node;

pub use node::Stack;
