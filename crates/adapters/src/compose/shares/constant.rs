//! Parts whose shares nothing trains, as those of a split and of a tree: a layer and a sublayer with them, forward beside backward.
//!
//! Constant weights, so `d_c_i = w_i d_c`: a part gets gradients of its own tokens, and of no others.

use super::linear::linear_parts;
use super::share::Share;
use super::sublayer::sublayer_parts;
use crate::compose::changes::Changes;
use adaptune_tensor::{Gradients, Scalar};
use adaptune_transformer::{
    Accumulator, Insertions, LinearBackward, LinearInput, SharedNext, SublayerBackward, SublayerInput,
};
use ndarray::{Array2, ArrayView2};

/// A linear layer with these parts.
pub(in crate::compose) fn linear_with<'a, S: Scalar, P: Insertions<S>>(
    parts: &'a [P],
    shares: Vec<Share<S>>,
    input: &LinearInput<'a, S>,
) -> (Array2<S>, Option<LinearBackward<'a, S>>) {
    let (y, mut parts) = linear_parts(parts, shares, input);
    let wanted = parts.want_backward();
    let backward = move |d_y: ArrayView2<'_, S>, gradients: &mut Gradients<S>, d_x: &mut Accumulator<S>| {
        parts.backward(d_y, false, gradients, d_x);
    };
    (y, wanted.then(|| -> LinearBackward<'a, S> { Box::new(backward) }))
}

/// The end of a sublayer with these parts.
pub(in crate::compose) fn sublayer_with<'a, S: Scalar, P: Insertions<S> + Send>(
    parts: &'a [P],
    shares: Vec<Share<S>>,
    mut input: SublayerInput<'a, S>,
) -> (Array2<S>, Option<SublayerBackward<'a, S>>) {
    let own = input.next.is_none().then(|| SharedNext::new(input.pass.gradients()));
    input.next = own.clone().or(input.next);
    let (c, mut parts) = sublayer_parts(parts, shares, &input);
    let keep = input.wants_backward(parts.want_backward());
    let backward = move |d_c: Array2<S>, gradients: &mut Gradients<S>| parts.backward(d_c, false, gradients).0;
    Changes::mixed_alone(own).end(c, backward, input, keep)
}
