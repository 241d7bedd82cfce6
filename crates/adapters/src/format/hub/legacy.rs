//! Configurations of adapter-transformers 1, of 2020, as they are written since.
//!
//! | in the file | means |
//! |---|---|
//! | `invertible_adapter: {block_type, reduction_factor, …}` | `inv_adapter`, `inv_adapter_reduction_factor` |
//! | the same with `"type": "text_task"` and no such tensors | nothing: adapters of tasks named them and had none |
//! | `attention_type`, `new_attention_norm` | nothing: no code has read them since |
//!
//! Their tensors are called otherwise too, which `crates/adapters/src/format/names.rs` sees to.

use crate::format::error::Message;
use serde_json::{Map, Value};

/// Fields that belonged to fusion, and nothing reads.
const IDLE: [&str; 2] = ["attention_type", "new_attention_norm"];

/// The fields as they are written today. `invertible` is false where the weights have no invertible adapter although the
/// configuration of a task's adapter may name one.
pub(super) fn modern(fields: &Map<String, Value>, invertible: bool) -> Result<Map<String, Value>, Message> {
    let mut fields = fields.clone();
    fields.retain(|name, _| !IDLE.contains(&name.as_str()));
    let Some(nested) = fields.remove("invertible_adapter") else { return Ok(fields) };
    if invertible && !nested.is_null() {
        for (old, new) in [("block_type", "inv_adapter"), ("reduction_factor", "inv_adapter_reduction_factor")] {
            let value = nested.get(old).ok_or_else(|| format!("\"invertible_adapter\" has no \"{old}\""))?;
            fields.insert(new.to_owned(), value.clone());
        }
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(value: Value) -> Map<String, Value> {
        value.as_object().cloned().expect("a map")
    }

    #[test]
    fn fields_of_2020_are_read() {
        let old = of(json!({"reduction_factor": 16, "attention_type": "sent-lvl-dynamic", "new_attention_norm": false,
                            "invertible_adapter": {"block_type": "nice", "non_linearity": "relu", "reduction_factor": 2}}));
        let new = json!({"reduction_factor": 16, "inv_adapter": "nice", "inv_adapter_reduction_factor": 2});
        assert_eq!(modern(&old, true).expect("good"), of(new));
        assert_eq!(modern(&old, false).expect("good"), of(json!({"reduction_factor": 16})));
        assert_eq!(modern(&of(json!({"invertible_adapter": null})), true).expect("good"), Map::new());
        let broken = of(json!({"invertible_adapter": {"reduction_factor": 2}}));
        assert!(modern(&broken, true).unwrap_err().0.contains("block_type"));
    }
}
