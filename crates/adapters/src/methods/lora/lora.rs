//! LoRA: low-rank adaptation (Hu et al., 2022).
//!
//! For a layer `y = x Wᵀ + b` with `In` inputs and `Out` outputs, a rank of `R`, and `s = α/R` (rsLoRA: `α/√R`):
//!
//! ```text
//! x' = dropout(x)                         [T, In]
//! h  = x' Aᵀ                              [T, R]
//! u  = h Bᵀ                               [T, Out]
//! y  = x Wᵀ + b + s u                     or + s g_s u with a gate
//! ```
//!
//! With gating (UniPELT) what a sequence gets is multiplied by its own `g_s` besides; see the gate. AdapterHub leaves `s`
//! out where there is a gate; here `α` keeps its meaning. What AdapterHub calls `B` is then `s B`, and files are written
//! and read so: a gated adapter computes the same on both sides.
//!
//! # Gradients
//!
//! ```text
//! d_u = s d_y                             with a gate s g_s d_y
//! d_g_s = s Σ_t d_y_t · u_t               over the tokens of a sequence
//! d_B = d_uᵀ h         d_h = d_u B
//! d_A = d_hᵀ x'
//! d_x = d_y W + mask ∘ (d_h A)            and what comes through the gate
//! ```

use super::config::LoraConfig;
use super::input::Input;
use super::low_rank::LowRank;
use crate::core::gate::{Gate, GateTrace, multiply_sequences, multiply_sequences_backward};
use crate::core::module::Module;
use adaptune_tensor::{Layout, Named, NamedMut, Parameters, Scalar, Seed, join, linear, matmul_into};
use adaptune_transformer::{Linear, LinearBackward, LinearInput, LinearModule, LinearPoint, Properties};
use ndarray::{ArcArray2, Array2};

/// The low-rank matrices of one layer, with their gate if there is one.
#[derive(Clone, Debug)]
pub struct Lora<S> {
    pair: LowRank<S>,
    gate: Option<Gate<S>>,
    scaling: S,
    dropout: f64,
}

impl<S: Scalar> Lora<S> {
    /// For a layer of shape `(Out, In)`.
    #[must_use]
    pub fn new(shape: (usize, usize), config: &LoraConfig, seed: Seed) -> Self {
        Self {
            pair: LowRank::new(shape, config.r, config.init_weights, seed),
            gate: config.use_gating.then(|| Gate::new(1, shape.1, seed)),
            scaling: S::from_f64(config.scaling()),
            dropout: config.dropout,
        }
    }

    /// That of these matrices, `A: [R, In]` and `B: [Out, R]`, without a gate.
    pub(super) fn of(a: Array2<S>, b: Array2<S>, config: &LoraConfig) -> Self {
        let (scaling, dropout) = (S::from_f64(config.scaling()), config.dropout);
        Self { pair: LowRank::of(a, b), gate: None, scaling, dropout }
    }

    /// Adds the low-rank part to `y`.
    fn add(&self, h: &Array2<S>, x: &ArcArray2<S>, layout: &Layout, y: &mut Array2<S>) -> Option<Gated<S>> {
        let Some(gate) = &self.gate else {
            matmul_into(self.scaling, h.view(), self.pair.up().t(), S::one(), &mut y.view_mut());
            return None;
        };
        let (g, trace) = gate.forward(x.view(), layout);
        let mut u = linear(h.view(), self.pair.up(), None);
        multiply_sequences(&mut u, g.view(), layout);
        y.scaled_add(self.scaling, &u);
        Some(Gated { g, trace })
    }
}

/// What backward needs of a gate.
struct Gated<S> {
    g: Array2<S>,
    trace: GateTrace<S>,
}

impl<S: Scalar> Parameters<S> for Lora<S> {
    fn list<'a>(&'a self, name: &str, all: &mut Named<'a, S>) {
        self.pair.list(name, all);
        self.gate.list(&join(name, "gate"), all);
    }
    fn list_mut<'a>(&'a mut self, name: &str, all: &mut NamedMut<'a, S>) {
        self.pair.list_mut(name, all);
        self.gate.list_mut(&join(name, "gate"), all);
    }
}

impl<S: Scalar> Module<S> for Lora<S> {
    fn linear(&self) -> Option<&dyn LinearModule<S>> {
        Some(self)
    }

    /// `W + s B A`; there is none with a gate, which depends on the input.
    fn merged(&self, _: LinearPoint, layer: &Linear<S>) -> Option<Linear<S>> {
        if self.gate.is_some() {
            return None;
        }
        let mut weight = layer.to_weight();
        weight.scaled_add(self.scaling, &self.pair.product());
        Some(Linear::new(weight, layer.bias().map(|bias| bias.to_owned())))
    }
}

impl<S: Scalar> LinearModule<S> for Lora<S> {
    /// A gate averages over the sequence.
    fn properties(&self, _: LinearPoint) -> Properties {
        let plain = self.gate.is_none();
        Properties { token_wise: plain, causal: plain, may_be_followed: true, needs_plain_weight: false }
    }

    fn forward<'a>(&'a self, input: LinearInput<'a, S>) -> (Array2<S>, Option<LinearBackward<'a, S>>) {
        let keep = input.wants_backward(self.any_trains());
        let (mut y, layer) = input.layer(&input.x, input.wants_input);
        let keep = keep || layer.is_some();
        let LinearInput { x, layout, pass, wants_input, .. } = input;
        let dropped = Input::new(&x, self.dropout, pass);
        let h = self.pair.down(dropped.dropped().view());
        let gated = self.add(&h, &x, &layout, &mut y);
        let backward = keep.then(|| -> LinearBackward<'a, S> {
            Box::new(move |d_y, gradients, d_x| {
                layer.into_iter().for_each(|layer| layer(d_y, gradients, d_x));
                let mut d_u = d_y.mapv(|d| d * self.scaling);
                if let (Some(gate), Some(Gated { g, trace })) = (&self.gate, gated) {
                    let u = linear(h.view(), self.pair.up(), None);
                    let d_g = multiply_sequences_backward(d_u.view(), u.view(), &layout);
                    let d = gate.backward(&trace, x.view(), &layout, d_g.view(), wants_input, gradients);
                    d.into_iter().for_each(|d| d_x.add(d));
                    multiply_sequences(&mut d_u, g.view(), &layout);
                }
                let d = self.pair.backward(dropped.dropped().view(), h.view(), d_u.view(), wants_input, gradients);
                d.into_iter().for_each(|d| d_x.add(dropped.backward(d)));
            })
        });
        (y, backward)
    }
}
