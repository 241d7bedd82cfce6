//! An encoder as the tensors and the configuration of a Hugging Face directory.

use crate::names::{EMBEDDINGS_NORM, Names, POOLER, POSITIONS, TOKEN_TYPES, TOKENS};
use crate::{Config, Encoder, Family, LayerNorm, Linear, Projection, Sublayer};
use adaptune_tensor::Scalar;
use ndarray::ArrayViewD;
use serde_json::{Value, json};

type Tensors<'a, S> = Vec<(String, ArrayViewD<'a, S>)>;

impl<S: Scalar> Encoder<S> {
    /// All tensors under the names of Hugging Face checkpoints, with the family's prefix.
    ///
    /// ```
    /// use adaptune_tensor::Seed;
    /// use adaptune_transformer::{Config, Encoder};
    /// let base = Encoder::<f32>::random(Config::bert(8, 1, 2, 16), 0.1, Seed::new(0));
    /// let (name, tensor) = &base.tensors()[0];
    /// assert_eq!((name.as_str(), tensor.shape()), ("bert.embeddings.word_embeddings.weight", &[1000, 8][..]));
    /// ```
    #[must_use]
    pub fn tensors(&self) -> Vec<(String, ArrayViewD<'_, S>)> {
        let (e, names) = (&self.embeddings, Names::of(self.config.family));
        let mut all: Tensors<'_, S> = Vec::new();
        all.push((TOKENS.into(), e.tokens.view().into_dyn()));
        all.push((POSITIONS.into(), e.positions.view().into_dyn()));
        all.extend(e.token_types.iter().map(|types| (TOKEN_TYPES.into(), types.view().into_dyn())));
        push_norm(&mut all, EMBEDDINGS_NORM, &e.norm);
        for (layer, block) in self.blocks.iter().enumerate() {
            Projection::ALL.into_iter().for_each(|p| push_linear(&mut all, &names.linear(layer, p), block.linear(p)));
            Sublayer::ALL.into_iter().for_each(|s| push_norm(&mut all, &names.norm(layer, s), block.norm(s)));
        }
        self.pooler.iter().for_each(|pooler| push_linear(&mut all, POOLER, pooler));
        let prefix = self.config.family.prefix();
        all.into_iter().map(|(name, tensor)| (format!("{prefix}{name}"), tensor)).collect()
    }
}

fn push_linear<'a, S: Scalar>(all: &mut Tensors<'a, S>, name: &str, linear: &'a Linear<S>) {
    all.push((format!("{name}.weight"), linear.weight().into_dyn()));
    all.push((format!("{name}.bias"), linear.bias().into_dyn()));
}

fn push_norm<'a, S: Scalar>(all: &mut Tensors<'a, S>, name: &str, norm: &'a LayerNorm<S>) {
    all.push((format!("{name}.weight"), norm.weight().into_dyn()));
    all.push((format!("{name}.bias"), norm.bias().into_dyn()));
}

impl Config {
    /// The fields of `config.json`, as [`Config::from_json`] and Python's transformers read them.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut fields = match self.family {
            Family::DistilBert => self.distilbert_fields(),
            _ => self.bert_fields(),
        };
        fields["model_type"] = self.family.model_type().into();
        fields["vocab_size"] = self.vocabulary.into();
        fields["max_position_embeddings"] = self.positions.into();
        fields
    }

    fn bert_fields(&self) -> Value {
        // In RoBERTa positions count from the padding id on; in BERT the padding id means nothing to the model.
        let padding = self.position_offset.saturating_sub(1);
        json!({
            "hidden_size": self.hidden,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "intermediate_size": self.feed_forward,
            "type_vocab_size": self.token_types,
            "layer_norm_eps": self.norm_epsilon,
            "hidden_act": self.activation.name(),
            "hidden_dropout_prob": self.hidden_dropout,
            "attention_probs_dropout_prob": self.attention_dropout,
            "classifier_dropout": self.head_dropout,
            "pad_token_id": padding,
        })
    }

    fn distilbert_fields(&self) -> Value {
        json!({
            "dim": self.hidden,
            "n_layers": self.layers,
            "n_heads": self.heads,
            "hidden_dim": self.feed_forward,
            "activation": self.activation.name(),
            "dropout": self.hidden_dropout,
            "attention_dropout": self.attention_dropout,
            "seq_classif_dropout": self.head_dropout,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::{TensorFile, write_safetensors};
    use adaptune_tensor::{Activation, Seed};
    use std::path::Path;

    fn config(family: Family) -> Config {
        let (token_types, position_offset) = match family {
            Family::Bert => (2, 0),
            Family::DistilBert => (0, 0),
            _ => (1, 4),
        };
        let sizes = Config { vocabulary: 37, positions: 24, ..Config::bert(12, 3, 3, 20) };
        let form = Config { family, token_types, position_offset, activation: Activation::GeluTanh, ..sizes };
        let dropouts = form.with_dropout(0.125, 0.25);
        Config { head_dropout: 0.375, norm_epsilon: 1e-12, ..dropouts }
    }

    const FAMILIES: [Family; 4] = [Family::Bert, Family::Roberta, Family::XlmRoberta, Family::DistilBert];

    #[test]
    fn a_configuration_is_read_as_it_was_written() {
        for family in FAMILIES {
            let text = config(family).to_json().to_string();
            let read = Config::from_json(&text, Path::new("config.json")).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(read, config(family), "{text}");
        }
    }

    #[test]
    fn an_encoder_is_read_as_it_was_written() {
        for family in FAMILIES {
            let encoder = Encoder::<f32>::random(config(family), 0.3, Seed::new(5));
            let folder = tempfile::tempdir().expect("a temporary folder");
            let path = folder.path().join("model.safetensors");
            write_safetensors(&path, &encoder.tensors(), &[].into()).expect("written");
            let bytes = std::fs::read(&path).expect("read");
            for file in [TensorFile::open(&path), TensorFile::from_bytes("memory", bytes)] {
                let read = Encoder::<f32>::from_weights(config(family), &file.expect("a file")).expect("a model");
                assert_eq!(read.fingerprint(), encoder.fingerprint());
            }
        }
    }
}
