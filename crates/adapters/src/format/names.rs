//! One spelling for tensors that libraries have written under several names.
//!
//! | in the file | why | read as |
//! |---|---|---|
//! | `…._orig_mod.…` | the model was wrapped by `torch.compile` | without it |
//! | `module.…` | the model was wrapped by `DataParallel` | without it |
//! | `….layer_text_task_adapters.…`, `….attention_text_lang_adapters.…` and the like | adapter-transformers 1, of 2020 | `….adapters.…` |
//! | `invertible_lang_adapters.…` | the same | `invertible_adapters.…` |
//! | `….lora_A.default.weight` | PEFT's parameters as they are called in memory, with the adapter's name | `….lora_A.weight` |
//! | `….modules_to_save.default.…` | the same | without both |
//! | `….original_module.…` | PEFT's copy of what a module was before | not at all |

use super::error::FormatError;
use std::collections::BTreeMap;
use std::path::Path;

/// Gives the one spelling of a name; `None` where the tensor is not to be read.
pub(super) type Spelling = fn(&str) -> Option<String>;

/// What adapter-transformers 1 called adapters of tasks and languages, and what they are called since.
const OF_2020: [(&str, &str); 5] = [
    ("attention_text_task_adapters", "adapters"),
    ("attention_text_lang_adapters", "adapters"),
    ("layer_text_task_adapters", "adapters"),
    ("layer_text_lang_adapters", "adapters"),
    ("invertible_lang_adapters", "invertible_adapters"),
];

/// What PEFT keeps by the names of adapters in memory.
const BY_ADAPTER: [&str; 8] =
    ["lora_A", "lora_B", "lora_magnitude_vector", "ia3_l", "vera_lambda_b", "vera_lambda_d", "vera_A", "vera_B"];

/// AdapterHub's spelling.
pub(super) fn hub(name: &str) -> Option<String> {
    let today = |part| OF_2020.iter().find(|(old, _)| *old == part).map_or(part, |(_, new)| *new);
    Some(unwrapped(name).map(today).collect::<Vec<_>>().join("."))
}

/// PEFT's spelling.
pub(super) fn peft(name: &str) -> Option<String> {
    let mut parts = unwrapped(name).peekable();
    let mut plain: Vec<&str> = Vec::new();
    while let Some(part) = parts.next() {
        match part {
            "original_module" => return None,
            "modules_to_save" => _ = parts.next(),
            _ => plain.push(part),
        }
        if BY_ADAPTER.contains(&part) {
            // The adapter's name, which no part of a layer has.
            parts.next_if(|next| !["weight", "bias"].contains(next));
        }
        if part == "lora_magnitude_vector" {
            parts.next_if_eq(&"weight");
        }
    }
    Some(plain.join("."))
}

/// The parts of a name without those of wrappers around the model.
fn unwrapped(name: &str) -> impl Iterator<Item = &str> {
    let name = name.strip_prefix("module.").unwrap_or(name);
    name.split('.').filter(|part| *part != "_orig_mod")
}

/// The same tensors, each under its one spelling.
///
/// # Errors
/// If two of them have the same, as those of two adapters may.
pub(super) fn respelled<T>(
    tensors: BTreeMap<String, T>,
    spelling: Spelling,
    path: &Path,
) -> Result<BTreeMap<String, T>, FormatError> {
    let mut plain = BTreeMap::new();
    for (name, tensor) in tensors {
        let Some(spelled) = spelling(&name) else { continue };
        if plain.insert(spelled, tensor).is_some() {
            let why = "is there under two names: does the file hold several adapters? save the one by itself";
            return Err(FormatError::Form { path: path.to_owned(), name, why });
        }
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_one() {
        for (found, plain) in [
            ("base_model.model._orig_mod.bert.x.lora_A.weight", "base_model.model.bert.x.lora_A.weight"),
            ("_orig_mod.base_model.model.bert.x.lora_A.weight", "base_model.model.bert.x.lora_A.weight"),
            ("module.base_model.model.x.lora_B.mine.weight", "base_model.model.x.lora_B.weight"),
            ("base_model.model.x.lora_B.default.bias", "base_model.model.x.lora_B.bias"),
            ("base_model.model.x.lora_magnitude_vector.default.weight", "base_model.model.x.lora_magnitude_vector"),
            ("base_model.model.x.lora_magnitude_vector", "base_model.model.x.lora_magnitude_vector"),
            ("base_model.model.x.ia3_l.default", "base_model.model.x.ia3_l"),
            ("base_model.vera_A.default", "base_model.vera_A"),
            ("base_model.model.classifier.modules_to_save.default.weight", "base_model.model.classifier.weight"),
            ("prompt_embeddings", "prompt_embeddings"),
        ] {
            assert_eq!(peft(found).as_deref(), Some(plain), "{found}");
        }
        assert_eq!(peft("base_model.model.classifier.original_module.weight"), None);
        let old = "bert.encoder.layer.0.output.layer_text_lang_adapters.de.adapter_up.bias";
        assert_eq!(hub(old).as_deref(), Some("bert.encoder.layer.0.output.adapters.de.adapter_up.bias"));
        assert_eq!(hub("x.loras.lora_A.lora_B").as_deref(), Some("x.loras.lora_A.lora_B"), "a name is a name");
    }

    #[test]
    fn two_adapters_in_one_file_are_not_mixed() {
        let names = ["x.lora_A.first.weight", "x.lora_A.second.weight"];
        let tensors = names.map(|name| (name.to_owned(), ())).into();
        let error = respelled(tensors, peft, Path::new("here")).unwrap_err().to_string();
        assert!(error.contains("several adapters") && error.contains("x.lora_A.second.weight"), "{error}");
    }
}
