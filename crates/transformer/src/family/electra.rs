//! ELECTRA: BERT's blocks behind embeddings of another width, without a pooler.

use super::bert::{ADAPTERS, FIELDS, File, TENSORS, write as write_bert};
use super::description::{
    ChoiceHead, Classifier, Family, FamilyDescription, LanguageHeadNames, PastKeyValues, PythonNames,
};
use super::format::{FamilyFormat, size};
use super::names::TensorNames;
use crate::config::{Architecture, Config, ConfigError};
use adaptune_tensor::Activation;
use serde_json::Value;
use std::path::Path;

impl Family {
    /// ELECTRA (Clark et al., 2020), discriminators and generators.
    pub const ELECTRA: Self = Self::new(&ELECTRA);
}

pub(super) const FORMAT: FamilyFormat = FamilyFormat { family: Family::ELECTRA, read, write };

static ELECTRA: FamilyDescription = FamilyDescription {
    model_type: "electra",
    prefix: "electra.",
    tensors: TensorNames { embedding_projection: "embeddings_project", pooler: "", ..TENSORS },
    heads: &["discriminator_predictions.", "generator_predictions.", "generator_lm_head.", "sequence_summary."],
    fields: FIELDS,
    drops_attention_output: true,
    drops_feed_forward: true,
    python: PythonNames {
        class: "Electra",
        language_head: Some(LanguageHeadNames {
            transform: "generator_predictions.dense",
            norm: "generator_predictions.LayerNorm",
            bias: "generator_lm_head.bias",
            activation: Some(Activation::Gelu),
        }),
        adapters: ADAPTERS,
        classifier: Classifier {
            layers: &["classifier.dense", "classifier.out_proj"],
            activation: Activation::Gelu,
            pooled: false,
            plain_tagger: true,
            choice: Some(ChoiceHead { layers: &["sequence_summary.summary", "classifier"], pooled: false }),
        },
        past_key_values: PastKeyValues::NotForClassification,
    },
};

/// The projection is there where `embedding_size` is not the hidden size.
fn read(raw: Value, path: &Path) -> Result<Config, ConfigError> {
    let width = size(&raw, "embedding_size", 128, path)?;
    let config = File::parse(raw, path)?.config(Family::ELECTRA, 0, path)?;
    let embedding_width = Some(width).filter(|width| *width != config.hidden);
    Ok(Config { architecture: Architecture { embedding_width, pooler: None, ..Architecture::bert() }, ..config })
}

fn write(config: &Config) -> Value {
    let mut fields = write_bert(config);
    fields["embedding_size"] = config.embedding_width().into();
    fields
}
