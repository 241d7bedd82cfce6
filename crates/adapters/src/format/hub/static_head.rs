//! Static heads: those of transformers' own model classes, which AdapterHub saves where `adapters.init` made the model.
//!
//! Their `head_config.json` has no `config`; the class says what they are, and `label2id` stands beside it.

use crate::core::stored::Stored;
use crate::format::classifier;
use crate::format::error::{FormatError, Message};
use crate::format::files::{ADAPTER, HEAD};
use crate::format::json;
use crate::format::tensors::Tensors;
use crate::head::Head;
use crate::head::config::HeadConfig;
use crate::head::task::Task;
use adaptune_tensor::{Parameters, Scalar, Seed};
use adaptune_transformer::weights::{is_there, resolve};
use adaptune_transformer::{Config, Encoder};
use serde_json::Value;
use std::path::Path;

/// What a head is called whose file has no name for it, if there is no adapter beside it.
const DEFAULT_NAME: &str = "default";

/// What the names of flexible classes end with, today and before; their heads have a `config`.
const FLEXIBLE: [&str; 2] = ["AdapterModel", "ModelWithHeads"];

/// True if a `head_config.json` is of a static head.
pub(crate) fn is_static(file: &Value) -> bool {
    let class = file.get("model_class").and_then(Value::as_str);
    let is_flexible = |class: &str| FLEXIBLE.iter().any(|end| class.ends_with(end));
    file.get("config").is_none_or(Value::is_null) && class.is_some_and(|class| !is_flexible(class))
}

/// Loads the head.
pub(super) fn load<S: Scalar>(directory: &Path, file: &Value, base: &Encoder<S>) -> Result<Head<S>, FormatError> {
    let path = resolve(directory, HEAD.config)?;
    json::check_base(&path, file, base.config())?;
    let described = described(file, base.config());
    let (layers, config) = described.map_err(|Message(why)| FormatError::config(&path, why))?;
    let mut head =
        Head::new(&name(directory)?, &config, base, Seed::new(0)).map_err(|e| FormatError::config(&path, e))?;
    let mut tensors = Tensors::read(directory, &HEAD, base)?;
    for (name, parameter) in head.parameters_mut() {
        tensors.take(&Stored::same(classifier::tensor(&layers, &name)), parameter)?;
    }
    tensors.finish()?;
    Ok(head)
}

/// The head is called like the adapter beside it.
pub(crate) fn name(directory: &Path) -> Result<String, FormatError> {
    let path = resolve(directory, ADAPTER.config)?;
    let beside = if is_there(&path) { json::name(&json::read(&path)?).ok() } else { None };
    Ok(beside.unwrap_or_else(|| DEFAULT_NAME.to_owned()))
}

/// The layers of the head, and its configuration.
fn described(file: &Value, model: &Config) -> Result<(Vec<&'static str>, HeadConfig), Message> {
    let class = file.get("model_class").and_then(Value::as_str).unwrap_or_default();
    let count = || -> Result<usize, Message> {
        Ok(file.get("num_labels").and_then(Value::as_u64).ok_or("\"num_labels\" is missing")? as usize)
    };
    let labels = |count| json::labels(file.as_object().ok_or("expected a map of fields")?, count);
    if classifier::has_choice(class, model) {
        return Ok(classifier::choice(labels(count()?)?, model).expect("its family has such heads"));
    }
    let known = classifier::task_type(class).and_then(|name| Some((name, classifier::layers(name, model)?)));
    let Some((task_type, layers)) = known else {
        return Err(format!(
            "it is the head of the class {class}; of transformers' classes those of {} are read",
            classifier::static_classes()
        )
        .into());
    };
    let count = count()?;
    let labels = labels(count)?;
    let task = Task::of_task_type(task_type, count).expect("its layers are known");
    let config = classifier::config(task, &layers, labels, model);
    Ok((layers, config))
}
