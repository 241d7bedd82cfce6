//! What PEFT's two files hold.

use crate::format::error::FormatError;
use adaptune_transformer::weights::{TensorFile, is_there};
use ndarray::ArrayD;
use serde_json::Value;
use std::path::Path;

/// Metadata key of the adapter's name.
pub(super) const NAME: &str = "adaptune_name";

/// The name of an adapter whose files say none.
const DEFAULT_NAME: &str = "default";

/// What the two files hold: the configuration, and the tensors under their names.
pub(super) struct Written<S> {
    pub(super) file: Value,
    pub(super) tensors: Vec<(String, ArrayD<S>)>,
}

/// The name that a file of ours holds.
pub(crate) fn name(path: &Path) -> Result<String, FormatError> {
    if path.extension().is_none_or(|end| end != "safetensors") || !is_there(path) {
        return Ok(DEFAULT_NAME.to_owned());
    }
    let file = TensorFile::open(path)?;
    let name = file.metadata().and_then(|metadata| metadata.get(NAME)).cloned();
    Ok(name.unwrap_or_else(|| DEFAULT_NAME.to_owned()))
}

/// The `peft_type` of a configuration.
pub(super) fn peft_type(file: &Value) -> &str {
    file.get("peft_type").and_then(Value::as_str).unwrap_or_default()
}
