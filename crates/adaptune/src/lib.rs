#![doc = include_str!("../README.md")]

/// Tensor operations: each forward beside its backward.
pub use adaptune_tensor as tensor;

/// Checking gradients.
pub use adaptune_autograd as autograd;

/// The frozen base and its insertion points.
pub use adaptune_transformer as transformer;

/// Adapters, heads, files.
pub use adaptune_adapters as adapters;

/// Training and evaluation.
pub use adaptune_train as train;

pub mod world;
