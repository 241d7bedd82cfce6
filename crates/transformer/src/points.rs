//! What happens at an insertion point: the module if there is one, else the base.

use crate::insertion::*;
use crate::{Config, Pass};
use adaptune_tensor::{Layout, Scalar};
use ndarray::{ArcArray2, Array2};

/// Where in the model a half block stands, and what is plugged in.
pub(crate) struct Place<'a, S> {
    pub(crate) layer: usize,
    pub(crate) layout: Layout,
    pub(crate) insertions: &'a dyn Insertions<S>,
    pub(crate) pass: Pass,
    pub(crate) config: &'a Config,
}

impl<'a, S: Scalar> Place<'a, S> {
    /// Output and backward pass of a linear layer.
    pub(crate) fn linear(
        &self,
        projection: Projection,
        base: &'a crate::Linear<S>,
        x: &ArcArray2<S>,
        wants_input: bool,
    ) -> (Array2<S>, Option<LinearBackward<'a, S>>) {
        let Some(module) = self.insertions.linear(LinearPoint { layer: self.layer, projection }) else {
            let backward = wants_input
                .then(|| -> LinearBackward<'a, S> { Box::new(|d_y, _, d_x| d_x.add_product(d_y, base.weight())) });
            return (base.forward(x.view()), backward);
        };
        let pass = self.pass.at(projection as u64);
        module.forward(LinearInput { x: x.clone(), base, layout: self.layout.clone(), pass, wants_input })
    }

    /// Next state and backward pass at the end of a half block.
    pub(crate) fn sublayer(
        &self,
        sublayer: Sublayer,
        input: SublayerInput<'a, S>,
    ) -> (Array2<S>, Option<SublayerBackward<'a, S>>) {
        match self.insertions.sublayer(SublayerPoint { layer: self.layer, sublayer }) {
            Some(module) => module.forward(input),
            None => add_and_norm(input),
        }
    }

    /// Keys, values and backward pass of a block.
    pub(crate) fn attention(&self, input: AttentionInput<S>) -> AttentionOutput<'a, S> {
        match self.insertions.attention(self.layer) {
            Some(module) => module.forward(input),
            None => {
                let AttentionInput { keys, values, layout, .. } = input;
                AttentionOutput { keys, values, layout, backward: None }
            }
        }
    }
}

/// The base's own way to end a half block, `norm(o + r)`.
fn add_and_norm<S: Scalar>(input: SublayerInput<'_, S>) -> (Array2<S>, Option<SublayerBackward<'_, S>>) {
    let SublayerInput { output, residual, norm, pass, wants_output, wants_residual, .. } = input;
    let keep = pass.gradients() && (wants_output || wants_residual);
    let sum = output + &residual;
    let (next, trace) = match norm {
        Some(norm) => norm.forward(sum, keep),
        None => (sum, None),
    };
    let backward = keep.then(|| -> SublayerBackward<'_, S> {
        Box::new(move |d_next, _| {
            let d_sum = match (norm, trace) {
                (Some(norm), Some(trace)) => norm.backward(&trace, d_next),
                _ => d_next,
            };
            SublayerGradient {
                d_output: wants_output.then(|| d_sum.clone()),
                d_residual: wants_residual.then_some(d_sum),
            }
        })
    });
    (next, backward)
}
