//! MPNet: BERT's blocks, to whose attention a bias by distance is added, with positions as RoBERTa counts them.

use super::bert::{ADAPTERS, FIELDS, File, write as write_bert};
use super::description::{
    AdapterPaths, ChoiceHead, Classifier, Family, FamilyDescription, LanguageHeadNames, PastKeyValues, PythonNames,
};
use super::format::{FamilyFormat, refuse};
use super::names::{StoredLinear, TensorNames};
use crate::config::{Architecture, Config, ConfigError, RelativeBuckets};
use crate::point::{BlockNorm, Projection};
use adaptune_tensor::Activation;
use serde_json::{Value, json};
use std::path::Path;

impl Family {
    /// MPNet (Song et al., 2020).
    pub const MPNET: Self = Self::new(&MPNET);
}

pub(super) const FORMAT: FamilyFormat = FamilyFormat { family: Family::MPNET, read, write };

static MPNET: FamilyDescription = FamilyDescription {
    model_type: "mpnet",
    prefix: "mpnet.",
    tensors: TensorNames {
        tokens: "embeddings.word_embeddings.weight",
        positions: "embeddings.position_embeddings.weight",
        embedding_norm: "embeddings.LayerNorm",
        relative_bias: "encoder.relative_attention_bias.weight",
        pooler: "pooler.dense",
        block: "encoder.layer",
        linears: &[
            (Projection::Query, StoredLinear::whole("attention.attn.q")),
            (Projection::Key, StoredLinear::whole("attention.attn.k")),
            (Projection::Value, StoredLinear::whole("attention.attn.v")),
            (Projection::AttentionOutput, StoredLinear::whole("attention.attn.o")),
            (Projection::FeedForwardIn, StoredLinear::whole("intermediate.dense")),
            (Projection::FeedForwardOut, StoredLinear::whole("output.dense")),
        ],
        norms: &[(BlockNorm::AfterAttention, "attention.LayerNorm"), (BlockNorm::AfterFeedForward, "output.LayerNorm")],
        ..TensorNames::NONE
    },
    heads: &[],
    fields: FIELDS,
    drops_attention_output: true,
    drops_feed_forward: true,
    python: PythonNames {
        class: "MPNet",
        language_head: Some(LanguageHeadNames {
            transform: "lm_head.dense",
            norm: "lm_head.layer_norm",
            bias: "lm_head.bias",
            activation: Some(Activation::Gelu),
        }),
        adapters: AdapterPaths { known: false, ..ADAPTERS },
        classifier: Classifier {
            layers: &["classifier.dense", "classifier.out_proj"],
            activation: Activation::Tanh,
            pooled: false,
            plain_tagger: true,
            choice: Some(ChoiceHead::POOLED),
        },
        past_key_values: PastKeyValues::Refused,
    },
};

/// Of whatever number of buckets a file speaks, transformers computes with 32, up to a distance of 128; and positions are counted
/// from 2 on, whatever the padding id.
const BUCKETS: RelativeBuckets = RelativeBuckets { buckets: 32, most: 128 };
const FIRST_POSITION: usize = 2;

fn read(mut raw: Value, path: &Path) -> Result<Config, ConfigError> {
    refuse(&raw, "relative_attention_num_buckets", &[json!(BUCKETS.buckets)], path)?;
    raw["type_vocab_size"] = 0.into();
    let config = File::parse(raw, path)?.config(Family::MPNET, FIRST_POSITION, path)?;
    Ok(Config { architecture: Architecture { relative_bias: Some(BUCKETS), ..Architecture::bert() }, ..config })
}

fn write(config: &Config) -> Value {
    let mut fields = write_bert(config);
    fields["relative_attention_num_buckets"] = BUCKETS.buckets.into();
    fields
}
