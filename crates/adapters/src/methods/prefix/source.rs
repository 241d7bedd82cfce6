//! Where the prefixes come from: trained themselves, or the output of a small network. The derivation of the gradients
//! stands in `layer.rs`.

use super::config::PrefixConfig;
use crate::core::layers::TrainableLinear;
use adaptune_tensor::{Activation, Gradients, Kind, Named, NamedMut, Parameter, Parameters, Scalar, Seed, parameters};
use adaptune_tensor::{init, linear, linear_bias_backward, linear_input_backward, linear_weight_backward};
use ndarray::{Array1, Array2, Ix1, Ix2, concatenate, s};
use std::ops::Range;

/// `Z`, `[P, 2LD]`, or what it is computed from.
#[derive(Clone, Debug)]
pub(super) enum Source<S> {
    /// `Z` row by row, `[P 2LD]`: AdapterHub's form of it.
    Flat { prefix: Parameter<S, Ix1>, length: usize },
    /// The network.
    Deep(Box<Network<S>>),
}

#[derive(Clone, Debug)]
pub(super) struct Network<S> {
    /// `E`, `[P, D]`.
    embedding: Parameter<S, Ix2>,
    down: TrainableLinear<S>,
    activation: Activation,
    up: TrainableLinear<S>,
}

parameters!(Network { "embedding" => embedding, "down" => down, "up" => up });

/// What backward needs: for a network `h` and `φ(h)`, both `[P, B]`.
pub(super) enum SourceTrace<S> {
    Flat,
    Deep { h: Array2<S>, a: Array2<S> },
}

impl<S: Scalar> Source<S> {
    /// Flat prefixes and embeddings are normal with deviation 1, the network starts as PyTorch starts linear layers,
    /// but for its biases, which are zero. Given are the hidden size and the width of keys.
    pub(super) fn new(config: &PrefixConfig, layers: usize, (hidden, key_value): (usize, usize), seed: Seed) -> Self {
        let (length, width, columns) = (config.prefix_length, config.bottleneck_size, 2 * layers * key_value);
        if config.flat {
            let prefix = init::normal((1, length * columns), 1.0, seed.named("prefix")).row(0).to_owned();
            return Self::Flat { prefix: Parameter::new(Kind::Weight, prefix), length };
        }
        let layer =
            |out, input, name| TrainableLinear::new(init::kaiming_uniform((out, input), seed.named(name)), true);
        Self::Deep(Box::new(Network {
            embedding: Parameter::new(Kind::Weight, init::normal((length, hidden), 1.0, seed.named("embedding"))),
            down: layer(width, hidden, "down"),
            activation: config.non_linearity,
            up: layer(columns, width, "up"),
        }))
    }

    /// `2D`, the columns of one of `layers` blocks.
    pub(super) fn columns(&self, layers: usize) -> usize {
        match self {
            Self::Flat { prefix, length } => prefix.view().len() / length / layers,
            Self::Deep(network) => network.up.weight.view().nrows() / layers,
        }
    }

    fn range(&self, place: usize, layers: usize) -> Range<usize> {
        let columns = self.columns(layers);
        place * columns..(place + 1) * columns
    }

    /// The columns of `Z` that belong to one of `layers` blocks, `[P, 2D]`.
    pub(super) fn forward(&self, place: usize, layers: usize, keep: bool) -> (Array2<S>, Option<SourceTrace<S>>) {
        let range = self.range(place, layers);
        match self {
            Self::Flat { prefix, length } => {
                let z = prefix.view().into_shape_with_order((*length, prefix.view().len() / length));
                let z = z.expect("as many numbers as rows times columns");
                (z.slice(s![.., range]).to_owned(), keep.then_some(SourceTrace::Flat))
            }
            Self::Deep(network) => {
                let h = network.down.forward(network.embedding.view());
                let a = network.activation.apply(h.view());
                let (weight, bias) = (network.up.weight.view(), network.bias());
                let z = linear(a.view(), weight.slice(s![range.clone(), ..]), Some(bias.slice(s![range])));
                (z, keep.then_some(SourceTrace::Deep { h, a }))
            }
        }
    }

    /// Adds the gradients of the parameters from that of a block's columns, `[P, 2D]`.
    pub(super) fn backward(
        &self,
        place: usize,
        layers: usize,
        trace: SourceTrace<S>,
        d_z: Array2<S>,
        gradients: &mut Gradients<S>,
    ) {
        let range = self.range(place, layers);
        match (self, trace) {
            (Self::Flat { prefix, length }, _) => gradients.add_in(prefix, |d| {
                let columns = d.len() / length;
                let mut d = d.into_shape_with_order((*length, columns)).expect("as many numbers as the prefix");
                let mut d = d.slice_mut(s![.., range]);
                d += &d_z;
            }),
            (Self::Deep(network), SourceTrace::Deep { h, a }) => network.backward(range, h, a, d_z, gradients),
            (Self::Deep(_), SourceTrace::Flat) => unreachable!("forward made the trace"),
        }
    }

    /// `Z` itself, put together from what the blocks see, so that they will see the same bits.
    pub(super) fn eject(&self, layers: usize) -> Self {
        let parts: Vec<Array2<S>> = (0..layers).map(|place| self.forward(place, layers, false).0).collect();
        let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
        let z = concatenate(ndarray::Axis(1), &views).expect("all have a row for each token of the prefix");
        let length = z.nrows();
        Self::Flat { prefix: Parameter::new(Kind::Weight, Array1::from_iter(z.iter().copied())), length }
    }
}

impl<S: Scalar> Network<S> {
    fn bias(&self) -> ndarray::ArrayView1<'_, S> {
        self.up.bias.as_ref().expect("the network's layers have biases").view()
    }

    fn backward(&self, range: Range<usize>, h: Array2<S>, a: Array2<S>, d_z: Array2<S>, gradients: &mut Gradients<S>) {
        gradients.add_in(&self.up.weight, |mut d| {
            let mut d = d.slice_mut(s![range.clone(), ..]);
            d += &linear_weight_backward(a.view(), d_z.view());
        });
        gradients.add_in(self.up.bias.as_ref().expect("the network's layers have biases"), |mut d| {
            let mut d = d.slice_mut(s![range.clone()]);
            d += &linear_bias_backward(d_z.view());
        });
        let d_a = linear_input_backward(d_z.view(), self.up.weight.view().slice(s![range, ..]));
        let d_h = self.activation.backward(h.view(), d_a);
        self.down.parameters_backward(self.embedding.view(), d_h.view(), gradients);
        if self.embedding.trains() {
            gradients.add(&self.embedding, self.down.input_backward(d_h.view()));
        }
    }
}

impl<S: Scalar> Parameters<S> for Source<S> {
    fn list<'a>(&'a self, name: &str, all: &mut Named<'a, S>) {
        match self {
            Self::Flat { prefix, .. } => prefix.list(&adaptune_tensor::join(name, "prefix"), all),
            Self::Deep(network) => network.list(name, all),
        }
    }
    fn list_mut<'a>(&'a mut self, name: &str, all: &mut NamedMut<'a, S>) {
        match self {
            Self::Flat { prefix, .. } => prefix.list_mut(&adaptune_tensor::join(name, "prefix"), all),
            Self::Deep(network) => network.list_mut(name, all),
        }
    }
}
