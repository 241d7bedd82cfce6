//! What a directory holds, without the base that it belongs to.

use super::error::{FormatError, Message};
use super::files::{Files, PEFT};
use super::hub::static_head;
use super::{json, lookup, peft, thawed};
use adaptune_transformer::weights::{TensorFile, TensorSource, is_there, read_torch_bin, resolve};
use serde_json::{Map, Value};
use std::path::Path;

/// An adapter or a head in a directory.
#[derive(Debug)]
pub struct Described {
    /// `adapter`, `fusion`, `router`, `head` or `thawed`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// The base's family as the file says, if it does.
    pub model_type: Value,
    /// The base's name as the file says, if it does.
    pub model_name: Value,
    /// The base's hidden size as the file says, if it does.
    pub hidden_size: Value,
    /// The fields of its configuration.
    pub config: Map<String, Value>,
    /// The file with its weights.
    pub file: String,
    /// The length of that file.
    pub bytes: u64,
    /// Names and shapes of its tensors.
    pub tensors: Vec<(String, Vec<usize>)>,
}

impl Described {
    /// How many numbers it holds. A tensor that stands under two names counts twice.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.tensors.iter().map(|(_, shape)| shape.iter().product::<usize>()).sum()
    }
}

/// Describes adapters, head and thawed tensors of a directory, those that are there; of a
/// [setup's](super::save_setup) those in its folders, adapters first.
///
/// # Errors
/// If there is neither, or a file is broken.
pub fn describe(directory: &Path) -> Result<Vec<Described>, FormatError> {
    let mut parts = Vec::new();
    for (kind, files, folder) in lookup::folders(directory)? {
        // A head without weights is none, as notes() tells.
        let has_weights = kind != "head" || files.have_weights(&folder)?;
        if has_weights && is_there(&resolve(&folder, files.config)?) {
            parts.extend(part(kind, files, &folder)?);
        }
    }
    let thawed = resolve(directory, thawed::FILE)?;
    if is_there(&thawed) {
        parts.push(thawed_part(&thawed)?);
    }
    Ok(parts)
}

/// The thawed tensors, which have neither name nor configuration.
fn thawed_part(path: &Path) -> Result<Described, FormatError> {
    let file = thawed::FILE.to_owned();
    let bytes = std::fs::metadata(path).map_err(FormatError::io("read", path))?.len();
    let (model_type, model_name, hidden_size) = Default::default();
    let (name, config, tensors) = (String::new(), Map::new(), shapes(path)?);
    Ok(Described { kind: "thawed", name, model_type, model_name, hidden_size, config, file, bytes, tensors })
}

fn part(kind: &'static str, files: &Files, directory: &Path) -> Result<Vec<Described>, FormatError> {
    let path = resolve(directory, files.config)?;
    let mut file = json::read(&path)?;
    if file.get("peft_type").is_some() {
        return peft_parts(file, directory);
    }
    let is_static = kind == "head" && static_head::is_static(&file);
    let name = if is_static { static_head::name(directory) } else { name(&file, &path) }?;
    let config = file.get("config").and_then(Value::as_object).cloned();
    let config = config.or_else(|| file.as_object().cloned().filter(|_| is_static)).unwrap_or_default();
    let mut field = |name: &str| file.get_mut(name).map(Value::take).unwrap_or_default();
    let (weights, tensors) = tensors(directory, files)?;
    let weights_path = resolve(directory, weights)?;
    let bytes = std::fs::metadata(&weights_path).map_err(FormatError::io("read", &weights_path))?.len();
    let (model_type, model_name, hidden_size) = (field("model_type"), field("model_name"), field("hidden_size"));
    let file = weights.to_owned();
    Ok(vec![Described { kind, name, model_type, model_name, hidden_size, config, file, bytes, tensors }])
}

fn name(file: &Value, path: &Path) -> Result<String, FormatError> {
    json::name(file).map_err(|Message(why)| FormatError::config(path, why))
}

/// An adapter in PEFT's format, of which all fields are configuration, and the head among its weights if there is one.
fn peft_parts(file: Value, directory: &Path) -> Result<Vec<Described>, FormatError> {
    let (file_name, tensors) = tensors(directory, &PEFT)?;
    let weights = resolve(directory, file_name)?;
    let bytes = std::fs::metadata(&weights).map_err(FormatError::io("read", &weights))?.len();
    let model_name = file.get("base_model_name_or_path").cloned().unwrap_or_default();
    // Without a classifier there is no head that a pooler could belong to.
    let has_head = tensors.iter().any(|(name, _)| peft::modules::is_classifier(name));
    let of_head = |name: &str| has_head && peft::modules::is_head(name);
    let (of_head, of_adapter): (Vec<_>, Vec<_>) = tensors.into_iter().partition(|(name, _)| of_head(name));
    let described = |kind, name, config, tensors| Described {
        kind,
        name,
        config,
        tensors,
        bytes,
        model_name: model_name.clone(),
        model_type: Value::Null,
        hidden_size: Value::Null,
        file: file_name.to_owned(),
    };
    let config = file.as_object().cloned().unwrap_or_default();
    let mut parts = vec![described("adapter", peft::files::name(&weights)?, config, of_adapter)];
    if !of_head.is_empty() {
        let (name, config) = peft::head::described(&weights)?;
        parts.push(described("head", name, config, of_head));
    }
    Ok(parts)
}

type Shapes = Vec<(String, Vec<usize>)>;

/// The weights file of a directory, and names and shapes of its tensors, spelled as they are read.
pub(super) fn tensors(directory: &Path, files: &Files) -> Result<(&'static str, Shapes), FormatError> {
    let path = resolve(directory, files.safetensors)?;
    if is_there(&path) {
        return Ok((files.safetensors, spelled(shapes(&path)?, files)));
    }
    let path = resolve(directory, files.torch)?;
    if !is_there(&path) {
        return Err(files.no_weights(directory));
    }
    json::check_lfs(&path)?;
    let tensors = read_torch_bin::<f32>(&path)?;
    let shapes = tensors.into_iter().map(|(name, array)| (name, array.shape().to_vec())).collect();
    Ok((files.torch, spelled(shapes, files)))
}

/// The same under the names that are read.
fn spelled(shapes: Shapes, files: &Files) -> Shapes {
    shapes.into_iter().filter_map(|(name, shape)| Some(((files.spelling)(&name)?, shape))).collect()
}

/// Names and shapes of a safetensors file.
fn shapes(path: &Path) -> Result<Shapes, FormatError> {
    let file = TensorFile::open(path)?;
    file.names().into_iter().map(|name| Ok((name.to_owned(), file.shape(name)?.to_vec()))).collect()
}
