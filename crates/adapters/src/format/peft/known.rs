//! The fields of PEFT's `adapter_config.json` that are known, of version 0.21.2 and of those before: those that are read, and
//! those that say nothing about what an adapter computes.

use crate::format::json::says_something;
use serde_json::Value;

/// Of every kind of adapter.
const COMMON: &[&str] = &[
    "auto_mapping",
    "base_model_name_or_path",
    "inference_mode",
    "modules_to_save",
    "peft_type",
    "peft_version",
    "revision",
    "task_type",
];

/// Of those that change linear layers.
const LINEAR: &[&str] =
    &["bias", "exclude_modules", "fan_in_fan_out", "layers_pattern", "layers_to_transform", "r", "target_modules"];

/// Of LoRA; how it began is among them.
const LORA: &[&str] = &[
    "alora_invocation_tokens",
    "alpha_pattern",
    "arrow_config",
    "corda_config",
    "ensure_weight_tying",
    "eva_config",
    "init_lora_weights",
    "kasa_config",
    "layer_replication",
    "loftq_config",
    "lora_alpha",
    "lora_bias",
    "lora_dropout",
    "lora_ga_config",
    "megatron_config",
    "megatron_core",
    "monteclora_config",
    "qalora_group_size",
    "rank_pattern",
    "runtime_config",
    "target_parameters",
    "trainable_token_indices",
    "use_bdlora",
    "use_dora",
    "use_qalora",
    "use_rslora",
    "velora_config",
];

const IA3: &[&str] = &["feedforward_modules", "init_ia3_weights"];

const VERA: &[&str] = &["d_initial", "init_weights", "projection_prng_key", "save_projection", "vera_dropout"];

/// Of prefixes and prompts.
const PROMPTS: &[&str] = &[
    "encoder_hidden_size",
    "init_weights",
    "num_attention_heads",
    "num_layers",
    "num_transformer_submodules",
    "num_virtual_tokens",
    "prefix_projection",
    "prompt_tuning_init",
    "prompt_tuning_init_text",
    "token_dim",
    "tokenizer_kwargs",
    "tokenizer_name_or_path",
];

/// The fields of a configuration that nothing here knows and that say something.
pub(crate) fn unknown_fields(file: &Value) -> Vec<(String, Value)> {
    let own: &[&[&str]] = match super::files::peft_type(file) {
        "LORA" => &[LINEAR, LORA],
        "IA3" => &[LINEAR, IA3],
        "VERA" => &[LINEAR, VERA],
        _ => &[PROMPTS],
    };
    let known = |name: &String| COMMON.contains(&name.as_str()) || own.iter().any(|list| list.contains(&name.as_str()));
    let fields = file.as_object().into_iter().flatten();
    let unknown = fields.filter(|(name, value)| !known(name) && says_something(value));
    unknown.map(|(name, value)| (name.clone(), value.clone())).collect()
}
