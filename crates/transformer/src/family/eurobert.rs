//! EuroBERT: Llama's blocks, in which every token sees every other.

use super::description::{Classifier, Family, FamilyDescription, PastKeyValues, PythonNames};
use super::format::{FamilyFormat, activation, blocks, number, refuse, size, text, wrong};
use super::llama_blocks;
use crate::config::{Architecture, ClassifierReads, Config, ConfigError};
use adaptune_tensor::Activation;
use serde_json::{Value, json};
use std::path::Path;

impl Family {
    /// EuroBERT (Boizard et al., 2025).
    pub const EUROBERT: Self = Self::new(&EUROBERT);
}

pub(super) const FORMAT: FamilyFormat = FamilyFormat { family: Family::EUROBERT, read, write };

static EUROBERT: FamilyDescription = FamilyDescription {
    model_type: "eurobert",
    prefix: "model.",
    tensors: llama_blocks::TENSORS,
    heads: &["dense."],
    fields: llama_blocks::FIELDS,
    drops_attention_output: false,
    drops_feed_forward: false,
    python: PythonNames {
        class: "EuroBert",
        language_head: None,
        adapters: llama_blocks::ADAPTERS,
        classifier: Classifier {
            layers: &["dense", "classifier"],
            activation: Activation::Gelu,
            pooled: false,
            plain_tagger: true,
            choice: None,
        },
        past_key_values: PastKeyValues::Refused,
    },
};

fn read(raw: Value, path: &Path) -> Result<Config, ConfigError> {
    refuse(&raw, "hidden_dropout", &[json!(0.0), json!(0)], path)?;
    let whole = |field, default| size(&raw, field, default, path);
    let (hidden, layers, heads) =
        (whole("hidden_size", 768)?, blocks(&raw, "num_hidden_layers", 12, path)?, whole("num_attention_heads", 12)?);
    let shape = Config::bert(hidden, layers, heads, whole("intermediate_size", 3072)?);
    Ok(Config {
        family: Family::EUROBERT,
        architecture: Architecture {
            classifier_reads: classifier_reads(&raw, path)?,
            ..llama_blocks::architecture(&raw, &shape, llama_blocks::biases(&raw, path)?, path)?
        },
        name: raw.get("_name_or_path").and_then(Value::as_str).filter(|name| !name.is_empty()).map(str::to_owned),
        vocabulary: whole("vocab_size", 128_256)?,
        positions: whole("max_position_embeddings", 8192)?,
        token_types: 0,
        norm_epsilon: number(&raw, "rms_norm_eps", 1e-5, path)?,
        activation: activation(text(&raw, "hidden_act", "silu", path)?, "hidden_act", path)?,
        attention_dropout: number(&raw, "attention_dropout", 0.0, path)?,
        ..shape
    })
}

/// The oldest files call it `clf_pooling`.
fn classifier_reads(raw: &Value, path: &Path) -> Result<ClassifierReads, ConfigError> {
    let field = if raw["clf_pooling"].is_null() { "classifier_pooling" } else { "clf_pooling" };
    match text(raw, field, "late", path)? {
        "bos" => Ok(ClassifierReads::First),
        "mean" => Ok(ClassifierReads::Mean),
        "late" => Ok(ClassifierReads::EveryToken),
        _ => Err(wrong(field, &raw[field], "\"bos\", \"mean\" or \"late\"", path)),
    }
}

fn write(config: &Config) -> Value {
    let pooling = match config.architecture.classifier_reads {
        ClassifierReads::Mean => "mean",
        ClassifierReads::EveryToken => "late",
        ClassifierReads::First | ClassifierReads::Last => "bos",
    };
    let mut fields = llama_blocks::write(config);
    fields["classifier_pooling"] = pooling.into();
    fields
}
