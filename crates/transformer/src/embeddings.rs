//! The embeddings: tokens, positions and token types, summed and normalised.

use crate::base::{BaseNorm, BaseTable};
use crate::thawed::ThawedEmbeddings;
use crate::{Batch, BatchError, Config, LayerNorm, Pass};
use adaptune_tensor::{Dropout, Gradients, LayerNormTrace, Scalar};
use ndarray::Array2;

#[derive(Debug)]
pub(crate) struct Embeddings<S> {
    /// `[V, D]`.
    pub(crate) tokens: Array2<S>,
    /// `[positions, D]`.
    pub(crate) positions: Array2<S>,
    /// `[token types, D]`; DistilBERT has none.
    pub(crate) token_types: Option<Array2<S>>,
    pub(crate) norm: LayerNorm<S>,
}

/// The embeddings as a pass sees them: frozen, or with trainable copies over them.
pub(crate) struct BaseEmbeddings<'a, S> {
    tokens: BaseTable<'a, S>,
    positions: BaseTable<'a, S>,
    token_types: Option<BaseTable<'a, S>>,
    norm: BaseNorm<'a, S>,
}

/// What backward needs. There is no input to have a gradient: below the embeddings are only numbers of tokens.
pub(crate) struct EmbeddingsTrace<'a, S> {
    layers: BaseEmbeddings<'a, S>,
    token_ids: Vec<u32>,
    positions: Vec<u32>,
    token_types: Vec<u32>,
    norm: LayerNormTrace<S>,
    dropout: Option<Dropout>,
}

/// What the backward pass of [`Base::embed`](crate::Base::embed) needs.
pub struct EmbeddedRows<'a, S> {
    layers: BaseEmbeddings<'a, S>,
    positions: Vec<u32>,
    norm: LayerNormTrace<S>,
}

impl<'a, S: Scalar> BaseEmbeddings<'a, S> {
    /// `dropout(norm(E[id] + P[shift + position] + T[type]))`, `[T, D]`.
    pub(crate) fn forward(
        self,
        config: &Config,
        batch: &Batch,
        shift: impl Fn(usize) -> usize,
        pass: Pass,
    ) -> (Array2<S>, Option<EmbeddingsTrace<'a, S>>) {
        let positions: Vec<u32> = (batch.layout().ranges().enumerate())
            .flat_map(|(sequence, range)| {
                let first = config.position_offset + shift(sequence);
                first as u32..(first + range.len()) as u32
            })
            .collect();
        let mut sum = self.tokens.gather(batch.token_ids());
        if let Some(types) = self.token_types {
            sum += &types.gather(batch.token_types());
        }
        sum += &self.positions.gather(&positions);
        let (mut x, norm) = self.norm.forward(sum, pass.gradients() && self.trains());
        let dropout = pass.dropout(config.hidden_dropout);
        if let Some(dropout) = dropout {
            dropout.apply(&mut x);
        }
        let (token_ids, token_types) = (batch.token_ids().to_vec(), batch.token_types().to_vec());
        (x, norm.map(|norm| EmbeddingsTrace { layers: self, token_ids, positions, token_types, norm, dropout }))
    }

    /// `norm(x + P[i] + T[0])` for rows in place of token embeddings, `[P, D]`.
    pub(crate) fn rows(
        self,
        config: &Config,
        mut x: Array2<S>,
        keep: bool,
    ) -> (Array2<S>, Option<EmbeddedRows<'a, S>>) {
        let first = config.position_offset as u32;
        let positions: Vec<u32> = (first..first + x.nrows() as u32).collect();
        if let Some(types) = self.token_types {
            x += &types.gather(&vec![0; positions.len()]);
        }
        x += &self.positions.gather(&positions);
        let (x, norm) = self.norm.forward(x, keep);
        (x, norm.map(|norm| EmbeddedRows { layers: self, positions, norm }))
    }

    pub(crate) fn merged(self) -> Embeddings<S> {
        Embeddings {
            tokens: self.tokens.view().to_owned(),
            positions: self.positions.view().to_owned(),
            token_types: self.token_types.map(|types| types.view().to_owned()),
            norm: self.norm.merged(),
        }
    }

    fn trains(&self) -> bool {
        let tables = [Some(self.tokens), Some(self.positions), self.token_types];
        self.norm.trains() || tables.into_iter().flatten().any(BaseTable::trains)
    }
}

impl<S: Scalar> EmbeddedRows<'_, S> {
    /// Adds the gradients of the norm and the tables, those that train; gives that of the rows, `[P, D]`.
    #[must_use]
    pub fn backward(self, d: Array2<S>, gradients: &mut Gradients<S>) -> Array2<S> {
        let BaseEmbeddings { positions, token_types, norm, .. } = self.layers;
        let d_x = norm.backward(&self.norm, d, gradients);
        positions.gather_backward(&self.positions, d_x.view(), gradients);
        if let Some(types) = token_types {
            types.gather_backward(&vec![0; self.positions.len()], d_x.view(), gradients);
        }
        d_x
    }
}

impl<S: Scalar> EmbeddingsTrace<'_, S> {
    /// Adds the gradients of the tables and the norm, those that train.
    pub(crate) fn backward(self, mut d: Array2<S>, gradients: &mut Gradients<S>) {
        if let Some(dropout) = self.dropout {
            dropout.apply(&mut d);
        }
        let BaseEmbeddings { tokens, positions, token_types, norm } = self.layers;
        let d_sum = norm.backward(&self.norm, d, gradients);
        tokens.gather_backward(&self.token_ids, d_sum.view(), gradients);
        positions.gather_backward(&self.positions, d_sum.view(), gradients);
        if let Some(types) = token_types {
            types.gather_backward(&self.token_types, d_sum.view(), gradients);
        }
    }
}

impl<S: Scalar> Embeddings<S> {
    /// With what is thawed over them.
    pub(crate) fn with<'a>(&'a self, thawed: Option<&'a ThawedEmbeddings<S>>) -> BaseEmbeddings<'a, S> {
        let thawed_types = thawed.and_then(|t| t.token_types.as_ref());
        BaseEmbeddings {
            tokens: BaseTable { frozen: &self.tokens, thawed: thawed.and_then(|t| t.tokens.as_ref()) },
            positions: BaseTable { frozen: &self.positions, thawed: thawed.and_then(|t| t.positions.as_ref()) },
            token_types: self.token_types.as_ref().map(|frozen| BaseTable { frozen, thawed: thawed_types }),
            norm: BaseNorm { frozen: &self.norm, thawed: thawed.map(|t| &t.norm) },
        }
    }

    /// Checks that the tables have a row for everything in the batch.
    pub(crate) fn check(
        &self,
        config: &Config,
        batch: &Batch,
        shift: impl Fn(usize) -> usize,
    ) -> Result<(), BatchError> {
        for (sequence, range) in batch.layout().ranges().enumerate() {
            let limit = config.max_tokens().saturating_sub(shift(sequence));
            if range.is_empty() {
                return Err(BatchError::Empty { sequence });
            }
            if range.len() > limit {
                return Err(BatchError::TooLong { sequence, tokens: range.len(), limit });
            }
        }
        let size = self.tokens.nrows();
        if let Some(&id) = batch.token_ids().iter().find(|id| **id as usize >= size) {
            return Err(BatchError::TokenId { id, size });
        }
        let Some(types) = &self.token_types else { return Ok(()) };
        match batch.token_types().iter().find(|id| **id as usize >= types.nrows()) {
            Some(&id) => Err(BatchError::TokenType { id, size: types.nrows() }),
            None => Ok(()),
        }
    }
}
