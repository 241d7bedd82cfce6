//! A dense layer behind the pooling.

use super::json::json;
use crate::error::{Result, TextError};
use adaptune_adapters::format::read_torch_bin;
use adaptune_tensor::{Activation, linear};
use adaptune_transformer::weights::{TensorFile, TensorSource, is_there, resolve};
use ndarray::{Array1, Array2, ArrayD, ArrayView2, Ix1, Ix2};
use serde::Deserialize;
use std::path::Path;

/// A dense layer behind the pooling, `φ(W x + b)`, `[N, I] → [N, O]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Dense {
    /// `[O, I]`.
    weight: Array2<f32>,
    /// `[O]`.
    bias: Option<Array1<f32>>,
    activation: Activation,
}

#[derive(Deserialize)]
struct Config {
    in_features: usize,
    out_features: usize,
    #[serde(default = "yes")]
    bias: bool,
    #[serde(default = "tanh")]
    activation_function: String,
    #[serde(default)]
    use_residual: bool,
    #[serde(default)]
    module_input_name: Option<String>,
    #[serde(default)]
    module_output_name: Option<String>,
}

fn yes() -> bool {
    true
}

fn tanh() -> String {
    "torch.nn.modules.activation.Tanh".into()
}

/// What PyTorch calls the activations.
const ACTIVATIONS: [(&str, Activation); 6] = [
    ("Identity", Activation::Identity),
    ("Tanh", Activation::Tanh),
    ("ReLU", Activation::Relu),
    ("GELU", Activation::Gelu),
    ("SiLU", Activation::Silu),
    ("Sigmoid", Activation::Sigmoid),
];

impl Dense {
    /// Reads that of a module's folder within a model's.
    pub(super) fn read(folder: &Path, module: &str) -> Result<Self> {
        let path = resolve(folder, &format!("{module}/config.json"))?;
        let config: Config = json(&path)?;
        let refused = |message: String| TextError::Model(format!("{}: {message}", path.display()));
        let activation = config.activation().map_err(refused)?;
        config.check().map_err(refused)?;
        let (weight, bias) = config.weights(folder, module)?;
        Ok(Self { weight, bias, activation })
    }

    /// How many numbers it takes and gives.
    pub(crate) fn sizes(&self) -> (usize, usize) {
        (self.weight.ncols(), self.weight.nrows())
    }

    /// `[N, I] → [N, O]`.
    pub(crate) fn forward(&self, x: ArrayView2<'_, f32>) -> Array2<f32> {
        self.activation.forward(linear(x, self.weight.view(), self.bias.as_ref().map(|bias| bias.view())))
    }
}

impl Config {
    fn activation(&self) -> Result<Activation, String> {
        let class = self.activation_function.rsplit('.').next().unwrap_or_default();
        let known =
            ACTIVATIONS.iter().find(|(theirs, _)| *theirs == class && self.activation_function.starts_with("torch."));
        known.map(|(_, ours)| *ours).ok_or_else(|| {
            let names: Vec<&str> = ACTIVATIONS.iter().map(|(theirs, _)| *theirs).collect();
            format!(
                "the activation {} is not known: expected one of torch.nn, {}",
                self.activation_function,
                names.join(", ")
            )
        })
    }

    /// Refuses what other layers than a plain one do.
    fn check(&self) -> Result<(), String> {
        const VECTOR: &str = "sentence_embedding";
        let other =
            [&self.module_input_name, &self.module_output_name].into_iter().flatten().find(|name| *name != VECTOR);
        match other {
            Some(name) => Err(format!(
                "the layer reads or gives `{name}`: only layers behind the pooling, from {VECTOR} to {VECTOR}, are known"
            )),
            None if self.use_residual => {
                Err("the layer adds its input to its output (use_residual), which is not known here".into())
            }
            None => Ok(()),
        }
    }

    fn weights(&self, folder: &Path, module: &str) -> Result<(Array2<f32>, Option<Array1<f32>>)> {
        let path = resolve(folder, &format!("{module}/model.safetensors"))?;
        let shapes =
            [("linear.weight", vec![self.out_features, self.in_features]), ("linear.bias", vec![self.out_features])];
        let read = |(name, shape): &(&str, Vec<usize>)| -> Result<ArrayD<f32>> {
            if is_there(&path) {
                Ok(TensorFile::open(&path)?.read_shaped(name, shape)?)
            } else {
                from_torch(folder, module, name, shape)
            }
        };
        let misshapen = |error: ndarray::ShapeError| TextError::Model(format!("{}: {error}", path.display()));
        let weight = read(&shapes[0])?.into_dimensionality::<Ix2>().map_err(misshapen)?;
        let bias =
            if self.bias { Some(read(&shapes[1])?.into_dimensionality::<Ix1>().map_err(misshapen)?) } else { None };
        Ok((weight, bias))
    }
}

/// A tensor of the file that older versions wrote.
fn from_torch(folder: &Path, module: &str, name: &str, shape: &[usize]) -> Result<ArrayD<f32>> {
    let path = resolve(folder, &format!("{module}/pytorch_model.bin"))?;
    let refused = |message: String| TextError::Model(format!("{}: {message}", path.display()));
    let mut tensors = read_torch_bin(&path).map_err(|error| refused(error.to_string()))?;
    let tensor = tensors.remove(name).ok_or_else(|| refused(format!("the tensor {name} is missing")))?;
    if tensor.shape() != shape {
        return Err(refused(format!("{name} has the shape {:?}; config.json says {shape:?}", tensor.shape())));
    }
    Ok(tensor)
}
