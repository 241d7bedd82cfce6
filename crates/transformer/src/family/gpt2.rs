//! GPT-2: pre-norm blocks with learned positions, whose linear layers are stored transposed, queries, keys and values as one.

use super::description::{AdapterPaths, Classifier, Family, FamilyDescription, FieldNames, PastKeyValues, PythonNames};
use super::format::{FamilyFormat, activation, blocks, number, refuse, size, text};
use super::names::{StoredLinear, TensorNames};
use crate::config::{Architecture, ByLayer, ClassifierReads, Config, ConfigError, NormKind, Residual};
use crate::point::{BlockNorm, Projection};
use adaptune_tensor::{Activation, AttentionMask};
use serde_json::{Value, json};
use std::path::Path;

impl Family {
    /// GPT-2 (Radford et al., 2019), DistilGPT2.
    pub const GPT2: Self = Self::new(&GPT2);
}

pub(super) const FORMAT: FamilyFormat = FamilyFormat { family: Family::GPT2, read, write };

static GPT2: FamilyDescription = FamilyDescription {
    model_type: "gpt2",
    prefix: "transformer.",
    tensors: TensorNames {
        tokens: "wte.weight",
        positions: "wpe.weight",
        final_norm: "ln_f",
        output: "lm_head.weight",
        block: "h",
        linears: &[
            (Projection::Query, conv("attn.c_attn", 0)),
            (Projection::Key, conv("attn.c_attn", 1)),
            (Projection::Value, conv("attn.c_attn", 2)),
            (Projection::AttentionOutput, conv("attn.c_proj", 0)),
            (Projection::FeedForwardIn, conv("mlp.c_fc", 0)),
            (Projection::FeedForwardOut, conv("mlp.c_proj", 0)),
        ],
        norms: &[(BlockNorm::BeforeAttention, "ln_1"), (BlockNorm::BeforeFeedForward, "ln_2")],
        ..TensorNames::NONE
    },
    heads: &["lm_head.", "score."],
    fields: FieldNames {
        vocabulary: "vocab_size",
        hidden: "n_embd",
        layers: "n_layer",
        heads: "n_head",
        feed_forward: "n_inner",
        positions: "n_positions",
        hidden_dropout: "embd_pdrop",
        attention_dropout: "attn_pdrop",
        head_dropout: "classifier_dropout",
        norm_epsilon: "layer_norm_epsilon",
    },
    drops_attention_output: true,
    drops_feed_forward: true,
    python: PythonNames {
        class: "GPT2",
        language_head: None,
        adapters: AdapterPaths {
            after_attention: "attention_adapters",
            after_feed_forward: "output_adapters",
            attention: "attn",
            prefix: "self_prefix",
            known: false,
            differ: &[],
        },
        classifier: Classifier {
            layers: &["score"],
            activation: Activation::Tanh,
            pooled: false,
            plain_tagger: true,
            choice: None,
        },
        past_key_values: PastKeyValues::Refused,
    },
};

/// A layer of transformers' `Conv1D`, whose weight is `[inputs, outputs]`.
const fn conv(path: &'static str, part: usize) -> StoredLinear {
    StoredLinear { path, part, transposed: true }
}

fn read(raw: Value, path: &Path) -> Result<Config, ConfigError> {
    refuse(&raw, "quantization_config", &[Value::Null], path)?;
    refuse(&raw, "scale_attn_weights", &[json!(true)], path)?;
    refuse(&raw, "scale_attn_by_inverse_layer_idx", &[json!(false)], path)?;
    refuse(&raw, "add_cross_attention", &[json!(false)], path)?;
    let whole = |field, default| size(&raw, field, default, path);
    let (hidden, layers, heads) = (whole("n_embd", 768)?, blocks(&raw, "n_layer", 12, path)?, whole("n_head", 12)?);
    let shape = Config::bert(hidden, layers, heads, whole("n_inner", hidden.saturating_mul(4))?);
    let dropout = number(&raw, "resid_pdrop", 0.1, path)?;
    Ok(Config {
        family: Family::GPT2,
        architecture: architecture(&raw, path)?,
        name: raw.get("_name_or_path").and_then(Value::as_str).filter(|name| !name.is_empty()).map(str::to_owned),
        vocabulary: whole("vocab_size", 50_257)?,
        positions: whole("n_positions", 1024)?,
        token_types: 0,
        norm_epsilon: number(&raw, "layer_norm_epsilon", 1e-5, path)?,
        activation: activation(text(&raw, "activation_function", "gelu_new", path)?, "activation_function", path)?,
        hidden_dropout: number(&raw, "embd_pdrop", 0.1, path)?,
        feed_forward_dropout: dropout,
        attention_output_dropout: dropout,
        attention_dropout: number(&raw, "attn_pdrop", 0.1, path)?,
        ..shape
    })
}

fn architecture(raw: &Value, path: &Path) -> Result<Architecture, ConfigError> {
    // It is tied where a file does not say so.
    refuse(raw, "tie_word_embeddings", &[json!(true), json!(false)], path)?;
    Ok(Architecture {
        residual: Residual::PreNorm,
        norm: NormKind::LAYER_NORM,
        embedding_norm: false,
        final_norm: true,
        pooler: None,
        classifier_reads: ClassifierReads::Last,
        mask: ByLayer::every(AttentionMask::Causal),
        untied_output: raw["tie_word_embeddings"] == false,
        ..Architecture::bert()
    })
}

fn write(config: &Config) -> Value {
    json!({
        "n_embd": config.hidden,
        "n_layer": config.layers,
        "n_head": config.heads,
        "n_inner": config.feed_forward,
        "n_positions": config.positions,
        "activation_function": config.activation.name(),
        "layer_norm_epsilon": config.norm_epsilon,
        "embd_pdrop": config.hidden_dropout,
        "resid_pdrop": config.feed_forward_dropout,
        "attn_pdrop": config.attention_dropout,
        "tie_word_embeddings": !config.architecture.untied_output,
        "architectures": ["GPT2LMHeadModel"],
    })
}
