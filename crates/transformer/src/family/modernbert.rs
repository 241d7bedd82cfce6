//! ModernBERT: pre-norm blocks with rotated positions, most of which see a window of the text, and gated feed-forward networks.

use super::description::{
    AdapterPaths, ChoiceHead, Classifier, Family, FamilyDescription, FieldNames, PastKeyValues, PythonNames,
};
use super::format::{self, FamilyFormat, activation, blocks, flag, number, refuse, size, text, wrong};
use super::names::{StoredLinear, TensorNames};
use crate::config::{
    Architecture, Biases, ByLayer, ClassifierReads, Config, ConfigError, NormKind, Pooler, Residual, RotaryPositions,
};
use crate::point::{BlockNorm, Projection};
use adaptune_tensor::{Activation, AttentionMask};
use serde_json::{Value, json};
use std::path::Path;

impl Family {
    /// ModernBERT (Warner et al., 2024), and what is built alike: ettin's encoders, mmBERT.
    pub const MODERNBERT: Self = Self::new(&MODERNBERT);
}

pub(super) const FORMAT: FamilyFormat = FamilyFormat { family: Family::MODERNBERT, read, write };

static MODERNBERT: FamilyDescription = FamilyDescription {
    model_type: "modernbert",
    prefix: "model.",
    tensors: TensorNames {
        tokens: "embeddings.tok_embeddings.weight",
        embedding_norm: "embeddings.norm",
        final_norm: "final_norm",
        pooler: "head.dense",
        pooler_norm: "head.norm",
        pooler_is_beside: true,
        block: "layers",
        linears: &[
            (Projection::Query, StoredLinear::part("attn.Wqkv", 0)),
            (Projection::Key, StoredLinear::part("attn.Wqkv", 1)),
            (Projection::Value, StoredLinear::part("attn.Wqkv", 2)),
            (Projection::AttentionOutput, StoredLinear::whole("attn.Wo")),
            (Projection::FeedForwardGate, StoredLinear::part("mlp.Wi", 0)),
            (Projection::FeedForwardIn, StoredLinear::part("mlp.Wi", 1)),
            (Projection::FeedForwardOut, StoredLinear::whole("mlp.Wo")),
        ],
        norms: &[(BlockNorm::BeforeAttention, "attn_norm"), (BlockNorm::BeforeFeedForward, "mlp_norm")],
        ..TensorNames::NONE
    },
    heads: &["decoder."],
    fields: FieldNames {
        vocabulary: "vocab_size",
        hidden: "hidden_size",
        layers: "num_hidden_layers",
        heads: "num_attention_heads",
        feed_forward: "intermediate_size",
        positions: "max_position_embeddings",
        hidden_dropout: "embedding_dropout",
        attention_dropout: "attention_dropout",
        head_dropout: "classifier_dropout",
        norm_epsilon: "norm_eps",
    },
    drops_attention_output: true,
    drops_feed_forward: false,
    python: PythonNames {
        class: "ModernBert",
        language_head: None,
        adapters: AdapterPaths {
            after_attention: "attention_adapters",
            after_feed_forward: "output_adapters",
            attention: "attn",
            prefix: "self",
            known: false,
            differ: &[],
        },
        classifier: Classifier {
            layers: &["classifier"],
            activation: Activation::Gelu,
            pooled: true,
            plain_tagger: false,
            choice: Some(ChoiceHead::POOLED),
        },
        past_key_values: PastKeyValues::Refused,
    },
};

/// The kinds of layers that `layer_types` names, with the older names of their rotation's base.
const KINDS: [(&str, &str, f64); 2] =
    [("full_attention", "global_rope_theta", 160_000.0), ("sliding_attention", "local_rope_theta", 10_000.0)];

fn read(raw: Value, path: &Path) -> Result<Config, ConfigError> {
    // Dropout at a place where no other family has it.
    refuse(&raw, "mlp_dropout", &[json!(0.0), json!(0)], path)?;
    let whole = |field, default| size(&raw, field, default, path);
    let (hidden, layers, heads) =
        (whole("hidden_size", 768)?, blocks(&raw, "num_hidden_layers", 22, path)?, whole("num_attention_heads", 12)?);
    let dropout = number(&raw, "attention_dropout", 0.0, path)?;
    let shape = Config::bert(hidden, layers, heads, whole("intermediate_size", 1152)?);
    Ok(Config {
        family: Family::MODERNBERT,
        architecture: architecture(&raw, &shape, path)?,
        name: raw.get("_name_or_path").and_then(Value::as_str).filter(|name| !name.is_empty()).map(str::to_owned),
        vocabulary: whole("vocab_size", 50_368)?,
        positions: whole("max_position_embeddings", 8192)?,
        token_types: 0,
        norm_epsilon: number(&raw, "norm_eps", 1e-5, path)?,
        activation: activation(text(&raw, "hidden_activation", "gelu", path)?, "hidden_activation", path)?,
        hidden_dropout: number(&raw, "embedding_dropout", 0.0, path)?,
        attention_dropout: dropout,
        attention_output_dropout: dropout,
        head_dropout: number(&raw, "classifier_dropout", 0.0, path)?,
        ..shape
    })
}

fn architecture(raw: &Value, shape: &Config, path: &Path) -> Result<Architecture, ConfigError> {
    let (attention, feed_forward) = (flag(raw, "attention_bias", path)?, flag(raw, "mlp_bias", path)?);
    let local = local_layers(raw, shape.layers, path)?;
    let window = AttentionMask::Window(size(raw, "local_attention", 128, path)? / 2);
    let [global_rotation, local_rotation] =
        [rotation(raw, KINDS[0], shape, path)?, rotation(raw, KINDS[1], shape, path)?];
    let by_layer = |local: &bool| if *local { local_rotation.clone() } else { global_rotation.clone() };
    Ok(Architecture {
        residual: Residual::PreNorm,
        first_norm: false,
        norm: NormKind::Layer { bias: flag(raw, "norm_bias", path)? },
        biases: Biases { query_key_value: attention, attention_output: attention, feed_forward },
        learned_positions: false,
        final_norm: true,
        pooler: Some(pooler(raw, path)?),
        classifier_reads: classifier_reads(raw, path)?,
        gated: true,
        rotary: layered(local.iter().map(|local| Some(by_layer(local))).collect(), Some(global_rotation)),
        mask: layered(local.iter().map(|local| if *local { window } else { AttentionMask::Full }).collect(), window),
        ..Architecture::bert()
    })
}

/// A model of no blocks is refused later; until then it needs a value.
fn layered<T: PartialEq>(values: Vec<T>, default: T) -> ByLayer<T> {
    if values.is_empty() { ByLayer::every(default) } else { ByLayer::of_all(values) }
}

/// The prediction head, which stands before the classifier and before the output layer of the language model alike.
fn pooler(raw: &Value, path: &Path) -> Result<Pooler, ConfigError> {
    let (field, name) = ("classifier_activation", text(raw, "classifier_activation", "gelu", path)?);
    let (activation, bias) = (activation(name, field, path)?, flag(raw, "classifier_bias", path)?);
    Ok(Pooler { activation, bias, norm: true })
}

fn classifier_reads(raw: &Value, path: &Path) -> Result<ClassifierReads, ConfigError> {
    match text(raw, "classifier_pooling", "cls", path)? {
        "cls" => Ok(ClassifierReads::First),
        "mean" => Ok(ClassifierReads::Mean),
        _ => Err(wrong("classifier_pooling", &raw["classifier_pooling"], "\"cls\" or \"mean\"", path)),
    }
}

/// Of each layer whether it sees a window: as `layer_types` says, or else all but every so many.
fn local_layers(raw: &Value, layers: usize, path: &Path) -> Result<Vec<bool>, ConfigError> {
    let (field, types) = ("layer_types", &raw["layer_types"]);
    if types.is_null() {
        return match size(raw, "global_attn_every_n_layers", 3, path)? {
            0 => Err(wrong("global_attn_every_n_layers", &json!(0), "at least 1", path)),
            every => Ok((0..layers).map(|layer| layer % every != 0).collect()),
        };
    }
    let kind = |kind: &Value| KINDS.iter().position(|(name, ..)| kind == name).map(|kind| kind == 1);
    let known: Option<Vec<bool>> = types.as_array().and_then(|types| types.iter().map(kind).collect());
    let known = known.filter(|known| known.len() == layers);
    let expected = || format!("a list of {layers} times \"{}\" or \"{}\", one for each layer", KINDS[0].0, KINDS[1].0);
    known.ok_or_else(|| wrong(field, types, expected(), path))
}

/// The rotation in one kind of layers.
fn rotation(
    raw: &Value,
    (kind, field, default): (&str, &'static str, f64),
    shape: &Config,
    path: &Path,
) -> Result<RotaryPositions, ConfigError> {
    let newer = &raw["rope_parameters"][kind];
    let global = number(raw, KINDS[0].1, KINDS[0].2, path)?;
    let older =
        if raw[field].is_null() && raw.get(field).is_some() { global } else { number(raw, field, default, path)? };
    let base = number(newer, "rope_theta", older, path)?;
    format::rotation(&[newer, &raw["rope_scaling"]], base, shape.hidden / shape.heads.max(1), path)
}

fn write(config: &Config) -> Value {
    let Architecture { biases, norm, pooler, classifier_reads, mask, rotary, .. } = &config.architecture;
    let pooler = pooler.unwrap_or(Pooler { activation: Activation::Gelu, bias: false, norm: true });
    let local = |layer: &usize| *mask.at(*layer) != AttentionMask::Full;
    let window = (0..config.layers).find(local).map_or(AttentionMask::Full, |layer| *mask.at(layer));
    let half = if let AttentionMask::Window(half) = window { half } else { 64 };
    let base = |of_local: bool, default| {
        let layer = (0..config.layers).find(|layer| local(layer) == of_local);
        layer.and_then(|layer| rotary.at(layer).as_ref()).map_or(default, |rotary| rotary.base)
    };
    let types: Vec<&str> = (0..config.layers).map(|layer| KINDS[usize::from(local(&layer))].0).collect();
    let mut fields = json!({
        "hidden_size": config.hidden,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "intermediate_size": config.feed_forward,
        "hidden_activation": config.activation.name(),
        "norm_eps": config.norm_epsilon,
        "norm_bias": norm.has_bias(),
        "attention_bias": biases.query_key_value,
        "mlp_bias": biases.feed_forward,
        "local_attention": 2 * half,
        "global_rope_theta": base(false, KINDS[0].2),
        "local_rope_theta": base(true, KINDS[1].2),
        "embedding_dropout": config.hidden_dropout,
        "attention_dropout": config.attention_dropout,
        "classifier_dropout": config.head_dropout,
        "classifier_activation": pooler.activation.name(),
        "classifier_bias": pooler.bias,
        "classifier_pooling": if *classifier_reads == ClassifierReads::Mean { "mean" } else { "cls" },
    });
    match every_so_many(&types) {
        Some(every) => fields["global_attn_every_n_layers"] = every.into(),
        None => fields["layer_types"] = types.into(),
    }
    fields
}

/// The number that says in one what `layer_types` says, as all versions of transformers read it, if there is one.
fn every_so_many(types: &[&str]) -> Option<usize> {
    let global = |every: usize, layer: usize| layer.is_multiple_of(every) == (types[layer] == KINDS[0].0);
    (1..=types.len().max(1)).find(|every| (0..types.len()).all(|layer| global(*every, layer)))
}
