//! Every sequence of a batch with an adapter of its own: `node.rs` who has which, `groups.rs` and `tokens.rs` how a batch is
//! taken apart and put together again, and a file for each shape of insertion point.

mod attention;
mod groups;
mod linear;
mod node;
mod sequence;
mod sublayer;
mod tokens;

pub use node::PerSequence;
