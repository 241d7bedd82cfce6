//! The embeddings: tokens, positions and token types, summed and normalised.

use crate::{Batch, BatchError, Config, LayerNorm, Pass};
use adaptune_tensor::{Scalar, gather};
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

impl<S: Scalar> Embeddings<S> {
    /// `dropout(norm(E[id] + P[position] + T[type]))`, `[T, D]`.
    pub(crate) fn forward(&self, config: &Config, batch: &Batch, pass: Pass) -> Array2<S> {
        let offset = config.position_offset as u32;
        let positions: Vec<u32> =
            batch.layout().ranges().flat_map(|r| (0..r.len() as u32).map(|p| p + offset)).collect();
        let mut sum = gather(self.tokens.view(), batch.token_ids());
        if let Some(types) = &self.token_types {
            sum += &gather(types.view(), batch.token_types());
        }
        sum += &gather(self.positions.view(), &positions);
        let (mut x, _) = self.norm.forward(sum, false);
        if let Some(dropout) = pass.dropout(config.hidden_dropout) {
            dropout.apply(&mut x);
        }
        x
    }

    /// Checks that the tables have a row for everything in the batch.
    pub(crate) fn check(&self, config: &Config, batch: &Batch) -> Result<(), BatchError> {
        for (sequence, range) in batch.layout().ranges().enumerate() {
            if range.is_empty() {
                return Err(BatchError::Empty { sequence });
            }
            if range.len() > config.max_tokens() {
                return Err(BatchError::TooLong { sequence, tokens: range.len(), limit: config.max_tokens() });
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
