//! Loading an encoder from a Hugging Face directory.

use crate::block::Block;
use crate::embeddings::Embeddings;
use crate::feed_forward::FeedForward;
use crate::self_attention::SelfAttention;
use crate::weights::{Reader, WeightDirectory, WeightError};
use crate::{Config, ConfigError, Encoder, Family, LayerNorm, Linear};
use adaptune_tensor::Scalar;
use ndarray::{Array1, Array2, Ix1, Ix2};
use std::path::Path;
use thiserror::Error;

/// Why a model could not be loaded.
#[derive(Debug, Error)]
pub enum LoadError {
    /// Its `config.json`.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Its weights.
    #[error(transparent)]
    Weights(#[from] WeightError),
}

impl<S: Scalar> Encoder<S> {
    /// Loads `config.json` and `model.safetensors` (or its sharded index) from a directory.
    ///
    /// Weights in f32, f16, bf16 or f64 are converted to `S`. Every tensor of the encoder must be
    /// there with the right shape, and no tensor may be left over, except those of heads that the
    /// checkpoint was trained with and of a missing pooler.
    ///
    /// # Errors
    /// If the configuration or any weight is not as it should be; the message says which.
    pub fn load(directory: &Path) -> Result<Self, LoadError> {
        let config = Config::read(directory)?;
        let weights = WeightDirectory::open(directory)?;
        let probe = "embeddings.word_embeddings.weight";
        let mut reader = Reader::new(&weights, &[config.family.prefix(), ""], probe)?;
        let encoder = Names::of(config.family).encoder(config, &mut reader)?;
        reader.finish(belongs_to_a_head)?;
        Ok(encoder)
    }

    /// The same base with other dropout rates, of hidden states and of attention probabilities.
    /// The weights are moved, not copied.
    #[must_use]
    pub fn with_dropout(self, hidden: f64, attention: f64) -> Self {
        Self { config: self.config.with_dropout(hidden, attention), ..self }
    }
}

/// Tensors that checkpoints carry beside the encoder: heads, and tables that are computed.
fn belongs_to_a_head(name: &str) -> bool {
    let heads = ["cls.", "classifier.", "lm_head.", "vocab_", "pre_classifier.", "qa_outputs.", "pooler."];
    heads.iter().any(|head| name.starts_with(head))
        || name.ends_with("position_ids")
        || name.ends_with("token_type_ids")
}

/// Where a family keeps the layers of a block, relative to the block.
struct Names {
    block: &'static str,
    query: &'static str,
    key: &'static str,
    value: &'static str,
    attention_output: &'static str,
    attention_norm: &'static str,
    feed_forward_in: &'static str,
    feed_forward_out: &'static str,
    feed_forward_norm: &'static str,
}

const BERT: Names = Names {
    block: "encoder.layer",
    query: "attention.self.query",
    key: "attention.self.key",
    value: "attention.self.value",
    attention_output: "attention.output.dense",
    attention_norm: "attention.output.LayerNorm",
    feed_forward_in: "intermediate.dense",
    feed_forward_out: "output.dense",
    feed_forward_norm: "output.LayerNorm",
};

const DISTILBERT: Names = Names {
    block: "transformer.layer",
    query: "attention.q_lin",
    key: "attention.k_lin",
    value: "attention.v_lin",
    attention_output: "attention.out_lin",
    attention_norm: "sa_layer_norm",
    feed_forward_in: "ffn.lin1",
    feed_forward_out: "ffn.lin2",
    feed_forward_norm: "output_layer_norm",
};

impl Names {
    fn of(family: Family) -> &'static Self {
        if family == Family::DistilBert { &DISTILBERT } else { &BERT }
    }

    fn encoder<S: Scalar>(&self, config: Config, reader: &mut Reader<'_>) -> Result<Encoder<S>, WeightError> {
        let d = config.hidden;
        let table =
            |reader: &mut Reader<'_>, name: &str, rows| matrix(reader, &format!("embeddings.{name}.weight"), rows, d);
        let embeddings = Embeddings {
            tokens: table(reader, "word_embeddings", config.vocabulary)?,
            positions: table(reader, "position_embeddings", config.positions)?,
            token_types: match config.token_types {
                0 => None,
                rows => Some(table(reader, "token_type_embeddings", rows)?),
            },
            norm: norm(reader, "embeddings.LayerNorm", &config)?,
        };
        let blocks = (0..config.layers).map(|layer| self.block(layer, &config, reader)).collect::<Result<_, _>>()?;
        let pooler = match reader.has("pooler.dense.weight") {
            true => Some(linear(reader, "pooler.dense", d, d)?),
            false => None,
        };
        Ok(Encoder { config, embeddings, blocks, pooler })
    }

    fn block<S: Scalar>(
        &self,
        layer: usize,
        config: &Config,
        reader: &mut Reader<'_>,
    ) -> Result<Block<S>, WeightError> {
        let name = |part: &str| format!("{}.{layer}.{part}", self.block);
        let (d, f) = (config.hidden, config.feed_forward);
        let attention = SelfAttention {
            query: linear(reader, &name(self.query), d, d)?,
            key: linear(reader, &name(self.key), d, d)?,
            value: linear(reader, &name(self.value), d, d)?,
            output: linear(reader, &name(self.attention_output), d, d)?,
            norm: norm(reader, &name(self.attention_norm), config)?,
        };
        let feed_forward = FeedForward {
            input: linear(reader, &name(self.feed_forward_in), f, d)?,
            output: linear(reader, &name(self.feed_forward_out), d, f)?,
            norm: norm(reader, &name(self.feed_forward_norm), config)?,
        };
        Ok(Block { attention, feed_forward })
    }
}

fn linear<S: Scalar>(reader: &mut Reader<'_>, name: &str, out: usize, input: usize) -> Result<Linear<S>, WeightError> {
    let weight = matrix(reader, &format!("{name}.weight"), out, input)?;
    Ok(Linear::new(weight, vector(reader, &format!("{name}.bias"), out)?))
}

/// A layer norm; the oldest checkpoints call its weight `gamma` and its bias `beta`.
fn norm<S: Scalar>(reader: &mut Reader<'_>, name: &str, config: &Config) -> Result<LayerNorm<S>, WeightError> {
    let old = reader.has(&format!("{name}.gamma"));
    let (weight, bias) = if old { ("gamma", "beta") } else { ("weight", "bias") };
    let weight = vector(reader, &format!("{name}.{weight}"), config.hidden)?;
    Ok(LayerNorm::new(weight, vector(reader, &format!("{name}.{bias}"), config.hidden)?, config.norm_epsilon))
}

fn matrix<S: Scalar>(
    reader: &mut Reader<'_>,
    name: &str,
    rows: usize,
    columns: usize,
) -> Result<Array2<S>, WeightError> {
    let array = reader.take(name, &[rows, columns])?;
    Ok(array.into_dimensionality::<Ix2>().expect("the shape was checked"))
}

fn vector<S: Scalar>(reader: &mut Reader<'_>, name: &str, length: usize) -> Result<Array1<S>, WeightError> {
    let array = reader.take(name, &[length])?;
    Ok(array.into_dimensionality::<Ix1>().expect("the shape was checked"))
}
