//! The head of a masked language model (Devlin et al., 2019), whose output layer is tied to the token embeddings.
//!
//! With the token embeddings `E: [V, W]` of the base, whose width `W` is mostly that of the hidden state:
//!
//! ```text
//! z = x W_tᵀ + b_t                [N, W]   the transformation
//! h = LN(φ(z))                    [N, W]
//! logits = h Eᵀ + b               [N, V]
//! ```
//!
//! An [invertible adapter](crate::bottleneck::invertible) changes what comes out of `E` below. What goes to `Eᵀ` is then not `h` but its
//! inverse of it.
//!
//! Backwards, where `E` gets a gradient only if it is thawed:
//!
//! ```text
//! d_b = Σ_n d_logits     d_E = d_logitsᵀ h     d_h = d_logits E
//! d_z = φ'(z) ∘ LN'(d_h)
//! d_W_t = d_zᵀ x         d_b_t = Σ_n d_z        d_x = d_z W_t
//! ```
//!
//! `E` is also the table of the embeddings below: its two gradients are summed in one buffer.

use crate::core::inverse::{InverseBackward, InverseModule};
use crate::core::layers::{TrainableLinear, TrainableNorm};
use adaptune_tensor::{
    Activation, Gradients, Kind, LayerNormTrace, Parameter, Scalar, Seed, init, linear, linear_bias_backward,
    linear_input_backward, linear_weight_backward, parameters,
};
use adaptune_transformer::{BaseTable, Config};
use ndarray::{Array1, Array2, Ix1};

/// The layers that are not the base's.
#[derive(Clone, Debug)]
pub(super) struct Language<S> {
    activation: Activation,
    transform: TrainableLinear<S>,
    norm: TrainableNorm<S>,
    /// `b`, `[V]`.
    bias: Parameter<S, Ix1>,
}

parameters!(Language { "transform" => transform, "norm" => norm, "bias" => bias });

/// What backward needs: `x`, `z` and `h`.
pub(super) struct LanguageTrace<'a, S> {
    x: Array2<S>,
    z: Array2<S>,
    norm: Option<LayerNormTrace<S>>,
    inverse: Option<InverseBackward<'a, S>>,
    h: Array2<S>,
}

impl<S: Scalar> Language<S> {
    /// The weight normal with deviation 0.02, biases zero, the norm the identity.
    pub(super) fn new(model: &Config, seed: Seed) -> Self {
        let (d, e) = (model.hidden, model.embedding_width());
        Self {
            activation: activation(model),
            transform: TrainableLinear::new(init::normal((e, d), 0.02, seed.at(0)), true),
            norm: TrainableNorm::with_epsilon(e, model.norm_epsilon),
            bias: Parameter::new(Kind::Bias, Array1::zeros(model.vocabulary)),
        }
    }

    /// `[N, D] → [N, V]`.
    pub(super) fn forward<'a>(
        &self,
        x: Array2<S>,
        table: BaseTable<'_, S>,
        inverse: Option<&'a dyn InverseModule<S>>,
    ) -> (Array2<S>, LanguageTrace<'a, S>) {
        let z = self.transform.forward(x.view());
        let (h, norm) = self.norm.forward(self.activation.apply(z.view()), true);
        let (h, inverse) = match inverse {
            Some(module) => {
                let (h, backward) = module.inverse(h.view());
                (h, Some(backward))
            }
            None => (h, None),
        };
        let logits = linear(h.view(), table.view(), Some(self.bias.view()));
        (logits, LanguageTrace { x, z, norm, inverse, h })
    }

    /// Adds the gradients of the head and of a thawed table; gives `d_x`, `[N, D]`, if it is wanted.
    pub(super) fn backward(
        &self,
        trace: LanguageTrace<'_, S>,
        table: BaseTable<'_, S>,
        d_logits: Array2<S>,
        wants_x: bool,
        gradients: &mut Gradients<S>,
    ) -> Option<Array2<S>> {
        let LanguageTrace { x, z, norm, inverse, h } = trace;
        if self.bias.trains() {
            gradients.add(&self.bias, linear_bias_backward(d_logits.view()));
        }
        if table.trains() {
            table.add_gradient(linear_weight_backward(h.view(), d_logits.view()), gradients);
        }
        let mut d_h = linear_input_backward(d_logits.view(), table.view());
        if let Some(backward) = inverse {
            d_h = backward(d_h.view(), gradients);
        }
        let d_a = self.norm.backward(&norm.expect("forward keeps it"), d_h, gradients);
        let d_z = self.activation.backward(z.view(), d_a);
        self.transform.parameters_backward(x.view(), d_z.view(), gradients);
        wants_x.then(|| self.transform.input_backward(d_z.view()))
    }
}

/// BERT's head has the activation of its blocks, RoBERTa's always GELU.
fn activation(model: &Config) -> Activation {
    let own = model.family.python().language_head.as_ref().and_then(|head| head.activation);
    own.unwrap_or(model.activation)
}
