//! A model as the tensors of a Hugging Face directory.

use crate::encoder::Encoder;
use crate::family::StoredLinear;
use crate::layers::{Linear, Norm};
use crate::parts::Value;
use crate::point::{BlockPart, LinearPoint, Part, Projection};
use adaptune_tensor::Scalar;
use ndarray::{ArrayViewD, Axis, CowArray, IxDyn, concatenate};

/// Tensors with their names.
type Tensors<'a, S> = Vec<(String, CowArray<'a, S, IxDyn>)>;

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
    pub fn tensors(&self) -> Vec<(String, CowArray<'_, S, IxDyn>)> {
        let names = self.config().family.tensors();
        let mut all: Tensors<'_, S> = Vec::new();
        for (part, value) in self.weights.iter() {
            match (value, part) {
                (Value::Table(table), _) => all.push((names.name(part), table.view().into_dyn().into())),
                (Value::Norm(norm), _) => push_norm(&mut all, &names.name(part), norm),
                (Value::Linear(_), Part::Block(layer, BlockPart::Linear(p))) => self.push_stored(&mut all, layer, p),
                (Value::Linear(linear), _) => push_linear(&mut all, &names.name(part), &[linear], false),
            }
        }
        let family = self.config().family;
        all.into_iter().map(|(name, tensor)| (family.full_name(&name), tensor)).collect()
    }

    /// The stored layer of which a layer of a block is the first rows; nothing if others are, which bring it along.
    fn push_stored<'a>(&'a self, all: &mut Tensors<'a, S>, layer: usize, projection: Projection) {
        let names = self.config().family.tensors();
        let described = "the family's description names every layer of its blocks";
        let StoredLinear { path, part, transposed } = names.linear(projection).expect(described);
        if part > 0 {
            return;
        }
        let linear = |projection| self.linear(LinearPoint { layer, projection });
        let rows: Vec<&Linear<S>> = names.stored_together(path).into_iter().filter_map(linear).collect();
        push_linear(all, &format!("{}.{layer}.{path}", names.block), &rows, transposed);
    }
}

/// Layers upon each other as one.
fn push_linear<'a, S: Scalar>(all: &mut Tensors<'a, S>, name: &str, rows: &[&'a Linear<S>], transposed: bool) {
    let weights: Vec<_> = rows.iter().map(|linear| linear.weight()).collect();
    let weight = stacked(&weights);
    let weight = if transposed { weight.reversed_axes() } else { weight };
    all.push((format!("{name}.weight"), weight.into_dyn()));
    let biases: Vec<_> = rows.iter().filter_map(|linear| linear.bias()).collect();
    if !biases.is_empty() {
        all.push((format!("{name}.bias"), stacked(&biases).into_dyn()));
    }
}

/// One array as it is, several end to end.
fn stacked<'a, S: Scalar, D: ndarray::Dimension + ndarray::RemoveAxis>(
    arrays: &[ndarray::ArrayView<'a, S, D>],
) -> CowArray<'a, S, D> {
    match arrays {
        [one] => one.clone().into(),
        several => concatenate(Axis(0), several).expect("rows of one matrix are equally wide").into(),
    }
}

fn push_norm<'a, S: Scalar>(all: &mut Tensors<'a, S>, name: &str, norm: &'a Norm<S>) {
    let view = |values: ndarray::ArrayView1<'a, S>| -> ArrayViewD<'a, S> { values.into_dyn() };
    all.push((format!("{name}.weight"), view(norm.weight()).into()));
    all.extend(norm.bias().map(|bias| (format!("{name}.bias"), view(bias).into())));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;
    use crate::family::samples::samples;
    use crate::weights::{TensorFile, write_safetensors};
    use adaptune_tensor::Seed;
    use std::path::Path;

    #[test]
    fn a_configuration_is_read_as_it_was_written() {
        for config in samples() {
            let text = config.to_json().to_string();
            let read = Config::from_json(&text, Path::new("config.json")).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(read, config, "{text}");
        }
    }

    #[test]
    fn an_encoder_is_read_as_it_was_written() {
        for config in samples() {
            let encoder = Encoder::<f32>::random(config.clone(), 0.3, Seed::new(5));
            let folder = tempfile::tempdir().expect("a temporary folder");
            let path = folder.path().join("model.safetensors");
            write_safetensors(&path, &encoder.tensors(), &[].into()).expect("written");
            let bytes = std::fs::read(&path).expect("read");
            for file in [TensorFile::open(&path), TensorFile::from_bytes("memory", bytes)] {
                let read = Encoder::<f32>::from_weights(config.clone(), &file.expect("a file")).expect("a model");
                assert_eq!(read.fingerprint(), encoder.fingerprint());
                assert_eq!(read.parameter_count(), config.parameter_count(), "{:?}", config.family);
            }
        }
    }
}
