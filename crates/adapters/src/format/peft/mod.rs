//! PEFT directories: `adapter_config.json` with a `peft_type`, and `adapter_model.safetensors`.
//!
//! PEFT has methods like LoRA that AdapterHub lacks: DoRA as its paper defines it, rsLoRA, the attention's output. Its prefixes
//! and prompts are other functions of the same numbers than AdapterHub's. It has no bottlenecks, no gates, and no name for
//! an adapter; ours is kept in the metadata of the weights. The head stands among the weights where it is the classifier of
//! one of transformers' own model classes.

mod config;
pub(super) mod files;
mod fused;
pub(super) mod head;
mod known;
mod low_rank;
pub(super) mod modules;
mod patterns;
mod pooler;
mod prompts;
mod targets;

pub(super) use known::unknown_fields;
pub use low_rank::peft_names;

use super::error::FormatError;
use super::files::{HEAD, PEFT, replace, replace_together};
use super::hub::head::write_head;
use super::json;
use super::tensors::{Tensors, write};
use crate::adapter::Adapter;
use crate::head::Head;
use crate::registry::method::Method;
use adaptune_tensor::Scalar;
use adaptune_transformer::weights::resolve;
use adaptune_transformer::{Config, Encoder};
use files::{NAME, Written, name, peft_type};
use serde_json::json;
use std::path::Path;

/// True if a directory's `adapter_config.json` is PEFT's.
pub(super) fn is_peft(directory: &Path) -> Result<bool, FormatError> {
    Ok(json::read(&resolve(directory, PEFT.config)?)?.get("peft_type").is_some())
}

/// Why PEFT has no such adapter, if it has not.
pub(super) fn refusal(method: &Method, model: &Config) -> Option<String> {
    match method {
        Method::Lora(config) => config::refusal(config).map(str::to_owned).or_else(|| fused::refusal(config, model)),
        Method::Prefix(config) => prompts::prefix_refusal(config, model).map(str::to_owned),
        Method::Prompt(config) => prompts::prompt_refusal(config, model).map(str::to_owned),
        other => Some(format!("it has no adapters of kind {}", other.kind())),
    }
}

/// True if PEFT's files keep all that there is to know of an adapter, and AdapterHub would compute something else with it.
pub(super) fn is_its_own(method: &Method, model: &Config) -> bool {
    matches!(method, Method::Prefix(config) if prompts::keeps_all(config)) && refusal(method, model).is_none()
}

/// Saves an adapter as a PEFT directory without its head: LoRA and related methods, a prefix that shifts positions, or a prompt of tokens like
/// others. A prefix that comes out of a network is written as [`Adapter::ejected`] gives it, the same to the bit: PEFT's
/// files have no other form. Names are those of a model with a head (tensors of LoRA begin with `bert.` and the like).
///
/// # Errors
/// If PEFT has no such adapter, or would compute something else with it: the reason. Or a file cannot be written.
pub fn save_peft<S: Scalar>(adapter: &Adapter<S>, base: &Encoder<S>, directory: &Path) -> Result<(), FormatError> {
    replace_together(directory, &[PEFT.safetensors, PEFT.config], |folder| {
        write_either_head(adapter, None, base, folder).map(|_| ())
    })
}

/// Saves an adapter with its head as a PEFT directory. The head is written as PEFT's `modules_to_save` where it is what
/// transformers' `AutoModelForSequenceClassification` or `AutoModelForTokenClassification` computes for this family; any
/// other is written [as AdapterHub has it](super::save_head), beside the adapter.
///
/// A head for [vectors](crate::Task::EMBEDDING) is in no file: the adapter is one for transformers' `AutoModel`, with the `task_type`
/// `FEATURE_EXTRACTION`.
///
/// | family | sequences | tokens, spans |
/// |---|---|---|
/// | BERT | one layer on the pooler | one layer |
/// | RoBERTa, XLM-R | two layers, tanh; not with a prefix, with which PEFT does not run them | one layer |
/// | DistilBERT | two layers, relu | one layer |
///
/// # Errors
/// As [`save_peft`] and [`save_head`](super::save_head).
pub fn save_peft_with_head<S: Scalar>(
    adapter: &Adapter<S>,
    head: &Head<S>,
    base: &Encoder<S>,
    directory: &Path,
) -> Result<(), FormatError> {
    // Where the head is among PEFT's files, one of another adapter would be read in its place: those are removed.
    let names = [PEFT.safetensors, HEAD.safetensors, HEAD.torch, PEFT.config, HEAD.config];
    let in_no_file = head.config().task.has_no_layers();
    replace_together(directory, &names, |folder| match write_either_head(adapter, Some(head), base, folder)? {
        written if written || in_no_file => Ok(()),
        _ => write_head(head, base, folder),
    })
}

/// Writes an adapter, and its head if PEFT has such; true if it has.
pub(super) fn write_either_head<S: Scalar>(
    adapter: &Adapter<S>,
    head: Option<&Head<S>>,
    base: &Encoder<S>,
    directory: &Path,
) -> Result<bool, FormatError> {
    let path = directory.join(PEFT.config);
    let Some(method) = adapter.method() else {
        return Err(FormatError::OwnModules { name: adapter.name().to_owned() });
    };
    let mut written = written(method, adapter, base)
        .map_err(|why| FormatError::config(&path, format!("PEFT has no such adapter: {why}")))?;
    if head.is_some_and(|head| head.config().task.predicts_a_vector()) {
        for_the_plain_model(&mut written, base.config());
    }
    if head.is_some_and(|head| head.config().task.predicts_next_tokens()) {
        written.file["task_type"] = json!("CAUSAL_LM");
    }
    let mut metadata = vec![(NAME.to_owned(), adapter.name().to_owned())];
    let head = head.filter(|head| head::layers_of(head.config(), method, base.config()).is_some());
    metadata.extend(head.map(|head| head::write(head, method, base.config(), &mut written)));
    write(&directory.join(PEFT.safetensors), &written.tensors, base, metadata)?;
    replace(&path, &json::text(&written.file))?;
    Ok(head.is_some())
}

/// The files of an adapter for the model without a head, whose modules have no prefix.
fn for_the_plain_model<S: Scalar>(written: &mut Written<S>, model: &Config) {
    const OF_MODEL: &str = "base_model.model.";
    let prefixed = format!("{OF_MODEL}{}", model.family.prefix());
    for (name, _) in &mut written.tensors {
        if let Some(rest) = name.strip_prefix(&prefixed) {
            *name = format!("{OF_MODEL}{rest}");
        }
    }
    written.file["task_type"] = json!("FEATURE_EXTRACTION");
}

/// What the files hold, but for the head; or why PEFT has no such adapter.
fn written<S: Scalar>(method: &Method, adapter: &Adapter<S>, base: &Encoder<S>) -> Result<Written<S>, String> {
    if let Some(why) = refusal(method, base.config()) {
        return Err(why);
    }
    let mut written = match method {
        Method::Lora(config) => low_rank::written(config, adapter, base)?,
        _ => prompts::written(method, adapter, base)?,
    };
    let common = json!({
        "auto_mapping": null, "base_model_name_or_path": base.config().name, "inference_mode": true,
        "modules_to_save": null, "revision": null,
    });
    let (all, common) = (written.file.as_object_mut(), common.as_object().cloned());
    all.ok_or("the file is a map")?.extend(common.unwrap_or_default());
    Ok(written)
}

/// Loads an adapter from a PEFT directory; its head, if there is one, is [`load_head`](super::load_head)'s. Which layers have
/// a LoRA is what the weights say, and `target_modules` must agree. What the weights hold of a pooler belongs to the head, as its
/// first layer; without a head [`notes`](super::notes) tells that nothing reads it.
///
/// # Errors
/// If a file is missing or broken, a tensor is missing, unexpected or misshapen, or the configuration has something
/// that is not there: the reason.
pub fn load_peft<S: Scalar>(directory: &Path, base: &Encoder<S>) -> Result<Adapter<S>, FormatError> {
    let file = json::read(&resolve(directory, PEFT.config)?)?;
    let mut tensors = Tensors::read(directory, &PEFT, base)?.without_prefix();
    tensors.set_aside(modules::is_head);
    let name = name(&resolve(directory, PEFT.safetensors)?)?;
    let adapter = match peft_type(&file) {
        "PREFIX_TUNING" | "PROMPT_TUNING" => prompts::load(&name, directory, &file, &mut tensors, base)?,
        _ => low_rank::load(&name, directory, &file, &mut tensors, base)?,
    };
    tensors.finish()?;
    Ok(adapter)
}
