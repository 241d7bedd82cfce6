//! The blocks of Llama (Touvron et al., 2023), which many families have: RMS norms before the sublayers, rotated queries and keys, fewer
//! heads of keys and values, a gated feed-forward network.

use super::description::{AdapterPaths, FieldNames};
use super::format::{self, flag, number, refuse, size, wrong};
use super::names::{StoredLinear, TensorNames};
use crate::config::{
    Architecture, Biases, ByLayer, Config, ConfigError, NormKind, Residual, RotaryPositions, RotaryScaling,
};
use crate::point::{BlockNorm, Projection};
use adaptune_tensor::RmsWeight;
use serde_json::{Value, json};
use std::path::Path;

pub(super) const TENSORS: TensorNames = TensorNames {
    tokens: "embed_tokens.weight",
    final_norm: "norm",
    output: "lm_head.weight",
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
        (BlockNorm::Query, "self_attn.q_norm"),
        (BlockNorm::Key, "self_attn.k_norm"),
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
    hidden_dropout: "hidden_dropout",
    attention_dropout: "attention_dropout",
    head_dropout: "classifier_dropout",
    norm_epsilon: "rms_norm_eps",
};

/// Where AdapterHub keeps adapters in Llama and Mistral.
pub(super) const ADAPTERS: AdapterPaths = AdapterPaths {
    after_attention: "attention_adapters",
    after_feed_forward: "output_adapters",
    attention: "self_attn",
    prefix: "self_prefix",
    known: false,
    differ: &[],
};

/// What the fields say that all of these families have; biases and masks differ.
pub(super) fn architecture(
    raw: &Value,
    shape: &Config,
    biases: Biases,
    path: &Path,
) -> Result<Architecture, ConfigError> {
    let head_size = size(raw, "head_dim", shape.hidden / shape.heads.max(1), path)?;
    Ok(Architecture {
        residual: Residual::PreNorm,
        norm: NormKind::Rms(RmsWeight::Plain),
        biases,
        learned_positions: false,
        embedding_norm: false,
        final_norm: true,
        pooler: None,
        gated: true,
        key_value_heads: Some(size(raw, "num_key_value_heads", shape.heads, path)?),
        head_size: Some(head_size),
        rotary: ByLayer::every(Some(rotation(raw, head_size, path)?)),
        ..Architecture::bert()
    })
}

/// `attention_bias` and `mlp_bias`.
pub(super) fn biases(raw: &Value, path: &Path) -> Result<Biases, ConfigError> {
    let (attention, feed_forward) = (flag(raw, "attention_bias", path)?, flag(raw, "mlp_bias", path)?);
    Ok(Biases { query_key_value: attention, attention_output: attention, feed_forward })
}

/// The rotation, as older files say it, `rope_theta` and `rope_scaling`, or newer ones, `rope_parameters`.
fn rotation(raw: &Value, head_size: usize, path: &Path) -> Result<RotaryPositions, ConfigError> {
    let newer = &raw["rope_parameters"];
    let base = number(newer, "rope_theta", number(raw, "rope_theta", 10_000.0, path)?, path)?;
    refuse(newer, "partial_rotary_factor", &[json!(1.0), json!(1)], path)?;
    refuse(raw, "partial_rotary_factor", &[json!(1.0), json!(1)], path)?;
    let plain = format::rotation(&[], base, head_size, path)?;
    let scaling = [&raw["rope_scaling"], newer].into_iter().filter(|of| of.is_object());
    let scaling = scaling.map(|of| self::scaling(of, path)).collect::<Result<Vec<_>, _>>()?;
    Ok(match scaling.into_iter().flatten().next() {
        Some(scaling) => plain.scaled(scaling),
        None => plain,
    })
}

fn scaling(of: &Value, path: &Path) -> Result<Option<RotaryScaling>, ConfigError> {
    let kind = if of["rope_type"].is_null() { &of["type"] } else { &of["rope_type"] };
    let positive = |field, default| {
        let found = number(of, field, default, path)?;
        if found.is_finite() && found > 0.0 {
            Ok(found)
        } else {
            Err(wrong(field, &of[field], "a positive number", path))
        }
    };
    match kind.as_str() {
        Some("default") | None if kind.is_null() || kind == "default" => Ok(None),
        Some("linear") => Ok(Some(RotaryScaling::Linear { factor: positive("factor", f64::NAN)? })),
        Some("llama3") => {
            let (low, high) = (positive("low_freq_factor", f64::NAN)?, positive("high_freq_factor", f64::NAN)?);
            if low >= high {
                return Err(wrong("low_freq_factor", &json!(low), "below high_freq_factor", path));
            }
            let original = size(of, "original_max_position_embeddings", 0, path)?;
            if original == 0 {
                let found = &of["original_max_position_embeddings"];
                return Err(wrong("original_max_position_embeddings", found, "at least 1", path));
            }
            Ok(Some(RotaryScaling::Llama3 { factor: positive("factor", f64::NAN)?, low, high, original }))
        }
        _ => Err(wrong("rope_type", kind, "\"default\", \"linear\" or \"llama3\"", path)),
    }
}

/// The fields of all these families.
pub(super) fn write(config: &Config) -> Value {
    let Architecture { biases, rotary, .. } = &config.architecture;
    let rotary = (0..config.layers).find_map(|layer| rotary.at(layer).as_ref());
    let base = rotary.map_or(10_000.0, |rotary| rotary.base);
    let mut parameters = match rotary.and_then(|rotary| rotary.scaling) {
        None => json!({ "rope_type": "default" }),
        Some(RotaryScaling::Linear { factor }) => json!({ "rope_type": "linear", "factor": factor }),
        Some(RotaryScaling::Llama3 { factor, low, high, original }) => json!({
            "rope_type": "llama3", "factor": factor, "low_freq_factor": low, "high_freq_factor": high,
            "original_max_position_embeddings": original,
        }),
    };
    let older = if parameters["rope_type"] == "default" { Value::Null } else { parameters.clone() };
    parameters["rope_theta"] = base.into();
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
        "rope_scaling": older,
        "rope_parameters": parameters,
    })
}
