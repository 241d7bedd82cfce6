//! PEFT directories: `adapter_config.json` with a `peft_type`, and `adapter_model.safetensors`.
//!
//! PEFT has what AdapterHub lacks of LoRA's kin: DoRA as its paper defines it, rsLoRA, the attention's output. It has no
//! bottlenecks, no gates, and no name for an adapter; ours is kept in the metadata of the weights.

mod config;
pub(super) mod head;
mod targets;

use super::directory::{Files, replace};
use super::error::FormatError;
use super::json;
use super::stored::{Form, Stored};
use super::tensors::{Tensors, write};
use crate::adapter::Adapter;
use crate::lora::config::{LoraConfig, LoraKind};
use crate::method::Method;
use crate::point::Point;
use adaptune_tensor::{AnyParameter, Parameters, Scalar, Seed};
use adaptune_transformer::weights::TensorFile;
use adaptune_transformer::{Encoder, Family};
use serde_json::Value;
use std::path::Path;

pub(super) const FILES: Files =
    Files { config: "adapter_config.json", safetensors: "adapter_model.safetensors", torch: "adapter_model.bin" };

/// Metadata key of the adapter's name.
const NAME: &str = "adaptune_name";

/// The name of an adapter whose files say none.
const DEFAULT_NAME: &str = "default";

/// True if a directory's `adapter_config.json` is PEFT's.
pub(super) fn is_peft(directory: &Path) -> Result<bool, FormatError> {
    Ok(json::read(&directory.join(FILES.config))?.get("peft_type").is_some())
}

/// Why PEFT has no such adapter, if it has not.
pub(super) fn refusal(method: &Method) -> Option<String> {
    match method {
        Method::Lora(config) => config::refusal(config).map(str::to_owned),
        other => Some(format!("it has no adapters of kind {}", other.kind())),
    }
}

/// Saves an adapter of LoRA's kin as a PEFT directory, as of a model with a head (tensors begin with `bert.` and the like).
///
/// # Errors
/// If PEFT has no such adapter, or a file cannot be written.
pub fn save_peft<S: Scalar>(adapter: &Adapter<S>, base: &Encoder<S>, directory: &Path) -> Result<(), FormatError> {
    let path = directory.join(FILES.config);
    let config = match adapter.method() {
        Some(Method::Lora(config)) => config,
        Some(other) => return Err(FormatError::config(path, refusal(other).unwrap_or_default())),
        None => return Err(FormatError::OwnModules { name: adapter.name().to_owned() }),
    };
    if let Some(why) = config::refusal(config) {
        return Err(FormatError::config(path, format!("PEFT has no such adapter: {why}")));
    }
    let points: Vec<_> = adapter.points().collect();
    let text = config::text(config, &points, base.config()).map_err(|why| FormatError::config(&path, why))?;
    let tensors = arrays(adapter).into_iter().map(|(name, array)| {
        let Stored { mut names, form, .. } = stored(config, base.config().family, &name);
        (names.swap_remove(0), form.write(array.to_view()))
    });
    let metadata = [(NAME.to_owned(), adapter.name().to_owned())];
    write(&directory.join(FILES.safetensors), &tensors.collect::<Vec<_>>(), base, metadata)?;
    replace(&path, &text)
}

/// Loads an adapter from a PEFT directory; its head, if there is one, is [`load_head`](super::load_head)'s. Which layers have one is what the weights say, and `target_modules` must agree.
///
/// # Errors
/// If a file is missing or broken, a tensor is missing, unexpected or misshapen, or the configuration asks for something
/// that is not there: the reason.
pub fn load_peft<S: Scalar>(directory: &Path, base: &Encoder<S>) -> Result<Adapter<S>, FormatError> {
    let path = directory.join(FILES.config);
    let mut tensors = Tensors::read(directory, &FILES, base)?.without_prefix();
    tensors.set_aside(head::is_head);
    let points = points_of(&tensors.names(), base.config().family);
    let config = config::read(&json::read(&path)?, &points, base.config());
    let config = config.map_err(|message| FormatError::config(&path, message))?;
    let method = Method::Lora(config.clone());
    let name = name(&directory.join(FILES.safetensors))?;
    let mut adapter =
        Adapter::blank(&name, &method, base.config(), Seed::new(0)).map_err(|e| FormatError::config(&path, e))?;
    for (_, entry) in adapter.entries_mut() {
        for (name, array) in entry.parameters_mut() {
            tensors.take(&stored(&config, base.config().family, &name), array)?;
        }
        for (name, array) in entry.constants_mut() {
            tensors.take(&stored(&config, base.config().family, &name), array)?;
        }
    }
    tensors.finish()?;
    Ok(adapter)
}

/// The names that a parameter or constant of an adapter may have in PEFT's files, the one that is written first.
///
/// ```
/// use adaptune_adapters::{LoraConfig, format::peft_names};
/// use adaptune_transformer::Family;
/// let [in_a_model, alone] = &peft_names(&LoraConfig::lora(), Family::Bert, "layer.3.query.lora_A")[..] else { panic!() };
/// assert_eq!(in_a_model, "base_model.model.bert.encoder.layer.3.attention.self.query.lora_A.weight");
/// assert_eq!(alone, "base_model.model.encoder.layer.3.attention.self.query.lora_A.weight");
/// ```
#[must_use]
pub fn peft_names(config: &LoraConfig, family: Family, name: &str) -> Vec<String> {
    stored(config, family, name).names
}

/// Parameters, then constants, with their names.
fn arrays<S: Scalar>(adapter: &Adapter<S>) -> Vec<(String, &dyn AnyParameter<S>)> {
    let constants = adapter.entries().flat_map(|(_, entry)| entry.constants());
    adapter.parameters().into_iter().chain(constants).collect()
}

/// The layers that the weights change.
fn points_of(names: &[String], family: Family) -> Vec<Point> {
    let path = |name: &str| {
        let module = name.strip_prefix("base_model.model.").and_then(|rest| targets::module_of(rest));
        module.and_then(|module| targets::point(module, family))
    };
    let mut points: Vec<_> = names.iter().filter_map(|name| path(name)).collect();
    points.sort();
    points.dedup();
    points
}

/// How PEFT stores an array: in a model with a head, or alone.
fn stored(config: &LoraConfig, family: Family, name: &str) -> Stored {
    let (point, parameter) = Point::split(name);
    let Some(Point::Linear(point)) = point else {
        // VeRA's matrices, which no layer owns.
        let shared = parameter.replace("lora_", "vera_");
        return Stored::under([format!("base_model.{shared}"), format!("base_model.model.{shared}")]);
    };
    let (part, form) = match (config.kind(), parameter) {
        (LoraKind::Vera, vector) => (format!("vera_lambda_{vector}"), Form::Same),
        (LoraKind::Ia3, _) if config.scale_inputs.contains(&point.projection) => ("ia3_l".to_owned(), Form::Row),
        (LoraKind::Ia3, _) => ("ia3_l".to_owned(), Form::Column),
        (_, "m") => ("lora_magnitude_vector".to_owned(), Form::Same),
        (_, matrix) => (format!("{matrix}.weight"), Form::Same),
    };
    let path = point.path(family);
    let prefixes = [family.prefix(), ""];
    Stored::under(prefixes.map(|prefix| format!("base_model.model.{prefix}{path}.{part}"))).as_form(form)
}

/// The name that a file of ours holds.
pub(super) fn name(path: &Path) -> Result<String, FormatError> {
    if path.extension().is_none_or(|end| end != "safetensors") || !path.exists() {
        return Ok(DEFAULT_NAME.to_owned());
    }
    let file = TensorFile::open(path)?;
    let name = file.metadata().and_then(|metadata| metadata.get(NAME)).cloned();
    Ok(name.unwrap_or_else(|| DEFAULT_NAME.to_owned()))
}

/// The `peft_type` of a configuration.
fn peft_type(file: &Value) -> &str {
    file.get("peft_type").and_then(Value::as_str).unwrap_or_default()
}
