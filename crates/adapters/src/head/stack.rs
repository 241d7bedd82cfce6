//! Heads for classes, numbers, tags, spans and choices: a stack of linear layers.
//!
//! ```text
//! x_0 = dropout(rows)                                       [N, D]
//! z_i = x_{i-1} W_iᵀ + b_i,   x_i = dropout(φ(z_i))         [N, D]   for all layers but the last
//! logits = x_{k-1} W_kᵀ + b_k                               [N, C]
//! ```
//!
//! Gradients follow the same lines backwards: `d_W_i = d_z_iᵀ x_{i-1}`, `d_b_i = Σ d_z_i`,
//! `d_x_{i-1} = d_z_i W_i`, `d_z_i = m ∘ d_x_i ∘ φ'(z_i)` with the dropout mask `m`.

use super::config::HeadConfig;
use super::target_scale::TargetScale;
use crate::core::layers::TrainableLinear;
use adaptune_tensor::{Activation, AnyParameter, Dropout, Gradients, Scalar, Seed, init, parameters};
use adaptune_transformer::Pass;
use ndarray::Array2;

/// The layers.
#[derive(Clone, Debug)]
pub(super) struct Stack<S> {
    activation: Activation,
    layers: Vec<TrainableLinear<S>>,
}

parameters!(Stack { "layer" => layers });

/// For each layer: its input after dropout, the mask, and for all but the last its output `z`.
pub(super) struct StackTrace<S>(Vec<LayerTrace<S>>);

struct LayerTrace<S> {
    x: Array2<S>,
    dropout: Option<Dropout>,
    z: Option<Array2<S>>,
}

impl<S: Scalar> Stack<S> {
    /// Weights normal with deviation 0.02, biases zero.
    pub(super) fn new(config: &HeadConfig, hidden: usize, seed: Seed) -> Self {
        let layer = |i: usize| {
            let last = i + 1 == config.layers;
            let out = if last { config.outputs() } else { hidden };
            TrainableLinear::new(init::normal((out, hidden), 0.02, seed.at(i as u64)), !last || config.bias)
        };
        let activation = config.activation.unwrap_or(Activation::Identity);
        Self { activation, layers: (0..config.layers).map(layer).collect() }
    }

    /// The same layers with a scale in the last: `W' = deviation W`, `b' = deviation b + mean`.
    pub(super) fn scaled(&self, scale: TargetScale) -> Self {
        let (mean, deviation) = (S::from_f64(scale.mean), S::from_f64(scale.deviation));
        let mut scaled = self.clone();
        if let Some(layer) = scaled.layers.last_mut() {
            layer.weight.values_mut().iter_mut().for_each(|w| *w *= deviation);
            let biases = layer.bias.iter_mut().flat_map(AnyParameter::values_mut);
            biases.for_each(|b| *b = deviation * *b + mean);
        }
        scaled
    }

    /// `[N, D] → [N, C]`.
    pub(super) fn forward(&self, mut x: Array2<S>, rate: f64, pass: Pass) -> (Array2<S>, StackTrace<S>) {
        let mut traces = Vec::with_capacity(self.layers.len());
        for (i, layer) in self.layers.iter().enumerate() {
            let dropout = pass.at(i as u64).dropout(rate);
            if let Some(dropout) = dropout {
                dropout.apply(&mut x);
            }
            let z = layer.forward(x.view());
            let last = i + 1 == self.layers.len();
            let next = if last { z.clone() } else { self.activation.apply(z.view()) };
            traces.push(LayerTrace { x, dropout, z: (!last).then_some(z) });
            x = next;
        }
        (x, StackTrace(traces))
    }

    /// Adds the gradients of the layers; gives `d_rows`, `[N, D]`, if it is wanted.
    pub(super) fn backward(
        &self,
        trace: StackTrace<S>,
        d_logits: Array2<S>,
        wants_rows: bool,
        gradients: &mut Gradients<S>,
    ) -> Option<Array2<S>> {
        let mut d = d_logits;
        for (i, (layer, trace)) in self.layers.iter().zip(trace.0).enumerate().rev() {
            if let Some(z) = trace.z {
                d = self.activation.backward(z.view(), d);
            }
            layer.parameters_backward(trace.x.view(), d.view(), gradients);
            if i == 0 && !wants_rows {
                return None;
            }
            d = layer.input_backward(d.view());
            if let Some(dropout) = trace.dropout {
                dropout.apply(&mut d);
            }
        }
        Some(d)
    }
}
