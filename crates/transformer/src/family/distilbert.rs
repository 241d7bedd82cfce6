//! DistilBERT: BERT's blocks under other names, without token types and pooler.

use super::description::{
    AdapterPaths, ChoiceHead, Classifier, Family, FamilyDescription, FieldNames, LanguageHeadNames, PastKeyValues,
    PythonNames,
};
use super::format::{FamilyFormat, activation, fifth, gelu, refuse_other_models, tenth, tiny};
use super::names::{StoredLinear, TensorNames};
use crate::config::{Architecture, Config, ConfigError};
use crate::point::{BlockNorm, Projection};
use adaptune_tensor::Activation;
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::Path;

impl Family {
    /// DistilBERT (Sanh et al., 2019).
    pub const DISTILBERT: Self = Self::new(&DISTILBERT);
}

pub(super) const FORMAT: FamilyFormat = FamilyFormat { family: Family::DISTILBERT, read, write };

static DISTILBERT: FamilyDescription = FamilyDescription {
    model_type: "distilbert",
    prefix: "distilbert.",
    tensors: TensorNames {
        tokens: "embeddings.word_embeddings.weight",
        positions: "embeddings.position_embeddings.weight",
        embedding_norm: "embeddings.LayerNorm",
        block: "transformer.layer",
        linears: &[
            (Projection::Query, StoredLinear::whole("attention.q_lin")),
            (Projection::Key, StoredLinear::whole("attention.k_lin")),
            (Projection::Value, StoredLinear::whole("attention.v_lin")),
            (Projection::AttentionOutput, StoredLinear::whole("attention.out_lin")),
            (Projection::FeedForwardIn, StoredLinear::whole("ffn.lin1")),
            (Projection::FeedForwardOut, StoredLinear::whole("ffn.lin2")),
        ],
        norms: &[(BlockNorm::AfterAttention, "sa_layer_norm"), (BlockNorm::AfterFeedForward, "output_layer_norm")],
        ..TensorNames::NONE
    },
    heads: &[],
    fields: FieldNames {
        vocabulary: "vocab_size",
        hidden: "dim",
        layers: "n_layers",
        heads: "n_heads",
        feed_forward: "hidden_dim",
        positions: "max_position_embeddings",
        hidden_dropout: "dropout",
        attention_dropout: "attention_dropout",
        head_dropout: "seq_classif_dropout",
        norm_epsilon: "layer_norm_eps",
    },
    drops_attention_output: false,
    drops_feed_forward: true,
    python: PythonNames {
        class: "DistilBert",
        language_head: Some(LanguageHeadNames {
            transform: "vocab_transform",
            norm: "vocab_layer_norm",
            bias: "vocab_projector.bias",
            activation: None,
        }),
        adapters: AdapterPaths {
            after_attention: "attention_adapters",
            after_feed_forward: "output_adapters",
            attention: "attention",
            prefix: "self",
            known: true,
            differ: &[],
        },
        classifier: Classifier {
            layers: &["pre_classifier", "classifier"],
            activation: Activation::Relu,
            pooled: false,
            plain_tagger: true,
            choice: Some(ChoiceHead { layers: &["pre_classifier", "classifier"], pooled: false }),
        },
        past_key_values: PastKeyValues::Refused,
    },
};

/// `config.json`.
#[derive(Deserialize)]
struct File {
    #[serde(rename = "_name_or_path")]
    name: Option<String>,
    vocab_size: usize,
    dim: usize,
    n_layers: usize,
    n_heads: usize,
    hidden_dim: usize,
    max_position_embeddings: usize,
    #[serde(default = "gelu")]
    activation: String,
    #[serde(default = "tenth")]
    dropout: f64,
    #[serde(default = "tenth")]
    attention_dropout: f64,
    #[serde(default = "fifth")]
    seq_classif_dropout: f64,
}

fn read(raw: Value, path: &Path) -> Result<Config, ConfigError> {
    refuse_other_models(&raw, path)?;
    let file: File =
        serde_json::from_value(raw).map_err(|source| ConfigError::Json { path: path.to_owned(), source })?;
    Ok(Config {
        family: Family::DISTILBERT,
        architecture: Architecture { pooler: None, ..Architecture::bert() },
        name: file.name.filter(|name| !name.is_empty()),
        vocabulary: file.vocab_size,
        hidden: file.dim,
        layers: file.n_layers,
        heads: file.n_heads,
        feed_forward: file.hidden_dim,
        positions: file.max_position_embeddings,
        position_offset: 0,
        token_types: 0,
        norm_epsilon: tiny(),
        activation: activation(&file.activation, "activation", path)?,
        hidden_dropout: file.dropout,
        feed_forward_dropout: file.dropout,
        attention_output_dropout: 0.0,
        attention_dropout: file.attention_dropout,
        head_dropout: file.seq_classif_dropout,
    })
}

fn write(config: &Config) -> Value {
    json!({
        "dim": config.hidden,
        "n_layers": config.layers,
        "n_heads": config.heads,
        "hidden_dim": config.feed_forward,
        "activation": config.activation.name(),
        "dropout": config.hidden_dropout,
        "attention_dropout": config.attention_dropout,
        "seq_classif_dropout": config.head_dropout,
    })
}
