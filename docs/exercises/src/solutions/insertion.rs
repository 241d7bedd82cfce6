//! Exercise 2: a module at an insertion point.

use adaptune_tensor::Scalar;
use adaptune_tensor::ndarray::{Array2, Axis};
use adaptune_transformer::{
    Properties, Reads, SublayerBackward, SublayerGradient, SublayerInput, SublayerModule, SublayerPoint,
};

use crate::insertion::Shift;

impl<S: Scalar> SublayerModule<S> for Shift<S> {
    /// From `o`, `[T, D]`, and `r`, `[T, D]`, to the next state, `[T, D]`, and to the backward pass, if any gradient is wanted.
    fn forward<'a>(&'a self, input: SublayerInput<'a, S>) -> (Array2<S>, Option<SublayerBackward<'a, S>>) {
        let keep = input.wants_backward(self.shift.trains());
        let SublayerInput { output: o, residual: r, join, wants_output, wants_residual, .. } = input;
        let (y, trace) = join.forward(&o + &self.shift.view(), &r, keep);
        let backward = trace.map(|trace| -> SublayerBackward<'a, S> {
            Box::new(move |d_y, gradients| {
                let (d_z, d_residual) = join.backward(&trace, d_y, wants_residual, gradients);
                // z = o + c: a sum copies, and every token used the same c.
                if self.shift.trains() {
                    gradients.add(&self.shift, d_z.sum_axis(Axis(0)));
                }
                SublayerGradient { d_output: wants_output.then_some(d_z), d_residual }
            })
        });
        (y, backward)
    }

    fn properties(&self, _: SublayerPoint) -> Properties {
        Properties { token_wise: true, causal: true, may_be_followed: false, needs_plain_weight: false }
    }

    fn reads(&self, _: SublayerPoint) -> Option<Reads> {
        None
    }
}
