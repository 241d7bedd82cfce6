//! EuroBERT: Llama's blocks, in which every token sees every other.

use super::description::{AdapterPaths, Classifier, Family, FamilyDescription, FieldNames, PastKeyValues, PythonNames};
use super::format::{self, FamilyFormat, activation, flag, number, refuse, size, text, wrong};
use super::names::{StoredLinear, TensorNames};
use crate::config::{
    Architecture, Biases, ByLayer, ClassifierReads, Config, ConfigError, NormKind, Residual, RotaryPositions,
};
use crate::point::{BlockNorm, Projection};
use adaptune_tensor::{Activation, RmsWeight};
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
    tensors: TensorNames {
        tokens: "embed_tokens.weight",
        final_norm: "norm",
        block: "layers",
        linears: &[
            (Projection::Query, StoredLinear::whole("self_attn.q_proj")),
            (Projection::Key, StoredLinear::whole("self_attn.k_proj")),
            (Projection::Value, StoredLinear::whole("self_attn.v_proj")),
            (Projection::AttentionOutput, StoredLinear::whole("self_attn.o_proj")),
            (Projection::FeedForwardGate, StoredLinear::whole("mlp.gate_proj")),
            (Projection::FeedForwardIn, StoredLinear::whole("mlp.up_proj")),
            (Projection::FeedForwardOut, StoredLinear::whole("mlp.down_proj")),
        ],
        norms: &[
            (BlockNorm::BeforeAttention, "input_layernorm"),
            (BlockNorm::BeforeFeedForward, "post_attention_layernorm"),
        ],
        ..TensorNames::NONE
    },
    heads: &["dense."],
    fields: FieldNames {
        vocabulary: "vocab_size",
        hidden: "hidden_size",
        layers: "num_hidden_layers",
        heads: "num_attention_heads",
        feed_forward: "intermediate_size",
        positions: "max_position_embeddings",
        hidden_dropout: "hidden_dropout",
        attention_dropout: "attention_dropout",
        head_dropout: "classifier_dropout",
        norm_epsilon: "rms_norm_eps",
    },
    drops_attention_output: false,
    drops_feed_forward: false,
    python: PythonNames {
        class: "EuroBert",
        language_head: None,
        adapters: AdapterPaths {
            after_attention: "attention_adapters",
            after_feed_forward: "output_adapters",
            attention: "self_attn",
            prefix: "self_prefix",
            known: false,
            differ: &[],
        },
        classifier: Classifier {
            layers: &["dense", "classifier"],
            activation: Activation::Gelu,
            pooled: false,
            plain_tagger: true,
        },
        past_key_values: PastKeyValues::Refused,
    },
};

fn read(raw: Value, path: &Path) -> Result<Config, ConfigError> {
    refuse(&raw, "hidden_dropout", &[json!(0.0), json!(0)], path)?;
    let whole = |field, default| size(&raw, field, default, path);
    let (hidden, layers, heads) =
        (whole("hidden_size", 768)?, whole("num_hidden_layers", 12)?, whole("num_attention_heads", 12)?);
    let shape = Config::bert(hidden, layers, heads, whole("intermediate_size", 3072)?);
    Ok(Config {
        family: Family::EUROBERT,
        architecture: architecture(&raw, &shape, path)?,
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

fn architecture(raw: &Value, shape: &Config, path: &Path) -> Result<Architecture, ConfigError> {
    let (attention, feed_forward) = (flag(raw, "attention_bias", path)?, flag(raw, "mlp_bias", path)?);
    let head_size = size(raw, "head_dim", shape.hidden / shape.heads.max(1), path)?;
    Ok(Architecture {
        residual: Residual::PreNorm,
        norm: NormKind::Rms(RmsWeight::Plain),
        biases: Biases { query_key_value: attention, attention_output: attention, feed_forward },
        learned_positions: false,
        embedding_norm: false,
        final_norm: true,
        pooler: None,
        classifier_reads: classifier_reads(raw, path)?,
        gated: true,
        key_value_heads: Some(size(raw, "num_key_value_heads", shape.heads, path)?),
        head_size: Some(head_size),
        rotary: ByLayer::every(Some(rotation(raw, head_size, path)?)),
        ..Architecture::bert()
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

fn rotation(raw: &Value, head_size: usize, path: &Path) -> Result<RotaryPositions, ConfigError> {
    let newer = &raw["rope_parameters"];
    let base = number(newer, "rope_theta", number(raw, "rope_theta", 10_000.0, path)?, path)?;
    format::rotation(&[newer, &raw["rope_scaling"]], base, head_size, path)
}

fn write(config: &Config) -> Value {
    let Architecture { biases, classifier_reads, rotary, .. } = &config.architecture;
    let base = rotary.at(0).as_ref().map_or(10_000.0, |rotary| rotary.base);
    let pooling = match classifier_reads {
        ClassifierReads::First => "bos",
        ClassifierReads::Mean => "mean",
        ClassifierReads::EveryToken => "late",
    };
    json!({
        "hidden_size": config.hidden,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.key_value_heads(),
        "head_dim": config.head_size(),
        "intermediate_size": config.feed_forward,
        "hidden_act": config.activation.name(),
        "rms_norm_eps": config.norm_epsilon,
        "attention_bias": biases.query_key_value,
        "mlp_bias": biases.feed_forward,
        "attention_dropout": config.attention_dropout,
        "rope_theta": base,
        "rope_parameters": {"rope_type": "default", "rope_theta": base},
        "classifier_pooling": pooling,
    })
}
