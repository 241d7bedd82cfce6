//! Trainable copies of the base's own tensors, laid over it.
//!
//! The base never changes. What is *thawed* is copied into a [`Parameter`], and every pass that is given
//! the copy computes with it in place of the frozen tensor. So full fine-tuning, BitFit and retrained norms are small or
//! large sets of parameters like an adapter's, and the base beneath them can serve others meanwhile.

use crate::block::Block;
use crate::names::{EMBEDDINGS_NORM, Names, POOLER, POSITIONS, TOKEN_TYPES, TOKENS};
use crate::{Base, BaseLinear, BaseNorm, Encoder, Family, LayerNorm, Linear, Projection, Sublayer, Thaw};
use adaptune_tensor::{Kind, Named, NamedMut, Parameter, Parameters, Precision, Scalar, join, parameters};
use ndarray::{ArrayView, Dimension, Ix1, Ix2};
use std::sync::OnceLock;

/// Trainable copies of some tensors of one [`Encoder`].
///
/// As [`Parameters`] they have the names under which Hugging Face checkpoints keep these tensors, without the family's
/// prefix: `encoder.layer.0.output.dense.bias`. Like all parameters they are frozen until they get a slot.
///
/// ```
/// use adaptune_tensor::{Parameters, Seed};
/// use adaptune_transformer::{Config, Encoder, Thaw, Thawed};
/// let base = Encoder::<f32>::random(Config::bert(8, 2, 2, 16), 0.1, Seed::new(0));
/// let norms = Thawed::new(&base, Thaw::LAYER_NORMS, false);
/// assert_eq!(norms.parameter_count(), (1 + 2 * 2) * 2 * 8); // after the embeddings and twice a block
/// ```
#[derive(Clone, Debug)]
pub struct Thawed<S> {
    family: Family,
    pub(crate) embeddings: ThawedEmbeddings<S>,
    pub(crate) blocks: Vec<ThawedBlock<S>>,
    pub(crate) pooler: ThawedLinear<S>,
}

/// Copies of the embedding tables and their norm.
#[derive(Clone, Debug)]
pub(crate) struct ThawedEmbeddings<S> {
    pub(crate) tokens: Option<Parameter<S, Ix2>>,
    pub(crate) positions: Option<Parameter<S, Ix2>>,
    pub(crate) token_types: Option<Parameter<S, Ix2>>,
    pub(crate) norm: ThawedNorm<S>,
}

/// Copies of a block's layers, in the order of [`Projection`] and [`Sublayer`].
#[derive(Clone, Debug)]
pub(crate) struct ThawedBlock<S> {
    pub(crate) linears: [ThawedLinear<S>; 6],
    pub(crate) norms: [ThawedNorm<S>; 2],
}

/// Copies of a linear layer's weight and bias.
#[derive(Clone, Debug)]
pub(crate) struct ThawedLinear<S> {
    pub(crate) weight: Option<Parameter<S, Ix2>>,
    pub(crate) bias: Option<Parameter<S, Ix1>>,
}

/// Copies of a norm's weight and bias.
#[derive(Clone, Debug)]
pub(crate) struct ThawedNorm<S> {
    pub(crate) weight: Option<Parameter<S, Ix1>>,
    pub(crate) bias: Option<Parameter<S, Ix1>>,
}

parameters!(ThawedLinear { "weight" => weight, "bias" => bias });
parameters!(ThawedNorm { "weight" => weight, "bias" => bias });

impl<S: Scalar> Thawed<S> {
    /// Copies what `thaw` says. The pooler is left out unless something reads it, since it would get no gradient.
    #[must_use]
    pub fn new(base: &Encoder<S>, thaw: Thaw, with_pooler: bool) -> Self {
        Self::select(base, |name, kind| thaw.includes(name, kind) && (with_pooler || !name.starts_with(POOLER)))
    }

    /// Copies the tensors whose name and kind `wanted` accepts.
    #[must_use]
    pub fn select(base: &Encoder<S>, wanted: impl Fn(&str, Kind) -> bool) -> Self {
        let choice = Choice { wanted: &wanted, names: Names::of(base.config.family) };
        let e = &base.embeddings;
        let table = |name: &str, table| choice.parameter(name.into(), Kind::Weight, table);
        Self {
            family: base.config.family,
            embeddings: ThawedEmbeddings {
                tokens: table(TOKENS, e.tokens.view()),
                positions: table(POSITIONS, e.positions.view()),
                token_types: e.token_types.as_ref().and_then(|types| table(TOKEN_TYPES, types.view())),
                norm: choice.norm(EMBEDDINGS_NORM, &e.norm),
            },
            blocks: base.blocks.iter().enumerate().map(|(layer, block)| choice.block(layer, block)).collect(),
            pooler: match &base.pooler {
                Some(pooler) => choice.linear(POOLER, pooler),
                None => ThawedLinear { weight: None, bias: None },
            },
        }
    }
}

impl<S: Scalar> Base<'_, S> {
    /// A new encoder with the thawed values in place of those that they lie over.
    #[must_use]
    pub fn merged(self) -> Encoder<S> {
        let Encoder { config, embeddings: e, blocks, .. } = self.encoder;
        let thawed = self.thawed;
        let block = |(layer, block): (usize, &Block<S>)| {
            let thawed = thawed.map(|thawed| &thawed.blocks[layer]);
            block.map(
                |projection, frozen| {
                    BaseLinear { frozen, thawed: thawed.map(|t| &t.linears[projection as usize]) }.merged()
                },
                |sublayer, frozen| BaseNorm { frozen, thawed: thawed.map(|t| &t.norms[sublayer as usize]) }.merged(),
            )
        };
        Encoder {
            config: config.clone(),
            embeddings: e.with(thawed.map(|thawed| &thawed.embeddings)).merged(),
            blocks: blocks.iter().enumerate().map(block).collect(),
            pooler: self.pooler().map(BaseLinear::merged),
            precision: Precision::Full,
            fingerprint: OnceLock::new(),
        }
    }
}

/// Which tensors are copied.
struct Choice<'a> {
    wanted: &'a dyn Fn(&str, Kind) -> bool,
    names: &'static Names,
}

impl Choice<'_> {
    fn block<S: Scalar>(&self, layer: usize, block: &Block<S>) -> ThawedBlock<S> {
        ThawedBlock {
            linears: Projection::ALL.map(|p| self.linear(&self.names.linear(layer, p), block.linear(p))),
            norms: Sublayer::ALL.map(|s| self.norm(&self.names.norm(layer, s), block.norm(s))),
        }
    }

    fn linear<S: Scalar>(&self, name: &str, layer: &Linear<S>) -> ThawedLinear<S> {
        ThawedLinear {
            weight: self.parameter(join(name, "weight"), Kind::Weight, layer.weight()),
            bias: self.parameter(join(name, "bias"), Kind::Bias, layer.bias()),
        }
    }

    fn norm<S: Scalar>(&self, name: &str, layer: &LayerNorm<S>) -> ThawedNorm<S> {
        ThawedNorm {
            weight: self.parameter(join(name, "weight"), Kind::Norm, layer.weight()),
            bias: self.parameter(join(name, "bias"), Kind::Norm, layer.bias()),
        }
    }

    fn parameter<S: Scalar, D: Dimension>(
        &self,
        name: String,
        kind: Kind,
        tensor: ArrayView<'_, S, D>,
    ) -> Option<Parameter<S, D>> {
        (self.wanted)(&name, kind).then(|| Parameter::new(kind, tensor.to_owned()))
    }
}

/// Lists the parameters of `$thawed` by their names in checkpoints, through `list` or `list_mut`.
macro_rules! list {
    ($thawed:expr, $name:expr, $all:expr, $list:ident, $iter:ident) => {{
        let (names, name, all) = (Names::of($thawed.family), |part: &str| join($name, part), $all);
        $thawed.embeddings.tokens.$list(&name(TOKENS), all);
        $thawed.embeddings.positions.$list(&name(POSITIONS), all);
        $thawed.embeddings.token_types.$list(&name(TOKEN_TYPES), all);
        $thawed.embeddings.norm.$list(&name(EMBEDDINGS_NORM), all);
        for (layer, block) in $thawed.blocks.$iter().enumerate() {
            for (projection, linear) in Projection::ALL.into_iter().zip(block.linears.$iter()) {
                linear.$list(&name(&names.linear(layer, projection)), all);
            }
            for (sublayer, norm) in Sublayer::ALL.into_iter().zip(block.norms.$iter()) {
                norm.$list(&name(&names.norm(layer, sublayer)), all);
            }
        }
        $thawed.pooler.$list(&name(POOLER), all);
    }};
}

impl<S: Scalar> Parameters<S> for Thawed<S> {
    fn list<'a>(&'a self, name: &str, all: &mut Named<'a, S>) {
        list!(self, name, all, list, iter);
    }
    fn list_mut<'a>(&'a mut self, name: &str, all: &mut NamedMut<'a, S>) {
        list!(self, name, all, list_mut, iter_mut);
    }
}
