//! IA3: infused adapter by inhibiting and amplifying inner activations (Liu et al., 2022).
//!
//! One factor for each channel, on one side of a layer `y = x Wᵀ + b` or the other:
//!
//! ```text
//! z = x Wᵀ + b,  y = α l ∘ z              l: [Out], on what leaves the layer
//! y = (α l ∘ x) Wᵀ + b                    l: [In], on what enters it
//! ```
//!
//! Keys and values are scaled as they leave their layers. In the feed-forward network paper and PEFT scale what enters the
//! second layer, which has been through the activation; AdapterHub scales what leaves the first one, which has not.
//!
//! # Gradients
//!
//! ```text
//! d_l = α Σ_t d_y ∘ z                     d_z = α l ∘ d_y,  d_x = d_z W
//! d_l = α Σ_t d_x' ∘ x                    d_x' = d_y W,     d_x = α l ∘ d_x'
//! ```

use super::config::LoraConfig;
use crate::core::module::Module;
use adaptune_tensor::{Kind, Parameter, Scalar, Seed, parameters};
use adaptune_transformer::{Accumulator, Linear, LinearBackward, LinearInput, LinearModule, LinearPoint, Properties};
use ndarray::{Array2, Axis, Ix1};

/// Which side of the layer is scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What enters it.
    Input,
    /// What leaves it, bias included.
    Output,
}

/// The factors of one layer.
#[derive(Clone, Debug)]
pub struct Ia3<S> {
    /// `l`.
    factors: Parameter<S, Ix1>,
    side: Side,
    /// `α`.
    scaling: S,
}

parameters!(Ia3 { "l" => factors });

impl<S: Scalar> Ia3<S> {
    /// For a layer of shape `(Out, In)`.
    #[must_use]
    pub fn new((outputs, inputs): (usize, usize), side: Side, config: &LoraConfig, seed: Seed) -> Self {
        let channels = if side == Side::Output { outputs } else { inputs };
        let (_, b) = config.init_weights.matrices((channels, 1), 1, seed);
        let factors = Parameter::new(Kind::Weight, b.column(0).to_owned());
        Self { factors, side, scaling: S::from_f64(config.scaling()) }
    }

    fn on_output<'a>(&'a self, input: LinearInput<'a, S>) -> (Array2<S>, Option<LinearBackward<'a, S>>) {
        let keep = input.wants_backward(self.factors.trains());
        let (z, layer) = input.layer(&input.x, input.wants_input);
        let l = &self.factors.view() * self.scaling;
        let y = &z * &l;
        let backward = (keep || layer.is_some()).then(|| -> LinearBackward<'a, S> {
            Box::new(move |d_y, gradients, d_x| {
                if self.factors.trains() {
                    gradients.add(&self.factors, (&d_y * &z).sum_axis(Axis(0)) * self.scaling);
                }
                let d_z = &d_y * &l;
                layer.into_iter().for_each(|layer| layer(d_z.view(), gradients, d_x));
            })
        });
        (y, backward)
    }

    fn on_input<'a>(&'a self, input: LinearInput<'a, S>) -> (Array2<S>, Option<LinearBackward<'a, S>>) {
        let keep = input.wants_backward(self.factors.trains());
        let l = &self.factors.view() * self.scaling;
        let scaled = (&input.x * &l).into_shared();
        let (y, layer) = input.layer(&scaled, input.wants_input || self.factors.trains());
        let LinearInput { x, wants_input, .. } = input;
        let backward = (keep || layer.is_some()).then(|| -> LinearBackward<'a, S> {
            Box::new(move |d_y, gradients, d_x| {
                let mut d = Accumulator::new();
                layer.into_iter().for_each(|layer| layer(d_y, gradients, &mut d));
                let Some(d) = d.into_sum() else { return };
                if self.factors.trains() {
                    gradients.add(&self.factors, (&d * &x).sum_axis(Axis(0)) * self.scaling);
                }
                if wants_input {
                    d_x.add(d * &l);
                }
            })
        });
        (y, backward)
    }
}

impl<S: Scalar> Module<S> for Ia3<S> {
    fn linear(&self) -> Option<&dyn LinearModule<S>> {
        Some(self)
    }

    /// Rows of `W` and `b` times `α l`, or columns of `W`.
    fn merged(&self, _: LinearPoint, layer: &Linear<S>) -> Option<Linear<S>> {
        let l = &self.factors.view() * self.scaling;
        Some(match self.side {
            Side::Output => {
                let bias = layer.bias().map(|bias| &bias * &l);
                Linear::new(layer.to_weight() * l.view().insert_axis(Axis(1)), bias)
            }
            Side::Input => Linear::new(layer.to_weight() * &l, layer.bias().map(|bias| bias.to_owned())),
        })
    }
}

impl<S: Scalar> LinearModule<S> for Ia3<S> {
    fn properties(&self, _: LinearPoint) -> Properties {
        Properties { token_wise: true, causal: true, may_be_followed: true, needs_plain_weight: false }
    }

    fn forward<'a>(&'a self, input: LinearInput<'a, S>) -> (Array2<S>, Option<LinearBackward<'a, S>>) {
        match self.side {
            Side::Output => self.on_output(input),
            Side::Input => self.on_input(input),
        }
    }
}
