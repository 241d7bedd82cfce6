//! A tiny BERT in a folder, as `save_pretrained` would write it.

use super::data;
use adaptune_tensor::ndarray::{ArrayD, Axis};
use adaptune_tensor::{Seed, init};
use adaptune_transformer::weights::write_safetensors;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Sizes of a BERT with two token types.
#[derive(Clone)]
pub(crate) struct Sizes {
    pub(crate) hidden: usize,
    pub(crate) layers: usize,
    pub(crate) heads: usize,
    pub(crate) feed_forward: usize,
    pub(crate) positions: usize,
}

impl Sizes {
    /// Small enough that hundreds of steps take a second.
    pub(crate) fn tiny() -> Self {
        Self { hidden: 30, layers: 2, heads: 3, feed_forward: 44, positions: 24 }
    }
}

/// Tensors by name.
pub(crate) type Tensors = BTreeMap<String, ArrayD<f32>>;

/// Writes `config.json`, `model.safetensors` and `tokenizer.json`.
pub(crate) fn write(folder: &Path, sizes: &Sizes, seed: u64) {
    fs::create_dir_all(folder).expect("a folder can be made");
    write_json(&folder.join("config.json"), &config(sizes));
    write_json(&folder.join("tokenizer.json"), &tokenizer());
    write_tensors(&folder.join("model.safetensors"), &tensors(sizes, seed));
}

pub(crate) fn write_json(path: &Path, value: &Value) {
    fs::write(path, value.to_string()).expect("a file can be written");
}

pub(crate) fn write_tensors(path: &Path, tensors: &Tensors) {
    let views: Vec<_> = tensors.iter().map(|(name, array)| (name.clone(), array.view())).collect();
    write_safetensors(path, &views, &BTreeMap::new()).expect("a file can be written");
}

/// The `config.json`. Dropout is on, so that its draws count in comparisons of bits.
pub(crate) fn config(sizes: &Sizes) -> Value {
    json!({
        "model_type": "bert", "vocab_size": vocabulary().len(), "hidden_size": sizes.hidden,
        "num_hidden_layers": sizes.layers, "num_attention_heads": sizes.heads,
        "intermediate_size": sizes.feed_forward, "max_position_embeddings": sizes.positions, "type_vocab_size": 2,
        "hidden_act": "gelu", "layer_norm_eps": 1e-12, "hidden_dropout_prob": 0.05,
        "attention_probs_dropout_prob": 0.05
    })
}

/// Random weights: no bias is zero, no norm is one.
pub(crate) fn tensors(sizes: &Sizes, seed: u64) -> Tensors {
    let Sizes { hidden: d, feed_forward: f, .. } = *sizes;
    let mut draw = Draw { tensors: Tensors::new(), seed: Seed::new(seed) };
    draw.words("embeddings.word_embeddings.weight", d);
    draw.matrix("embeddings.position_embeddings.weight", sizes.positions, d, 0.1);
    draw.matrix("embeddings.token_type_embeddings.weight", 2, d, 0.5);
    draw.norm("embeddings.LayerNorm", d);
    for layer in 0..sizes.layers {
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        // Flat attention: the first token hears every word, so there is something in its state to learn from.
        for (part, gain) in [("self.query", 0.3), ("self.key", 0.3), ("self.value", 1.5), ("output.dense", 1.5)] {
            draw.linear(&name(&format!("attention.{part}")), d, d, gain);
        }
        draw.linear(&name("intermediate.dense"), f, d, 1.0);
        draw.linear(&name("output.dense"), d, f, 0.5);
        draw.norm(&name("attention.output.LayerNorm"), d);
        draw.norm(&name("output.LayerNorm"), d);
    }
    draw.linear("pooler.dense", d, d, 1.0);
    draw.tensors
}

struct Draw {
    tensors: Tensors,
    seed: Seed,
}

impl Draw {
    /// Words that belong together have something in common, as pretraining would have found.
    fn words(&mut self, name: &str, width: usize) {
        let mut rows = init::normal::<f32>((vocabulary().len(), width), 0.5, self.seed.named(name));
        for (group, words) in data::WORDS.iter().enumerate() {
            let common = init::normal::<f32>((1, width), 1.0, self.seed.at(group as u64));
            for (mut row, _) in
                rows.rows_mut().into_iter().zip(vocabulary()).filter(|(_, word)| words.contains(&&**word))
            {
                row += &common.row(0);
            }
        }
        self.tensors.insert(name.to_owned(), rows.into_dyn());
    }

    fn matrix(&mut self, name: &str, rows: usize, columns: usize, deviation: f64) {
        let array = init::normal::<f32>((rows, columns), deviation, self.seed.named(name));
        self.tensors.insert(name.to_owned(), array.into_dyn());
    }

    fn vector(&mut self, name: &str, length: usize, around: f32) {
        let row = init::normal::<f32>((1, length), 0.1, self.seed.named(name)) + around;
        self.tensors.insert(name.to_owned(), row.index_axis_move(Axis(0), 0).into_dyn());
    }

    fn linear(&mut self, name: &str, out: usize, input: usize, gain: f64) {
        self.matrix(&format!("{name}.weight"), out, input, gain / (input as f64).sqrt());
        self.vector(&format!("{name}.bias"), out, 0.0);
    }

    fn norm(&mut self, name: &str, width: usize) {
        self.vector(&format!("{name}.weight"), width, 1.0);
        self.vector(&format!("{name}.bias"), width, 0.0);
    }
}

/// Special tokens, letters for words that are not known, and the words of the data.
fn vocabulary() -> Vec<String> {
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map(str::to_owned);
    let letters = ('a'..='z').flat_map(|letter| [letter.to_string(), format!("##{letter}")]);
    let words = data::WORDS.into_iter().flatten().map(|word| (*word).to_owned());
    special.into_iter().chain(letters).chain(words.filter(|word| word.len() > 1)).collect()
}

/// Word pieces as BERT has them, with `[CLS]` before and `[SEP]` behind each text.
pub(crate) fn tokenizer() -> Value {
    let ids: Map<String, Value> = vocabulary().into_iter().enumerate().map(|(id, word)| (word, json!(id))).collect();
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "decoder": null,
        "normalizer": {
            "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null,
            "lowercase": true
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": ids
        }
    })
}
