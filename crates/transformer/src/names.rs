//! Where Hugging Face checkpoints keep the tensors of an encoder, without the family's prefix (`bert.`).

use crate::{Family, LinearPoint, Projection, Sublayer};

/// The embeddings; all families agree about them.
pub(crate) const TOKENS: &str = "embeddings.word_embeddings.weight";
pub(crate) const POSITIONS: &str = "embeddings.position_embeddings.weight";
pub(crate) const TOKEN_TYPES: &str = "embeddings.token_type_embeddings.weight";
pub(crate) const EMBEDDINGS_NORM: &str = "embeddings.LayerNorm";
/// The linear layer of the pooler.
pub(crate) const POOLER: &str = "pooler.dense";

/// Where a family keeps the layers of its blocks.
pub(crate) struct Names {
    block: &'static str,
    /// In the order of [`Projection`].
    linears: [&'static str; 6],
    /// In the order of [`Sublayer`].
    norms: [&'static str; 2],
}

const BERT: Names = Names {
    block: "encoder.layer",
    linears: [
        "attention.self.query",
        "attention.self.key",
        "attention.self.value",
        "attention.output.dense",
        "intermediate.dense",
        "output.dense",
    ],
    norms: ["attention.output.LayerNorm", "output.LayerNorm"],
};

const DISTILBERT: Names = Names {
    block: "transformer.layer",
    linears: ["attention.q_lin", "attention.k_lin", "attention.v_lin", "attention.out_lin", "ffn.lin1", "ffn.lin2"],
    norms: ["sa_layer_norm", "output_layer_norm"],
};

impl LinearPoint {
    /// Where Hugging Face checkpoints of a family keep the layer, without the family's prefix.
    ///
    /// ```
    /// use adaptune_transformer::{Family, LinearPoint, Projection};
    /// let point = LinearPoint { layer: 3, projection: Projection::Key };
    /// assert_eq!(point.path(Family::Bert), "encoder.layer.3.attention.self.key");
    /// ```
    #[must_use]
    pub fn path(self, family: Family) -> String {
        Names::of(family).linear(self.layer, self.projection)
    }
}

impl Names {
    pub(crate) fn of(family: Family) -> &'static Self {
        if family == Family::DistilBert { &DISTILBERT } else { &BERT }
    }

    /// A linear layer of a block; `.weight` and `.bias` follow.
    pub(crate) fn linear(&self, layer: usize, projection: Projection) -> String {
        format!("{}.{layer}.{}", self.block, self.linears[projection as usize])
    }

    /// A norm of a block; `.weight` and `.bias` follow.
    pub(crate) fn norm(&self, layer: usize, sublayer: Sublayer) -> String {
        format!("{}.{layer}.{}", self.block, self.norms[sublayer as usize])
    }
}
