//! How a setup is written down, as text.

mod error;
mod parse;
mod tree;

pub use error::ExpressionError;
pub use tree::{Expression, NodeExpression};
pub(super) use tree::{FUSE, ROUTE};
