//! Loading a model from a Hugging Face directory.

use crate::config::{Config, ConfigError, LinearShape, NormKind};
use crate::encoder::Encoder;
use crate::family::TensorNames;
use crate::layers::{Linear, Norm};
use crate::parts::{Make, Parts};
use crate::point::{BlockPart, Part, Projection};
use crate::weights::{Reader, TensorSource, WeightDirectory, WeightError};
use adaptune_tensor::{Precision, Scalar};
use ndarray::{Array1, Array2, Axis, Ix1, Ix2, Slice};
use safetensors::Dtype;
use std::marker::PhantomData;
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
        Self::load_in(directory, Precision::Full)
    }

    /// The same in another [precision](Encoder::with_precision). Weights that are stored in it are never held as wider numbers, but
    /// for the layer that is being read.
    ///
    /// # Errors
    /// As [`Encoder::load`].
    pub fn load_in(directory: &Path, precision: Precision) -> Result<Self, LoadError> {
        let config = Config::read(directory)?;
        Ok(Self::from_weights_in(config, &WeightDirectory::open(directory)?, precision)?)
    }

    /// Takes the weights from wherever they are; see [`Encoder::load`].
    ///
    /// # Errors
    /// If any weight is not as it should be.
    pub fn from_weights(config: Config, weights: &dyn TensorSource) -> Result<Self, WeightError> {
        Self::from_weights_in(config, weights, Precision::Full)
    }

    fn from_weights_in(config: Config, weights: &dyn TensorSource, precision: Precision) -> Result<Self, WeightError> {
        if let Some(part) = config.unnamed_part() {
            let family = config.family.model_type();
            return Err(WeightError::Unnamed { path: weights.path().into(), part: format!("{part:?}"), family });
        }
        let names = config.family.tensors();
        let mut reader = Reader::new(weights, &[config.family.prefix(), ""], names.tokens)?;
        let mut stored = Stored { config: &config, names, reader: &mut reader, precision, scalar: PhantomData };
        let weights = Parts::make(&config, &mut stored)?;
        let heads = config.family.description().heads;
        reader.finish(|name| belongs_to_a_head(heads, name))?;
        Ok(Self::of_weights(config, weights).with_precision(precision))
    }
}

/// Tensors that checkpoints carry beside the encoder: heads, those that all families may have and the family's own, and tables
/// that are computed.
fn belongs_to_a_head(heads: &[&str], name: &str) -> bool {
    let common = ["cls.", "classifier.", "lm_head.", "vocab_", "pre_classifier.", "qa_outputs.", "pooler."];
    heads.iter().chain(&common).any(|head| name.starts_with(head))
        || name.ends_with("position_ids")
        || name.ends_with("token_type_ids")
        // The causal mask, in older checkpoints of GPT-2.
        || [".attn.bias", ".attn.masked_bias"].iter().any(|end| name.ends_with(end))
}

/// The tensors of a checkpoint, under the names of the model's family.
struct Stored<'a, 'r, S> {
    config: &'a Config,
    names: &'static TensorNames,
    reader: &'a mut Reader<'r>,
    precision: Precision,
    scalar: PhantomData<S>,
}

impl<S: Scalar> Stored<'_, '_, S> {
    fn matrix(&mut self, name: &str, rows: usize, columns: usize) -> Result<Array2<S>, WeightError> {
        let array = self.reader.take(name, &[rows, columns])?;
        Ok(array.into_dimensionality::<Ix2>().expect("the shape was checked"))
    }

    fn vector(&mut self, name: &str, length: usize) -> Result<Array1<S>, WeightError> {
        let array = self.reader.take(name, &[length])?;
        Ok(array.into_dimensionality::<Ix1>().expect("the shape was checked"))
    }

    /// The name of a part as the reader wants it.
    fn name(&self, part: Part) -> String {
        let beside = part == Part::Output || (part.is_pooler() && self.names.pooler_is_beside);
        let name = self.names.name(part);
        if beside { Reader::beside(&name) } else { name }
    }

    /// A layer that is stored alone and as it is.
    fn plain(&mut self, part: Part, shape: LinearShape) -> Result<Linear<S>, WeightError> {
        let name = self.name(part);
        let weight = self.matrix(&format!("{name}.weight"), shape.outputs, shape.inputs)?;
        let bias = shape.bias.then(|| self.vector(&format!("{name}.bias"), shape.outputs)).transpose()?;
        Ok(Linear::new(weight, bias))
    }

    /// A layer of a block: rows of a stored one, which may be transposed.
    fn rows(&mut self, layer: usize, projection: Projection, shape: LinearShape) -> Result<Linear<S>, WeightError> {
        let described = "the family's description names every layer of its blocks";
        let stored = self.names.linear(projection).expect(described);
        let rows = self.names.rows(self.config, projection).expect(described);
        let name = format!("{}.{layer}.{}", self.names.block, stored.path);
        let (name, range) = (|end: &str| format!("{name}.{end}"), Slice::from(rows.rows));
        let weight = match stored.transposed {
            false => self.matrix(&name("weight"), rows.of, shape.inputs)?,
            true => self.matrix(&name("weight"), shape.inputs, rows.of)?.reversed_axes(),
        };
        let weight = weight.slice_axis_move(Axis(0), range);
        let bias = shape.bias.then(|| self.vector(&name("bias"), rows.of)).transpose()?;
        let bias = bias.map(|bias| bias.slice_axis_move(Axis(0), range));
        Ok(Linear::held_in(self.lossless(&name("weight"))?, weight, bias))
    }

    /// The precision in which a weight can be held from the start: one in which it is stored. Others are rounded when the base is known
    /// by its [fingerprint](Encoder::fingerprint), which is of the numbers before.
    fn lossless(&self, name: &str) -> Result<Precision, WeightError> {
        let stored = self.reader.dtype(name)? == Dtype::BF16;
        Ok(if stored { self.precision } else { Precision::Full })
    }
}

impl<S: Scalar> Make for Stored<'_, '_, S> {
    type Table = Array2<S>;
    type Linear = Linear<S>;
    type Norm = Norm<S>;
    type Error = WeightError;

    fn lacks(&self, part: Part) -> bool {
        match part {
            // A checkpoint of the blocks alone has none.
            Part::Output => !self.reader.has(&self.name(part)),
            part => part.is_pooler() && !self.reader.has(&format!("{}.weight", self.name(Part::Pooler))),
        }
    }

    fn table(&mut self, part: Part, rows: usize, width: usize) -> Result<Array2<S>, WeightError> {
        self.matrix(&self.name(part), rows, width)
    }

    fn linear(&mut self, part: Part, shape: LinearShape) -> Result<Linear<S>, WeightError> {
        match part {
            Part::Block(layer, BlockPart::Linear(projection)) => self.rows(layer, projection, shape),
            _ => self.plain(part, shape),
        }
    }

    /// The oldest checkpoints call the weight of a norm `gamma` and its bias `beta`.
    fn norm(&mut self, part: Part, width: usize, kind: NormKind) -> Result<Norm<S>, WeightError> {
        let name = self.name(part);
        let old = self.reader.has(&format!("{name}.gamma"));
        let (weight, bias) = if old { ("gamma", "beta") } else { ("weight", "bias") };
        let weight = self.vector(&format!("{name}.{weight}"), width)?;
        let bias = kind.has_bias().then(|| self.vector(&format!("{name}.{bias}"), width)).transpose()?;
        Ok(Norm::new(kind, weight, bias, self.config.norm_epsilon))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::{FloatFormat, write_safetensors_as};
    use adaptune_tensor::Seed;
    use adaptune_test_support::Folder;

    /// A base in a folder, its numbers as `format`.
    fn stored(folder: &Folder, format: FloatFormat) {
        let config = Config { vocabulary: 13, positions: 9, ..Config::bert(12, 2, 3, 20) };
        let base = Encoder::<f32>::random(config, 0.3, Seed::new(5));
        folder.write("config.json", base.config().to_json().to_string());
        write_safetensors_as(format, &folder.path("model.safetensors"), &base.tensors(), &[].into()).unwrap();
    }

    #[test]
    fn what_is_stored_in_bf16_is_the_same_base_whenever_it_is_rounded() {
        for format in [FloatFormat::BF16, FloatFormat::F32] {
            let folder = Folder::new();
            stored(&folder, format);
            let wide = Encoder::<f32>::load(&folder.path(".")).unwrap();
            let at_once = Encoder::<f32>::load_in(&folder.path("."), Precision::Bf16).unwrap();
            assert_eq!(at_once.precision(), Precision::Bf16);
            assert_eq!(at_once.fingerprint(), wide.fingerprint());
            let rounded = wide.with_precision(Precision::Bf16);
            for ((name, a), (_, b)) in at_once.tensors().iter().zip(&rounded.tensors()) {
                assert_eq!(a, b, "{name}");
            }
        }
    }
}
