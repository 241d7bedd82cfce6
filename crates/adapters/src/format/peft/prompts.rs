//! Prefixes and prompts in PEFT's files: one tensor, `prompt_embeddings`.
//!
//! | `peft_type` | `prompt_embeddings` | here |
//! |---|---|---|
//! | `PREFIX_TUNING` | `[P, 2LD]`, keys of block `l` in columns `2lD` to `(2l+1)D`, values behind them | `prefix_tuning_flat` with `position_shift=True` |
//! | `PROMPT_TUNING` | `[P, D]` | `prompt_tuning` with `combine=as_tokens` |
//!
//! PEFT's text begins at position `P`, and its prompt takes the place of token embeddings; AdapterHub's does neither. With
//! learned positions these are different functions of the same numbers, so neither form is ever written as the other.

use super::files::{Written, peft_type};
use super::modules;
use crate::adapter::Adapter;
use crate::core::stored::{Form, Stored};
use crate::format::error::FormatError;
use crate::format::files::PEFT;
use crate::format::tensors::Tensors;
use crate::methods::prefix::config::PrefixConfig;
use crate::methods::prompt::config::{Combine, PromptConfig};
use crate::registry::method::Method;
use adaptune_tensor::{AnyParameter, Parameters, Scalar, Seed};
use adaptune_transformer::family::PastKeyValues;
use adaptune_transformer::{Config, Encoder};
use serde_json::{Value, json};
use std::path::Path;

/// The tensor.
const TENSOR: &str = "prompt_embeddings";

const NO_CACHE: &str =
    "it has no prefixes for DistilBERT and other models that take no keys and values from outside, as this one";

/// Why PEFT has no such prefix, if it has not.
pub(super) fn prefix_refusal(config: &PrefixConfig, model: &Config) -> Option<&'static str> {
    let rules = [
        (
            !config.position_shift,
            "its text begins at position P, behind the prefix, and this prefix was trained with AdapterHub's positions, \
             which stay as they are (position_shift is False): with learned positions that is another function",
        ),
        (config.use_gating, "it has no gates"),
        (!config.leave_out.is_empty(), "its prefixes are in every block (leave_out is not empty)"),
        (model.family.python().past_key_values == PastKeyValues::Refused, NO_CACHE),
    ];
    rules.into_iter().find(|(it, _)| *it).map(|(_, why)| why)
}

/// Why PEFT has no such prompt, if it has not.
pub(super) fn prompt_refusal(config: &PromptConfig, model: &Config) -> Option<&'static str> {
    match config.combine {
        Combine::AsTokens if model.embedding_width() != model.hidden => Some(
            "its prompts are as wide as the hidden state, and the embeddings of this base, in whose place they come, are not",
        ),
        Combine::AsTokens => None,
        Combine::First => Some(
            "its prompt takes positions and goes through the embeddings' norm, and this one was trained with neither, as \
             AdapterHub has it (combine is prefix, not as_tokens)",
        ),
        Combine::AfterFirst => Some("its prompt comes before the first token (combine is prefix_after_bos)"),
    }
}

/// True if the file says all of this prefix.
pub(super) fn keeps_all(config: &PrefixConfig) -> bool {
    *config == prefix(config.prefix_length)
}

fn prefix(length: usize) -> PrefixConfig {
    PrefixConfig { prefix_length: length, position_shift: true, ..PrefixConfig::prefix_tuning_flat() }
}

fn prompt(length: usize) -> PromptConfig {
    PromptConfig { prompt_length: length, combine: Combine::AsTokens, ..PromptConfig::prompt_tuning() }
}

/// What the files hold of a prefix or prompt that [`prefix_refusal`] or [`prompt_refusal`] let pass. What it began as, and
/// dropout, which is for training, are not in it.
pub(super) fn written<S: Scalar>(
    method: &Method,
    adapter: &Adapter<S>,
    base: &Encoder<S>,
) -> Result<Written<S>, String> {
    let model = base.config();
    let (own, length) = match method {
        Method::Prefix(config) => {
            let own =
                json!({"peft_type": "PREFIX_TUNING", "encoder_hidden_size": model.hidden, "prefix_projection": false});
            (own, config.prefix_length)
        }
        Method::Prompt(config) => {
            let init = json!({"peft_type": "PROMPT_TUNING", "prompt_tuning_init": "RANDOM",
                              "prompt_tuning_init_text": null, "tokenizer_name_or_path": null});
            (init, config.prompt_length)
        }
        other => return Err(format!("it has no adapters of kind {}", other.kind())),
    };
    let mut file = json!({
        "num_attention_heads": model.heads,
        "num_layers": model.layers,
        "num_transformer_submodules": 1,
        "num_virtual_tokens": length,
        "task_type": "FEATURE_EXTRACTION",
        "token_dim": model.hidden,
    });
    file.as_object_mut().ok_or("the file is a map")?.extend(own.as_object().cloned().unwrap_or_default());
    let (_, entry) = adapter.entries().next().ok_or("it has no module")?;
    let flat = entry.module.ejected();
    let module = flat.as_deref().unwrap_or(&*entry.module);
    let tensors = module.parameters().into_iter().map(|(_, array)| (TENSOR.to_owned(), table(array, length)));
    Ok(Written { file, tensors: tensors.collect() })
}

fn table<S: Scalar>(array: &dyn AnyParameter<S>, length: usize) -> ndarray::ArrayD<S> {
    let form = if array.shape().len() == 1 { Form::Table { rows: length } } else { Form::Same };
    form.write(array.to_view())
}

/// The adapter called `name`, of the tensors of a directory.
pub(super) fn load<S: Scalar>(
    name: &str,
    directory: &Path,
    file: &Value,
    tensors: &mut Tensors<S>,
    base: &Encoder<S>,
) -> Result<Adapter<S>, FormatError> {
    let path = directory.join(PEFT.config);
    let (method, length) = read(file, base.config()).map_err(|message| FormatError::config(&path, message))?;
    let columns = if peft_type(file) == "PREFIX_TUNING" { 2 * base.config().layers } else { 1 } * base.config().hidden;
    if let Some(found) = tensors.shape(TENSOR).filter(|shape| **shape != [length, columns]) {
        let message = format!(
            "num_virtual_tokens is {length} and the base has {} layers of size {}, so {TENSOR} should have shape \
             [{length}, {columns}], but it has {found:?}",
            base.config().layers,
            base.config().hidden
        );
        return Err(FormatError::config(&path, message));
    }
    let adapter = Adapter::blank(name, &method, base.config(), Seed::new(0));
    let mut adapter = adapter.map_err(|e| FormatError::config(&path, e))?;
    for (_, array) in adapter.parameters_mut() {
        let form = if array.shape().len() == 1 { Form::Table { rows: length } } else { Form::Same };
        tensors.take(&Stored::same(TENSOR).as_form(form), array)?;
    }
    Ok(adapter)
}

/// The method, and how many tokens its file says.
fn read(file: &Value, model: &Config) -> Result<(Method, usize), String> {
    modules::check_saved(file)?;
    let tokens = file.get("num_virtual_tokens").unwrap_or(&Value::Null);
    let length = tokens.as_u64().filter(|n| (1..=1 << 20).contains(n)).map(|n| n as usize);
    let length =
        length.ok_or_else(|| format!("num_virtual_tokens is {tokens}, but must be a whole number from 1 on"))?;
    let sizes = [
        ("token_dim", model.hidden),
        ("num_layers", model.layers),
        ("num_attention_heads", model.heads),
        ("num_transformer_submodules", 1),
    ];
    for (field, expected) in sizes {
        let found = file.get(field).unwrap_or(&Value::Null);
        if !found.is_null() && *found != json!(expected) {
            return Err(format!("{field} is {found}, but this base has {expected}: was it trained on another base?"));
        }
    }
    match peft_type(file) {
        "PREFIX_TUNING" if model.family.python().past_key_values == PastKeyValues::Refused => {
            Err(format!("PEFT cannot have made this: {NO_CACHE}"))
        }
        "PREFIX_TUNING" => Ok((Method::Prefix(prefix(length)), length)),
        _ => Ok((Method::Prompt(prompt(length)), length)),
    }
}
