//! MTL-LoRA: low-rank adaptation for several tasks (Yang et al., 2024).
//!
//! A LoRA between whose matrices a small one stands that belongs to a task, and which has `N` matrices `B_i`, mixed by
//! weights that belong to the task too. `A` and the `B_i` are what tasks can share:
//!
//! ```text
//! p = softmax(w / τ)                      [N], τ is weights_sharpness
//! B̄ = Σ_i p_i B_i                         [Out, R]
//! x' = dropout(x)                         [T, In]
//! h  = x' Aᵀ                              [T, R]
//! k  = h Λ                                [T, R], with singular_values λ ∘ h
//! u  = k B̄ᵀ                               [T, Out]
//! y  = x Wᵀ + b + s u                     s = α/R (rsLoRA: α/√R)
//! ```
//!
//! `B̄` is computed once a pass, so that a token costs what LoRA's does, whatever `N` is; AdapterHub computes `N` products
//! for every token and adds them up.
//!
//! # Initial values
//!
//! `A` and each `B_i` start as LoRA's do, `Λ` as the identity, and a fresh one is the identity as all `B_i` are 0. `w_i` is
//! drawn from `1 ± τ`. In AdapterHub all are 1: with equal `w` in every task all `B_i` get equal gradients for ever, and `N`
//! of them do what one does. A matrix `Λ` starts there as ones, which gives all columns of `B` equal gradients; that does
//! not come into effect, because it cannot be built there at all.
//!
//! # Gradients
//!
//! ```text
//! d_u = s d_y
//! d_B̄ = d_uᵀ k
//! d_B_i = p_i d_B̄         d_p_i = ⟨d_B̄, B_i⟩         d_w = p ∘ (d_p − Σ_j p_j d_p_j) / τ
//! d_k = d_u B̄
//! d_Λ = hᵀ d_k            d_h = d_k Λᵀ                    or d_λ = Σ_t d_k ∘ h, d_h = λ ∘ d_k
//! d_A = d_hᵀ x'
//! d_x = d_y W + mask ∘ (d_h A)
//! ```

use super::config::{MtlLoraConfig, TaskMatrix};
use crate::core::module::Module;
use crate::methods::lora::input::Input;
use adaptune_tensor::{
    AnyParameter, Gradients, Kind, Named, NamedMut, Parameter, Parameters, Scalar, Seed, linear, linear_input_backward,
    linear_weight_backward, matmul, matmul_into, parameters, softmax, softmax_backward,
};
use adaptune_transformer::{Linear, LinearBackward, LinearInput, LinearModule, LinearPoint, Properties};
use ndarray::{Array1, Array2, Array3, ArrayView2, Axis, Ix1, Ix2, Ix3};

/// The matrices of one layer for one task.
#[derive(Clone, Debug)]
pub struct MtlLora<S> {
    shared: Shared<S>,
    own: Own<S>,
}

parameters!(MtlLora { "" => shared, "" => own });

/// What tasks can share.
#[derive(Clone, Debug)]
pub(crate) struct Shared<S> {
    /// `[R, In]`.
    a: Parameter<S, Ix2>,
    /// All `B_i`, `[N, Out, R]`.
    b: Parameter<S, Ix3>,
    scaling: S,
    sharpness: S,
    dropout: f64,
}

parameters!(Shared { "lora_A" => a, "lora_B" => b });

/// What belongs to one task.
#[derive(Clone, Debug)]
pub(crate) struct Own<S> {
    /// `w`, `[N]`.
    weights: Parameter<S, Ix1>,
    task: Lambda<S>,
}

parameters!(Own { "weights" => weights, "task_specific.values" => task });

/// `Λ`.
#[derive(Clone, Debug)]
enum Lambda<S> {
    /// `λ`, `[R]`.
    Diagonal(Parameter<S, Ix1>),
    /// `[R, R]`.
    Full(Parameter<S, Ix2>),
}

impl<S: Scalar> MtlLora<S> {
    /// For a layer of shape `(Out, In)`.
    #[must_use]
    pub fn new(shape: (usize, usize), config: &MtlLoraConfig, seed: Seed) -> Self {
        Self { shared: Shared::new(shape, config, seed), own: Own::new(config, seed) }
    }
}

impl<S> MtlLora<S> {
    pub(crate) fn of(shared: Shared<S>, own: Own<S>) -> Self {
        Self { shared, own }
    }
}

impl<S: Scalar> Shared<S> {
    pub(crate) fn new(shape: (usize, usize), config: &MtlLoraConfig, seed: Seed) -> Self {
        let (lora, n) = (&config.lora, config.n_up_projection);
        let (a, _) = lora.init_weights.matrices(shape, lora.r, seed);
        let mut b = Array3::zeros((n, shape.0, lora.r));
        for (i, mut b) in b.outer_iter_mut().enumerate() {
            b.assign(&lora.init_weights.matrices::<S>(shape, lora.r, seed.at(i as u64)).1);
        }
        Self {
            a: Parameter::new(Kind::Weight, a),
            b: Parameter::new(Kind::Weight, b),
            scaling: S::from_f64(lora.scaling()),
            sharpness: S::from_f64(config.weights_sharpness),
            dropout: lora.dropout,
        }
    }

    /// `p = softmax(w / τ)`, `[1, N]`.
    fn shares(&self, own: &Own<S>) -> Array2<S> {
        softmax(own.weights.view().mapv(|w| w / self.sharpness).insert_axis(Axis(0)))
    }

    /// `B̄ = Σ_i p_i B_i`, `[Out, R]`.
    fn mixed(&self, p: ArrayView2<'_, S>) -> Array2<S> {
        let mut mixed = Array2::zeros((self.b.view().len_of(Axis(1)), self.a.view().nrows()));
        self.b.view().outer_iter().zip(p).for_each(|(b, p)| mixed.scaled_add(*p, &b));
        mixed
    }

    /// From `d_B̄`: adds the gradients of the `B_i` and of `w`.
    fn mixed_backward(&self, own: &Own<S>, p: ArrayView2<'_, S>, d: ArrayView2<'_, S>, gradients: &mut Gradients<S>) {
        if self.b.trains() {
            let mut d_b = Array3::zeros(self.b.view().dim());
            d_b.outer_iter_mut().zip(p).for_each(|(mut d_b, p)| d_b.scaled_add(*p, &d));
            gradients.add(&self.b, d_b);
        }
        if own.weights.trains() {
            let d_p: Array1<S> = self.b.view().outer_iter().map(|b| (&d * &b).sum()).collect();
            let d_w = softmax_backward(p, d_p.insert_axis(Axis(0))).remove_axis(Axis(0));
            gradients.add(&own.weights, d_w.mapv(|d| d / self.sharpness));
        }
    }

    /// The layer with what one task adds to it.
    pub(crate) fn forward<'a>(
        &'a self,
        own: &'a Own<S>,
        input: LinearInput<'a, S>,
    ) -> (Array2<S>, Option<LinearBackward<'a, S>>) {
        let keep = input.wants_backward(self.any_trains() || own.any_trains());
        let (mut y, layer) = input.layer(&input.x, input.wants_input);
        let keep = keep || layer.is_some();
        let LinearInput { x, pass, wants_input, .. } = input;
        let dropped = Input::new(&x, self.dropout, pass);
        let p = self.shares(own);
        let mixed = self.mixed(p.view());
        let h = linear(dropped.dropped().view(), self.a.view(), None);
        let k = own.task.forward(h.view());
        matmul_into(self.scaling, k.view(), mixed.t(), S::one(), &mut y.view_mut());
        let backward = keep.then(|| -> LinearBackward<'a, S> {
            Box::new(move |d_y, gradients, d_x| {
                layer.into_iter().for_each(|layer| layer(d_y, gradients, d_x));
                let d_u = d_y.mapv(|d| d * self.scaling);
                if self.b.trains() || own.weights.trains() {
                    let d_mixed = linear_weight_backward(k.view(), d_u.view());
                    self.mixed_backward(own, p.view(), d_mixed.view(), gradients);
                }
                if !wants_input && !self.a.trains() && !own.task.any_trains() {
                    return;
                }
                let d_k = linear_input_backward(d_u.view(), mixed.view());
                let d_h = own.task.backward(h.view(), d_k, gradients);
                if self.a.trains() {
                    gradients.add(&self.a, linear_weight_backward(dropped.dropped().view(), d_h.view()));
                }
                if wants_input {
                    d_x.add(dropped.backward(linear_input_backward(d_h.view(), self.a.view())));
                }
            })
        });
        (y, backward)
    }
}

impl<S: Scalar> Own<S> {
    pub(crate) fn new(config: &MtlLoraConfig, seed: Seed) -> Self {
        let (r, draws) = (config.lora.r, seed.named("weights"));
        let weight = |i: usize| S::from_f64(1.0 + config.weights_sharpness * (2.0 * draws.unit(i as u64) - 1.0));
        let task = match config.task_specific_matrix_type {
            TaskMatrix::SingularValues => Lambda::Diagonal(Parameter::new(Kind::Weight, Array1::ones(r))),
            TaskMatrix::Linear => Lambda::Full(Parameter::new(Kind::Weight, Array2::eye(r))),
        };
        let weights = (0..config.n_up_projection).map(weight).collect();
        Self { weights: Parameter::new(Kind::Weight, weights), task }
    }
}

impl<S: Scalar> Lambda<S> {
    /// `k = h Λ`, `[T, R]`.
    fn forward(&self, h: ArrayView2<'_, S>) -> Array2<S> {
        match self {
            Self::Diagonal(values) => &h * &values.view(),
            Self::Full(matrix) => matmul(h, matrix.view()),
        }
    }

    /// Adds `d_Λ` and gives `d_h`.
    fn backward(&self, h: ArrayView2<'_, S>, d_k: Array2<S>, gradients: &mut Gradients<S>) -> Array2<S> {
        match self {
            Self::Diagonal(values) => {
                if values.trains() {
                    gradients.add(values, (&d_k * &h).sum_axis(Axis(0)));
                }
                d_k * values.view()
            }
            Self::Full(matrix) => {
                if matrix.trains() {
                    gradients.add(matrix, matmul(h.t(), d_k.view()));
                }
                matmul(d_k.view(), matrix.view().t())
            }
        }
    }
}

impl<S: Scalar> Parameters<S> for Lambda<S> {
    fn list<'a>(&'a self, name: &str, all: &mut Named<'a, S>) {
        let parameter: &dyn AnyParameter<S> = match self {
            Self::Diagonal(values) => values,
            Self::Full(matrix) => matrix,
        };
        all.push((name.to_owned(), parameter));
    }
    fn list_mut<'a>(&'a mut self, name: &str, all: &mut NamedMut<'a, S>) {
        let parameter: &mut dyn AnyParameter<S> = match self {
            Self::Diagonal(values) => values,
            Self::Full(matrix) => matrix,
        };
        all.push((name.to_owned(), parameter));
    }
}

impl<S: Scalar> Module<S> for MtlLora<S> {
    fn linear(&self) -> Option<&dyn LinearModule<S>> {
        Some(self)
    }

    /// `W + s B̄ Λᵀ A`.
    fn merged(&self, _: LinearPoint, layer: &Linear<S>) -> Option<Linear<S>> {
        let Shared { a, scaling, .. } = &self.shared;
        let mixed = self.shared.mixed(self.shared.shares(&self.own).view());
        let product = matmul(mixed.view(), self.own.task.forward(a.view().t()).t());
        let mut weight = layer.to_weight();
        weight.scaled_add(*scaling, &product);
        Some(Linear::new(weight, layer.bias().map(|bias| bias.to_owned())))
    }
}

impl<S: Scalar> LinearModule<S> for MtlLora<S> {
    fn properties(&self, _: LinearPoint) -> Properties {
        Properties { token_wise: true, causal: true, may_be_followed: true, needs_plain_weight: false }
    }

    fn forward<'a>(&'a self, input: LinearInput<'a, S>) -> (Array2<S>, Option<LinearBackward<'a, S>>) {
        self.shared.forward(&self.own, input)
    }
}
