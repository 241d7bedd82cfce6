//! The head of a causal language model, which is nothing but the base's own output layer.
//!
//! ```text
//! logits = x Eᵀ        [N, V]        d_x = d_logits E        d_E = d_logitsᵀ x, where E is thawed
//! ```
//!
//! Training does not come here: it takes loss and gradient [together](adaptune_transformer::Base::next_loss_backward), without logits of
//! all tokens. This is for who wants the logits themselves, and the plain version of that.

use adaptune_tensor::{Gradients, Scalar, linear_input_backward, linear_weight_backward};
use adaptune_transformer::{Base, BaseTable};
use ndarray::Array2;

/// `E`, `[V, D]`.
fn table<S: Scalar>(base: Base<'_, S>) -> BaseTable<'_, S> {
    base.output().expect("that the base has an output layer was checked when the head was made")
}

/// `[N, D] → [N, V]`.
pub(super) fn forward<S: Scalar>(base: Base<'_, S>, x: &Array2<S>) -> Array2<S> {
    adaptune_tensor::matmul(x.view(), table(base).view().t())
}

/// Adds the gradient of a thawed output layer; gives `d_x`, `[N, D]`, if it is wanted.
pub(super) fn backward<S: Scalar>(
    base: Base<'_, S>,
    x: &Array2<S>,
    d_logits: &Array2<S>,
    wants_x: bool,
    gradients: &mut Gradients<S>,
) -> Option<Array2<S>> {
    let table = table(base);
    if table.trains() {
        table.add_gradient(linear_weight_backward(x.view(), d_logits.view()), gradients);
    }
    wants_x.then(|| linear_input_backward(d_logits.view(), table.view()))
}
