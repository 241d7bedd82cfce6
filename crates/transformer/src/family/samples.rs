//! A small configuration of every family, for tests: of odd sizes, and no value as it is where a file does not say it.

use crate::config::Config;
use serde_json::{Value, json};
use std::path::Path;

/// One of each family, and more where a family has several forms.
pub(crate) fn samples() -> Vec<Config> {
    let read = |fields: Value| Config::from_json(&fields.to_string(), Path::new("m/config.json"));
    fields().into_iter().map(|fields| read(fields).unwrap_or_else(|e| panic!("{e}"))).collect()
}

fn fields() -> Vec<Value> {
    let mut all: Vec<Value> = ["bert", "roberta", "xlm-roberta", "camembert"].into_iter().map(bert).collect();
    all.push(distilbert());
    all.push(with(
        bert("albert"),
        json!({"embedding_size": 5, "num_hidden_groups": 2, "inner_group_num": 1, "classifier_dropout_prob": 0.375}),
    ));
    all.push(bert("mpnet"));
    all.extend(deberta());
    all.extend(["bos", "late"].map(eurobert));
    all.extend([json!({}), other_layers()].map(|others| with(modernbert(), others)));
    all.extend([true, false].map(gpt2));
    all.extend(decoders());
    all.extend([5, 12].map(|width| with(bert("electra"), json!({"embedding_size": width}))));
    all
}

/// The same with other fields.
fn with(mut fields: Value, others: Value) -> Value {
    for (name, value) in others.as_object().into_iter().flatten() {
        fields[name] = value.clone();
    }
    fields
}

fn bert(model_type: &str) -> Value {
    json!({
        "model_type": model_type, "vocab_size": 37, "hidden_size": 12, "num_hidden_layers": 3, "num_attention_heads": 3,
        "intermediate_size": 20, "max_position_embeddings": 24, "type_vocab_size": 1, "pad_token_id": 3,
        "layer_norm_eps": 1e-7, "hidden_act": "gelu_new", "hidden_dropout_prob": 0.125,
        "attention_probs_dropout_prob": 0.25, "classifier_dropout": 0.375,
    })
}

/// Of version 3, with projections of positions of their own behind narrow embeddings, and without relative positions.
fn deberta() -> Vec<Value> {
    let of = |others: Value| {
        let others = with(json!({"cls_dropout": 0.375, "classifier_dropout": null, "pad_token_id": 0}), others);
        with(bert("deberta-v2"), others)
    };
    let relative = json!({"relative_attention": true, "pos_att_type": "p2c|c2p"});
    let of_v3 = json!({
        "position_buckets": 4, "max_relative_positions": -1, "share_att_key": true, "norm_rel_ebd": "layer_norm",
        "position_biased_input": false, "type_vocab_size": 0, "pooler_hidden_act": "gelu_new",
    });
    let own = json!({"pos_att_type": ["c2p"], "embedding_size": 5, "max_relative_positions": 7, "type_vocab_size": 2});
    vec![of(with(relative.clone(), of_v3)), of(with(relative, own)), of(json!({}))]
}

fn eurobert(pooling: &str) -> Value {
    json!({
        "model_type": "eurobert", "vocab_size": 37, "hidden_size": 12, "num_hidden_layers": 3, "num_attention_heads": 4,
        "num_key_value_heads": 2, "head_dim": 4, "intermediate_size": 20, "max_position_embeddings": 24, "rms_norm_eps": 1e-4,
        "hidden_act": "gelu", "attention_bias": pooling == "late", "mlp_bias": pooling == "bos", "rope_theta": 50.5,
        "attention_dropout": 0.25, "classifier_pooling": pooling,
    })
}

/// Decoders of Llama's blocks, and what each of them may have.
fn decoders() -> Vec<Value> {
    let of = |model_type: &str, others: Value| {
        let fields =
            json!({"model_type": model_type, "classifier_pooling": null, "mlp_bias": false, "attention_bias": false});
        with(with(eurobert("bos"), fields), others)
    };
    let llama3 = json!({
        "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 16,
    });
    let types = json!(["sliding_attention", "full_attention", "sliding_attention"]);
    vec![
        of("llama", json!({"tie_word_embeddings": true, "attention_bias": true, "mlp_bias": true})),
        of("llama", json!({"rope_scaling": llama3, "num_key_value_heads": 1})),
        of(
            "llama",
            json!({"rope_parameters": {"rope_type": "linear", "factor": 2.5, "rope_theta": 33.0}, "rope_theta": null}),
        ),
        of("mistral", json!({"sliding_window": 3})),
        of("qwen2", json!({"use_sliding_window": true, "sliding_window": 2, "max_window_layers": 1})),
        of(
            "qwen3",
            json!({"use_sliding_window": true, "sliding_window": 2, "layer_types": types, "attention_bias": true}),
        ),
        of("smollm3", json!({"no_rope_layers": [1, 0, 1], "sliding_window": null})),
    ]
}

fn gpt2(tied: bool) -> Value {
    json!({
        "model_type": "gpt2", "vocab_size": 37, "n_embd": 12, "n_layer": 3, "n_head": 3, "n_inner": 20, "n_positions": 24,
        "layer_norm_epsilon": 1e-4, "activation_function": "gelu", "embd_pdrop": 0.125, "resid_pdrop": 0.375,
        "attn_pdrop": 0.25, "tie_word_embeddings": tied,
    })
}

fn modernbert() -> Value {
    json!({
        "model_type": "modernbert", "vocab_size": 37, "hidden_size": 12, "num_hidden_layers": 5, "num_attention_heads": 3,
        "intermediate_size": 20, "max_position_embeddings": 24, "norm_eps": 1e-4, "hidden_activation": "gelu_new",
        "global_attn_every_n_layers": 2, "local_attention": 6, "global_rope_theta": 50.5, "local_rope_theta": 7.25,
        "embedding_dropout": 0.125, "attention_dropout": 0.25, "classifier_dropout": 0.375, "classifier_activation": "silu",
    })
}

/// As newer versions of transformers spell it, with what the other sample has not.
fn other_layers() -> Value {
    let [full, sliding] = ["full_attention", "sliding_attention"];
    json!({
        "num_hidden_layers": 4, "layer_types": [sliding, full, full, sliding], "norm_bias": true, "attention_bias": true,
        "mlp_bias": true, "classifier_bias": true, "classifier_pooling": "mean",
        "rope_parameters": {full: {"rope_type": "default", "rope_theta": 33.0}, sliding: {"rope_theta": 11.0}},
    })
}

fn distilbert() -> Value {
    json!({
        "model_type": "distilbert", "vocab_size": 37, "dim": 12, "n_layers": 3, "n_heads": 3, "hidden_dim": 20,
        "max_position_embeddings": 24, "activation": "gelu_new", "dropout": 0.125, "attention_dropout": 0.25,
        "seq_classif_dropout": 0.375,
    })
}
