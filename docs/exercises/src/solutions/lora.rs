//! Exercise 3: LoRA from the contract of a module in the place of a linear layer.

use adaptune_tensor::ndarray::Array2;
use adaptune_tensor::{Scalar, linear, linear_input_backward, linear_weight_backward};
use adaptune_transformer::{LinearBackward, LinearInput, LinearModule, LinearPoint, Properties};

use crate::lora::LowRank;

impl<S: Scalar> LinearModule<S> for LowRank<S> {
    /// From `x`, `[T, In]`, to `y`, `[T, Out]`, and to the backward pass, if any gradient is wanted.
    fn forward<'a>(&'a self, input: LinearInput<'a, S>) -> (Array2<S>, Option<LinearBackward<'a, S>>) {
        let trains = self.a.trains() || self.b.trains();
        let keep = input.wants_backward(trains);
        let (mut y, layer) = input.layer(&input.x, input.wants_input);
        let LinearInput { x, wants_input, .. } = input;
        let h = linear(x.view(), self.a.view(), None); // [T, R]
        y.scaled_add(self.scaling, &linear(h.view(), self.b.view(), None)); // [T, Out]
        let backward = keep.then(|| -> LinearBackward<'a, S> {
            Box::new(move |d_y, gradients, d_x| {
                if let Some(layer) = layer {
                    layer(d_y, gradients, d_x);
                }
                let d_u = d_y.mapv(|d| d * self.scaling); // of u = h Bᵀ
                let d_h = linear_input_backward(d_u.view(), self.b.view()); // [T, R]
                if trains {
                    gradients.add(&self.b, linear_weight_backward(h.view(), d_u.view()));
                    gradients.add(&self.a, linear_weight_backward(x.view(), d_h.view()));
                }
                if wants_input {
                    d_x.add(linear_input_backward(d_h.view(), self.a.view()));
                }
            })
        });
        (y, backward)
    }

    fn properties(&self, _: LinearPoint) -> Properties {
        Properties { token_wise: true, causal: true, may_be_followed: true, needs_plain_weight: false }
    }
}
