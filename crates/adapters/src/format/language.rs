//! Bases and masked language models as Hugging Face directories: `config.json` and `model.safetensors`.
//!
//! The output layer is tied to the token embeddings, so it is not among the tensors; Python ties it again.

use super::error::FormatError;
use super::family::language_tensor_name;
use super::files::{replace, replace_together};
use crate::head::Head;
use crate::head::config::HeadConfig;
use crate::head::task::Task;
use crate::model::AdapterModel;
use adaptune_tensor::{Parameters, Scalar, Seed};
use adaptune_transformer::weights::{FloatFormat, Reader, WeightDirectory, write_safetensors_as};
use adaptune_transformer::{Encoder, Family};
use ndarray::{CowArray, IxDyn};
use std::path::Path;

/// Saves a language model, what is thawed laid into the base, as a directory that Python's transformers loads as
/// `AutoModelForMaskedLM`, or `AutoModelForCausalLM` if it says what comes next, with numbers rounded to `format`. The tokeniser is not
/// its business.
///
/// # Errors
/// If the model has another head or an adapter, which have no place in such a directory, or a file cannot be written.
pub fn save_language_model<S: Scalar>(
    model: &AdapterModel<S>,
    directory: &Path,
    format: FloatFormat,
) -> Result<(), FormatError> {
    let task = model.head().config().task;
    if !(task.predicts_tokens() || task.predicts_next_tokens()) || model.adapter().is_some() {
        let message = "only a language model without an adapter can be saved as a base";
        return Err(FormatError::config(directory, message));
    }
    let merged = model.thawed_base().merged();
    if task.predicts_next_tokens() {
        return save_base(&merged, directory, format);
    }
    let family = merged.config().family;
    let mut tensors = merged.tensors();
    let parameters = model.head().parameters();
    for (name, parameter) in &parameters {
        tensors.push((tensor_name(family, name, directory)?, parameter.to_view().into()));
    }
    write(&merged, &tensors, format, "ForMaskedLM", directory)
}

/// Saves a base, such as one that an adapter was merged into, as a directory that Python's transformers loads as
/// `AutoModel`, a decoder as `AutoModelForCausalLM`, with numbers rounded to `format`. The tokeniser is not its business.
///
/// # Errors
/// If a file cannot be written.
pub fn save_base<S: Scalar>(base: &Encoder<S>, directory: &Path, format: FloatFormat) -> Result<(), FormatError> {
    let class = if base.config().is_causal() { "ForCausalLM" } else { "Model" };
    write(base, &base.tensors(), format, class, directory)
}

/// Loads the head with which a base was pretrained.
///
/// # Errors
/// If the directory holds no such head, or it does not fit the base.
pub fn load_language_head<S: Scalar>(directory: &Path, base: &Encoder<S>) -> Result<Head<S>, FormatError> {
    let weights = WeightDirectory::open(directory)?;
    let family = base.config().family;
    let config = HeadConfig::new(Task::MASKED_LANGUAGE, Vec::new());
    let mut head = Head::new("language", &config, base, Seed::new(0)).map_err(|e| FormatError::config(directory, e))?;
    let mut reader = Reader::new(&weights, &[""], &tensor_name(family, "bias", directory)?)?;
    for (name, parameter) in head.parameters_mut() {
        let values = reader.take::<S>(&tensor_name(family, &name, directory)?, parameter.shape())?;
        parameter.values_mut().iter_mut().zip(&values).for_each(|(p, v)| *p = *v);
    }
    Ok(head)
}

/// Where checkpoints keep a parameter of the head.
fn tensor_name(family: Family, parameter: &str, directory: &Path) -> Result<String, FormatError> {
    let message = || format!("models of the family {} have no head for masked language modelling", family.model_type());
    language_tensor_name(family, parameter).ok_or_else(|| FormatError::config(directory, message()))
}

/// Replaces both files of a model together. `class` is the end of the class's name.
fn write<S: Scalar>(
    base: &Encoder<S>,
    tensors: &[(String, CowArray<'_, S, IxDyn>)],
    format: FloatFormat,
    class: &str,
    directory: &Path,
) -> Result<(), FormatError> {
    replace_together(directory, &["model.safetensors", "config.json"], |folder| {
        write_safetensors_as(format, &folder.join("model.safetensors"), tensors, &[].into())?;
        write_config(base, format, class, folder)
    })
}

fn write_config<S: Scalar>(
    base: &Encoder<S>,
    format: FloatFormat,
    class: &str,
    directory: &Path,
) -> Result<(), FormatError> {
    let config = base.config();
    let mut fields = config.to_json();
    fields["architectures"] = serde_json::json!([format!("{}{class}", config.family.python().class)]);
    fields["torch_dtype"] = format.name().into();
    let text = serde_json::to_string_pretty(&fields).expect("strings and numbers") + "\n";
    replace(&directory.join("config.json"), &text)
}
