//! `adapter_config.json`: the method of an adapter, one configuration or a union of several.

use super::legacy::modern;
use crate::format::error::{FormatError, Message};
use crate::format::json;
use crate::registry::method::Method;
use adaptune_transformer::Config;
use serde_json::{Map, Value};
use std::path::Path;

/// `adapter_config.json`, read.
pub(super) struct AdapterFile {
    pub(super) name: String,
    pub(super) method: Method,
}

/// What an `adapter_config.json` says; `invertible` is true if there are tensors of an invertible adapter.
pub(super) fn read_adapter(path: &Path, file: &Value, invertible: bool) -> Result<AdapterFile, FormatError> {
    let named = |Message(message)| FormatError::config(path, message);
    let method = method(file, invertible).map_err(named)?;
    Ok(AdapterFile { name: json::name(file).map_err(named)?, method })
}

/// The text of `adapter_config.json`, or why there can be none.
pub(super) fn adapter_text(name: &str, method: &Method, model: &Config) -> Result<String, String> {
    Ok(json::text(&json::envelope(name, method.file_fields()?.into(), model)))
}

/// The method of an adapter file.
fn method(file: &Value, invertible: bool) -> Result<Method, Message> {
    let config = file.get("config").ok_or("\"config\" is missing; expected the adapter's configuration")?;
    if let Some(text) = config.as_str() {
        return Ok(text.parse()?);
    }
    let fields = config.as_object().ok_or("\"config\" must be a map of fields, or a configuration string")?;
    let of_a_task = file.get("type").is_some_and(|kind| *kind == "text_task");
    from_fields(&modern(fields, invertible || !of_a_task)?, file.get("version").and_then(Value::as_str))
}

/// A method by its fields; those of a union are a list of such fields.
fn from_fields(fields: &Map<String, Value>, version: Option<&str>) -> Result<Method, Message> {
    let architecture = fields.get("architecture").filter(|a| !a.is_null());
    if architecture.is_some_and(|a| a == Method::UNION) {
        let members = fields.get("configs").and_then(Value::as_array).ok_or("a union needs a list \"configs\"")?;
        let member = |fields: &Value| from_fields(fields.as_object().ok_or("\"configs\" must hold maps")?, version);
        return Ok(Method::union(members.iter().map(member).collect::<Result<_, _>>()?));
    }
    let name = architecture.map(|a| a.as_str().unwrap_or_default());
    let Some(mut method) = Method::grounds().find(|ground| ground.architecture() == name) else {
        return Err(not_known(architecture.unwrap_or(&Value::Null)).into());
    };
    if let Some(missing) = method.required().iter().find(|name| !fields.contains_key(**name)) {
        let kind = method.kind();
        return Err(format!("\"config\" has no \"{missing}\", which every adapter of kind {kind} has").into());
    }
    for (name, value) in fields.iter().filter(|(name, _)| *name != "architecture") {
        method.set(name, value)?;
    }
    method.written_by(version)?;
    Ok(method)
}

fn not_known(architecture: &Value) -> String {
    let known: Vec<&str> = Method::grounds().map(|ground| ground.kind()).chain([Method::UNION]).collect();
    format!("adapters of architecture {architecture} are not supported yet; these are: {}", known.join(", "))
}
