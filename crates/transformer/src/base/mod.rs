//! The base as a pass sees it: frozen layers, with trainable copies over those that are thawed.

mod linear;
mod norm;
mod table;

pub use linear::{BaseLinear, LinearBackward};
pub use norm::{BaseNorm, NormTrace};
pub use table::BaseTable;

use crate::config::Config;
use crate::encoder::Encoder;
use crate::point::{BlockNorm, BlockPart, LinearPoint, Part};
use crate::thawed::Thawed;
use adaptune_tensor::Scalar;

/// A model, with what is thawed over it. Copying it copies two references.
#[derive(Debug)]
pub struct Base<'a, S> {
    pub(crate) encoder: &'a Encoder<S>,
    pub(crate) thawed: Option<&'a Thawed<S>>,
}

impl<S> Clone for Base<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Base<'_, S> {}

impl<'a, S: Scalar> Base<'a, S> {
    /// A model with trainable copies over it.
    #[must_use]
    pub fn new(encoder: &'a Encoder<S>, thawed: Option<&'a Thawed<S>>) -> Self {
        Self { encoder, thawed }
    }

    /// Sizes and constants of the model.
    #[must_use]
    pub fn config(self) -> &'a Config {
        self.encoder.config()
    }

    /// The linear layer of the pooler, if the model has one. [`Architecture::pooler`](crate::Architecture::pooler) says what is
    /// computed with it.
    #[must_use]
    pub fn pooler(self) -> Option<BaseLinear<'a, S>> {
        self.linear_part(Part::Pooler)
    }

    /// The norm behind the pooler's layer, if it has one.
    #[must_use]
    pub fn pooler_norm(self) -> Option<BaseNorm<'a, S>> {
        self.norm(Part::PoolerNorm)
    }

    /// The token embeddings, `[V, D]`, to which the output layer of a language model is tied.
    #[must_use]
    pub fn token_embeddings(self) -> BaseTable<'a, S> {
        self.table(Part::Tokens).expect("every model has token embeddings")
    }

    /// A linear layer of a block, if its blocks have it.
    #[must_use]
    pub fn linear(self, point: LinearPoint) -> Option<BaseLinear<'a, S>> {
        self.linear_part(point.into())
    }

    /// A norm of a block, if its blocks have it.
    #[must_use]
    pub fn block_norm(self, layer: usize, norm: BlockNorm) -> Option<BaseNorm<'a, S>> {
        self.norm(Part::Block(layer, BlockPart::Norm(norm)))
    }

    pub(crate) fn table(self, part: Part) -> Option<BaseTable<'a, S>> {
        let frozen = self.encoder.weights.table(part)?;
        Some(BaseTable { frozen, thawed: self.thawed.and_then(|thawed| thawed.parts.table(part)?.as_ref()) })
    }

    pub(crate) fn linear_part(self, part: Part) -> Option<BaseLinear<'a, S>> {
        let frozen = self.encoder.weights.linear(part)?;
        Some(BaseLinear { frozen, thawed: self.thawed.and_then(|thawed| thawed.parts.linear(part)) })
    }

    pub(crate) fn norm(self, part: Part) -> Option<BaseNorm<'a, S>> {
        let frozen = self.encoder.weights.norm(part)?;
        Some(BaseNorm { frozen, thawed: self.thawed.and_then(|thawed| thawed.parts.norm(part)) })
    }

    /// The linear layer from the width of the embeddings to the hidden size, if it stands before their norm, or behind what follows it.
    pub(crate) fn embedding_projection(self, before_norm: bool) -> Option<BaseLinear<'a, S>> {
        let there = self.config().architecture.norm_behind_projection == before_norm;
        self.linear_part(Part::EmbeddingProjection).filter(|_| there)
    }

    /// A new model with the thawed values in place of those that they lie over.
    #[must_use]
    pub fn merged(self) -> Encoder<S> {
        let weights = self.encoder.weights.map(
            |part, _| self.table(part).expect("it is there").view().to_owned(),
            |part, _| self.linear_part(part).expect("it is there").merged(),
            |part, _| self.norm(part).expect("it is there").merged(),
        );
        Encoder::of_weights(self.config().clone(), weights)
    }
}

impl<'a, S: Scalar> From<&'a Encoder<S>> for Base<'a, S> {
    fn from(encoder: &'a Encoder<S>) -> Self {
        Self::new(encoder, None)
    }
}
