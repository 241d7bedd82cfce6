//! Decoders of Llama's blocks: Llama, Mistral, Qwen 2, Qwen 3 and SmolLM 3.

use super::description::{AdapterPaths, Classifier, Family, FamilyDescription, PastKeyValues, PythonNames};
use super::format::{FamilyFormat, activation, blocks, flag, number, refuse, size, text, wrong};
use super::llama_blocks;
use crate::config::{Architecture, Biases, ByLayer, ClassifierReads, Config, ConfigError};
use adaptune_tensor::{Activation, AttentionMask};
use serde_json::{Value, json};
use std::path::Path;

impl Family {
    /// Llama (Touvron et al., 2023), SmolLM 2, TinyLlama.
    pub const LLAMA: Self = Self::new(&LLAMA);
    /// Mistral (Jiang et al., 2023): a window in its first version.
    pub const MISTRAL: Self = Self::new(&MISTRAL);
    /// Qwen 2 and 2.5 (Yang et al., 2024): biases of queries, keys and values.
    pub const QWEN2: Self = Self::new(&QWEN2);
    /// Qwen 3 (Yang et al., 2025): norms of queries and keys.
    pub const QWEN3: Self = Self::new(&QWEN3);
    /// SmolLM 3: every fourth layer has no positions.
    pub const SMOLLM3: Self = Self::new(&SMOLLM3);
}

pub(super) const LLAMA_FORMAT: FamilyFormat = FamilyFormat { family: Family::LLAMA, read: llama, write };
pub(super) const MISTRAL_FORMAT: FamilyFormat = FamilyFormat { family: Family::MISTRAL, read: mistral, write };
pub(super) const QWEN2_FORMAT: FamilyFormat = FamilyFormat { family: Family::QWEN2, read: qwen2, write };
pub(super) const QWEN3_FORMAT: FamilyFormat = FamilyFormat { family: Family::QWEN3, read: qwen3, write };
pub(super) const SMOLLM3_FORMAT: FamilyFormat = FamilyFormat { family: Family::SMOLLM3, read: smollm3, write };

static LLAMA: FamilyDescription = described("llama", "Llama", true);
static MISTRAL: FamilyDescription = described("mistral", "Mistral", true);
static QWEN2: FamilyDescription = described("qwen2", "Qwen2", false);
static QWEN3: FamilyDescription = described("qwen3", "Qwen3", false);
static SMOLLM3: FamilyDescription = described("smollm3", "SmolLM3", false);

/// `known` says whether AdapterHub has adapters for the family.
const fn described(model_type: &'static str, class: &'static str, known: bool) -> FamilyDescription {
    FamilyDescription {
        model_type,
        prefix: "model.",
        tensors: llama_blocks::TENSORS,
        heads: &["lm_head.", "score."],
        fields: llama_blocks::FIELDS,
        drops_attention_output: false,
        drops_feed_forward: false,
        python: PythonNames {
            class,
            language_head: None,
            adapters: AdapterPaths { known, ..llama_blocks::ADAPTERS },
            classifier: Classifier {
                layers: &["score"],
                activation: Activation::Tanh,
                pooled: false,
                plain_tagger: true,
                choice: None,
            },
            past_key_values: PastKeyValues::Refused,
        },
    }
}

fn llama(raw: Value, path: &Path) -> Result<Config, ConfigError> {
    decoder(Family::LLAMA, &raw, llama_blocks::biases(&raw, path)?, path)
}

fn mistral(mut raw: Value, path: &Path) -> Result<Config, ConfigError> {
    fill_in(&mut raw, json!({ "num_key_value_heads": 8, "sliding_window": WINDOW }));
    let config = decoder(Family::MISTRAL, &raw, Biases::NONE, path)?;
    let window = window(&raw, path)?;
    windowed(config, window, |_| true, &raw, path)
}

fn qwen2(mut raw: Value, path: &Path) -> Result<Config, ConfigError> {
    fill_in(&mut raw, json!({ "num_key_value_heads": 32, "sliding_window": WINDOW }));
    let biases = Biases { query_key_value: true, ..Biases::NONE };
    upper_windows(decoder(Family::QWEN2, &raw, biases, path)?, &raw, path)
}

fn qwen3(mut raw: Value, path: &Path) -> Result<Config, ConfigError> {
    fill_in(&mut raw, json!({ "num_key_value_heads": 32, "head_dim": 128, "sliding_window": WINDOW }));
    let biases = Biases { feed_forward: false, ..llama_blocks::biases(&raw, path)? };
    let mut config = decoder(Family::QWEN3, &raw, biases, path)?;
    config.architecture.query_key_norm = true;
    upper_windows(config, &raw, path)
}

fn smollm3(mut raw: Value, path: &Path) -> Result<Config, ConfigError> {
    fill_in(&mut raw, json!({ "num_key_value_heads": 4, "rope_theta": 2e6, "tie_word_embeddings": true }));
    let config = decoder(Family::SMOLLM3, &raw, llama_blocks::biases(&raw, path)?, path)?;
    let window = if flag(&raw, "use_sliding_window", path)? { window(&raw, path)? } else { None };
    without_positions(windowed(config, window, |_| true, &raw, path)?, &raw, path)
}

/// What transformers takes for the window where a file of some families does not say it.
const WINDOW: usize = 4096;

/// Fields that a file does not have, as transformers takes them for the family. A null stays one.
fn fill_in(raw: &mut Value, defaults: Value) {
    for (field, value) in defaults.as_object().into_iter().flatten() {
        if raw.get(field).is_none() {
            raw[field] = value.clone();
        }
    }
}

/// What all of them have. Sizes must be there: a model of other sizes would be another one.
fn decoder(family: Family, raw: &Value, biases: Biases, path: &Path) -> Result<Config, ConfigError> {
    refuse(raw, "quantization_config", &[Value::Null], path)?;
    let whole = |field| match raw[field].is_null() {
        true => Err(wrong(field, &Value::Null, "a whole number", path)),
        false => size(raw, field, 0, path),
    };
    let (hidden, heads, feed_forward) =
        (whole("hidden_size")?, whole("num_attention_heads")?, whole("intermediate_size")?);
    whole("num_hidden_layers")?;
    let shape = Config::bert(hidden, blocks(raw, "num_hidden_layers", 0, path)?, heads, feed_forward);
    let tied = flag(raw, "tie_word_embeddings", path)?;
    Ok(Config {
        family,
        architecture: Architecture {
            mask: ByLayer::every(AttentionMask::Causal),
            untied_output: !tied,
            classifier_reads: ClassifierReads::Last,
            ..llama_blocks::architecture(raw, &shape, biases, path)?
        },
        name: raw.get("_name_or_path").and_then(Value::as_str).filter(|name| !name.is_empty()).map(str::to_owned),
        vocabulary: whole("vocab_size")?,
        positions: whole("max_position_embeddings")?,
        token_types: 0,
        norm_epsilon: number(raw, "rms_norm_eps", 1e-6, path)?,
        activation: activation(text(raw, "hidden_act", "silu", path)?, "hidden_act", path)?,
        attention_dropout: number(raw, "attention_dropout", 0.0, path)?,
        ..shape
    })
}

/// The width of the window, if there is one.
fn window(raw: &Value, path: &Path) -> Result<Option<usize>, ConfigError> {
    if raw["sliding_window"].is_null() {
        return Ok(None);
    }
    match size(raw, "sliding_window", 0, path)? {
        0 => Err(wrong("sliding_window", &raw["sliding_window"], "at least 1, or null", path)),
        window => Ok(Some(window)),
    }
}

/// The same with a causal window in some layers: those that `layer_types` names, or else those that older files mean.
fn windowed(
    config: Config,
    window: Option<usize>,
    older: impl Fn(usize) -> bool,
    raw: &Value,
    path: &Path,
) -> Result<Config, ConfigError> {
    let slides = match &raw["layer_types"] {
        Value::Null => (0..config.layers).map(|layer| window.is_some() && older(layer)).collect(),
        types => sliding(types, config.layers, path)?,
    };
    let Some(window) = window else {
        return match slides.contains(&true) {
            true => {
                Err(wrong("sliding_window", &raw["sliding_window"], "a number, as layer_types names windows", path))
            }
            false => Ok(config),
        };
    };
    let mask = |slides| if slides { AttentionMask::CausalWindow(window) } else { AttentionMask::Causal };
    let mask = ByLayer::pattern(slides.into_iter().map(mask).collect());
    Ok(Config { architecture: Architecture { mask, ..config.architecture }, ..config })
}

/// Which layers have a window, by `layer_types`.
fn sliding(types: &Value, layers: usize, path: &Path) -> Result<Vec<bool>, ConfigError> {
    let slides = |of: &Value| match of.as_str() {
        Some("full_attention") => Some(false),
        Some("sliding_attention") => Some(true),
        _ => None,
    };
    let found: Option<Vec<bool>> = types.as_array().and_then(|list| list.iter().map(slides).collect());
    found.filter(|found| found.len() == layers).ok_or_else(|| {
        let expected = format!("a list of {layers} times \"full_attention\" or \"sliding_attention\"");
        wrong("layer_types", types, expected, path)
    })
}

/// Qwen's: windows in the layers from `max_window_layers` on.
fn upper_windows(config: Config, raw: &Value, path: &Path) -> Result<Config, ConfigError> {
    let window = if flag(raw, "use_sliding_window", path)? { window(raw, path)? } else { None };
    let first = size(raw, "max_window_layers", 28, path)?;
    windowed(config, window, |layer| layer >= first, raw, path)
}

/// The same without a rotation where `no_rope_layers` has a 0, or else in every layer of which the number, from 1, is a multiple of
/// `no_rope_layer_interval`.
fn without_positions(config: Config, raw: &Value, path: &Path) -> Result<Config, ConfigError> {
    let rotates: Vec<bool> = match &raw["no_rope_layers"] {
        Value::Null => {
            let interval = size(raw, "no_rope_layer_interval", 4, path)?.max(1);
            (1..=config.layers).map(|layer| !layer.is_multiple_of(interval)).collect()
        }
        listed => {
            let rotates = |of: &Value| of.as_u64().filter(|of| *of < 2).map(|of| of == 1);
            let found: Option<Vec<bool>> = listed.as_array().and_then(|list| list.iter().map(rotates).collect());
            found.filter(|found| found.len() == config.layers).ok_or_else(|| {
                wrong("no_rope_layers", listed, format!("a list of {} times 0 or 1", config.layers), path)
            })?
        }
    };
    let rotary = config.architecture.rotary.at(0).clone();
    let rotary = ByLayer::pattern(rotates.into_iter().map(|rotates| rotary.clone().filter(|_| rotates)).collect());
    Ok(Config { architecture: Architecture { rotary, ..config.architecture }, ..config })
}

fn write(config: &Config) -> Value {
    let Architecture { mask, rotary, untied_output, .. } = &config.architecture;
    let masks = || (0..config.layers).map(|layer| *mask.at(layer));
    let window = masks().find_map(|mask| if let AttentionMask::CausalWindow(n) = mask { Some(n) } else { None });
    let slides = |mask| if mask == AttentionMask::Causal { "full_attention" } else { "sliding_attention" };
    let mut fields = llama_blocks::write(config);
    fields["tie_word_embeddings"] = (!untied_output).into();
    fields["sliding_window"] = window.into();
    if window.is_some() {
        fields["layer_types"] = masks().map(slides).collect();
        fields["use_sliding_window"] = true.into();
    }
    if config.family == Family::SMOLLM3 {
        fields["no_rope_layers"] = (0..config.layers).map(|layer| u8::from(rotary.at(layer).is_some())).collect();
    }
    fields["architectures"] = json!([format!("{}ForCausalLM", config.family.python().class)]);
    fields
}
