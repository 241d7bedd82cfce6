//! BERT, and families that differ from it in names and in how positions are counted: RoBERTa, XLM-R and CamemBERT.

use super::description::{
    AdapterPaths, ChoiceHead, Classifier, Family, FamilyDescription, FieldNames, LanguageHeadNames, PastKeyValues,
    PythonNames,
};
use super::format::{FamilyFormat, activation, gelu, refuse_other_models, tenth, tiny, two};
use super::names::{StoredLinear, TensorNames};
use crate::config::{Architecture, Config, ConfigError};
use crate::point::{BlockNorm, Projection};
use adaptune_tensor::Activation;
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::Path;

impl Family {
    /// BERT (Devlin et al., 2019).
    pub const BERT: Self = Self::new(&BERT);
    /// RoBERTa (Liu et al., 2019).
    pub const ROBERTA: Self = Self::new(&ROBERTA);
    /// XLM-RoBERTa (Conneau et al., 2020): RoBERTa over many languages.
    pub const XLM_ROBERTA: Self = Self::new(&XLM_ROBERTA);
    /// CamemBERT (Martin et al., 2020): RoBERTa over French.
    pub const CAMEMBERT: Self = Self::new(&CAMEMBERT);
}

pub(super) const BERT_FORMAT: FamilyFormat = FamilyFormat { family: Family::BERT, read: read_bert, write };
pub(super) const ROBERTA_FORMAT: FamilyFormat = FamilyFormat { family: Family::ROBERTA, read: read_roberta, write };
pub(super) const XLM_ROBERTA_FORMAT: FamilyFormat =
    FamilyFormat { family: Family::XLM_ROBERTA, read: read_xlm_roberta, write };
pub(super) const CAMEMBERT_FORMAT: FamilyFormat =
    FamilyFormat { family: Family::CAMEMBERT, read: read_camembert, write };

static BERT: FamilyDescription = FamilyDescription {
    model_type: "bert",
    prefix: "bert.",
    tensors: TENSORS,
    heads: &[],
    fields: FIELDS,
    drops_attention_output: true,
    drops_feed_forward: true,
    python: PythonNames {
        class: "Bert",
        language_head: Some(LanguageHeadNames {
            transform: "cls.predictions.transform.dense",
            norm: "cls.predictions.transform.LayerNorm",
            bias: "cls.predictions.bias",
            activation: None,
        }),
        adapters: ADAPTERS,
        classifier: Classifier {
            layers: &["classifier"],
            activation: Activation::Tanh,
            pooled: true,
            plain_tagger: true,
            choice: Some(ChoiceHead::POOLED),
        },
        past_key_values: PastKeyValues::Taken,
    },
};

static ROBERTA: FamilyDescription = FamilyDescription {
    model_type: "roberta",
    prefix: "roberta.",
    tensors: TENSORS,
    heads: &[],
    fields: FIELDS,
    drops_attention_output: true,
    drops_feed_forward: true,
    python: roberta_names("Roberta"),
};

static XLM_ROBERTA: FamilyDescription = FamilyDescription {
    model_type: "xlm-roberta",
    prefix: "roberta.",
    tensors: TENSORS,
    heads: &[],
    fields: FIELDS,
    drops_attention_output: true,
    drops_feed_forward: true,
    python: roberta_names("XLMRoberta"),
};

static CAMEMBERT: FamilyDescription = FamilyDescription {
    model_type: "camembert",
    prefix: "roberta.",
    tensors: TENSORS,
    heads: &[],
    fields: FIELDS,
    drops_attention_output: true,
    drops_feed_forward: true,
    python: PythonNames { adapters: AdapterPaths { known: false, ..ADAPTERS }, ..roberta_names("Camembert") },
};

const fn roberta_names(class: &'static str) -> PythonNames {
    PythonNames {
        class,
        language_head: Some(LanguageHeadNames {
            transform: "lm_head.dense",
            norm: "lm_head.layer_norm",
            bias: "lm_head.bias",
            activation: Some(Activation::Gelu),
        }),
        adapters: ADAPTERS,
        classifier: Classifier {
            layers: &["classifier.dense", "classifier.out_proj"],
            activation: Activation::Tanh,
            pooled: false,
            plain_tagger: true,
            choice: Some(ChoiceHead::POOLED),
        },
        past_key_values: PastKeyValues::NotForClassification,
    }
}

pub(super) const TENSORS: TensorNames = TensorNames {
    tokens: "embeddings.word_embeddings.weight",
    positions: "embeddings.position_embeddings.weight",
    token_types: "embeddings.token_type_embeddings.weight",
    embedding_norm: "embeddings.LayerNorm",
    pooler: "pooler.dense",
    block: "encoder.layer",
    linears: &[
        (Projection::Query, StoredLinear::whole("attention.self.query")),
        (Projection::Key, StoredLinear::whole("attention.self.key")),
        (Projection::Value, StoredLinear::whole("attention.self.value")),
        (Projection::AttentionOutput, StoredLinear::whole("attention.output.dense")),
        (Projection::FeedForwardIn, StoredLinear::whole("intermediate.dense")),
        (Projection::FeedForwardOut, StoredLinear::whole("output.dense")),
    ],
    norms: &[
        (BlockNorm::AfterAttention, "attention.output.LayerNorm"),
        (BlockNorm::AfterFeedForward, "output.LayerNorm"),
    ],
    ..TensorNames::NONE
};

pub(super) const FIELDS: FieldNames = FieldNames {
    vocabulary: "vocab_size",
    hidden: "hidden_size",
    layers: "num_hidden_layers",
    heads: "num_attention_heads",
    feed_forward: "intermediate_size",
    positions: "max_position_embeddings",
    hidden_dropout: "hidden_dropout_prob",
    attention_dropout: "attention_probs_dropout_prob",
    head_dropout: "classifier_dropout",
    norm_epsilon: "layer_norm_eps",
};

pub(super) const ADAPTERS: AdapterPaths = AdapterPaths {
    after_attention: "attention.output",
    after_feed_forward: "output",
    attention: "attention.self",
    prefix: "self_prefix",
    known: true,
    differ: &[],
};

/// `config.json`.
#[derive(Deserialize)]
pub(super) struct File {
    #[serde(rename = "_name_or_path")]
    name: Option<String>,
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    max_position_embeddings: usize,
    #[serde(default = "two")]
    type_vocab_size: usize,
    #[serde(default = "tiny")]
    layer_norm_eps: f64,
    #[serde(default = "gelu")]
    hidden_act: String,
    #[serde(default = "tenth")]
    hidden_dropout_prob: f64,
    #[serde(default = "tenth")]
    attention_probs_dropout_prob: f64,
    classifier_dropout: Option<f64>,
    pad_token_id: Option<usize>,
}

fn read_bert(raw: Value, path: &Path) -> Result<Config, ConfigError> {
    let file = File::parse(raw, path)?;
    file.config(Family::BERT, 0, path)
}

fn read_roberta(raw: Value, path: &Path) -> Result<Config, ConfigError> {
    File::parse(raw, path)?.counting_from_padding(Family::ROBERTA, path)
}

fn read_xlm_roberta(raw: Value, path: &Path) -> Result<Config, ConfigError> {
    File::parse(raw, path)?.counting_from_padding(Family::XLM_ROBERTA, path)
}

fn read_camembert(raw: Value, path: &Path) -> Result<Config, ConfigError> {
    File::parse(raw, path)?.counting_from_padding(Family::CAMEMBERT, path)
}

impl File {
    pub(super) fn parse(raw: Value, path: &Path) -> Result<Self, ConfigError> {
        refuse_other_models(&raw, path)?;
        serde_json::from_value(raw).map_err(|source| ConfigError::Json { path: path.to_owned(), source })
    }

    /// RoBERTa numbers positions from the padding id + 1 on (an inheritance of fairseq).
    fn counting_from_padding(self, family: Family, path: &Path) -> Result<Config, ConfigError> {
        let offset = self.pad_token_id.unwrap_or(1).saturating_add(1);
        self.config(family, offset, path)
    }

    pub(super) fn config(self, family: Family, position_offset: usize, path: &Path) -> Result<Config, ConfigError> {
        Ok(Config {
            family,
            architecture: Architecture::bert(),
            name: self.name.filter(|name| !name.is_empty()),
            vocabulary: self.vocab_size,
            hidden: self.hidden_size,
            layers: self.num_hidden_layers,
            heads: self.num_attention_heads,
            feed_forward: self.intermediate_size,
            positions: self.max_position_embeddings,
            position_offset,
            token_types: self.type_vocab_size,
            norm_epsilon: self.layer_norm_eps,
            activation: activation(&self.hidden_act, "hidden_act", path)?,
            hidden_dropout: self.hidden_dropout_prob,
            feed_forward_dropout: self.hidden_dropout_prob,
            attention_output_dropout: self.hidden_dropout_prob,
            attention_dropout: self.attention_probs_dropout_prob,
            head_dropout: self.classifier_dropout.unwrap_or(self.hidden_dropout_prob),
        })
    }
}

pub(super) fn write(config: &Config) -> Value {
    // In RoBERTa positions count from the padding id on; in BERT the padding id means nothing to the model.
    let padding = config.position_offset.saturating_sub(1);
    json!({
        "hidden_size": config.hidden,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "intermediate_size": config.feed_forward,
        "type_vocab_size": config.token_types,
        "layer_norm_eps": config.norm_epsilon,
        "hidden_act": config.activation.name(),
        "hidden_dropout_prob": config.hidden_dropout,
        "attention_probs_dropout_prob": config.attention_dropout,
        "classifier_dropout": config.head_dropout,
        "pad_token_id": padding,
    })
}
