//! Where a family's checkpoints keep its layers.

use crate::point::{BlockNorm, BlockPart, LinearPoint, Part, Projection};
use adaptune_tensor::join;

/// Where checkpoints keep the tensors of a family, without its prefix (`bert.`).
#[derive(Debug)]
pub struct TensorNames {
    /// The tensor of the token embeddings.
    pub tokens: &'static str,
    /// The tensor of the learned position embeddings.
    pub positions: &'static str,
    /// The tensor of the token type embeddings.
    pub token_types: &'static str,
    /// The norm behind the embeddings; `.weight` and `.bias` follow.
    pub embedding_norm: &'static str,
    /// The linear layer from the embeddings to the hidden size.
    pub embedding_projection: &'static str,
    /// The table of relative biases.
    pub relative_bias: &'static str,
    /// The table of embeddings of relative positions.
    pub relative_positions: &'static str,
    /// The norm behind them.
    pub relative_positions_norm: &'static str,
    /// The norm behind the last block.
    pub final_norm: &'static str,
    /// The tensor of an output layer that is not the token embeddings. It lies beside what the family's prefix stands for.
    pub output: &'static str,
    /// The linear layer of the pooler.
    pub pooler: &'static str,
    /// The norm behind it.
    pub pooler_norm: &'static str,
    /// The pooler lies beside what the family's prefix stands for, as heads do.
    pub pooler_is_beside: bool,
    /// What the path of a block begins with; its number follows.
    pub block: &'static str,
    /// The linear layers of a block.
    pub linears: &'static [(Projection, StoredLinear)],
    /// The norms of a block, by their path below it.
    pub norms: &'static [(BlockNorm, &'static str)],
}

/// Where a linear layer of a block is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredLinear {
    /// The path of the stored layer below the block.
    pub path: &'static str,
    /// Which of the layers that are stored under this path it is, from the first rows on: a fused layer holds several.
    pub part: usize,
    /// The weight is stored as `[inputs, outputs]`, as GPT-2's Conv1D is.
    pub transposed: bool,
}

impl StoredLinear {
    /// A layer that is stored alone and as it is.
    #[must_use]
    pub const fn whole(path: &'static str) -> Self {
        Self { path, part: 0, transposed: false }
    }

    /// A layer that is stored as rows of a larger one, behind those of lower parts.
    #[must_use]
    pub const fn part(path: &'static str, part: usize) -> Self {
        Self { path, part, transposed: false }
    }
}

impl TensorNames {
    /// Nothing is named: what a family has not, its description takes from here.
    pub const NONE: Self = Self {
        tokens: "",
        positions: "",
        token_types: "",
        embedding_norm: "",
        embedding_projection: "",
        relative_bias: "",
        relative_positions: "",
        relative_positions_norm: "",
        final_norm: "",
        output: "",
        pooler: "",
        pooler_norm: "",
        pooler_is_beside: false,
        block: "",
        linears: &[],
        norms: &[],
    };

    /// Where a linear layer of a block is stored; `None` if the family has no such layer.
    #[must_use]
    pub fn linear(&self, projection: Projection) -> Option<StoredLinear> {
        self.linears.iter().find(|(known, _)| *known == projection).map(|(_, stored)| *stored)
    }

    /// The projections that are stored under a path, in the order of their rows.
    #[must_use]
    pub fn stored_together(&self, path: &str) -> Vec<Projection> {
        let mut together: Vec<_> = self.linears.iter().filter(|(_, stored)| stored.path == path).collect();
        together.sort_by_key(|(_, stored)| stored.part);
        together.into_iter().map(|(projection, _)| *projection).collect()
    }

    /// The path of the stored layer that holds a linear layer, `encoder.layer.3.attention.self.key`.
    #[must_use]
    pub fn linear_path(&self, point: LinearPoint) -> Option<String> {
        Some(format!("{}.{}.{}", self.block, point.layer, self.linear(point.projection)?.path))
    }

    /// The name of a part, under which a thawed copy of it is kept: a table's tensor, or what `.weight` and `.bias` follow. It is
    /// that of the stored layer, and where this holds several, that and the number of the part.
    ///
    /// # Panics
    /// If the family does not name the part, which its description then contradicts.
    #[must_use]
    pub fn name(&self, part: Part) -> String {
        match part {
            Part::Tokens => self.tokens.into(),
            Part::Positions => self.positions.into(),
            Part::TokenTypes => self.token_types.into(),
            Part::EmbeddingNorm => self.embedding_norm.into(),
            Part::EmbeddingProjection => self.embedding_projection.into(),
            Part::RelativeBias => self.relative_bias.into(),
            Part::RelativePositions => self.relative_positions.into(),
            Part::RelativePositionsNorm => self.relative_positions_norm.into(),
            Part::FinalNorm => self.final_norm.into(),
            Part::Output => self.output.into(),
            Part::Pooler => self.pooler.into(),
            Part::PoolerNorm => self.pooler_norm.into(),
            Part::Block(layer, BlockPart::Norm(norm)) => {
                let known = self.norms.iter().find(|(known, _)| *known == norm);
                let (_, path) = known.unwrap_or_else(|| panic!("the family's description names no {norm:?} norm"));
                format!("{}.{layer}.{path}", self.block)
            }
            Part::Block(layer, BlockPart::Linear(projection)) => {
                let point = LinearPoint { layer, projection };
                let path = self.linear_path(point);
                let path = path.unwrap_or_else(|| panic!("the family's description names no {projection:?} layer"));
                let stored = self.linear(projection).expect("it has a path");
                match self.stored_together(stored.path).len() {
                    1 => path,
                    _ => join(&path, &stored.part.to_string()),
                }
            }
        }
    }
}
