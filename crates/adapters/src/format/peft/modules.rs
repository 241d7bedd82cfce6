//! Modules that belong to a head, by their paths: classifiers, and the pooler that one reads.

use serde_json::Value;

/// Modules that are heads and not parts of the base.
const HEADS: [&str; 4] = ["classifier", "score", "pre_classifier", "qa_outputs"];

/// True of a tensor that belongs to the head: to a classifier, or to the pooler that one reads.
pub(crate) fn is_head(tensor: &str) -> bool {
    is_classifier(tensor) || is_pooler(tensor)
}

/// True of a tensor that belongs to a classifier.
pub(crate) fn is_classifier(tensor: &str) -> bool {
    let rest = tensor.strip_prefix("base_model.").map(|rest| rest.strip_prefix("model.").unwrap_or(rest));
    let module = rest.and_then(|rest| rest.split('.').next());
    module.is_some_and(|module| HEADS.contains(&module))
}

/// `modules_to_save` may hold heads, and poolers, which are a part of one; anything else would be a part of the base.
pub(super) fn check_saved(file: &Value) -> Result<(), String> {
    let of_head = |module: &str| HEADS.contains(&module) || is_pooler(module);
    let saved = file.get("modules_to_save").and_then(Value::as_array).into_iter().flatten();
    match saved.into_iter().find(|module| module.as_str().is_none_or(|module| !of_head(module))) {
        Some(module) => Err(format!("modules_to_save holds {module}, which is no head; only heads are read")),
        None => Ok(()),
    }
}

/// True of the path of a module or tensor that belongs to a pooler.
pub(super) fn is_pooler(path: &str) -> bool {
    path.split('.').any(|part| part == "pooler")
}
