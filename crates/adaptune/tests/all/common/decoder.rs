//! A tiny Llama in a folder, as `save_pretrained` would write it, and what people say to it.

use super::model::write_json;
use adaptune_adapters::format::save_base;
use adaptune_tensor::Seed;
use adaptune_transformer::weights::FloatFormat;
use adaptune_transformer::{Config, Encoder};
use serde_json::{Map, Value, json};
use std::fs;
use std::path::Path;

/// Special tokens, then words.
const WORDS: &str = "<unk> <s> </s> <|system|> <|user|> <|assistant|> what color has the sky grass snow coal blue green white black it is and a \
                     be brief yes no say . ?";

/// Each turn behind the name of who says it.
pub(crate) const TEMPLATE: &str = "{% for m in messages %}{{ '<|' + m['role'] + '|> ' + m['content'] + ' </s> ' }}{% endfor %}\
                                   {% if add_generation_prompt %}{{ '<|assistant|> ' }}{% endif %}";

/// Writes `config.json`, `model.safetensors`, `tokenizer.json` and, with a chat template, `tokenizer_config.json`.
pub(crate) fn write(folder: &Path, template: Option<&str>) {
    let config = json!({
        "model_type": "llama", "vocab_size": WORDS.split_whitespace().count(), "hidden_size": 24, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 40, "max_position_embeddings": 48,
        "rope_theta": 100.0, "tie_word_embeddings": true, "bos_token_id": 1, "eos_token_id": 2,
    });
    write_model(folder, &config);
    let settings = json!({ "bos_token": "<s>", "eos_token": "</s>", "chat_template": template });
    write_json(&folder.join("tokenizer_config.json"), &settings);
}

/// The same of GPT-2, without a template.
pub(crate) fn write_gpt2(folder: &Path) {
    let config = json!({
        "model_type": "gpt2", "vocab_size": WORDS.split_whitespace().count(), "n_embd": 24, "n_layer": 2, "n_head": 4, "n_inner": 40,
        "n_positions": 48, "bos_token_id": 1, "eos_token_id": 2,
    });
    write_model(folder, &config);
}

fn write_model(folder: &Path, config: &Value) {
    fs::create_dir_all(folder).expect("a folder can be made");
    let parsed = Config::from_json(&config.to_string(), Path::new("config.json")).expect("a decoder");
    let base = Encoder::<f32>::random(parsed, 0.3, Seed::new(1));
    save_base(&base, folder, FloatFormat::F32).expect("a model can be written");
    write_json(&folder.join("config.json"), config);
    write_json(&folder.join("tokenizer.json"), &tokenizer());
}

fn tokenizer() -> Value {
    let words = || WORDS.split_whitespace().enumerate();
    let ids: Map<String, Value> = words().map(|(id, word)| (word.to_owned(), json!(id))).collect();
    let special = |(id, word): (usize, &str)| json!({ "id": id, "content": word, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true });
    json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "decoder": null,
        "added_tokens": words().take(6).map(special).collect::<Vec<_>>(),
        "pre_tokenizer": { "type": "WhitespaceSplit" },
        "post_processor": {
            "type": "TemplateProcessing", "pair": [{ "Sequence": { "id": "A", "type_id": 0 } }, { "Sequence": { "id": "B", "type_id": 1 } }],
            "single": [{ "SpecialToken": { "id": "<s>", "type_id": 0 } }, { "Sequence": { "id": "A", "type_id": 0 } }],
            "special_tokens": { "<s>": { "id": "<s>", "ids": [1], "tokens": ["<s>"] } }
        },
        "model": { "type": "WordLevel", "vocab": ids, "unk_token": "<unk>" }
    })
}

const COLORS: [(&str, &str); 4] = [("sky", "blue"), ("grass", "green"), ("snow", "white"), ("coal", "black")];

/// Questions with their answers, alone or two after each other.
pub(crate) fn conversations(count: usize) -> String {
    let turn = |i: usize| {
        let (thing, color) = COLORS[i % 4];
        [
            json!({ "role": "user", "content": format!("what color has the {thing} ?") }),
            json!({ "role": "assistant", "content": format!("it is {color} .") }),
        ]
    };
    let line = |i: usize| {
        let turns = if i.is_multiple_of(3) { turn(i / 3).to_vec() } else { [turn(i), turn(i + 1 + i / 4)].concat() };
        format!("{}\n", json!({ "messages": turns }))
    };
    (0..count).map(line).collect()
}

/// The same as texts.
pub(crate) fn texts(count: usize) -> String {
    let line =
        |i: usize| format!("{}\n", json!({ "text": format!("the {} is {} .", COLORS[i % 4].0, COLORS[i % 4].1) }));
    (0..count).map(line).collect()
}
