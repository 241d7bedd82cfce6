//! The head that a PEFT directory carries in `modules_to_save`: the classifier of transformers' own model classes.
//!
//! | `task_type` | BERT | RoBERTa, XLM-R | DistilBERT |
//! |---|---|---|---|
//! | `SEQ_CLS` | `classifier` on the pooler | `classifier.dense`, tanh, `classifier.out_proj` | `pre_classifier`, relu, `classifier` |
//! | `TOKEN_CLS` | `classifier` | the same | the same |
//!
//! Their tensors begin with `base_model.model.`, beside prefixes and prompts with `base_model.`. A head of ours is written so
//! where it is one of these, with its labels and its dropout in the metadata, for which PEFT has no place.
//!
//! PEFT itself adds `classifier` and `score` to `modules_to_save`, but not DistilBERT's `pre_classifier`, which is then in
//! no file: such a head cannot be loaded.

use super::files::{Written, name};
use crate::core::stored::Stored;
use crate::format::error::{FormatError, Message};
use crate::format::family::classifier;
use crate::format::files::PEFT;
use crate::format::json;
use crate::format::tensors::Tensors;
use crate::head::Head;
use crate::head::config::HeadConfig;
use crate::head::task::Task;
use crate::registry::method::Method;
use adaptune_tensor::{Parameters, Scalar, Seed};
use adaptune_transformer::family::PastKeyValues;
use adaptune_transformer::weights::{TensorFile, is_there, resolve};
use adaptune_transformer::{Config, Encoder, Family};
use serde_json::{Map, Value, json};
use std::path::Path;

/// Metadata key of the head's configuration, as AdapterHub writes it.
const CONFIG: &str = "adaptune_head";

/// Modules that are heads and not parts of the base.
const HEADS: [&str; 3] = ["classifier", "score", "pre_classifier"];

/// True of a tensor that belongs to the head.
pub(crate) fn is_head(tensor: &str) -> bool {
    let rest = tensor.strip_prefix("base_model.").map(|rest| rest.strip_prefix("model.").unwrap_or(rest));
    let module = rest.and_then(|rest| rest.split('.').next());
    module.is_some_and(|module| HEADS.contains(&module))
}

/// `modules_to_save` may hold heads; anything else would be a part of the base.
pub(super) fn check_saved(file: &Value) -> Result<(), String> {
    let saved = file.get("modules_to_save").and_then(Value::as_array).into_iter().flatten();
    match saved.into_iter().find(|module| module.as_str().is_none_or(|module| !HEADS.contains(&module))) {
        Some(module) => Err(format!("modules_to_save holds {module}, which is no head; only heads are read")),
        None => Ok(()),
    }
}

/// The layers of a head that transformers' model classes have, from the first to the last; `None` if they have none such.
pub(super) fn layers_of(head: &HeadConfig, method: &Method, model: &Config) -> Option<Vec<&'static str>> {
    let task_type = head.task.description().task_type?;
    let prefix = matches!(method, Method::Prefix(_));
    if prefix && task_type == "SEQ_CLS" && model.family.python().past_key_values == PastKeyValues::NotForClassification
    {
        return None;
    }
    let layers = layers(task_type, model.family)?;
    let stored = Task::of_task_type(task_type, head.labels.len())?;
    same_form(head, &config(stored, &layers, head.labels.len(), model.family)).then_some(layers)
}

/// True if two heads compute the same but for their numbers. One layer has no activation, whatever it is said to be.
fn same_form(a: &HeadConfig, b: &HeadConfig) -> bool {
    let of = |head: &HeadConfig| {
        let activation = head.activation.filter(|_| head.layers > 1);
        (head.task, head.labels.len(), head.layers, activation, head.use_pooler, head.bias)
    };
    of(a) == of(b)
}

/// Adds a head that has [layers](layers_of) to what is written, and gives what belongs into the metadata.
pub(super) fn write<S: Scalar>(
    head: &Head<S>,
    method: &Method,
    model: &Config,
    written: &mut Written<S>,
) -> (String, String) {
    let layers = layers_of(head.config(), method, model).expect("the caller asked for them");
    let prefix = if matches!(method, Method::Lora(_)) { "base_model.model." } else { "base_model." };
    let mut saved: Vec<&str> = layers.iter().map(|layer| layer.split('.').next().unwrap_or(layer)).collect();
    saved.dedup();
    written.file["modules_to_save"] = json!(saved);
    written.file["task_type"] = json!(head.config().task.description().task_type);
    for (name, array) in head.parameters() {
        written.tensors.push((format!("{prefix}{}", tensor(&layers, &name)), array.to_view().to_owned()));
    }
    (CONFIG.to_owned(), json::head_text(head.name(), head.config(), model))
}

/// The name of a parameter `layer.<i>.<part>` within the model.
fn tensor(layers: &[&str], parameter: &str) -> String {
    let mut parts = parameter.splitn(3, '.').skip(1);
    let layer: usize = parts.next().and_then(|n| n.parse().ok()).unwrap_or(0);
    format!("{}.{}", layers[layer], parts.next().unwrap_or_default())
}

/// Loads the head. Labels have no names in PEFT's files: they are called `LABEL_0` and so on, unless the file is ours.
pub(crate) fn load<S: Scalar>(directory: &Path, base: &Encoder<S>) -> Result<Head<S>, FormatError> {
    let path = resolve(directory, PEFT.config)?;
    let mut tensors = Tensors::read(directory, &PEFT, base)?.without_prefix();
    let (task_type, layers) =
        form(&json::read(&path)?, base.config().family).map_err(|e| FormatError::config(&path, e))?;
    let names = |name: &str| ["base_model.model.", "base_model."].map(|prefix| format!("{prefix}{name}"));
    let last = names(&format!("{}.bias", layers[layers.len() - 1]));
    let Some(&[outputs]) = last.iter().find_map(|name| tensors.shape(name)) else {
        let message = format!("the weights hold no {}: the adapter was saved without its head", last[0]);
        return Err(FormatError::config(&path, message));
    };
    let task = Task::of_task_type(&task_type, outputs).expect("its layers are known");
    let config = config(task, &layers, outputs, base.config().family);
    let (title, config) = own(&resolve(directory, PEFT.safetensors)?, config)?;
    let mut head = Head::new(&title, &config, base, Seed::new(0)).map_err(|e| FormatError::config(&path, e))?;
    for (name, parameter) in head.parameters_mut() {
        tensors.take(&Stored::under(names(&tensor(&layers, &name))), parameter)?;
    }
    Ok(head)
}

/// Name and configuration as a file of ours has them, if they are those of this head; else as PEFT's file says.
fn own(path: &Path, plain: HeadConfig) -> Result<(String, HeadConfig), FormatError> {
    let Some(file) = metadata(path)? else { return Ok((name(path)?, plain)) };
    let parsed = json::name(&file).and_then(|title| Ok((title, json::head(&file)?)));
    let (title, config) = parsed.map_err(|Message(why)| FormatError::config(path, format!("{CONFIG}: {why}")))?;
    if !same_form(&config, &plain) {
        let message = format!("its metadata {CONFIG} describes another head than its tensors are");
        return Err(FormatError::config(path, message));
    }
    Ok((title, config))
}

/// What the metadata of the weights say of the head, if they are ours.
fn metadata(path: &Path) -> Result<Option<Value>, FormatError> {
    if path.extension().is_none_or(|end| end != "safetensors") || !is_there(path) {
        return Ok(None);
    }
    let file = TensorFile::open(path)?;
    let Some(text) = file.metadata().and_then(|metadata| metadata.get(CONFIG)) else { return Ok(None) };
    let parsed = serde_json::from_str(text).map(Some);
    parsed.map_err(|e| FormatError::config(path, format!("its metadata {CONFIG} is no JSON: {e}")))
}

/// Name and configuration of the head, for who only wants to look at them.
pub(crate) fn described(path: &Path) -> Result<(String, Map<String, Value>), FormatError> {
    let Some(mut file) = metadata(path)? else { return Ok((name(path)?, Map::new())) };
    let config = file["config"].take();
    let title = json::name(&file).map_err(|Message(why)| FormatError::config(path, format!("{CONFIG}: {why}")))?;
    Ok((title, config.as_object().cloned().unwrap_or_default()))
}

/// The `task_type` of a file, and the layers of its head from the first to the last.
fn form(file: &Value, family: Family) -> Result<(String, Vec<&'static str>), String> {
    let found = file.get("task_type").unwrap_or(&Value::Null);
    let known = found.as_str().and_then(|name| Some((name.to_owned(), layers(name, family)?)));
    known.ok_or_else(|| format!("task_type is {found}, but heads are read of SEQ_CLS and TOKEN_CLS only"))
}

/// The layers of the heads of a `task_type`, from the first to the last; `None` if no heads of it are read.
fn layers(task_type: &str, family: Family) -> Option<Vec<&'static str>> {
    match task_type {
        "TOKEN_CLS" => Some(vec!["classifier"]),
        "SEQ_CLS" => Some(classifier(family).layers.to_vec()),
        _ => None,
    }
}

fn config(task: Task, layers: &[&str], outputs: usize, family: Family) -> HeadConfig {
    let labels = (0..outputs.min(1 << 20)).map(|i| format!("LABEL_{i}")).collect();
    HeadConfig {
        layers: layers.len(),
        activation: Some(classifier(family).activation),
        use_pooler: !task.reads_every_token() && classifier(family).pooled,
        ..HeadConfig::new(task, labels)
    }
}
