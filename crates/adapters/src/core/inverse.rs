//! What can be undone.

use adaptune_tensor::{Gradients, Scalar};
use ndarray::{Array2, ArrayView2};

/// Adds the gradients of the parameters, given that of the inverse's result, `[N, D]`; returns that of its input, `[N, D]`.
pub type InverseBackward<'a, S> = Box<dyn FnOnce(ArrayView2<'_, S>, &mut Gradients<S>) -> Array2<S> + Send + 'a>;

/// A module whose function of the hidden state has an inverse. The head of a language model applies it before the output
/// layer, whose weights are the embeddings.
pub trait InverseModule<S: Scalar>: Send + Sync {
    /// The inverse, `[N, D] → [N, D]`, and its backward pass.
    fn inverse<'a>(&'a self, y: ArrayView2<'_, S>) -> (Array2<S>, InverseBackward<'a, S>);
}
