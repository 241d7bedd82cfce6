//! The head that a PEFT directory carries in `modules_to_save`: the classifier of transformers' own model classes.
//!
//! | `task_type` | BERT | RoBERTa, XLM-R | DistilBERT |
//! |---|---|---|---|
//! | `SEQ_CLS` | `classifier` on the pooler | `classifier.dense`, tanh, `classifier.out_proj` | `pre_classifier`, relu, `classifier` |
//! | `TOKEN_CLS` | `classifier` | the same | the same |
//!
//! PEFT itself adds `classifier` and `score` to `modules_to_save`, but not DistilBERT's `pre_classifier`, which is then in
//! no file: such a head cannot be loaded.

use super::{FILES, name};
use crate::format::error::FormatError;
use crate::format::json;
use crate::format::stored::Stored;
use crate::format::tensors::Tensors;
use crate::head::{Head, HeadConfig, Task};
use adaptune_tensor::{Activation, Parameters, Scalar, Seed};
use adaptune_transformer::{Encoder, Family};
use serde_json::Value;
use std::path::Path;

/// Modules that are heads and not parts of the base.
const HEADS: [&str; 3] = ["classifier", "score", "pre_classifier"];

/// True of a tensor that belongs to the head.
pub(super) fn is_head(tensor: &str) -> bool {
    let module = tensor.strip_prefix("base_model.model.").and_then(|rest| rest.split('.').next());
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

/// Loads the head. Labels have no names in PEFT's files: they are called `LABEL_0` and so on.
pub(in crate::format) fn load<S: Scalar>(directory: &Path, base: &Encoder<S>) -> Result<Head<S>, FormatError> {
    let path = directory.join(FILES.config);
    let mut tensors = Tensors::read(directory, &FILES, base)?.without_prefix();
    let (task, layers) = form(&json::read(&path)?, base.config().family).map_err(|e| FormatError::config(&path, e))?;
    let last = format!("base_model.model.{}.bias", layers[layers.len() - 1]);
    let Some(&[outputs]) = tensors.shape(&last) else {
        let message = format!("the weights hold no {last}: the adapter was saved without its head");
        return Err(FormatError::config(&path, message));
    };
    let config = config(task, &layers, outputs, base.config().family);
    let title = name(&directory.join(FILES.safetensors))?;
    let mut head = Head::new(&title, &config, base, Seed::new(0)).map_err(|e| FormatError::config(&path, e))?;
    for (name, parameter) in head.parameters_mut() {
        let mut parts = name.splitn(3, '.').skip(1);
        let layer: usize = parts.next().and_then(|n| n.parse().ok()).unwrap_or(0);
        let part = parts.next().unwrap_or_default();
        tensors.take(&Stored::same(format!("base_model.model.{}.{part}", layers[layer])), parameter)?;
    }
    Ok(head)
}

/// What the head predicts, and its layers from the first to the last.
fn form(file: &Value, family: Family) -> Result<(Task, Vec<&'static str>), String> {
    let layers = match (file.get("task_type").and_then(Value::as_str), family) {
        (Some("TOKEN_CLS"), _) => return Ok((Task::Tagging, vec!["classifier"])),
        (Some("SEQ_CLS"), Family::Bert) => vec!["classifier"],
        (Some("SEQ_CLS"), Family::Roberta | Family::XlmRoberta) => vec!["classifier.dense", "classifier.out_proj"],
        (Some("SEQ_CLS"), Family::DistilBert) => vec!["pre_classifier", "classifier"],
        _ => {
            let found = file.get("task_type").unwrap_or(&Value::Null);
            return Err(format!("task_type is {found}, but heads are read of SEQ_CLS and TOKEN_CLS only"));
        }
    };
    Ok((Task::Classification, layers))
}

fn config(task: Task, layers: &[&str], outputs: usize, family: Family) -> HeadConfig {
    let task = if task == Task::Classification && outputs == 1 { Task::Regression } else { task };
    let labels = (0..outputs.min(1 << 20)).map(|i| format!("LABEL_{i}")).collect();
    let activation = if family == Family::DistilBert { Activation::Relu } else { Activation::Tanh };
    HeadConfig {
        layers: layers.len(),
        activation: Some(activation),
        use_pooler: task != Task::Tagging && family == Family::Bert,
        ..HeadConfig::new(task, labels)
    }
}
