//! What happens at an insertion point: the module if there is one, else the base.

use crate::insertion::*;
use crate::thawed::ThawedBlock;
use crate::{BaseLinear, BaseNorm, Config, LayerNorm, Linear, Pass};
use adaptune_tensor::{Layout, Scalar, add, copied};
use ndarray::{ArcArray2, Array2};

/// Where in the model a half block stands, and what is plugged in.
pub(crate) struct Place<'a, S> {
    pub(crate) layer: usize,
    pub(crate) layout: Layout,
    /// The rows that are read of what the block gives; all if there is nothing here.
    pub(crate) read: Option<ReadRows>,
    pub(crate) insertions: &'a dyn Insertions<S>,
    pub(crate) pass: Pass,
    pub(crate) config: &'a Config,
    /// Trainable copies of this block's layers.
    pub(crate) thawed: Option<&'a ThawedBlock<S>>,
}

/// Some rows of a state, behind which the others are gone.
pub(crate) struct ReadRows {
    /// Their numbers among all.
    pub(crate) rows: Vec<u32>,
    /// How they lie without the others.
    pub(crate) layout: Layout,
}

impl<'a, S: Scalar> Place<'a, S> {
    /// Where the rows are that the block gives: behind keys and values, the others are left out.
    pub(crate) fn behind_keys(&self) -> Self {
        let Self { layer, insertions, pass, config, thawed, .. } = *self;
        let layout = self.read.as_ref().map_or(&self.layout, |read| &read.layout).clone();
        Self { layer, layout, read: None, insertions, pass, config, thawed }
    }

    /// Output and backward pass of a linear layer.
    pub(crate) fn linear(
        &self,
        projection: Projection,
        frozen: &'a Linear<S>,
        x: &ArcArray2<S>,
        wants_input: bool,
    ) -> (Array2<S>, Option<LinearBackward<'a, S>>) {
        let base = BaseLinear { frozen, thawed: self.thawed.map(|thawed| &thawed.linears[projection as usize]) };
        let pass = self.pass.at(projection as u64);
        let point = LinearPoint { layer: self.layer, projection };
        match self.insertions.linear(point) {
            Some(module) => {
                let (x, layout) = (x.clone(), self.layout.clone());
                module.forward(LinearInput { point, x, base, below: &[], layout, pass, wants_input })
            }
            None => base.layer(x.clone(), pass.gradients(), wants_input),
        }
    }

    /// The norm at the end of a half block.
    pub(crate) fn norm(&self, sublayer: Sublayer, frozen: &'a LayerNorm<S>) -> BaseNorm<'a, S> {
        BaseNorm { frozen, thawed: self.thawed.map(|thawed| &thawed.norms[sublayer as usize]) }
    }

    /// Next state and backward pass at the end of a half block.
    pub(crate) fn sublayer(&self, input: SublayerInput<'a, S>) -> (Array2<S>, Option<SublayerBackward<'a, S>>) {
        match self.insertions.sublayer(input.point) {
            Some(module) => module.forward(input),
            None => add_and_norm(input),
        }
    }

    /// Keys, values and backward pass of a block.
    pub(crate) fn attention(&self, input: AttentionInput<S>) -> AttentionOutput<'a, S> {
        match self.insertions.attention(input.layer) {
            Some(module) => module.forward(input),
            None => {
                let AttentionInput { keys, values, layout, .. } = input;
                AttentionOutput { keys, values, layout, backward: None }
            }
        }
    }
}

/// The base's own way to end a half block, `norm(o + r)`; or nothing at all if a module comes behind.
pub(crate) fn add_and_norm<S: Scalar>(input: SublayerInput<'_, S>) -> (Array2<S>, Option<SublayerBackward<'_, S>>) {
    let keep = input.wants_backward(false);
    if input.followed {
        let pass_on = |d, _: &mut _| SublayerGradient { d_output: Some(d), d_residual: None };
        return (input.output, keep.then(|| -> SublayerBackward<'_, S> { Box::new(pass_on) }));
    }
    let SublayerInput { output, residual, norm, wants_output, wants_residual, .. } = input;
    let sum = add(output, &residual);
    let (next, trace) = match norm {
        Some(norm) => norm.forward(sum, keep),
        None => (sum, None),
    };
    let backward = keep.then(|| -> SublayerBackward<'_, S> {
        Box::new(move |d_next, gradients| {
            let d_sum = match (norm, trace) {
                (Some(norm), Some(trace)) => norm.backward(&trace, d_next, gradients),
                _ => d_next,
            };
            SublayerGradient {
                d_output: wants_output.then(|| copied(&d_sum)),
                d_residual: wants_residual.then_some(d_sum),
            }
        })
    });
    (next, backward)
}
