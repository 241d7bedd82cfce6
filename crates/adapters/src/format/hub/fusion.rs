//! Fusions in AdapterHub's format.

use super::name::check_name;
use crate::adapter::Adapter;
use crate::compose::fuse::{Fusion, FusionConfig};
use crate::core::hub_names::HubNames;
use crate::core::point::Point;
use crate::core::stored::Stored;
use crate::format::error::{FormatError, Message};
use crate::format::files::{FUSION, replace, replace_together};
use crate::format::json;
use crate::format::tensors::{Tensors, write};
use adaptune_tensor::{AnyParameter, Parameters, Scalar, Seed};
use adaptune_transformer::weights::resolve;
use adaptune_transformer::{Encoder, Insertions};
use serde_json::Value;
use std::path::Path;

/// Saves a fusion alone, as AdapterHub's `save_adapter_fusion` does; `adapters` are the names of those that it fuses, in their order.
///
/// # Errors
/// If a file cannot be written, or the fusion's name cannot stand in a tensor name.
pub fn save_fusion<S: Scalar>(
    fusion: &Fusion<S>,
    adapters: &[&str],
    base: &Encoder<S>,
    directory: &Path,
) -> Result<(), FormatError> {
    replace_together(directory, &[FUSION.safetensors, FUSION.torch, FUSION.config], |folder| {
        write_fusion(fusion, adapters, base, folder)
    })
}

/// Writes the files of a fusion.
pub(crate) fn write_fusion<S: Scalar>(
    fusion: &Fusion<S>,
    adapters: &[&str],
    base: &Encoder<S>,
    directory: &Path,
) -> Result<(), FormatError> {
    check_name(fusion.name())?;
    let prefix = base.config().family.prefix();
    let tensor = |(name, array): (String, &dyn AnyParameter<S>)| {
        (format!("{prefix}{}", tensor_name(fusion.name(), &name, base)), array.to_view().to_owned())
    };
    let tensors: Vec<_> = fusion.parameters().into_iter().map(tensor).collect();
    write(&directory.join(FUSION.safetensors), &tensors, base, [])?;
    let mut file = json::envelope(fusion.name(), fusion.config().fields().into(), base.config());
    file["adapter_names"] = adapters.into();
    replace(&directory.join(FUSION.config), &json::text(&file))
}

/// Loads a fusion; `part` is one of what it fuses, or an adapter alike.
///
/// # Errors
/// If a file is missing or broken, a tensor is missing, unexpected or misshapen, or the fusion was trained on another base.
pub fn load_fusion<S: Scalar>(
    directory: &Path,
    part: &dyn Insertions<S>,
    base: &Encoder<S>,
) -> Result<Fusion<S>, FormatError> {
    let path = resolve(directory, FUSION.config)?;
    let file = json::read(&path)?;
    json::check_base(&path, &file, base.config())?;
    let (name, config) = read(&file).map_err(|Message(message)| FormatError::config(&path, message))?;
    let fusion = Fusion::new(&name, &config, base.config(), part, Seed::new(0));
    let mut fusion = fusion.map_err(|error| FormatError::config(&path, error))?;
    let mut tensors = Tensors::read(directory, &FUSION, base)?;
    for (parameter, array) in fusion.parameters_mut() {
        tensors.take(&Stored::same(tensor_name(&name, &parameter, base)), array)?;
    }
    tensors.finish()?;
    Ok(fusion)
}

/// The names of those that the fusion in a folder fuses, if there is one.
pub(crate) fn adapter_names_in(folder: &Path) -> Option<Vec<String>> {
    let file = json::read(&resolve(folder, FUSION.config).ok()?).ok()?;
    serde_json::from_value(file.get("adapter_names")?.clone()).ok()
}

/// What a file says: the fusion's name and configuration.
fn read(file: &Value) -> Result<(String, FusionConfig), Message> {
    let fields = file.get("config").and_then(Value::as_object);
    let fields = fields.ok_or("\"config\" is missing; expected the fields of the fusion")?;
    let mut config = FusionConfig::dynamic();
    for (name, value) in fields {
        config.set(name, value).map_err(|error| error.to_string())?;
    }
    // It falls to 1 in training and is not in the file: what was trained is what is computed at 1.
    config.temperature = false;
    Ok((json::name(file)?, config))
}

/// The tensor name of a fusion's parameter (`layer.0.feed_forward.query.weight`), without the model's prefix.
pub(crate) fn tensor_name<S: Scalar>(fusion: &str, parameter: &str, base: &Encoder<S>) -> String {
    let (point, rest) = Point::split(parameter);
    format!("{}.adapter_fusion_layer.{fusion}.{rest}", base.config().family.module(point))
}

/// What a fusion's file calls those that it fuses: the names of adapters.
pub(crate) fn adapter_names<'a, S: Scalar>(parts: impl IntoIterator<Item = Vec<&'a Adapter<S>>>) -> Vec<&'a str> {
    parts.into_iter().filter_map(|adapters| adapters.last().map(|adapter| adapter.name())).collect()
}
