//! Where in the model a sublayer stands: at each of its insertion points the module if there is one, else the base.

use crate::base::{Base, BaseLinear, BaseNorm, LinearBackward};
use crate::config::{Config, Residual};
use crate::insertion::{
    AttentionInput, AttentionOutput, Insertions, LinearInput, ResidualJoin, SublayerBackward, SublayerInput,
};
use crate::pass::Pass;
use crate::past::Past;
use crate::point::{BlockNorm, LinearPoint, Projection, Sublayer};
use crate::selection::SelectedTokens;
use adaptune_tensor::{Layout, Scalar};
use ndarray::{ArcArray2, Array2};

/// Where in the model a sublayer stands, and what is plugged in.
pub(crate) struct Place<'a, S> {
    /// How many blocks are below.
    pub(crate) depth: usize,
    /// The stored block that stands here, by whose number modules are plugged in.
    pub(crate) layer: usize,
    pub(crate) base: Base<'a, S>,
    pub(crate) layout: Layout,
    /// The tokens that are read of what the block gives; all if there is nothing here.
    pub(crate) read: Option<SelectedTokens>,
    pub(crate) insertions: &'a dyn Insertions<S>,
    pub(crate) pass: Pass,
    /// What went before of the sequences, where tokens are computed one after the other.
    pub(crate) past: Option<&'a Past<S>>,
}

impl<'a, S: Scalar> Place<'a, S> {
    pub(crate) fn config(&self) -> &'a Config {
        self.base.config()
    }

    /// The numbers of the tokens that are read, if not all are.
    pub(crate) fn read_rows(&self) -> Option<&[u32]> {
        self.read.as_ref().and_then(SelectedTokens::rows)
    }

    /// Where the tokens are that the block gives: behind keys and values, the others are left out.
    pub(crate) fn behind_keys(&self) -> Self {
        let Self { depth, layer, base, insertions, pass, past, .. } = *self;
        let layout = self.read.as_ref().map_or(&self.layout, SelectedTokens::layout).clone();
        Self { depth, layer, base, layout, read: None, insertions, pass, past }
    }

    /// The same place as rows see it that stand beside the tokens and have draws of their own.
    pub(crate) fn at_positions(&self, layout: Layout, draws: u64) -> Self {
        let Self { depth, layer, base, insertions, pass, past, .. } = *self;
        Self { depth, layer, base, layout, read: None, insertions, pass: pass.at(draws), past }
    }

    /// Returns output and backward pass of a linear layer.
    pub(crate) fn linear(
        &self,
        projection: Projection,
        x: &ArcArray2<S>,
        wants_input: bool,
    ) -> (Array2<S>, Option<LinearBackward<'a, S>>) {
        let point = LinearPoint { layer: self.layer, projection };
        let base = self.base_linear(point);
        let pass = self.pass.at(projection as u64);
        match self.insertions.linear(point) {
            Some(module) => {
                let (x, layout) = (x.clone(), self.layout.clone());
                let below = Vec::new();
                module.forward(LinearInput { point, x, base, below, shared: None, layout, pass, wants_input })
            }
            None => base.layer(x.clone(), pass.gradients(), wants_input),
        }
    }

    fn base_linear(&self, point: LinearPoint) -> BaseLinear<'a, S> {
        self.base.linear(point).expect("the list of parts has the layers that a block computes with")
    }

    /// A norm of the block, if it has it.
    pub(crate) fn norm(&self, norm: BlockNorm) -> Option<BaseNorm<'a, S>> {
        self.base.block_norm(self.layer, norm)
    }

    /// How the base ends a sublayer.
    pub(crate) fn join(&self, sublayer: Sublayer) -> ResidualJoin<'a, S> {
        let norm = match sublayer {
            Sublayer::Attention => BlockNorm::AfterAttention,
            Sublayer::FeedForward => BlockNorm::AfterFeedForward,
        };
        let norm = || self.norm(norm).expect("the list of parts has the norms that a block ends with");
        match self.config().architecture.residual {
            Residual::PostNorm => ResidualJoin::NormOfSum(norm()),
            Residual::Sandwich => ResidualJoin::SumOfNorm(norm()),
            Residual::PreNorm | Residual::Parallel => ResidualJoin::Sum,
        }
    }

    /// Returns the next state and its backward pass at the end of a sublayer.
    pub(crate) fn sublayer(&self, input: SublayerInput<'a, S>) -> (Array2<S>, Option<SublayerBackward<'a, S>>) {
        match self.insertions.sublayer(input.point) {
            Some(module) => module.forward(input),
            None => input.base(),
        }
    }

    /// Returns keys, values and their backward pass.
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
