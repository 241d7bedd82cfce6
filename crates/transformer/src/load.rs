//! Loading an encoder from a Hugging Face directory.

use crate::block::Block;
use crate::embeddings::Embeddings;
use crate::feed_forward::FeedForward;
use crate::names::{EMBEDDINGS_NORM, Names, POOLER, POSITIONS, TOKEN_TYPES, TOKENS};
use crate::self_attention::SelfAttention;
use crate::weights::{Reader, TensorSource, WeightDirectory, WeightError};
use crate::{Config, ConfigError, Encoder, LayerNorm, Linear, Projection, Sublayer};
use adaptune_tensor::{Precision, Scalar};
use ndarray::{Array1, Array2, Ix1, Ix2};
use std::path::Path;
use std::sync::OnceLock;
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
        Ok(Self::from_weights(config, &WeightDirectory::open(directory)?)?)
    }

    /// Takes the weights from wherever they are; see [`Encoder::load`].
    ///
    /// # Errors
    /// If any weight is not as it should be.
    pub fn from_weights(config: Config, weights: &dyn TensorSource) -> Result<Self, WeightError> {
        let mut reader = Reader::new(weights, &[config.family.prefix(), ""], TOKENS)?;
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

impl Names {
    fn encoder<S: Scalar>(&self, config: Config, reader: &mut Reader<'_>) -> Result<Encoder<S>, WeightError> {
        let d = config.hidden;
        let embeddings = Embeddings {
            tokens: matrix(reader, TOKENS, config.vocabulary, d)?,
            positions: matrix(reader, POSITIONS, config.positions, d)?,
            token_types: match config.token_types {
                0 => None,
                rows => Some(matrix(reader, TOKEN_TYPES, rows, d)?),
            },
            norm: norm(reader, EMBEDDINGS_NORM, &config)?,
        };
        let blocks = (0..config.layers).map(|layer| self.block(layer, &config, reader)).collect::<Result<_, _>>()?;
        let pooler = match reader.has(&format!("{POOLER}.weight")) {
            true => Some(linear(reader, POOLER, d, d)?),
            false => None,
        };
        Ok(Encoder { config, embeddings, blocks, pooler, precision: Precision::Full, fingerprint: OnceLock::new() })
    }

    fn block<S: Scalar>(
        &self,
        layer: usize,
        config: &Config,
        reader: &mut Reader<'_>,
    ) -> Result<Block<S>, WeightError> {
        let (d, f) = (config.hidden, config.feed_forward);
        let mut projection = |p, out, input| linear(reader, &self.linear(layer, p), out, input);
        let (query, key) = (projection(Projection::Query, d, d)?, projection(Projection::Key, d, d)?);
        let (value, output) = (projection(Projection::Value, d, d)?, projection(Projection::AttentionOutput, d, d)?);
        let inner = projection(Projection::FeedForwardIn, f, d)?;
        let outer = projection(Projection::FeedForwardOut, d, f)?;
        let mut norm = |s| norm(reader, &self.norm(layer, s), config);
        let attention = SelfAttention { query, key, value, output, norm: norm(Sublayer::Attention)? };
        let feed_forward = FeedForward { input: inner, output: outer, norm: norm(Sublayer::FeedForward)? };
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
