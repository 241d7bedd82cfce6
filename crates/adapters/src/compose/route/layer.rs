//! A router at one point.
//!
//! For `U` units (tokens, or sequences) and `N` adapters: `x: [U, D]` is what the adapters read, of a sequence the mean over its tokens.
//!
//! ```text
//! p   = softmax(x Wᵀ)                      [U, N]
//! g_i = p_i                                all adapters are weighed, or one is chosen (Fedus et al., 2022)
//! g_i = p_i / Σ_{j chosen} p_j             several are chosen (Jiang et al., 2024); others weigh nothing and are not computed
//! g_i = 1                                  one is chosen, hard
//! y   = y_0 + Σ_i g_i u_i                  u_i is what adapter i adds to what the base gives, y_0
//! ```
//!
//! # Gradients
//!
//! ```text
//! d_g_i = d_y · u_i                        summed over the tokens of a unit
//! d_p_i = d_g_i                            where one is chosen or all are weighed; straight through where it is hard
//! d_p_i = (d_g_i − Σ_j g_j d_g_j) / Σ_{j chosen} p_j
//! d_a   = softmax'(d_p),  d_W = d_aᵀ x,  d_x = d_a W
//! ```
//!
//! By arrow `p = softmax(|x Wᵀ|)` with constant `W`, and `d_a` has the signs of `x Wᵀ` besides; see `compose/arrow.rs`.
//!
//! # Balance
//!
//! Left alone, a router comes to prefer the adapters that it happened to train first. So the loss of each step has besides
//! `balance · N Σ_i f_i P_i` for each router: `P_i` is the mean of `p_i` over the units, `f_i` the part of the choices that fell on
//! adapter `i`, through which no gradient passes (Fedus et al., 2022). Where all are weighed it is `balance · N Σ_i P_i²`.
//! Either is `balance` where all are used alike.

use super::config::{RoutedBy, RouterConfig};
use super::gates::{Unit, choose, choose_backward, shares};
use crate::compose::shares::Share;
use crate::compose::watch::Watcher;
use crate::core::layers::TrainableLinear;
use adaptune_tensor::{Gradients, Layout, Parameters, Scalar, Seed, init, parameters, softmax, softmax_backward};
use adaptune_transformer::Pass;
use ndarray::{ArcArray2, Array1, Array2, ArrayView2, Axis};

/// The layer of a router at one point.
#[derive(Clone, Debug)]
pub(crate) struct RouterLayer<S> {
    config: RouterConfig,
    experts: usize,
    /// `W`, `[N, D]`, by arrow a direction of length 1 for each adapter; there is none where chance chooses.
    linear: Option<TrainableLinear<S>>,
    /// Where its choices are written down, if they are.
    pub(super) watcher: Option<Watcher>,
}

parameters!(RouterLayer { "" => linear });

/// What the backward pass of a [`RouterLayer`] needs.
pub(super) struct RouterTrace<S> {
    /// `[U, D]`.
    x: ArcArray2<S>,
    /// `[U, N]`.
    p: Array2<S>,
    g: Array2<S>,
    /// Of scores of which the size alone counts, `[U, N]`.
    signs: Option<Array2<S>>,
    /// The unit of each token.
    unit_of: Vec<usize>,
    layout: Layout,
    /// The weight of the loss of balance in this batch.
    balance: S,
}

impl<S: Scalar> RouterLayer<S> {
    /// A layer that chooses among so many adapters by what is `width` wide, with its initial values.
    pub(super) fn new(config: &RouterConfig, experts: usize, width: usize, seed: Seed) -> Self {
        let linear = || TrainableLinear::new(init::normal((experts, width), 0.02, seed), false);
        let linear = (config.by != RoutedBy::Chance).then(linear);
        Self { config: config.clone(), experts, linear, watcher: None }
    }

    /// A layer that chooses by these directions, `[N, D]`.
    pub(super) fn of_directions(config: &RouterConfig, directions: Array2<S>) -> Self {
        let (experts, linear) = (directions.nrows(), Some(TrainableLinear::new(directions, false)));
        Self { config: config.clone(), experts, linear, watcher: None }
    }

    /// Returns each adapter's share for what the adapters read, `x: [T, D]`, and what backward needs, if it has to run.
    pub(super) fn forward(
        &self,
        x: &ArcArray2<S>,
        layout: &Layout,
        pass: Pass,
        wants_x: bool,
    ) -> (Vec<Share<S>>, Option<RouterTrace<S>>) {
        let Some(linear) = &self.linear else { return (self.by_chance(layout, pass), None) };
        let (x, unit) = match self.config.by {
            RoutedBy::Sequence => (means(x.view(), layout).into_shared(), Unit::Sequence),
            _ => (x.clone(), Unit::Token),
        };
        let mut scores = linear.forward(x.view());
        let signs = (self.config.by == RoutedBy::Arrow)
            .then(|| scores.mapv(|a| if a < S::zero() { -S::one() } else { S::one() }));
        if let Some(signs) = &signs {
            scores *= signs;
        }
        let p = softmax(scores);
        let g = match self.config.chosen() {
            Some(top) => choose(p.view(), top, self.config.weighs_one()),
            None => p.clone(),
        };
        let unit_of = unit.of_tokens(layout);
        if let Some(watcher) = &self.watcher {
            watcher.write(layout, g.select(Axis(0), &unit_of).view());
        }
        let shares = shares(&g, &unit_of, layout);
        let balanced = linear.any_trains() && !p.is_empty();
        let balance = S::from_f64(if balanced { self.config.balance * pass.share() } else { 0.0 });
        // What is chosen by arrow and weighs 1 weighs so wherever the token moves.
        let constant = self.config.by == RoutedBy::Arrow && self.config.weighs_one();
        let keep = pass.gradients() && (wants_x && !constant || linear.any_trains());
        (shares, keep.then(|| RouterTrace { x, p, g, signs, unit_of, layout: layout.clone(), balance }))
    }

    /// In training one adapter for all tokens, else all of them alike.
    fn by_chance(&self, layout: &Layout, pass: Pass) -> Vec<Share<S>> {
        let mut g = Array2::from_elem((1, self.experts), S::one() / S::from_f64(self.experts as f64));
        if let Some(seed) = pass.seed() {
            let chosen = (seed.unit(0) * self.experts as f64) as usize;
            g.fill(S::zero());
            g[(0, chosen.min(self.experts - 1))] = S::one();
        }
        shares(&g, &vec![0; layout.tokens()], layout)
    }

    /// From the gradients of the weights, for each adapter those of its tokens, to `d_x`, `[T, D]`, if it is wanted; adds `d_W`, and
    /// the loss of balance.
    pub(super) fn backward(
        &self,
        trace: RouterTrace<S>,
        d_weights: &[Vec<S>],
        shares: &[Share<S>],
        wants_x: bool,
        gradients: &mut Gradients<S>,
    ) -> Option<Array2<S>> {
        let linear = self.linear.as_ref()?;
        let mut d_p = self.probabilities_backward(&trace, d_weights, shares);
        if trace.balance != S::zero() {
            gradients.add_loss(self.balance(&trace, &mut d_p));
        }
        let mut d_a = softmax_backward(trace.p.view(), d_p);
        if let Some(signs) = &trace.signs {
            d_a *= signs;
        }
        linear.parameters_backward(trace.x.view(), d_a.view(), gradients);
        let d_x = wants_x.then(|| linear.input_backward(d_a.view()))?;
        Some(match self.config.by {
            RoutedBy::Sequence => means_backward(d_x.view(), &trace.layout),
            _ => d_x,
        })
    }

    fn probabilities_backward(&self, trace: &RouterTrace<S>, d_weights: &[Vec<S>], shares: &[Share<S>]) -> Array2<S> {
        let mut d_g = Array2::zeros(trace.g.dim());
        for ((d, share), mut d_g) in d_weights.iter().zip(shares).zip(d_g.columns_mut()) {
            for (i, d) in d.iter().enumerate() {
                d_g[trace.unit_of[share.rows.token(i)]] += *d;
            }
        }
        match self.config.chosen() {
            Some(top) => choose_backward(trace.p.view(), trace.g.view(), d_g, top),
            None => d_g,
        }
    }

    /// Returns the loss of balance, and adds its gradient to `d_p`.
    fn balance(&self, trace: &RouterTrace<S>, d_p: &mut Array2<S>) -> S {
        let units = S::from_f64(trace.p.nrows() as f64);
        let mean = trace.p.sum_axis(Axis(0)) / units;
        let rate = trace.balance * S::from_f64(self.experts as f64);
        let (f, slope) = match self.config.chosen() {
            Some(top) => (chosen(trace.g.view(), top), rate),
            None => (mean.clone(), rate + rate),
        };
        *d_p += &(&f * (slope / units));
        (f * mean).sum() * rate
    }
}

/// The part of the choices that fell on each adapter.
fn chosen<S: Scalar>(g: ArrayView2<'_, S>, top: usize) -> Array1<S> {
    let choices = S::from_f64((g.nrows() * top) as f64);
    let count = |column: ndarray::ArrayView1<'_, S>| column.iter().filter(|g| **g != S::zero()).count();
    g.columns().into_iter().map(|column| S::from_f64(count(column) as f64) / choices).collect()
}

/// The mean over the tokens of each sequence, `[S, D]`; of one without tokens it is zero.
fn means<S: Scalar>(x: ArrayView2<'_, S>, layout: &Layout) -> Array2<S> {
    let mut means = Array2::zeros((layout.sequences(), x.ncols()));
    for (mut mean, range) in means.outer_iter_mut().zip(layout.ranges()) {
        let length = S::from_f64(range.len().max(1) as f64);
        range.for_each(|token| mean += &x.row(token));
        mean /= length;
    }
    means
}

fn means_backward<S: Scalar>(d_means: ArrayView2<'_, S>, layout: &Layout) -> Array2<S> {
    let mut d_x = Array2::zeros((layout.tokens(), d_means.ncols()));
    for (d_mean, range) in d_means.outer_iter().zip(layout.ranges()) {
        let length = S::from_f64(range.len().max(1) as f64);
        range.for_each(|token| d_x.row_mut(token).assign(&(&d_mean / length)));
    }
    d_x
}

#[cfg(test)]
mod tests {
    use super::*;
    use adaptune_autograd::check_gradients;

    fn numbers(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
        Array2::from_shape_fn((rows, columns), |(i, j)| 4.0 * Seed::new(seed).at(i as u64).unit(j as u64) - 2.0)
    }

    /// A hard choice has no derivative: its gradient is that of the choice weighed by its probability.
    #[test]
    fn a_hard_choice_passes_the_gradient_of_its_probability_straight_through() {
        for by in [RoutedBy::Token, RoutedBy::Sequence] {
            let config = RouterConfig { by, hard: true, balance: 0.0, ..RouterConfig::default() };
            let (layout, x) = (Layout::from_lengths(&[2, 0, 3]), numbers(5, 4, 1));
            let mut layer = RouterLayer::<f64>::new(&config, 3, 4, Seed::new(2));
            let weight = numbers(3, 4, 3).into_raw_vec_and_offset().0;
            layer.parameters_mut()[0].1.values_mut().copy_from_slice(&weight);
            layer.train_from(0);
            let forward = |layer: &RouterLayer<f64>, x: &Array2<f64>| {
                layer.forward(&x.clone().into_shared(), &layout, Pass::differentiate(), true)
            };
            let (shares, trace) = forward(&layer, &x);
            let trace = trace.expect("it trains");
            assert!(shares.iter().flat_map(|share| &share.weights).all(|weight| *weight == 1.0));
            let d = |i: usize, token: usize| 0.3 + (i as f64 - 0.7) * (token as f64 + 0.4);
            let d_of = |(i, share): (usize, &Share<f64>)| {
                (0..share.weights.len()).map(|n| d(i, share.rows.token(n))).collect::<Vec<f64>>()
            };
            let d_weights: Vec<Vec<f64>> = shares.iter().enumerate().map(d_of).collect();
            let value = |layer: &RouterLayer<f64>, x: &Array2<f64>| {
                let (_, now) = forward(layer, x);
                let p = now.expect("it trains").p;
                let of = |(i, share): (usize, &Share<f64>)| {
                    let tokens = (0..share.weights.len()).map(|n| share.rows.token(n));
                    tokens.map(|token| d(i, token) * p[(trace.unit_of[token], i)]).sum::<f64>()
                };
                shares.iter().enumerate().map(of).sum::<f64>()
            };
            let mut of_x =
                |flat: &[f64]| value(&layer, &Array2::from_shape_vec((5, 4), flat.to_vec()).expect("it fits"));
            let flat = x.iter().copied().collect::<Vec<_>>();
            let again = forward(&layer, &x).1.expect("it trains");
            let mut gradients = Gradients::new();
            let d_x = layer.backward(again, &d_weights, &shares, true, &mut gradients).expect("it is wanted");
            check_gradients(&mut of_x, &flat, &d_x.iter().copied().collect::<Vec<_>>()).expect("x");
            let d_weight: Vec<f64> = gradients.iter().flat_map(|(_, values)| values.to_vec()).collect();
            let mut moved = layer.clone();
            let of_weight = |flat: &[f64]| {
                moved.parameters_mut()[0].1.values_mut().copy_from_slice(flat);
                value(&moved, &x)
            };
            check_gradients(of_weight, &weight, &d_weight).expect("W");
        }
    }
}
