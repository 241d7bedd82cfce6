//! DoRA: weight-decomposed low-rank adaptation (Liu et al., 2024), by PEFT's definition.
//!
//! Each row of the changed weight keeps a direction and gets a length of its own. For a layer `y = x Wᵀ + b`:
//!
//! ```text
//! n = ‖W + s B A‖                         [Out], the length of each row
//! c = m / n                               [Out]
//! h = x Aᵀ                                [T, R]
//! v = x Wᵀ + s h Bᵀ                       [T, Out]
//! y = c ∘ v + b
//! ```
//!
//! `m` starts as `‖W‖`, so with `B = 0` the layer starts as it was. With dropout it is `x' = dropout(x)` that is decomposed,
//! and the layer itself still reads `x`:
//!
//! ```text
//! v = x' Wᵀ + s h Bᵀ,  h = x' Aᵀ          y = x Wᵀ + b − x' Wᵀ + c ∘ v
//! ```
//!
//! # Gradients
//!
//! `n` counts as a constant (section 4.3 of the paper): it changes little and its gradient would cost as much as the rest.
//!
//! ```text
//! d_m = (Σ_t d_y ∘ v) / n
//! d_v = c ∘ d_y
//! d_B = s d_vᵀ h       d_h = s d_v B       d_A = d_hᵀ x'
//! d_x = d_v W + d_h A                      without dropout
//! d_x = d_y W + mask ∘ ((d_v − d_y) W + d_h A)
//! ```
//!
//! AdapterHub's own DoRA differs: it multiplies `b` by `c` too, leaves `s` out of `n`, and its merged weight is yet another.

use super::config::LoraConfig;
use super::input::Input;
use super::low_rank::LowRank;
use crate::core::module::Module;
use adaptune_tensor::{Kind, Named, NamedMut, Parameter, Parameters, Scalar, Seed, join, linear, matmul, matmul_into};
use adaptune_transformer::{BaseLinear, Linear, LinearBackward, LinearInput, LinearModule, LinearPoint, Properties};
use ndarray::{Array1, Array2, ArrayView2, Axis, Ix1};

/// The low-rank matrices of one layer, and the length of each row of its weight.
#[derive(Clone, Debug)]
pub struct Dora<S> {
    pair: LowRank<S>,
    /// `m`, `[Out]`.
    magnitude: Parameter<S, Ix1>,
    scaling: S,
    dropout: f64,
}

impl<S: Scalar> Dora<S> {
    /// For a layer of shape `(Out, In)`; `m` is 1 until [`Module::start`] is told the layer.
    #[must_use]
    pub fn new(shape: (usize, usize), config: &LoraConfig, seed: Seed) -> Self {
        Self {
            pair: LowRank::new(shape, config.r, config.init_weights, seed),
            magnitude: Parameter::new(Kind::Weight, Array1::ones(shape.0)),
            scaling: S::from_f64(config.scaling()),
            dropout: config.dropout,
        }
    }

    /// `W + s B A`.
    fn direction(&self, weight: ArrayView2<'_, S>) -> Array2<S> {
        let mut direction = weight.to_owned();
        direction.scaled_add(self.scaling, &self.pair.product());
        direction
    }

    /// `n`, `[Out]`.
    fn norm(&self, weight: ArrayView2<'_, S>) -> Array1<S> {
        lengths(self.direction(weight).view())
    }

    /// Forward and backward with `n` given; the derivation is in the [module](self)'s documentation.
    fn with_norm<'a>(&'a self, input: LinearInput<'a, S>, n: Array1<S>) -> (Array2<S>, Option<LinearBackward<'a, S>>) {
        let keep = input.wants_backward(self.any_trains());
        let LinearInput { x, base, pass, wants_input, .. } = input;
        let dropped = Input::new(&x, self.dropout, pass);
        let (h, v) = self.decomposed(&dropped, base);
        let c = &self.magnitude.view() / &n;
        let mut y = &v * &c;
        if dropped.drops() {
            let difference = &x - &dropped.dropped();
            matmul_into(S::one(), difference.view(), base.weight().t(), S::one(), &mut y.view_mut());
        }
        if let Some(bias) = base.bias() {
            y += &bias;
        }
        let backward = keep.then(|| -> LinearBackward<'a, S> {
            Box::new(move |d_y, gradients, d_x| {
                if self.magnitude.trains() {
                    gradients.add(&self.magnitude, (&d_y * &v).sum_axis(Axis(0)) / &n);
                }
                let d_v = &d_y * &c;
                base.bias_backward(d_y, gradients);
                // W is read with x', and with x − x' where something is dropped.
                let x_dropped = dropped.dropped();
                base.weight_backward(base.keep(&x_dropped).as_ref(), d_v.view(), gradients);
                if dropped.drops() {
                    let difference = (&x - &x_dropped).into_shared();
                    base.weight_backward(base.keep(&difference).as_ref(), d_y, gradients);
                }
                let d_u = &d_v * self.scaling;
                let d = self.pair.backward(x_dropped.view(), h.view(), d_u.view(), wants_input, gradients);
                let Some(mut d) = d else { return };
                if dropped.drops() {
                    d_x.add_product(d_y, base.weight());
                    d += &matmul((&d_v - &d_y).view(), base.weight());
                } else {
                    d += &matmul(d_v.view(), base.weight());
                }
                d_x.add(dropped.backward(d));
            })
        });
        (y, backward)
    }

    /// `h` and `v`.
    fn decomposed(&self, x: &Input<S>, base: BaseLinear<'_, S>) -> (Array2<S>, Array2<S>) {
        let x = x.dropped();
        let h = self.pair.down(x.view());
        let mut v = linear(x.view(), base.weight(), None);
        matmul_into(self.scaling, h.view(), self.pair.up().t(), S::one(), &mut v.view_mut());
        (h, v)
    }
}

/// The length of each row.
fn lengths<S: Scalar>(rows: ArrayView2<'_, S>) -> Array1<S> {
    rows.map_axis(Axis(1), |row| row.iter().fold(S::zero(), |sum, v| sum + *v * *v).sqrt())
}

impl<S: Scalar> Parameters<S> for Dora<S> {
    fn list<'a>(&'a self, name: &str, all: &mut Named<'a, S>) {
        self.pair.list(name, all);
        self.magnitude.list(&join(name, "m"), all);
    }
    fn list_mut<'a>(&'a mut self, name: &str, all: &mut NamedMut<'a, S>) {
        self.pair.list_mut(name, all);
        self.magnitude.list_mut(&join(name, "m"), all);
    }
}

impl<S: Scalar> Module<S> for Dora<S> {
    fn linear(&self) -> Option<&dyn LinearModule<S>> {
        Some(self)
    }

    /// `m` as the lengths of the rows that the layer starts with.
    fn start(&mut self, _: LinearPoint, layer: &Linear<S>) {
        self.magnitude = Parameter::new(Kind::Weight, self.norm(layer.weight()));
    }

    /// `m (W + s B A) / n`, row by row.
    fn merged(&self, _: LinearPoint, layer: &Linear<S>) -> Option<Linear<S>> {
        let mut weight = self.direction(layer.to_weight().view());
        let c = &self.magnitude.view() / &lengths(weight.view());
        weight *= &c.insert_axis(Axis(1));
        Some(Linear::new(weight, layer.bias().map(|bias| bias.to_owned())))
    }
}

impl<S: Scalar> LinearModule<S> for Dora<S> {
    fn forward<'a>(&'a self, input: LinearInput<'a, S>) -> (Array2<S>, Option<LinearBackward<'a, S>>) {
        let n = self.norm(input.base.weight());
        self.with_norm(input, n)
    }

    fn properties(&self, _: LinearPoint) -> Properties {
        Properties { token_wise: true, causal: true, may_be_followed: true, needs_plain_weight: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use adaptune_autograd::check_gradients;
    use adaptune_tensor::{Gradients, init};
    use adaptune_transformer::{Base, Batch, Config, Encoder, Insertions, Pass, Projection, Thaw, Thawed};

    const POINT: LinearPoint = LinearPoint { layer: 1, projection: Projection::FeedForwardIn };

    /// DoRA at one point, whose norm is held where it was.
    struct Held {
        dora: Dora<f64>,
        norm: Array1<f64>,
    }

    impl LinearModule<f64> for Held {
        fn forward<'a>(&'a self, input: LinearInput<'a, f64>) -> (Array2<f64>, Option<LinearBackward<'a, f64>>) {
            self.dora.with_norm(input, self.norm.clone())
        }

        fn properties(&self, point: LinearPoint) -> Properties {
            self.dora.properties(point)
        }
    }
    impl Insertions<f64> for Held {
        fn linear(&self, point: LinearPoint) -> Option<&dyn LinearModule<f64>> {
            (point == POINT).then_some(self)
        }
    }

    fn encoder() -> Encoder<f64> {
        let config = Config { vocabulary: 11, positions: 9, ..Config::bert(6, 2, 2, 7) };
        Encoder::random(config, 0.4, Seed::new(3))
    }

    fn held(encoder: &Encoder<f64>, dropout: f64) -> Held {
        let config = LoraConfig {
            r: 3,
            alpha: 4.0,
            dropout,
            init_weights: super::super::config::LoraInit::Bert,
            ..LoraConfig::dora()
        };
        let mut dora = Dora::new((7, 6), &config, Seed::new(1));
        dora.start(POINT, encoder.linear(POINT).expect("it is there"));
        for (name, parameter) in dora.parameters_mut() {
            let seed = Seed::new(2).named(&name);
            parameter.values_mut().iter_mut().enumerate().for_each(|(i, v)| *v += seed.unit(i as u64) - 0.5);
        }
        Held { norm: dora.norm(encoder.linear(POINT).expect("it is there").weight()), dora }
    }

    fn loss(base: Base<'_, f64>, held: &Held, pass: Pass) -> (f64, Gradients<f64>) {
        let batch = Batch::from_ids(&[&[3, 1, 4, 1], &[5], &[9, 2, 6]]);
        let encoded = base.forward(&batch, held, pass).expect("a good batch");
        let c: Array2<f64> = init::normal(encoded.hidden.dim(), 1.0, Seed::new(8));
        let (loss, mut gradients) = ((&encoded.hidden * &c).sum(), Gradients::new());
        encoded.trace.backward(c, &mut gradients);
        (loss, gradients)
    }

    /// Gradients of `A`, `B` and `m`, and of everything in the base, with the norm a constant as backward takes it.
    fn check(dropout: f64) {
        let (encoder, pass) = (encoder(), Pass::train(Seed::new(4)));
        let (mut held, mut thawed) = (held(&encoder, dropout), Thawed::new(&encoder, Thaw::ALL, false));
        let first = held.dora.train_from(0);
        thawed.train_from(first);
        let (_, gradients) = loss(Base::new(&encoder, Some(&thawed)), &held, pass);
        for i in 0..held.dora.parameters().len() + thawed.parameters().len() {
            let own = held.dora.parameters().len();
            macro_rules! parameter {
                ($list:ident) => {
                    if i < own { held.dora.$list().swap_remove(i) } else { thawed.$list().swap_remove(i - own) }
                };
            }
            let (name, parameter) = parameter!(parameters);
            let (slot, point) = (parameter.slot().expect("trains"), parameter.values().to_vec());
            let gradient: Vec<f64> = gradients.get(slot).expect("has a gradient").iter().copied().collect();
            let f = |x: &[f64]| {
                parameter!(parameters_mut).1.values_mut().copy_from_slice(x);
                loss(Base::new(&encoder, Some(&thawed)), &held, pass).0
            };
            check_gradients(f, &point, &gradient).unwrap_or_else(|e| panic!("{name}: {e}"));
            parameter!(parameters_mut).1.values_mut().copy_from_slice(&point);
        }
    }

    #[test]
    fn gradients_with_the_norm_held() {
        check(0.0);
    }

    #[test]
    fn gradients_with_dropout_and_the_norm_held() {
        check(0.4);
    }
}
