//! The embeddings: tokens, positions and token types, summed, projected where the norm stands behind that, and normalised.

use crate::accumulator::Accumulator;
use crate::base::{Base, BaseLinear, BaseNorm, BaseTable, LinearBackward, NormTrace};
use crate::batch::{Batch, BatchError};
use crate::config::Config;
use crate::pass::Pass;
use crate::point::Part;
use adaptune_tensor::{Dropout, Gradients, Scalar};
use ndarray::Array2;

/// The embeddings as a pass sees them: frozen, or with trainable copies over them.
pub(crate) struct BaseEmbeddings<'a, S> {
    config: &'a Config,
    tokens: BaseTable<'a, S>,
    positions: Option<BaseTable<'a, S>>,
    token_types: Option<BaseTable<'a, S>>,
    /// The linear layer before the norm, where it stands there.
    projection: Option<BaseLinear<'a, S>>,
    norm: Option<BaseNorm<'a, S>>,
}

/// What backward needs. There is no input to have a gradient: below the embeddings are only numbers of tokens.
pub(crate) struct EmbeddingsTrace<'a, S> {
    layers: BaseEmbeddings<'a, S>,
    token_ids: Vec<u32>,
    positions: Vec<u32>,
    token_types: Vec<u32>,
    normed: NormedTrace<'a, S>,
    dropout: Option<Dropout>,
}

/// What the backward pass of [`Base::embed`](crate::Base::embed) needs.
pub struct EmbeddedRows<'a, S> {
    layers: BaseEmbeddings<'a, S>,
    positions: Vec<u32>,
    normed: NormedTrace<'a, S>,
}

/// What the backward pass of projection and norm needs.
struct NormedTrace<'a, S> {
    projection: Option<LinearBackward<'a, S>>,
    norm: Option<NormTrace<S>>,
}

impl<'a, S: Scalar> BaseEmbeddings<'a, S> {
    pub(crate) fn of(base: Base<'a, S>) -> Self {
        Self {
            config: base.config(),
            tokens: base.token_embeddings(),
            positions: base.table(Part::Positions),
            token_types: base.table(Part::TokenTypes),
            projection: base.embedding_projection(true),
            norm: base.norm(Part::EmbeddingNorm),
        }
    }

    /// `dropout(norm(E[id] + T[type] + P[shift + position]))`, `[T, E]`, of which a model may have less; `E` may be scaled, and what is
    /// normalised may be projected, `[T, D]`.
    pub(crate) fn forward(
        self,
        batch: &Batch,
        shift: impl Fn(usize) -> usize,
        pass: Pass,
    ) -> (Array2<S>, Option<EmbeddingsTrace<'a, S>>) {
        let positions = positions(self.config.position_offset, batch, shift);
        let mut sum = self.tokens.gather(batch.token_ids());
        if let Some(scale) = self.scale() {
            sum *= scale;
        }
        if let Some(types) = self.token_types {
            sum += &types.gather(batch.token_types());
        }
        if let Some(table) = self.positions {
            sum += &table.gather(&positions);
        }
        let keep = pass.gradients() && self.trains();
        let (mut x, normed) = self.normed(sum, keep, self.tables_train());
        let dropout = pass.dropout(self.config.hidden_dropout);
        if let Some(dropout) = dropout {
            dropout.apply(&mut x);
        }
        let trace = keep.then(|| {
            let (token_ids, token_types) = (batch.token_ids().to_vec(), batch.token_types().to_vec());
            EmbeddingsTrace { layers: self, token_ids, positions, token_types, normed, dropout }
        });
        (x, trace)
    }

    /// `norm(x + T[0] + P[i])` for rows in place of token embeddings, `[P, E]`, projected as these are.
    pub(crate) fn rows(self, mut x: Array2<S>, keep: bool) -> (Array2<S>, Option<EmbeddedRows<'a, S>>) {
        let first = self.config.position_offset as u32;
        let positions: Vec<u32> = (first..first + x.nrows() as u32).collect();
        if let Some(types) = self.token_types {
            x += &types.gather(&vec![0; positions.len()]);
        }
        if let Some(table) = self.positions {
            x += &table.gather(&positions);
        }
        let (x, normed) = self.normed(x, keep, keep);
        (x, keep.then_some(EmbeddedRows { layers: self, positions, normed }))
    }

    /// What is normalised, projected before if that is so; `wants` says that the gradient of `x` is wanted.
    fn normed(self, x: Array2<S>, keep: bool, wants: bool) -> (Array2<S>, NormedTrace<'a, S>) {
        let (x, projection) = match self.projection {
            Some(projection) => projection.layer(x.into_shared(), keep, wants),
            None => (x, None),
        };
        let (x, norm) = match self.norm {
            Some(norm) => norm.forward(x, keep),
            None => (x, None),
        };
        (x, NormedTrace { projection, norm })
    }

    /// Returns the gradient of what was normalised or projected; `None` if it was not wanted.
    fn normed_backward(
        self,
        trace: NormedTrace<'a, S>,
        d: Array2<S>,
        gradients: &mut Gradients<S>,
    ) -> Option<Array2<S>> {
        let d = match (self.norm, &trace.norm) {
            (Some(norm), Some(trace)) => norm.backward(trace, d, gradients),
            _ => d,
        };
        if self.projection.is_none() {
            return Some(d);
        }
        let mut d_x = Accumulator::new();
        (trace.projection?)(d.view(), gradients, &mut d_x);
        d_x.into_sum()
    }

    fn scale(self) -> Option<S> {
        self.config.architecture.embedding_scale.map(S::from_f64)
    }

    fn trains(self) -> bool {
        let behind = self.norm.is_some_and(BaseNorm::trains) || self.projection.is_some_and(BaseLinear::trains);
        behind || self.tables_train()
    }

    fn tables_train(self) -> bool {
        let tables = [Some(self.tokens), self.positions, self.token_types];
        tables.into_iter().flatten().any(BaseTable::trains)
    }

    /// Checks that the tables have a row for everything in the batch.
    pub(crate) fn check(self, batch: &Batch, shift: impl Fn(usize) -> usize) -> Result<(), BatchError> {
        for (sequence, range) in batch.layout().ranges().enumerate() {
            let limit = self.config.max_tokens().saturating_sub(shift(sequence));
            if range.is_empty() {
                return Err(BatchError::Empty { sequence });
            }
            if range.len() > limit {
                return Err(BatchError::TooLong { sequence, tokens: range.len(), limit });
            }
        }
        let size = self.tokens.view().nrows();
        if let Some(&id) = batch.token_ids().iter().find(|id| **id as usize >= size) {
            return Err(BatchError::TokenId { id, size });
        }
        let Some(types) = self.token_types else { return Ok(()) };
        let size = types.view().nrows();
        match batch.token_types().iter().find(|id| **id as usize >= size) {
            Some(&id) => Err(BatchError::TokenType { id, size }),
            None => Ok(()),
        }
    }
}

impl<S> Clone for BaseEmbeddings<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for BaseEmbeddings<'_, S> {}

/// The position of every token, as a row of the position table.
fn positions(offset: usize, batch: &Batch, shift: impl Fn(usize) -> usize) -> Vec<u32> {
    let rows = |(sequence, range): (usize, std::ops::Range<usize>)| {
        let first = offset + shift(sequence);
        first as u32..(first + range.len()) as u32
    };
    batch.layout().ranges().enumerate().flat_map(rows).collect()
}

impl<'a, S: Scalar> Base<'a, S> {
    /// What the embeddings make of rows that stand in front of a text in place of token embeddings:
    /// `norm(x + P[position] + T[0])`, `[P, E]`, or `[P, D]` where they are projected before the norm, positions from the first on. There is no dropout in it. The trace is kept
    /// if `keep` says so.
    ///
    /// # Panics
    /// If there are more rows than the model has positions.
    #[must_use]
    pub fn embed(self, x: Array2<S>, keep: bool) -> (Array2<S>, Option<EmbeddedRows<'a, S>>) {
        BaseEmbeddings::of(self).rows(x, keep)
    }
}

impl<S: Scalar> EmbeddedRows<'_, S> {
    /// Adds the gradients of the norm and the tables, those that train; returns that of the rows, `[P, E]`.
    #[must_use]
    pub fn backward(self, d: Array2<S>, gradients: &mut Gradients<S>) -> Array2<S> {
        let d_x = self.layers.normed_backward(self.normed, d, gradients).expect("the gradient of rows is wanted");
        if let Some(table) = self.layers.positions {
            table.gather_backward(&self.positions, d_x.view(), gradients);
        }
        if let Some(types) = self.layers.token_types {
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
        let Some(mut d_sum) = self.layers.normed_backward(self.normed, d, gradients) else { return };
        if let Some(table) = self.layers.positions {
            table.gather_backward(&self.positions, d_sum.view(), gradients);
        }
        if let Some(types) = self.layers.token_types {
            types.gather_backward(&self.token_types, d_sum.view(), gradients);
        }
        if let Some(scale) = self.layers.scale() {
            d_sum *= scale;
        }
        self.layers.tokens.gather_backward(&self.token_ids, d_sum.view(), gradients);
    }
}
