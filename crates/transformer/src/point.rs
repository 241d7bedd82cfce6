//! The names of places in a model: where its layers are, and where modules can be plugged in.

/// The linear layers that a block may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Projection {
    /// Queries of the attention.
    Query,
    /// Keys of the attention.
    Key,
    /// Values of the attention.
    Value,
    /// Output of the attention.
    AttentionOutput,
    /// Hidden size to feed-forward size; in a gated network the branch that is not activated.
    FeedForwardIn,
    /// Feed-forward size to hidden size.
    FeedForwardOut,
    /// Hidden size to feed-forward size, in a gated network the branch that is activated.
    FeedForwardGate,
    /// Keys of relative positions, where these are projected by a layer of their own (DeBERTa).
    PositionKey,
    /// Queries of relative positions, likewise.
    PositionQuery,
}

impl Projection {
    /// All of them, each at the place of its number. Which of them a model has, [`Config::projections`](crate::Config::projections)
    /// says.
    pub const ALL: [Self; 9] = [
        Self::Query,
        Self::Key,
        Self::Value,
        Self::AttentionOutput,
        Self::FeedForwardIn,
        Self::FeedForwardOut,
        Self::FeedForwardGate,
        Self::PositionKey,
        Self::PositionQuery,
    ];
}

/// A linear layer of the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinearPoint {
    /// The stored block, from 0.
    pub layer: usize,
    /// The layer within the block.
    pub projection: Projection,
}

/// The norms that a block may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BlockNorm {
    /// Before the attention, in pre-norm blocks.
    BeforeAttention,
    /// Of the queries, head by head.
    Query,
    /// Of the keys, head by head.
    Key,
    /// Behind the attention, in post-norm and sandwich blocks.
    AfterAttention,
    /// Before the feed-forward network, in pre-norm blocks.
    BeforeFeedForward,
    /// Behind the feed-forward network, in post-norm and sandwich blocks.
    AfterFeedForward,
}

/// The two sublayers of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sublayer {
    /// Self-attention.
    Attention,
    /// The feed-forward network.
    FeedForward,
}

impl Sublayer {
    /// Both, in the order of a pass.
    pub const ALL: [Self; 2] = [Self::Attention, Self::FeedForward];
}

/// The end of a sublayer, where its output joins its residual input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SublayerPoint {
    /// The block, from 0.
    pub layer: usize,
    /// Which sublayer.
    pub sublayer: Sublayer,
}

/// A place between blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SequencePoint {
    /// After the embeddings, before a projection to the hidden size: tokens are as wide as
    /// [`Config::embedded_width`](crate::Config::embedded_width) says.
    Embeddings,
    /// After a block, counted from 0.
    Block(usize),
}

/// A table, a linear layer or a norm of a base. Their order is that in which tensors are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The token embeddings, `[V, E]`, with `E` the [width of the embeddings](crate::Config::embedding_width), mostly `D`.
    Tokens,
    /// The learned position embeddings, `[positions, E]`.
    Positions,
    /// The token type embeddings, `[token types, E]`.
    TokenTypes,
    /// The norm behind the embeddings.
    EmbeddingNorm,
    /// The linear layer from the width of the embeddings to the hidden size.
    EmbeddingProjection,
    /// The biases of attention by distance, `[buckets, H]`, for all blocks.
    RelativeBias,
    /// The embeddings of relative positions, `[2P, D]`, for all blocks.
    RelativePositions,
    /// The norm behind them.
    RelativePositionsNorm,
    /// A part of a block, counted from 0.
    Block(usize, BlockPart),
    /// The norm behind the last block.
    FinalNorm,
    /// The output layer of a language model, `[V, D]`, where it is not the token embeddings.
    Output,
    /// The linear layer of the pooler.
    Pooler,
    /// The norm behind it.
    PoolerNorm,
}

impl Part {
    /// True of the parts of the pooler.
    #[must_use]
    pub fn is_pooler(self) -> bool {
        matches!(self, Self::Pooler | Self::PoolerNorm)
    }
}

/// A layer of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BlockPart {
    /// A linear layer.
    Linear(Projection),
    /// A norm.
    Norm(BlockNorm),
}

impl From<LinearPoint> for Part {
    fn from(point: LinearPoint) -> Self {
        Self::Block(point.layer, BlockPart::Linear(point.projection))
    }
}
