//! The layers that a model of given sizes has: the one list from which loading, saving, random bases, thawing, counts and
//! shapes derive.

use super::{Architecture, Config, NormKind};
use crate::point::{BlockNorm, BlockPart, LinearPoint, Part, Projection};

/// What a [`Part`] is, and its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartShape {
    /// An embedding table, `[rows, width]`.
    Table {
        /// Its rows.
        rows: usize,
        /// Its width.
        width: usize,
    },
    /// A linear layer.
    Linear(LinearShape),
    /// A norm of rows of this width.
    Norm {
        /// The width of what it normalises.
        width: usize,
        /// What it computes.
        kind: NormKind,
    },
}

/// The size of a linear layer, `y = x Wᵀ + b` with `W: [outputs, inputs]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinearShape {
    /// The width of `y`.
    pub outputs: usize,
    /// The width of `x`.
    pub inputs: usize,
    /// There is a `b`.
    pub bias: bool,
}

impl PartShape {
    /// How many numbers it holds; `usize::MAX` if they are more.
    #[must_use]
    pub fn count(self) -> usize {
        match self {
            Self::Table { rows, width } => rows.saturating_mul(width),
            Self::Linear(LinearShape { outputs, inputs, bias }) => {
                outputs.saturating_mul(inputs).saturating_add(usize::from(bias) * outputs)
            }
            Self::Norm { width, kind } => width.saturating_mul(1 + usize::from(kind.has_bias())),
        }
    }
}

impl Config {
    /// Every table, linear layer and norm of the model with its size, in the order of a pass.
    ///
    /// ```
    /// use adaptune_transformer::{Config, Part, PartShape};
    /// let parts = Config::bert(8, 2, 2, 16).parts();
    /// assert_eq!(parts[0], (Part::Tokens, PartShape::Table { rows: 1000, width: 8 }));
    /// assert_eq!(parts.len(), 4 + 2 * (6 + 2) + 1);
    /// ```
    #[must_use]
    pub fn parts(&self) -> Vec<(Part, PartShape)> {
        let Architecture {
            learned_positions,
            embedding_norm,
            embedding_width,
            norm_behind_projection,
            disentangled,
            final_norm,
            untied_output,
            pooler,
            norm: kind,
            ..
        } = self.architecture;
        let (d, e) = (self.hidden, self.embedding_width());
        let table = |rows| PartShape::Table { rows, width: e };
        let norm = |width| PartShape::Norm { width, kind };
        let linear = |inputs, bias| PartShape::Linear(LinearShape { outputs: d, inputs, bias });
        let mut parts = vec![(Part::Tokens, table(self.vocabulary))];
        parts.extend(learned_positions.then(|| (Part::Positions, table(self.positions))));
        parts.extend((self.token_types > 0).then(|| (Part::TokenTypes, table(self.token_types))));
        let normed = if norm_behind_projection { d } else { e };
        parts.extend(embedding_norm.then(|| (Part::EmbeddingNorm, norm(normed))));
        parts.extend(embedding_width.map(|e| (Part::EmbeddingProjection, linear(e, !norm_behind_projection))));
        let buckets =
            self.architecture.relative_bias.map(|of| PartShape::Table { rows: of.buckets, width: self.heads });
        parts.extend(buckets.map(|shape| (Part::RelativeBias, shape)));
        let positions = disentangled.map(|of| PartShape::Table { rows: of.rows(), width: d });
        parts.extend(positions.map(|shape| (Part::RelativePositions, shape)));
        parts.extend(disentangled.filter(|of| of.norm).map(|_| (Part::RelativePositionsNorm, norm(d))));
        for layer in 0..self.blocks() {
            parts.extend(self.block_parts(layer).into_iter().map(|(part, shape)| (Part::Block(layer, part), shape)));
        }
        parts.extend(final_norm.then(|| (Part::FinalNorm, norm(d))));
        let output = PartShape::Table { rows: self.vocabulary, width: d };
        parts.extend(untied_output.then_some((Part::Output, output)));
        parts.extend(pooler.map(|pooler| (Part::Pooler, linear(d, pooler.bias))));
        parts.extend(pooler.filter(|pooler| pooler.norm).map(|_| (Part::PoolerNorm, norm(d))));
        parts
    }

    /// The linear layers and norms of a block, counted from 0, with their sizes, in the order of a pass. The linear layers of all
    /// blocks are the same.
    #[must_use]
    pub fn block_parts(&self, layer: usize) -> Vec<(BlockPart, PartShape)> {
        let Architecture { residual, first_norm, biases, gated, norm: kind, query_key_norm, disentangled, .. } =
            self.architecture;
        let (d, f, q, kv) = (self.hidden, self.feed_forward, self.query_width(), self.key_value_width());
        let linear = |projection, outputs, inputs, bias| {
            (BlockPart::Linear(projection), PartShape::Linear(LinearShape { outputs, inputs, bias }))
        };
        let norm = |norm, wanted: bool| wanted.then_some((BlockPart::Norm(norm), PartShape::Norm { width: d, kind }));
        let head = PartShape::Norm { width: self.head_size(), kind };
        let head_norm = |norm| query_key_norm.then_some((BlockPart::Norm(norm), head));
        let feed_forward_norm = residual.norms_before() && !residual.is_parallel();
        let mut parts = Vec::new();
        parts.extend(norm(BlockNorm::BeforeAttention, residual.norms_before() && (first_norm || layer > 0)));
        parts.push(linear(Projection::Query, q, d, biases.query_key_value));
        parts.push(linear(Projection::Key, kv, d, biases.query_key_value));
        parts.push(linear(Projection::Value, kv, d, biases.query_key_value));
        if let Some(of) = disentangled.filter(|of| of.own_projections) {
            let key = of.content_to_position.then(|| linear(Projection::PositionKey, kv, d, biases.query_key_value));
            let query = of.position_to_content.then(|| linear(Projection::PositionQuery, q, d, biases.query_key_value));
            parts.extend(key.into_iter().chain(query));
        }
        parts.push(linear(Projection::AttentionOutput, d, q, biases.attention_output));
        parts.extend(head_norm(BlockNorm::Query));
        parts.extend(head_norm(BlockNorm::Key));
        parts.extend(norm(BlockNorm::AfterAttention, residual.norms_after()));
        parts.extend(norm(BlockNorm::BeforeFeedForward, feed_forward_norm));
        parts.push(linear(Projection::FeedForwardIn, f, d, biases.feed_forward));
        parts.extend(gated.then(|| linear(Projection::FeedForwardGate, f, d, biases.feed_forward)));
        parts.push(linear(Projection::FeedForwardOut, d, f, biases.feed_forward));
        parts.extend(norm(BlockNorm::AfterFeedForward, residual.norms_after()));
        parts
    }

    /// The linear layers that every block of the model has, in the order of [`Projection::ALL`].
    #[must_use]
    pub fn projections(&self) -> Vec<Projection> {
        let all = Projection::ALL.into_iter();
        all.filter(|projection| self.linear_shape(*projection).is_some()).collect()
    }

    /// All linear layers of all stored blocks, block by block in the order of [`Config::projections`].
    #[must_use]
    pub fn linear_points(&self) -> Vec<LinearPoint> {
        let projections = self.projections();
        let block = |layer| projections.iter().map(move |projection| LinearPoint { layer, projection: *projection });
        (0..self.blocks()).flat_map(block).collect()
    }

    /// The size of a linear layer of a block; `None` if the model's blocks have no such layer.
    #[must_use]
    pub fn linear_shape(&self, projection: Projection) -> Option<LinearShape> {
        self.block_parts(0).into_iter().find_map(|(part, shape)| match shape {
            PartShape::Linear(shape) if part == BlockPart::Linear(projection) => Some(shape),
            _ => None,
        })
    }

    /// How many numbers a base of these sizes holds, its pooler included where the family has one; `usize::MAX` if they are more.
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        self.parts().into_iter().fold(0, |sum: usize, (_, shape)| sum.saturating_add(shape.count()))
    }
}
