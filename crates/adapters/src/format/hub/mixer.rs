//! Fusions in AdapterHub's format, and routers in files of the same form: AdapterHub has none.

use super::name::check_name;
use crate::adapter::Adapter;
use crate::compose::fuse::{Fusion, FusionConfig};
use crate::compose::mixer::Mixer;
use crate::compose::mixing::{MixerKind, Mixing};
use crate::compose::route::{Router, RouterConfig};
use crate::core::hub_names::HubNames;
use crate::core::point::Point;
use crate::core::stored::Stored;
use crate::format::error::{FormatError, Message};
use crate::format::files::{FUSION, Files, ROUTER, replace, replace_together};
use crate::format::json;
use crate::format::tensors::{Tensors, write};
use adaptune_tensor::{AnyParameter, Scalar, Seed};
use adaptune_transformer::weights::resolve;
use adaptune_transformer::{Encoder, Insertions};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// Saves a fusion or a router alone; `adapters` are the names of those that it mixes, in their order. The files of a fusion are
/// those of AdapterHub's `save_adapter_fusion`.
///
/// # Errors
/// If a file cannot be written, or its name cannot stand in a tensor name.
pub fn save_mixing<S: Scalar>(
    mixing: &dyn Mixing<S>,
    adapters: &[&str],
    base: &Encoder<S>,
    directory: &Path,
) -> Result<(), FormatError> {
    let Files { config, safetensors, torch, .. } = files(mixing.kind());
    replace_together(directory, &[safetensors, torch, config], |folder| write_mixing(mixing, adapters, base, folder))
}

/// Writes the files of a fusion or a router.
pub(crate) fn write_mixing<S: Scalar>(
    mixing: &dyn Mixing<S>,
    adapters: &[&str],
    base: &Encoder<S>,
    directory: &Path,
) -> Result<(), FormatError> {
    check_name(mixing.name())?;
    let (prefix, files) = (base.config().family.prefix(), files(mixing.kind()));
    let tensor = |(name, array): (String, &dyn AnyParameter<S>)| {
        (format!("{prefix}{}", tensor_name(mixing, &name, base)), array.to_view().to_owned())
    };
    let tensors: Vec<_> = mixing.parameters().into_iter().map(tensor).collect();
    write(&directory.join(files.safetensors), &tensors, base, [])?;
    let mut file = json::envelope(mixing.name(), mixing.fields().into(), base.config());
    file["adapter_names"] = adapters.into();
    replace(&directory.join(files.config), &json::text(&file))
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
    let (path, file) = configuration(directory, &FUSION, base)?;
    let config = fusion_config(fields(&path, &file)?);
    let config = config.map_err(|Message(message)| FormatError::config(&path, message))?;
    let name = json::name(&file).map_err(|Message(message)| FormatError::config(&path, message))?;
    let fusion = Fusion::new(&name, &config, base.config(), part, Seed::new(0));
    let mut fusion = fusion.map_err(|error| FormatError::config(&path, error))?;
    load_tensors(&mut fusion, directory, &FUSION, base)?;
    Ok(fusion)
}

/// Loads a router; `parts` are the adapters among which it chooses, or others alike.
///
/// # Errors
/// If a file is missing or broken, a tensor is missing, unexpected or misshapen, or the router was trained on another base or among
/// another number of adapters.
pub fn load_router<S: Scalar, P: Insertions<S>>(
    directory: &Path,
    parts: &[P],
    base: &Encoder<S>,
) -> Result<Router<S>, FormatError> {
    let (path, file) = configuration(directory, &ROUTER, base)?;
    let fields = fields(&path, &file)?.iter().map(|(name, value)| (name.as_str(), value));
    let config = RouterConfig::of_fields(fields).map_err(|error| FormatError::config(&path, error))?;
    let name = json::name(&file).map_err(|Message(message)| FormatError::config(&path, message))?;
    let among = names_in(&file).map_or(parts.len(), |names| names.len());
    if among != parts.len() {
        let found = parts.len();
        let message = format!("this router chooses among {among} adapters, and here are {found}: give as many");
        return Err(FormatError::config(&path, message));
    }
    let router = Router::initial(&name, &config, base.config(), parts, Seed::new(0));
    let mut router = router.map_err(|error| FormatError::config(&path, error))?;
    load_tensors(&mut router, directory, &ROUTER, base)?;
    Ok(router)
}

/// Loads a fusion or a router of these parts.
pub(crate) fn load_mixer<S: Scalar, P: Insertions<S>>(
    kind: MixerKind,
    directory: &Path,
    parts: &[P],
    base: &Encoder<S>,
) -> Result<Mixer<S>, FormatError> {
    match (kind, parts.first()) {
        (MixerKind::Fusion, Some(first)) => Ok(load_fusion(directory, first, base)?.into()),
        (MixerKind::Fusion, None) => Ok(load_fusion(directory, &(), base)?.into()),
        (MixerKind::Router, _) => Ok(load_router(directory, parts, base)?.into()),
    }
}

pub(crate) fn files(kind: MixerKind) -> &'static Files {
    match kind {
        MixerKind::Fusion => &FUSION,
        MixerKind::Router => &ROUTER,
    }
}

/// The configuration file in a directory, for this base.
fn configuration<S: Scalar>(
    directory: &Path,
    files: &Files,
    base: &Encoder<S>,
) -> Result<(PathBuf, Value), FormatError> {
    let path = resolve(directory, files.config)?;
    let file = json::read(&path)?;
    json::check_base(&path, &file, base.config())?;
    Ok((path, file))
}

fn fields<'f>(path: &Path, file: &'f Value) -> Result<&'f Map<String, Value>, FormatError> {
    let fields = file.get("config").and_then(Value::as_object);
    fields.ok_or_else(|| FormatError::config(path, "\"config\" is missing; expected its fields"))
}

fn fusion_config(fields: &Map<String, Value>) -> Result<FusionConfig, Message> {
    let mut config = FusionConfig::dynamic();
    for (name, value) in fields {
        config.set(name, value).map_err(|error| error.to_string())?;
    }
    // It falls to 1 in training and is not in the file: what was trained is what is computed at 1.
    config.temperature = false;
    Ok(config)
}

fn load_tensors<S: Scalar, M: Mixing<S>>(
    mixing: &mut M,
    directory: &Path,
    files: &Files,
    base: &Encoder<S>,
) -> Result<(), FormatError> {
    let mut tensors = Tensors::read(directory, files, base)?;
    let names: Vec<_> = mixing.parameters().iter().map(|(name, _)| tensor_name(mixing, name, base)).collect();
    for ((_, array), name) in mixing.parameters_mut().into_iter().zip(names) {
        tensors.take(&Stored::same(name), array)?;
    }
    tensors.finish()
}

/// The names of those that the fusion or router in a folder mixes, if there is one.
pub(crate) fn adapter_names_in(kind: MixerKind, folder: &Path) -> Option<Vec<String>> {
    names_in(&json::read(&resolve(folder, files(kind).config).ok()?).ok()?)
}

fn names_in(file: &Value) -> Option<Vec<String>> {
    serde_json::from_value(file.get("adapter_names")?.clone()).ok()
}

/// The tensor name of a parameter (`layer.0.feed_forward.query.weight`), without the model's prefix.
pub(crate) fn tensor_name<S: Scalar>(mixing: &dyn Mixing<S>, parameter: &str, base: &Encoder<S>) -> String {
    let ((point, rest), kind) = (Point::split(parameter), mixing.kind());
    format!("{}.adapter_{kind}_layer.{}.{rest}", base.config().family.module(point), mixing.name())
}

/// What a file of a fusion or a router calls those that it mixes: the names of adapters.
pub(crate) fn adapter_names<'a, S: Scalar>(parts: impl IntoIterator<Item = Vec<&'a Adapter<S>>>) -> Vec<&'a str> {
    parts.into_iter().filter_map(|adapters| adapters.last().map(|adapter| adapter.name())).collect()
}
