//! ALBERT: BERT's blocks, of which few are stored and stand at several depths, behind embeddings of another width.

use super::bert::{FIELDS, File, write as write_bert};
use super::description::{
    AdapterPaths, ChoiceHead, Classifier, Family, FamilyDescription, FieldNames, LanguageHeadNames, PastKeyValues,
    PythonNames,
};
use super::format::{FamilyFormat, number, refuse, size};
use super::names::{StoredLinear, TensorNames};
use crate::config::{Architecture, Config, ConfigError};
use crate::point::{BlockNorm, Projection, Sublayer};
use adaptune_tensor::Activation;
use serde_json::{Value, json};
use std::path::Path;

impl Family {
    /// ALBERT (Lan et al., 2020).
    pub const ALBERT: Self = Self::new(&ALBERT);
}

pub(super) const FORMAT: FamilyFormat = FamilyFormat { family: Family::ALBERT, read, write };

static ALBERT: FamilyDescription = FamilyDescription {
    model_type: "albert",
    prefix: "albert.",
    tensors: TensorNames {
        tokens: "embeddings.word_embeddings.weight",
        positions: "embeddings.position_embeddings.weight",
        token_types: "embeddings.token_type_embeddings.weight",
        embedding_norm: "embeddings.LayerNorm",
        embedding_projection: "encoder.embedding_hidden_mapping_in",
        pooler: "pooler",
        block: "encoder.albert_layer_groups",
        linears: &[
            (Projection::Query, StoredLinear::whole("albert_layers.0.attention.query")),
            (Projection::Key, StoredLinear::whole("albert_layers.0.attention.key")),
            (Projection::Value, StoredLinear::whole("albert_layers.0.attention.value")),
            (Projection::AttentionOutput, StoredLinear::whole("albert_layers.0.attention.dense")),
            (Projection::FeedForwardIn, StoredLinear::whole("albert_layers.0.ffn")),
            (Projection::FeedForwardOut, StoredLinear::whole("albert_layers.0.ffn_output")),
        ],
        norms: &[
            (BlockNorm::AfterAttention, "albert_layers.0.attention.LayerNorm"),
            (BlockNorm::AfterFeedForward, "albert_layers.0.full_layer_layer_norm"),
        ],
        ..TensorNames::NONE
    },
    heads: &["predictions.", "sop_classifier."],
    fields: FieldNames { head_dropout: "classifier_dropout_prob", ..FIELDS },
    drops_attention_output: true,
    drops_feed_forward: false,
    python: PythonNames {
        class: "Albert",
        language_head: Some(LanguageHeadNames {
            transform: "predictions.dense",
            norm: "predictions.LayerNorm",
            bias: "predictions.bias",
            activation: None,
        }),
        adapters: AdapterPaths {
            after_attention: "albert_layers.0.attention.attention_adapters",
            after_feed_forward: "albert_layers.0.output_adapters",
            attention: "albert_layers.0.attention",
            prefix: "self_prefix",
            known: true,
            differ: &[Sublayer::Attention],
        },
        classifier: Classifier {
            layers: &["classifier"],
            activation: Activation::Tanh,
            pooled: true,
            plain_tagger: true,
            choice: Some(ChoiceHead::POOLED),
        },
        past_key_values: PastKeyValues::Refused,
    },
};

/// Of `num_hidden_groups` blocks each stands at as many depths as it can.
fn read(raw: Value, path: &Path) -> Result<Config, ConfigError> {
    refuse(&raw, "inner_group_num", &[json!(1)], path)?;
    let (width, groups) = (size(&raw, "embedding_size", 128, path)?, size(&raw, "num_hidden_groups", 1, path)?);
    let head_dropout = number(&raw, "classifier_dropout_prob", 0.1, path)?;
    let dropouts = ["hidden_dropout_prob", "attention_probs_dropout_prob"].map(|field| (field, raw[field].is_null()));
    let config = File::parse(without_dropout(raw, dropouts), path)?.config(Family::ALBERT, 0, path)?;
    let (embedding_width, shared_blocks) = (Some(width), Some(groups));
    let architecture = Architecture { embedding_width, shared_blocks, ..Architecture::bert() };
    Ok(Config { architecture, feed_forward_dropout: 0.0, head_dropout, ..config })
}

/// What a file leaves out is 0 here, and not a tenth as in BERT.
fn without_dropout(mut raw: Value, fields: [(&str, bool); 2]) -> Value {
    for (field, _) in fields.into_iter().filter(|(_, missing)| *missing) {
        raw[field] = json!(0.0);
    }
    raw
}

fn write(config: &Config) -> Value {
    let mut fields = write_bert(config);
    fields["embedding_size"] = config.embedding_width().into();
    fields["num_hidden_groups"] = config.blocks().into();
    fields["inner_group_num"] = 1.into();
    fields["classifier_dropout_prob"] = config.head_dropout.into();
    fields
}
