//! Heads in AdapterHub's format.

use super::name::check_name;
use super::static_head;
use crate::core::stored::Stored;
use crate::format::error::FormatError;
use crate::format::files::{HEAD, replace, replace_together};
use crate::format::json;
use crate::format::tensors::{Tensors, write};
use crate::head::Head;
use crate::head::config::HeadConfig;
use crate::head::task::Task;
use adaptune_tensor::{Parameters, Scalar, Seed};
use adaptune_transformer::Encoder;
use adaptune_transformer::weights::resolve;
use std::path::Path;

/// Saves a head alone; see [`save`](crate::format::save).
///
/// # Errors
/// As [`save`](crate::format::save); and the head of a language model is refused, since it is a part of its model, as is
/// the head of a task that AdapterHub does not have.
pub fn save_head<S: Scalar>(head: &Head<S>, base: &Encoder<S>, directory: &Path) -> Result<(), FormatError> {
    replace_together(directory, &[HEAD.safetensors, HEAD.config], |folder| write_head(head, base, folder))
}

/// Writes the files of a head.
pub(crate) fn write_head<S: Scalar>(head: &Head<S>, base: &Encoder<S>, directory: &Path) -> Result<(), FormatError> {
    check_name(head.name())?;
    if let Some(message) = refusal(head.config()) {
        return Err(FormatError::config(directory, message));
    }
    let head = head.without_scale();
    let tensors =
        head.parameters().into_iter().map(|(name, array)| (head_name(&head, &name), array.to_view().to_owned()));
    write(&directory.join(HEAD.safetensors), &tensors.collect::<Vec<_>>(), base, [])?;
    replace(&directory.join(HEAD.config), &json::head_text(head.name(), head.config(), base.config()))
}

/// Why AdapterHub's format has no place for a head; `None` if it has.
fn refusal(head: &HeadConfig) -> Option<String> {
    let task = head.task.description();
    if head.task.predicts_tokens() {
        return Some("the head of a language model belongs to the model: save both with save_language_model".into());
    }
    if !head.bias && !json::says_bias(head.task) {
        return Some(format!("AdapterHub's heads for {} have a bias, and this one has none: give it one", task.name));
    }
    let stored = task.head_type.and_then(|head_type| Task::of_head_type(head_type, head.labels.len()));
    let same = stored.is_some_and(|stored| stored.description().reads == task.reads);
    (!same)
        .then(|| format!("AdapterHub has no heads that read as those of the task {} do ({:?})", task.name, task.reads))
}

/// Loads a head of AdapterHub's format, flexible or static.
pub(crate) fn load<S: Scalar>(directory: &Path, base: &Encoder<S>) -> Result<Head<S>, FormatError> {
    let path = resolve(directory, HEAD.config)?;
    let file = json::read(&path)?;
    if static_head::is_static(&file) {
        return static_head::load(directory, &file, base);
    }
    let (name, config) = json::read_head(&path, &file, base.config())?;
    let mut head = Head::new(&name, &config, base, Seed::new(0)).map_err(|e| FormatError::config(&path, e))?;
    let mut tensors = Tensors::read(directory, &HEAD, base)?;
    let names: Vec<String> = head.parameters().iter().map(|(name, _)| head_name(&head, name)).collect();
    for (name, (_, parameter)) in names.into_iter().zip(head.parameters_mut()) {
        tensors.take(&Stored::same(name), parameter)?;
    }
    tensors.finish()?;
    Ok(head)
}

/// The tensor name of a head's parameter.
pub(crate) fn head_name<S: Scalar>(head: &Head<S>, parameter: &str) -> String {
    tensor_name(head.name(), parameter, head.config().activation.is_some())
}

/// The tensor name of a head's parameter (`layer.1.weight`). AdapterHub counts dropouts and
/// activations as modules too.
fn tensor_name(head: &str, parameter: &str, has_activation: bool) -> String {
    let step = if has_activation { 3 } else { 2 };
    let mut parts = parameter.splitn(3, '.').skip(1);
    let layer: usize = parts.next().and_then(|l| l.parse().ok()).unwrap_or(0);
    format!("heads.{head}.{}.{}", 1 + layer * step, parts.next().unwrap_or(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_adapterhubs() {
        assert_eq!(tensor_name("a", "layer.1.weight", true), "heads.a.4.weight");
        assert_eq!(tensor_name("a", "layer.1.bias", false), "heads.a.3.bias");
    }
}
