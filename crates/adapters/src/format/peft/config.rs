//! PEFT's `adapter_config.json` of LoRA, IA3 and VeRA.

use super::files::peft_type;
use super::{modules, targets};
use crate::core::fields::whole;
use crate::core::point::Point;
use crate::format::json::says_something;
use crate::methods::lora::config::{AttentionMatrix, LoraConfig, LoraKind};
use adaptune_transformer::{Config, LinearPoint, Projection};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Fields that ask for something which is not there, unless they are absent, null, false, empty or `none`, and what that is.
const IDLE: &[(&str, &str)] = &[
    ("bias", "biases of the base were trained too, and an adapter has none of these; train with bias=\"none\""),
    ("fan_in_fan_out", "its base keeps weights the other way round"),
    ("lora_bias", "its B have biases, which no LoRA has here"),
    ("trainable_token_indices", "rows of the token embeddings were trained too, and an adapter has none of these"),
    ("target_parameters", "it changes parameters that are no weights of linear layers"),
    ("layer_replication", "it repeats blocks of the base, which makes another model"),
    ("alora_invocation_tokens", "it works behind certain tokens alone"),
    ("use_qalora", "its A read means of inputs"),
    ("use_bdlora", "its matrices are in blocks"),
    ("arrow_config", "it is a mixture of several; `route` makes one of adapters that are loaded each by itself"),
    ("kasa_config", "it scales singular values"),
    ("monteclora_config", "it draws its matrices"),
    ("velora_config", "it trains by compressed activations"),
];

/// Why PEFT has no such adapter, if it has not.
pub(super) fn refusal(config: &LoraConfig) -> Option<&'static str> {
    let scaled = config.scaling() != 1.0;
    match config.kind() {
        _ if config.use_gating => Some("it has no gates"),
        LoraKind::Ia3 if scaled => Some("its IA3 has no alpha"),
        LoraKind::Vera if scaled => Some("its VeRA has no alpha; set alpha to r"),
        _ => None,
    }
}

/// The fields of the file that are this method's.
pub(super) fn fields(config: &LoraConfig, points: &[Point], model: &Config) -> Result<Value, String> {
    let mut file = json!({
        "fan_in_fan_out": false,
        "target_modules": targets::list(points, model),
        "task_type": null,
    });
    let own = match config.kind() {
        LoraKind::Lora | LoraKind::Dora => json!({
            "peft_type": "LORA", "r": config.r, "lora_alpha": whole(config.alpha), "lora_dropout": config.dropout,
            "use_rslora": config.use_rslora, "use_dora": config.use_dora, "bias": "none", "init_lora_weights": true,
            "rank_pattern": {}, "alpha_pattern": {}, "layers_pattern": null, "layers_to_transform": null,
        }),
        LoraKind::Ia3 => {
            let inputs =
                points.iter().filter(|p| matches!(p, Point::Linear(p) if config.scale_inputs.contains(&p.projection)));
            let inputs = targets::list(&inputs.copied().collect::<Vec<_>>(), model);
            json!({ "peft_type": "IA3", "feedforward_modules": inputs, "init_ia3_weights": true })
        }
        LoraKind::Vera => json!({
            "peft_type": "VERA", "r": config.r, "vera_dropout": config.dropout, "d_initial": config.vera_d.unwrap_or(0.0),
            "bias": "none", "init_weights": true, "projection_prng_key": 0, "save_projection": true,
            "layers_pattern": null, "layers_to_transform": null,
        }),
    };
    let own = own.as_object().cloned().unwrap_or_default();
    file.as_object_mut().ok_or("the file is a map")?.extend(own);
    Ok(file)
}

/// The configuration of an adapter whose weights change these layers.
pub(super) fn read(file: &Value, points: &[Point], model: &Config) -> Result<LoraConfig, String> {
    check_idle(file)?;
    if let Some(point) = linear(points).find(|point| point.layer >= model.blocks()) {
        let (layer, count) = (point.layer, model.blocks());
        return Err(format!(
            "the weights change block {layer}, but this base has {count} blocks, from 0 on: was it trained on a larger base?"
        ));
    }
    targets::check_pattern(file, model)?;
    modules::check_saved(file)?;
    let inputs = if peft_type(file) == "IA3" { inputs(file, points, model)? } else { BTreeSet::new() };
    let config = on_layers(ground(file, inputs)?, points, model)?;
    if let Some(named) = targets::named(file, model)?.filter(|named| named != points) {
        let differs = named.iter().find(|p| !points.contains(p)).or_else(|| points.iter().find(|p| !named.contains(p)));
        let point = differs.map(ToString::to_string).unwrap_or_default();
        return Err(format!(
            "\"target_modules\" and the weights differ about {point}: is it the file of this adapter?"
        ));
    }
    Ok(config)
}

/// The configuration but for the layers that it changes; `inputs` are those of which IA3 scales what enters them.
pub(super) fn ground(file: &Value, inputs: BTreeSet<Projection>) -> Result<LoraConfig, String> {
    match peft_type(file) {
        "LORA" => lora(file),
        "IA3" => Ok(LoraConfig { scale_inputs: inputs, ..LoraConfig::ia3() }),
        "VERA" => vera(file),
        other => {
            let known = "LORA, IA3, VERA, PREFIX_TUNING and PROMPT_TUNING are";
            Err(format!("adapters of peft_type {other} are not supported; {known}"))
        }
    }
}

fn lora(file: &Value) -> Result<LoraConfig, String> {
    let r = rank(file, 8)?;
    match file.get("init_lora_weights") {
        None | Some(Value::Null | Value::Bool(_)) => {}
        // These start from other values but leave the base as it is.
        Some(Value::String(init)) if ["gaussian", "eva", "orthogonal"].contains(&init.as_str()) => {}
        Some(other) => {
            return Err(format!("init_lora_weights={other} changes the base too; convert the adapter with PEFT first"));
        }
    }
    Ok(LoraConfig {
        r,
        alpha: number(file, "lora_alpha", 8.0)?,
        dropout: number(file, "lora_dropout", 0.0)?,
        use_rslora: flag(file, "use_rslora")?,
        use_dora: flag(file, "use_dora")?,
        ..LoraConfig::lora()
    })
}

fn vera(file: &Value) -> Result<LoraConfig, String> {
    if file.get("save_projection").is_some_and(|v| *v == false) {
        return Err("save_projection is false: the shared matrices are not in the file, and PyTorch's draw of them \
                    cannot be repeated here"
            .into());
    }
    let r = rank(file, 256)?;
    let (d, dropout) = (number(file, "d_initial", 0.1)?, number(file, "vera_dropout", 0.0)?);
    Ok(LoraConfig { r, alpha: r as f64, dropout, vera_d: Some(d), ..LoraConfig::vera() })
}

/// The layers of IA3 that scale what enters them.
fn inputs(file: &Value, points: &[Point], model: &Config) -> Result<BTreeSet<Projection>, String> {
    let modules = file.get("feedforward_modules").cloned().unwrap_or_else(|| json!([]));
    let Some(named) = targets::named(&json!({ "target_modules": modules }), model)? else {
        return Err("feedforward_modules is a pattern; expected a list of module names".into());
    };
    let inputs: BTreeSet<_> = linear(points).filter(|p| named.contains(&(*p).into())).map(|p| p.projection).collect();
    match linear(points).find(|p| inputs.contains(&p.projection) != named.contains(&(*p).into())) {
        Some(point) => Err(format!("feedforward_modules treats {} otherwise than other blocks", Point::from(point))),
        None => Ok(inputs),
    }
}

/// The configuration with modules at these layers: the same ones in every block that has any.
pub(super) fn on_layers(config: LoraConfig, points: &[Point], model: &Config) -> Result<LoraConfig, String> {
    let layers: BTreeSet<usize> = linear(points).map(|point| point.layer).collect();
    let projections: BTreeSet<Projection> = linear(points).map(|point| point.projection).collect();
    let all =
        layers.iter().flat_map(|&layer| projections.iter().map(move |&projection| LinearPoint { layer, projection }));
    if let Some(missing) = all.map(Point::from).find(|point| !points.contains(point)) {
        return Err(format!("blocks differ in the layers that they adapt ({missing} is not), which is not supported"));
    }
    if projections.iter().any(|projection| matches!(projection, Projection::PositionKey | Projection::PositionQuery)) {
        return Err("it changes the projections of relative positions, which is not supported".into());
    }
    let matrices = [
        (Projection::Query, AttentionMatrix::Query),
        (Projection::Key, AttentionMatrix::Key),
        (Projection::Value, AttentionMatrix::Value),
        (Projection::AttentionOutput, AttentionMatrix::Output),
    ];
    let attn_matrices: BTreeSet<_> =
        matrices.into_iter().filter(|(p, _)| projections.contains(p)).map(|(_, matrix)| matrix).collect();
    Ok(LoraConfig {
        selfattn_lora: !attn_matrices.is_empty(),
        attn_matrices,
        intermediate_lora: projections.contains(&Projection::FeedForwardIn),
        output_lora: projections.contains(&Projection::FeedForwardOut),
        gate_lora: projections.contains(&Projection::FeedForwardGate),
        leave_out: (0..model.blocks()).filter(|layer| !layers.contains(layer)).collect(),
        ..config
    })
}

fn linear(points: &[Point]) -> impl Iterator<Item = LinearPoint> {
    points.iter().filter_map(|point| match point {
        Point::Linear(point) => Some(*point),
        _ => None,
    })
}

pub(super) fn check_idle(file: &Value) -> Result<(), String> {
    match IDLE.iter().find(|(name, _)| file.get(*name).is_some_and(says_something)) {
        Some((name, why)) => Err(format!("{name}={} is not supported: {why}", file[*name])),
        None => Ok(()),
    }
}

pub(super) fn rank(file: &Value, default: u64) -> Result<usize, String> {
    let value = file.get("r").cloned().unwrap_or_else(|| default.into());
    let rank = value.as_u64().filter(|r| (1..=1 << 16).contains(r));
    rank.map(|r| r as usize).ok_or_else(|| format!("r is {value}, but must be a whole number from 1 to 65536"))
}

pub(super) fn number(file: &Value, name: &str, default: f64) -> Result<f64, String> {
    match file.get(name) {
        None => Ok(default),
        Some(value) => value.as_f64().ok_or_else(|| format!("{name} is {value}, but must be a number")),
    }
}

pub(super) fn flag(file: &Value, name: &str) -> Result<bool, String> {
    match file.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(value) => value.as_bool().ok_or_else(|| format!("{name} is {value}, but must be true or false")),
    }
}
