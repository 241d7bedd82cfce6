//! Sizes and constants of a base, read from its `config.json`.

use adaptune_tensor::Activation;
use serde::Deserialize;
use serde_json::Value;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The model families that can be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// BERT (Devlin et al., 2019).
    Bert,
    /// RoBERTa (Liu et al., 2019).
    Roberta,
    /// XLM-RoBERTa (Conneau et al., 2020): RoBERTa over many languages.
    XlmRoberta,
    /// DistilBERT (Sanh et al., 2019).
    DistilBert,
}

/// Every family with its `model_type` in Hugging Face configurations.
const FAMILIES: &[(&str, Family)] = &[
    ("bert", Family::Bert),
    ("roberta", Family::Roberta),
    ("xlm-roberta", Family::XlmRoberta),
    ("distilbert", Family::DistilBert),
];

impl Family {
    /// `model_type` in Hugging Face configurations.
    #[must_use]
    pub fn model_type(self) -> &'static str {
        FAMILIES.iter().find(|(_, f)| *f == self).map_or("bert", |(name, _)| name)
    }

    /// What the names of its tensors begin with where they stand below a head (`bert.`).
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Bert => "bert.",
            Self::Roberta | Self::XlmRoberta => "roberta.",
            Self::DistilBert => "distilbert.",
        }
    }
}

/// Sizes and constants of an encoder.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The model family.
    pub family: Family,
    /// The name that the model gives itself, if any.
    pub name: Option<String>,
    /// `V`, rows of the token embedding.
    pub vocabulary: usize,
    /// `D`.
    pub hidden: usize,
    /// Number of blocks.
    pub layers: usize,
    /// `H`, which divides `D`.
    pub heads: usize,
    /// `F`.
    pub feed_forward: usize,
    /// Rows of the position embedding.
    pub positions: usize,
    /// Row of the first token's position: 0, or 2 in RoBERTa, which counts from its padding id on.
    pub position_offset: usize,
    /// Rows of the token type embedding, 0 where there is none.
    pub token_types: usize,
    /// What layer norms add to the variance.
    pub norm_epsilon: f64,
    /// Activation of the feed-forward network.
    pub activation: Activation,
    /// Dropout after the embeddings and after each feed-forward network.
    pub hidden_dropout: f64,
    /// Dropout after the output projection of the attention; DistilBERT has none.
    pub attention_output_dropout: f64,
    /// Dropout of the attention probabilities.
    pub attention_dropout: f64,
    /// Dropout that heads use unless they say otherwise.
    pub head_dropout: f64,
}

/// A configuration that cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read {}: {source}; a model is a folder with config.json, model.safetensors and tokenizer.json", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no JSON, or a field is missing or of the wrong type.
    #[error("{}: {source}; expected the config.json of a Hugging Face model", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The model is of a family that is not supported.
    #[error("{}: model type \"{found}\" is not supported; supported are bert, roberta, xlm-roberta and distilbert", path.display())]
    Family {
        /// The file.
        path: PathBuf,
        /// Its `model_type`.
        found: String,
    },
    /// A field has a value that cannot be computed with.
    #[error("{}: \"{field}\" is {found}, but must be {expected}", path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// The field.
        field: &'static str,
        /// Its value.
        found: String,
        /// What would do.
        expected: String,
    },
}

impl Config {
    /// Reads `config.json` of a model directory.
    ///
    /// # Errors
    /// If the file is missing or broken, the family is unknown, or a value changes the model in a
    /// way that is not supported.
    pub fn read(directory: &Path) -> Result<Self, ConfigError> {
        let path = directory.join("config.json");
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::from_json(&text, &path),
            Err(source) => Err(ConfigError::Read { path, source }),
        }
    }

    /// Reads a configuration from JSON text; `path` is for messages.
    ///
    /// # Errors
    /// As [`Config::read`].
    pub fn from_json(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let json = |source| ConfigError::Json { path: path.to_owned(), source };
        let raw: Value = serde_json::from_str(text).map_err(json)?;
        let found = raw.get("model_type").and_then(Value::as_str).unwrap_or("").to_owned();
        let Some((_, family)) = FAMILIES.iter().find(|(name, _)| *name == found) else {
            return Err(ConfigError::Family { path: path.to_owned(), found });
        };
        refuse_other_models(&raw, path)?;
        let config = match family {
            Family::DistilBert => serde_json::from_value::<DistilBertFile>(raw).map_err(json)?.config(path)?,
            _ => serde_json::from_value::<BertFile>(raw).map_err(json)?.config(*family, path)?,
        };
        config.check(path)?;
        Ok(config)
    }

    /// How many tokens a sequence may have.
    #[must_use]
    pub fn max_tokens(&self) -> usize {
        self.positions - self.position_offset
    }

    /// How many numbers a base of these sizes holds, its pooler included where the family has one.
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        let (d, f) = (self.hidden, self.feed_forward);
        let linear = |out, input| out * input + out;
        let block = 4 * linear(d, d) + linear(f, d) + linear(d, f) + 2 * 2 * d;
        let embeddings = (self.vocabulary + self.positions + self.token_types) * d + 2 * d;
        let pooler = if self.family == Family::DistilBert { 0 } else { linear(d, d) };
        embeddings + self.layers * block + pooler
    }

    /// The same model with other dropout rates: of hidden states (heads included) and of
    /// attention probabilities.
    #[must_use]
    pub fn with_dropout(self, hidden: f64, attention: f64) -> Self {
        let attention_output_dropout = if self.family == Family::DistilBert { 0.0 } else { hidden };
        Self {
            hidden_dropout: hidden,
            attention_output_dropout,
            attention_dropout: attention,
            head_dropout: hidden,
            ..self
        }
    }

    fn check(&self, path: &Path) -> Result<(), ConfigError> {
        let field = |field, found: String, expected: String| {
            Err(ConfigError::Field { path: path.to_owned(), field, found, expected })
        };
        let sizes = [
            ("vocab_size", self.vocabulary),
            ("hidden_size", self.hidden),
            ("num_hidden_layers", self.layers),
            ("num_attention_heads", self.heads),
            ("intermediate_size", self.feed_forward),
        ];
        if let Some((name, size)) = sizes.into_iter().find(|(_, size)| *size == 0) {
            return field(name, size.to_string(), "at least 1".into());
        }
        if !self.hidden.is_multiple_of(self.heads) {
            let expected = format!("a divisor of the hidden size {}", self.hidden);
            return field("num_attention_heads", self.heads.to_string(), expected);
        }
        if self.positions <= self.position_offset {
            let expected = format!("more than {}", self.position_offset);
            return field("max_position_embeddings", self.positions.to_string(), expected);
        }
        let [hidden, attention, head] = match self.family {
            Family::DistilBert => ["dropout", "attention_dropout", "seq_classif_dropout"],
            _ => ["hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout"],
        };
        let rates = [(hidden, self.hidden_dropout), (attention, self.attention_dropout), (head, self.head_dropout)];
        if let Some((name, rate)) = rates.into_iter().find(|(_, rate)| !(0.0..1.0).contains(rate)) {
            return field(name, rate.to_string(), "from 0 up to, but not, 1".into());
        }
        if !(self.norm_epsilon >= 0.0 && self.norm_epsilon.is_finite()) {
            return field("layer_norm_eps", self.norm_epsilon.to_string(), "a number that is not negative".into());
        }
        Ok(())
    }
}

/// Values under which the weights mean another computation than the one here.
fn refuse_other_models(raw: &Value, path: &Path) -> Result<(), ConfigError> {
    let wanted = [
        ("position_embedding_type", Value::from("absolute")),
        ("is_decoder", Value::from(false)),
        ("add_cross_attention", Value::from(false)),
    ];
    for (field, expected) in wanted {
        match raw.get(field) {
            Some(found) if *found != expected && !found.is_null() => {
                let (path, found, expected) = (path.to_owned(), found.to_string(), expected.to_string());
                return Err(ConfigError::Field { path, field, found, expected });
            }
            _ => {}
        }
    }
    Ok(())
}

fn activation(name: &str, field: &'static str, path: &Path) -> Result<Activation, ConfigError> {
    Activation::from_name(name).ok_or_else(|| {
        let expected = format!("one of {}", Activation::names().collect::<Vec<_>>().join(", "));
        ConfigError::Field { path: path.to_owned(), field, found: format!("\"{name}\""), expected }
    })
}

/// `config.json` of BERT, RoBERTa and XLM-R.
#[derive(Deserialize)]
struct BertFile {
    #[serde(rename = "_name_or_path")]
    name: Option<String>,
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    max_position_embeddings: usize,
    #[serde(default = "two")]
    type_vocab_size: usize,
    #[serde(default = "tiny")]
    layer_norm_eps: f64,
    #[serde(default = "gelu")]
    hidden_act: String,
    #[serde(default = "tenth")]
    hidden_dropout_prob: f64,
    #[serde(default = "tenth")]
    attention_probs_dropout_prob: f64,
    classifier_dropout: Option<f64>,
    pad_token_id: Option<usize>,
}

impl BertFile {
    fn config(self, family: Family, path: &Path) -> Result<Config, ConfigError> {
        // RoBERTa numbers positions from the padding id + 1 on (an inheritance of fairseq).
        let position_offset = if family == Family::Bert { 0 } else { self.pad_token_id.unwrap_or(1).saturating_add(1) };
        Ok(Config {
            family,
            name: self.name.filter(|name| !name.is_empty()),
            vocabulary: self.vocab_size,
            hidden: self.hidden_size,
            layers: self.num_hidden_layers,
            heads: self.num_attention_heads,
            feed_forward: self.intermediate_size,
            positions: self.max_position_embeddings,
            position_offset,
            token_types: self.type_vocab_size,
            norm_epsilon: self.layer_norm_eps,
            activation: activation(&self.hidden_act, "hidden_act", path)?,
            hidden_dropout: self.hidden_dropout_prob,
            attention_output_dropout: self.hidden_dropout_prob,
            attention_dropout: self.attention_probs_dropout_prob,
            head_dropout: self.classifier_dropout.unwrap_or(self.hidden_dropout_prob),
        })
    }
}

/// `config.json` of DistilBERT.
#[derive(Deserialize)]
struct DistilBertFile {
    #[serde(rename = "_name_or_path")]
    name: Option<String>,
    vocab_size: usize,
    dim: usize,
    n_layers: usize,
    n_heads: usize,
    hidden_dim: usize,
    max_position_embeddings: usize,
    #[serde(default = "gelu")]
    activation: String,
    #[serde(default = "tenth")]
    dropout: f64,
    #[serde(default = "tenth")]
    attention_dropout: f64,
    #[serde(default = "fifth")]
    seq_classif_dropout: f64,
}

impl DistilBertFile {
    fn config(self, path: &Path) -> Result<Config, ConfigError> {
        Ok(Config {
            family: Family::DistilBert,
            name: self.name.filter(|name| !name.is_empty()),
            vocabulary: self.vocab_size,
            hidden: self.dim,
            layers: self.n_layers,
            heads: self.n_heads,
            feed_forward: self.hidden_dim,
            positions: self.max_position_embeddings,
            position_offset: 0,
            token_types: 0,
            norm_epsilon: tiny(),
            activation: activation(&self.activation, "activation", path)?,
            hidden_dropout: self.dropout,
            attention_output_dropout: 0.0,
            attention_dropout: self.attention_dropout,
            head_dropout: self.seq_classif_dropout,
        })
    }
}

fn two() -> usize {
    2
}

fn tiny() -> f64 {
    1e-12
}

fn tenth() -> f64 {
    0.1
}

fn fifth() -> f64 {
    0.2
}

fn gelu() -> String {
    "gelu".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BERT: &str = r#"{"model_type": "bert", "vocab_size": 37, "hidden_size": 12, "num_hidden_layers": 2,
        "num_attention_heads": 3, "intermediate_size": 20, "max_position_embeddings": 24, "pad_token_id": 1}"#;

    fn read(text: &str) -> Result<Config, ConfigError> {
        Config::from_json(text, Path::new("m/config.json"))
    }

    #[test]
    fn roberta_counts_positions_from_its_padding_id() {
        let (bert, roberta) = (read(BERT).unwrap(), read(&BERT.replace("\"bert\"", "\"roberta\"")).unwrap());
        assert_eq!((bert.position_offset, bert.max_tokens()), (0, 24));
        assert_eq!((roberta.position_offset, roberta.max_tokens()), (2, 22));
    }

    #[test]
    fn what_cannot_be_computed_is_refused_with_a_reason() {
        let fails = |text: String, words: &str| {
            let message = read(&text).unwrap_err().to_string();
            assert!(message.contains(words) && message.contains("m/config.json"), "{message}");
        };
        fails(BERT.replace("\"bert\"", "\"llama\""), "model type \"llama\" is not supported");
        fails(BERT.replace("_heads\": 3", "_heads\": 5"), "must be a divisor of the hidden size 12");
        fails(BERT.replace("\"vocab_size\": 37,", ""), "missing field `vocab_size`");
        fails(BERT.replace("layers\": 2", "layers\": 0"), "must be at least 1");
        fails(BERT.replace('}', ", \"is_decoder\": true}"), "\"is_decoder\" is true, but must be false");
        fails(BERT.replace('}', ", \"position_embedding_type\": \"relative_key\"}"), "must be \"absolute\"");
        fails(BERT.replace('}', ", \"hidden_act\": \"gelo\"}"), "one of relu, gelu");
        fails(BERT.replace('}', ", \"hidden_dropout_prob\": 1.0}"), "\"hidden_dropout_prob\" is 1, but must be from 0");
        fails(BERT.replace('}', ", \"layer_norm_eps\": -1e-12}"), "must be a number that is not negative");
        let no_positions = format!("\"pad_token_id\": {}", usize::MAX);
        fails(
            BERT.replace("\"pad_token_id\": 1", &no_positions).replace("\"bert\"", "\"roberta\""),
            "must be more than",
        );
        fails("{".into(), "expected the config.json of a Hugging Face model");
    }
}
