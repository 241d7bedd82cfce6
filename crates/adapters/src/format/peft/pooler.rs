//! The pooler among PEFT's weights: the first layer of a head of two, with the pooler's activation `φ` between them, `tanh` in BERT.
//!
//! A classifier on the pooler computes `W_c φ(W_p h_0 + b_p) + b_c`. Where `W_p` was trained too, pooler and classifier are
//! one head. It was trained in one of two ways:
//!
//! | in the configuration | in the weights | `W_p` |
//! |---|---|---|
//! | `modules_to_save: ["pooler"]` | `….pooler.dense.weight`, `.bias` | theirs |
//! | `target_modules` that name it, as `dense` and `all-linear` do | `….pooler.dense.lora_A.weight` and so on | the base's with the change [merged](crate::merge) into it |

use super::files::peft_type;
use super::low_rank::stored_at;
use super::modules::is_pooler;
use super::targets;
use super::{config, patterns};
use crate::adapter::Adapter;
use crate::core::point::Point;
use crate::core::stored::Stored;
use crate::format::error::{FormatError, Message};
use crate::format::tensors::Tensors;
use crate::methods::lora::config::LoraConfig;
use crate::registry::method::Method;
use adaptune_tensor::{Kind, Parameter, Parameters, Scalar, Seed};
use adaptune_transformer::{Architecture, Config, Encoder, Family, Linear, LinearPoint, Projection};
use ndarray::{Array1, Array2};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// A layer of the same shape, in whose place an adapter of the pooler is made.
const STAND_IN: LinearPoint = LinearPoint { layer: 0, projection: Projection::Query };

/// The pooler that was trained, `(W_p, b_p)`; `None` where it is the base's.
pub(super) fn trained<S: Scalar>(
    path: &Path,
    file: &Value,
    tensors: &mut Tensors<S>,
    base: &Encoder<S>,
) -> Result<Option<Linear<S>>, FormatError> {
    let layer = base.config().family.tensors().pooler;
    let saved = file.get("modules_to_save").and_then(Value::as_array).into_iter().flatten();
    let is_saved = saved.filter_map(Value::as_str).any(is_pooler);
    let whole = |part: &str| Stored::under(paths(base.config().family, layer, part));
    if is_saved || whole("weight").names.iter().any(|name| tensors.shape(name).is_some()) {
        let d = base.config().hidden;
        let mut weight = Parameter::new(Kind::Weight, Array2::zeros((d, d)));
        let mut bias = Parameter::new(Kind::Bias, Array1::zeros(d));
        tensors.take(&whole("weight"), &mut weight)?;
        tensors.take(&whole("bias"), &mut bias)?;
        return Ok(Some(Linear::new(weight.view().to_owned(), Some(bias.view().to_owned()))));
    }
    match tensors.names().into_iter().find(|name| is_pooler(name)) {
        Some(example) => changed(path, file, &example, tensors, base).map(Some),
        None => Ok(None),
    }
}

/// The base's pooler with an adapter of it merged into it; `example` is one of its tensors.
fn changed<S: Scalar>(
    path: &Path,
    file: &Value,
    example: &str,
    tensors: &mut Tensors<S>,
    base: &Encoder<S>,
) -> Result<Linear<S>, FormatError> {
    let refused = |why: &str| FormatError::config(path, format!("the weights hold {example}, and {why}"));
    let pooler = base.pooler().ok_or_else(|| {
        refused("the base has no pooler: load one whose weights have it, or leave the pooler out of target_modules")
    })?;
    let shape = base.config().linear_shape(STAND_IN.projection).map(|shape| (shape.outputs, shape.inputs));
    if shape != Some(pooler.dim()) {
        return Err(refused("a pooler of another shape than queries have is not supported"));
    }
    let config = method(file, base.config()).map_err(|Message(why)| refused(&why))?;
    let mut adapter = Adapter::blank("pooler", &Method::Lora(config.clone()), &one_block(base.config()), Seed::new(0))
        .map_err(|e| FormatError::config(path, e))?;
    let layer = base.config().family.tensors().pooler;
    for (name, array) in adapter.parameters_mut() {
        let (_, parameter) = Point::split(&name);
        tensors.take(&stored_at(&config, base.config().family, layer, STAND_IN.projection, parameter), array)?;
    }
    let merged = adapter.module(STAND_IN.into()).and_then(|module| module.merged(STAND_IN, pooler));
    merged.ok_or_else(|| refused("such a change of the pooler cannot be merged into it"))
}

/// The configuration of an adapter that changes the stand-in as the file's changes the pooler.
fn method(file: &Value, model: &Config) -> Result<LoraConfig, Message> {
    if peft_type(file) == "VERA" {
        return Err("VeRA of the pooler is not supported: leave the pooler out of target_modules".into());
    }
    let inputs = file.get("feedforward_modules").and_then(Value::as_array).into_iter().flatten();
    let pooler = model.family.full_name(model.family.tensors().pooler);
    let is_input = inputs.filter_map(Value::as_str).any(|entry| targets::names(entry, &pooler));
    let inputs = if is_input { BTreeSet::from([STAND_IN.projection]) } else { BTreeSet::new() };
    config::check_idle(file)?;
    if patterns::any(file) {
        return Err("rank_pattern and alpha_pattern are not read of the pooler: leave it out of target_modules".into());
    }
    let ground = config::ground(file, inputs)?;
    Ok(config::on_layers(ground, &[STAND_IN.into()], &one_block(model))?)
}

fn one_block(model: &Config) -> Config {
    let architecture = Architecture { shared_blocks: None, ..model.architecture.clone() };
    Config { layers: 1, architecture, ..model.clone() }
}

/// The names that a tensor of a layer may have: in a model with a head, beside prefixes and prompts, and alone.
fn paths(family: Family, layer: &str, part: &str) -> [String; 3] {
    let whole = family.full_name(layer);
    [
        format!("base_model.model.{whole}.{part}"),
        format!("base_model.{whole}.{part}"),
        format!("base_model.model.{layer}.{part}"),
    ]
}
