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

/// From texts to adapters and back: tables, tokenizers, label maps, models of the hub.
#[cfg(feature = "text")]
pub use adaptune_text as text;

/// A small world made up by a grammar, with tasks to be learnt.
#[cfg(feature = "text")]
pub use adaptune_text::world;

/// The programs of the project's front page compile. It lies outside of this package, where nobody else needs it.
#[cfg(all(doctest, feature = "text"))]
#[doc = include_str!("../../../README.md")]
struct FrontPage;
