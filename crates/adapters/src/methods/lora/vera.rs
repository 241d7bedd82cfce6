//! VeRA: vector-based random matrix adaptation (Kopiczko et al., 2024).
//!
//! LoRA whose matrices are drawn once, shared by all layers and never trained; what trains are two vectors a layer, `δ: [R]`
//! and `β: [Out]`:
//!
//! ```text
//! h = dropout(x) Aᵀ                       [T, R]
//! k = δ ∘ h                               [T, R]
//! u = k Bᵀ                                [T, Out]
//! y = x Wᵀ + b + s β ∘ u
//! ```
//!
//! Where layers have different shapes, `A: [R, largest In]` and `B: [largest Out, R]` are cut to what a layer needs. `β`
//! starts at `vera_b`, which is 0, so a fresh VeRA is the identity.
//!
//! AdapterHub stores and trains `δ` and `β` as full matrices `[R, R]` and `[Out, Out]` that only start as diagonals. Here
//! they are the vectors of the paper. Files hold what AdapterHub wants; one with values beside the diagonals is refused.
//!
//! # Gradients
//!
//! ```text
//! d_β = s Σ_t d_y ∘ u                     d_u = s β ∘ d_y
//! d_k = d_u B
//! d_δ = Σ_t d_k ∘ h                       d_h = δ ∘ d_k
//! d_x = d_y W + mask ∘ (d_h A)
//! ```

use super::config::{LoraConfig, shape};
use super::input::Input;
use crate::core::by_point::ByPoint;
use crate::core::module::Module;
use adaptune_tensor::{
    Kind, Named, NamedMut, Parameter, Parameters, Scalar, Seed, linear, linear_input_backward, matmul, parameters,
};
use adaptune_transformer::{Config, Linear, LinearBackward, LinearInput, LinearModule, LinearPoint, Properties};
use ndarray::{Array1, Array2, ArrayView2, Axis, Ix1, Ix2, s};

/// The shared matrices, and the vectors of every layer: one module for all points.
#[derive(Clone, Debug)]
pub struct Vera<S> {
    /// `A`, `[R, largest In]`.
    a: Parameter<S, Ix2>,
    /// `B`, `[largest Out, R]`.
    b: Parameter<S, Ix2>,
    layers: ByPoint<Vectors<S>>,
    scaling: S,
    dropout: f64,
}

/// What one layer trains.
#[derive(Clone, Debug)]
struct Vectors<S> {
    /// `δ`, `[R]`.
    d: Parameter<S, Ix1>,
    /// `β`, `[Out]`.
    b: Parameter<S, Ix1>,
}

parameters!(Vectors { "d" => d, "b" => b });

impl<S: Scalar> Vera<S> {
    /// For all these layers of a model.
    #[must_use]
    pub fn new(points: &[LinearPoint], model: &Config, config: &LoraConfig, seed: Seed) -> Self {
        let shapes = points.iter().map(|point| shape(point.projection, model));
        let largest = shapes.fold((0, 0), |(outputs, inputs), (o, i)| (outputs.max(o), inputs.max(i)));
        let (a, b) = config.init_weights.matrices(largest, config.r, seed);
        let vector = |length, value: Option<f64>| {
            Parameter::new(Kind::Weight, Array1::from_elem(length, S::from_f64(value.unwrap_or(0.0))))
        };
        let vectors = |point: &LinearPoint| Vectors {
            d: vector(config.r, config.vera_d),
            b: vector(shape(point.projection, model).0, config.vera_b),
        };
        Self {
            a: Parameter::new(Kind::Weight, a),
            b: Parameter::new(Kind::Weight, b),
            layers: ByPoint(points.iter().map(|point| ((*point).into(), vectors(point))).collect()),
            scaling: S::from_f64(config.scaling()),
            dropout: config.dropout,
        }
    }

    /// `A` and `B` as a layer of this shape sees them: `[R, In]` and `[Out, R]`.
    fn matrices(&self, (outputs, inputs): (usize, usize)) -> (ArrayView2<'_, S>, ArrayView2<'_, S>) {
        (self.a.view().slice_move(s![.., ..inputs]), self.b.view().slice_move(s![..outputs, ..]))
    }
}

impl<S: Scalar> Parameters<S> for Vera<S> {
    fn list<'a>(&'a self, name: &str, all: &mut Named<'a, S>) {
        self.layers.list(name, all);
    }
    fn list_mut<'a>(&'a mut self, name: &str, all: &mut NamedMut<'a, S>) {
        self.layers.list_mut(name, all);
    }
}

impl<S: Scalar> Module<S> for Vera<S> {
    fn linear(&self) -> Option<&dyn LinearModule<S>> {
        Some(self)
    }
    fn constants(&self) -> Named<'_, S> {
        vec![("lora_A".to_owned(), &self.a), ("lora_B".to_owned(), &self.b)]
    }
    fn constants_mut(&mut self) -> NamedMut<'_, S> {
        vec![("lora_A".to_owned(), &mut self.a), ("lora_B".to_owned(), &mut self.b)]
    }

    /// `W + s diag(β) B diag(δ) A`.
    fn merged(&self, point: LinearPoint, layer: &Linear<S>) -> Option<Linear<S>> {
        let vectors = self.layers.at(point);
        let (a, b) = self.matrices(layer.dim());
        let a = &a * &vectors.d.view().insert_axis(Axis(1));
        let b = &b * &vectors.b.view().insert_axis(Axis(1));
        let mut weight = layer.to_weight();
        weight.scaled_add(self.scaling, &matmul(b.view(), a.view()));
        Some(Linear::new(weight, layer.bias().map(|bias| bias.to_owned())))
    }
}

impl<S: Scalar> LinearModule<S> for Vera<S> {
    fn properties(&self, _: LinearPoint) -> Properties {
        Properties { token_wise: true, causal: true, may_be_followed: true, needs_plain_weight: false }
    }

    fn forward<'a>(&'a self, input: LinearInput<'a, S>) -> (Array2<S>, Option<LinearBackward<'a, S>>) {
        let vectors = self.layers.at(input.point);
        let keep = input.wants_backward(vectors.any_trains());
        let (y, layer) = input.layer(&input.x, input.wants_input);
        let keep = keep || layer.is_some();
        let LinearInput { x, pass, wants_input, .. } = input;
        let (a, b) = self.matrices((y.ncols(), x.ncols()));
        let dropped = Input::new(&x, self.dropout, pass);
        let h = linear(dropped.dropped().view(), a, None);
        let u = linear((&h * &vectors.d.view()).view(), b, None);
        let scaled = &vectors.b.view() * self.scaling;
        let y = y + &u * &scaled;
        let backward = keep.then(|| -> LinearBackward<'a, S> {
            Box::new(move |d_y, gradients, d_x| {
                layer.into_iter().for_each(|layer| layer(d_y, gradients, d_x));
                if vectors.b.trains() {
                    gradients.add(&vectors.b, (&d_y * &u).sum_axis(Axis(0)) * self.scaling);
                }
                let d_k = linear_input_backward((&d_y * &scaled).view(), b);
                if vectors.d.trains() {
                    gradients.add(&vectors.d, (&d_k * &h).sum_axis(Axis(0)));
                }
                if wants_input {
                    let d_h = d_k * vectors.d.view();
                    d_x.add(dropped.backward(linear_input_backward(d_h.view(), a)));
                }
            })
        });
        (y, backward)
    }
}
