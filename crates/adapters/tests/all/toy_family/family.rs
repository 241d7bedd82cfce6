//! A family of models that exists here alone, with every value of the description that BERT does not have: blocks that normalise
//! before, RMS norms, rotated positions in some layers, grouped heads of their own width, causal masks with and without a window,
//! gated feed-forward networks, no biases, a scale of embeddings and of scores, a final norm, fused and transposed tensors.

use adaptune_tensor::{Activation, AttentionMask, RmsWeight};
use adaptune_transformer::family::{
    AdapterPaths, Classifier, FamilyDescription, FamilyFormat, FieldNames, PastKeyValues, PythonNames, StoredLinear,
    TensorNames,
};
use adaptune_transformer::{
    Architecture, Biases, BlockNorm, ByLayer, ClassifierReads, Config, ConfigError, Family, NormKind, Projection,
    Residual, RotaryPositions,
};
use serde_json::{Value, json};
use std::path::Path;

pub(crate) const TOY: Family = Family::new(&DESCRIPTION);
pub(crate) const FORMAT: FamilyFormat = FamilyFormat { family: TOY, read, write };

static DESCRIPTION: FamilyDescription = FamilyDescription {
    model_type: "toy",
    prefix: "model.",
    heads: &[],
    tensors: TensorNames {
        tokens: "embed_tokens.weight",
        final_norm: "norm",
        block: "layers",
        linears: &[
            (Projection::Query, StoredLinear::part("attn.qkv", 0)),
            (Projection::Key, StoredLinear::part("attn.qkv", 1)),
            (Projection::Value, StoredLinear::part("attn.qkv", 2)),
            (Projection::AttentionOutput, StoredLinear { path: "attn.out", part: 0, transposed: true }),
            // As ModernBERT: the activated branch comes first.
            (Projection::FeedForwardGate, StoredLinear::part("mlp.inner", 0)),
            (Projection::FeedForwardIn, StoredLinear::part("mlp.inner", 1)),
            (Projection::FeedForwardOut, StoredLinear::whole("mlp.outer")),
        ],
        norms: &[
            (BlockNorm::BeforeAttention, "norm_1"),
            (BlockNorm::Query, "attn.q_norm"),
            (BlockNorm::Key, "attn.k_norm"),
            (BlockNorm::AfterAttention, "norm_2"),
            (BlockNorm::BeforeFeedForward, "norm_3"),
            (BlockNorm::AfterFeedForward, "norm_4"),
        ],
        ..TensorNames::NONE
    },
    fields: FieldNames {
        vocabulary: "vocab_size",
        hidden: "hidden_size",
        layers: "num_hidden_layers",
        heads: "num_attention_heads",
        feed_forward: "intermediate_size",
        positions: "max_position_embeddings",
        hidden_dropout: "hidden_dropout",
        attention_dropout: "attention_dropout",
        head_dropout: "head_dropout",
        norm_epsilon: "rms_norm_eps",
    },
    drops_attention_output: true,
    drops_feed_forward: true,
    python: PythonNames {
        class: "Toy",
        language_head: None,
        adapters: AdapterPaths {
            after_attention: "attention_adapters",
            after_feed_forward: "output_adapters",
            attention: "attn",
            prefix: "self_prefix",
            known: true,
            differ: &[],
        },
        classifier: Classifier {
            layers: &["score"],
            activation: Activation::Tanh,
            pooled: false,
            plain_tagger: true,
            choice: None,
        },
        past_key_values: PastKeyValues::Taken,
    },
};

/// The sizes of the tests: four query heads of width 4 share two of keys and values, of a hidden size of 6.
pub(crate) fn sizes() -> Value {
    json!({
        "model_type": "toy",
        "vocab_size": 11,
        "hidden_size": 6,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 4,
        "intermediate_size": 7,
        "max_position_embeddings": 20,
        "residual": "pre",
        "dropout": 0.0,
    })
}

fn read(raw: Value, path: &Path) -> Result<Config, ConfigError> {
    let number = |field: &'static str| {
        let number = raw.get(field).and_then(Value::as_u64).map(|n| n as usize);
        let missing = || ConfigError::Field {
            path: path.to_owned(),
            field,
            found: raw.get(field).unwrap_or(&Value::Null).to_string(),
            expected: "a whole number".into(),
        };
        number.ok_or_else(missing)
    };
    let head_size = number("head_dim")?;
    let dropout = raw.get("dropout").and_then(Value::as_f64).unwrap_or(0.0);
    let sizes = Config::bert(
        number("hidden_size")?,
        number("num_hidden_layers")?,
        number("num_attention_heads")?,
        number("intermediate_size")?,
    );
    Ok(Config {
        family: TOY,
        architecture: architecture(&raw, number("num_key_value_heads")?, head_size),
        vocabulary: number("vocab_size")?,
        positions: number("max_position_embeddings")?,
        token_types: 0,
        norm_epsilon: 1e-3,
        activation: Activation::Silu,
        ..sizes.with_dropout(dropout, dropout)
    })
}

fn architecture(raw: &Value, key_value_heads: usize, head_size: usize) -> Architecture {
    let (residual, weight) = match raw.get("residual").and_then(Value::as_str) {
        Some("sandwich") => (Residual::Sandwich, RmsWeight::OnePlus),
        Some("parallel") => (Residual::Parallel, RmsWeight::Plain),
        _ => (Residual::PreNorm, RmsWeight::Plain),
    };
    let rotary = |base| Some(RotaryPositions::new(base, head_size));
    let partly = Some(RotaryPositions::new(30.0, head_size / 2));
    Architecture {
        residual,
        norm: NormKind::Rms(weight),
        biases: Biases::NONE,
        learned_positions: false,
        embedding_norm: false,
        embedding_scale: Some(1.7),
        final_norm: true,
        untied_output: false,
        first_norm: true,
        embedding_width: None,
        norm_behind_projection: false,
        shared_blocks: None,
        pooler: None,
        classifier_reads: ClassifierReads::First,
        relative_bias: None,
        disentangled: None,
        gated: true,
        key_value_heads: Some(key_value_heads),
        head_size: Some(head_size),
        attention_scale: Some(0.4),
        query_key_norm: true,
        mask: ByLayer::pattern(vec![AttentionMask::CausalWindow(3), AttentionMask::Causal]),
        rotary: ByLayer::pattern(vec![rotary(10.0), None, partly]),
    }
}

fn write(config: &Config) -> Value {
    let residual = match config.architecture.residual {
        Residual::Sandwich => "sandwich",
        Residual::Parallel => "parallel",
        _ => "pre",
    };
    json!({
        "hidden_size": config.hidden,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.key_value_heads(),
        "head_dim": config.head_size(),
        "intermediate_size": config.feed_forward,
        "residual": residual,
    })
}
