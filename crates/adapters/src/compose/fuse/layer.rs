//! A fusion at one point: attention of what the adapters read over what each of them adds.
//!
//! For `T` tokens and `N` adapters: `x` is what the last of them reads, `u_i` what adapter `i` would add to the sublayer's output
//! `o`; all are `[T, D]`. For each token
//!
//! ```text
//! q   = W_q x + b_q               or x, without a query layer
//! k_i = W_k u_i + b_k             or u_i, without a key layer
//! p   = softmax_i(dropout(q · k_i))
//! s   = Σ_i p_i u_i               and + o, where the residual comes before
//! z   = W_v s                     or s, without a value matrix
//! c   = z                         what the fusion adds to o; or z − o, where the residual came before
//! ```
//!
//! The paper makes values `W_v u_i` and mixes these, which is the same, as the matrix has no bias: here it is one product whatever
//! the number of adapters. Nor are there keys: with `t = W_kᵀ q`, `q · k_i = t · u_i + q · b_k`. Scores are not divided by `√D`.
//!
//! # Gradients
//!
//! ```text
//! d_W_v = d_zᵀ s                  d_s = d_z W_v
//! d_p_i = d_s · u_i               d_a = softmax'(d_p), through dropout: gradients of the scores
//! d_t = Σ_i d_a_i u_i             d_u_i = p_i d_s + d_a_i t
//! d_W_k = qᵀ d_t                  d_b_k = Σ_t (Σ_i d_a_i) q
//! d_q = W_k d_t + (Σ_i d_a_i) b_k
//! d_W_q = d_qᵀ x                  d_x = d_q W_q
//! d_o = d_s − d_c                 where the residual came before
//! ```

use super::config::FusionConfig;
use super::mix::{mixed, products, weighed};
use crate::compose::watch::Watcher;
use crate::core::layers::TrainableLinear;
use adaptune_tensor::{
    Dropout, Gradients, Kind, Layout, Parameter, Parameters, Precision, Scalar, Seed, copied, init, matmul_in,
    parameters, softmax, softmax_backward,
};
use adaptune_transformer::Pass;
use ndarray::{ArcArray2, Array2, ArrayView2, Axis, Ix2};

/// The weight of the value matrix's distance from the identity in the loss.
const REGULARISATION: f64 = 0.01;

/// What a value matrix begins with beside its diagonal of ones.
const BESIDE_IDENTITY: f64 = 1e-6;

/// The layers of a fusion at one point.
#[derive(Clone, Debug)]
pub(crate) struct FusionLayer<S> {
    query: Option<TrainableLinear<S>>,
    key: Option<TrainableLinear<S>>,
    /// `[D, D]`.
    value: Option<Value<S>>,
    residual_before: bool,
    regularised: bool,
    /// Rate of the dropout on the scores.
    dropout: f64,
    /// Where its attention is written down, if it is.
    pub(super) watcher: Option<Watcher>,
}

parameters!(FusionLayer { "query" => query, "key" => key, "value" => value });

/// The value matrix, which has no bias.
#[derive(Clone, Debug)]
struct Value<S> {
    weight: Parameter<S, Ix2>,
}

parameters!(Value { "weight" => weight });

/// What the backward pass of a [`FusionLayer`] needs.
pub(super) struct FusionTrace<S> {
    precision: Precision,
    x: ArcArray2<S>,
    /// `q`, where there is a query layer.
    q: Option<Array2<S>>,
    u: Vec<Array2<S>>,
    /// `t`, where there is a key layer.
    t: Option<Array2<S>>,
    dropout: Option<Dropout>,
    /// `[T, N]`.
    p: Array2<S>,
    /// `s`, where there is a value matrix.
    s: Option<Array2<S>>,
}

/// The gradients of what a fusion mixes.
pub(super) struct FusionGradient<S> {
    /// `d_u_i`, of those that are wanted.
    pub(super) parts: Vec<Option<Array2<S>>>,
    /// `d_x`, if it is wanted.
    pub(super) query: Option<Array2<S>>,
    /// `d_o`, where the residual came before.
    pub(super) output: Option<Array2<S>>,
}

impl<S: Scalar> FusionLayer<S> {
    /// A layer for a hidden size, with its initial values; `dropout` is the rate if the configuration names none.
    pub(super) fn new(config: &FusionConfig, hidden: usize, dropout: f64, seed: Seed) -> Self {
        let normal = |name| init::normal((hidden, hidden), 0.02, seed.named(name));
        let value = match config.value_initialized {
            true => Array2::from_shape_fn((hidden, hidden), |(i, j)| {
                S::from_f64(if i == j { 1.0 } else { BESIDE_IDENTITY })
            }),
            false => normal("value"),
        };
        Self {
            query: config.query.then(|| TrainableLinear::new(normal("query"), true)),
            key: config.key.then(|| TrainableLinear::new(normal("key"), true)),
            value: config.value.then(|| Value { weight: Parameter::new(Kind::NearIdentity, value) }),
            residual_before: config.residual_before,
            regularised: config.regularization,
            dropout: config.dropout_prob.filter(|rate| *rate != 0.0).unwrap_or(dropout),
            watcher: None,
        }
    }

    /// Returns `c` and, if `keep` says so, what backward needs.
    pub(super) fn forward(
        &self,
        x: ArcArray2<S>,
        u: Vec<Array2<S>>,
        o: &ArcArray2<S>,
        layout: &Layout,
        pass: Pass,
        keep: bool,
    ) -> (Array2<S>, Option<FusionTrace<S>>) {
        let precision = pass.precision();
        let q = self.query.as_ref().map(|query| query.forward_in(precision, x.view()));
        let of = q.as_ref().map_or_else(|| x.view(), |q| q.view());
        let t = self.key.as_ref().map(|key| key.input_backward_in(precision, of));
        let mut scores = products(t.as_ref().map_or(of, |t| t.view()), &u);
        if let Some(bias) = self.key.as_ref().and_then(|key| key.bias.as_ref()) {
            scores += &of.dot(&bias.view()).insert_axis(Axis(1));
        }
        let dropout = pass.dropout(self.dropout);
        if let Some(dropout) = &dropout {
            dropout.apply(&mut scores);
        }
        let p = softmax(scores);
        if let Some(watcher) = &self.watcher {
            watcher.write(layout, p.view());
        }
        let mut s = mixed(p.view(), &u);
        if self.residual_before {
            s += o;
        }
        let (mut c, s) = match &self.value {
            Some(value) => (matmul_in(precision, s.view(), value.weight.view().t(), None), Some(s)),
            None => (s, None),
        };
        if self.residual_before {
            c -= o;
        }
        (c, keep.then_some(FusionTrace { precision, x, q, u, t, dropout, p, s }))
    }

    /// From `d_c`; adds the gradients of all layers that train. `wants` says which `d_u_i` are wanted, `wants_query` whether `d_x` is.
    pub(super) fn backward(
        &self,
        trace: FusionTrace<S>,
        d_c: &Array2<S>,
        wants: &[bool],
        wants_query: bool,
        gradients: &mut Gradients<S>,
    ) -> FusionGradient<S> {
        let d_s = match (&self.value, &trace.s) {
            (Some(value), Some(s)) => value.backward(trace.precision, s, d_c, gradients),
            _ => copied(d_c),
        };
        let mut d_scores = softmax_backward(trace.p.view(), products(d_s.view(), &trace.u));
        if let Some(dropout) = &trace.dropout {
            dropout.apply(&mut d_scores);
        }
        let query = self.scores_backward(&trace, &d_scores, wants_query, gradients);
        let FusionTrace { x, q, t, p, .. } = trace;
        let against = t.as_ref().or(q.as_ref()).map_or_else(|| x.view(), |t| t.view());
        let part = |(i, wanted): (usize, &bool)| {
            wanted.then(|| weighed((p.column(i), d_s.view()), (d_scores.column(i), against)))
        };
        let parts = wants.iter().enumerate().map(part).collect();
        FusionGradient { parts, query, output: self.residual_before.then(|| d_s - d_c) }
    }

    /// From the gradients of the scores to `d_x`, through key and query layers.
    fn scores_backward(
        &self,
        trace: &FusionTrace<S>,
        d_scores: &Array2<S>,
        wants_query: bool,
        gradients: &mut Gradients<S>,
    ) -> Option<Array2<S>> {
        let wants_q = wants_query || self.query.as_ref().is_some_and(Parameters::any_trains);
        let wants_t = wants_q || self.key.as_ref().is_some_and(Parameters::any_trains);
        if !wants_t {
            return None;
        }
        let mut d = mixed(d_scores.view(), &trace.u);
        if let Some(key) = &self.key {
            let q = trace.q.as_ref().map_or_else(|| trace.x.view(), |q| q.view());
            d = key_backward(key, trace.precision, q, d, d_scores, gradients);
        }
        match &self.query {
            Some(query) => {
                query.parameters_backward_in(trace.precision, trace.x.view(), d.view(), gradients);
                wants_query.then(|| query.input_backward_in(trace.precision, d.view()))
            }
            None => Some(d).filter(|_| wants_query),
        }
    }

    /// Returns `0.01 ‖I − W_v‖²`, where the configuration asks for it, and adds its gradient: once for each step of the optimiser.
    pub(super) fn penalty(&self, gradients: &mut Gradients<S>) -> S {
        let Some(value) = self.value.as_ref().filter(|value| self.regularised && value.weight.trains()) else {
            return S::zero();
        };
        let rate = S::from_f64(REGULARISATION);
        let off = &value.weight.view() - &Array2::eye(value.weight.view().nrows());
        let penalty = off.iter().fold(S::zero(), |sum, off| sum + *off * *off) * rate;
        gradients.add(&value.weight, off * (rate + rate));
        penalty
    }
}

impl<S: Scalar> Value<S> {
    /// From `d_z` to `d_s`.
    fn backward(
        &self,
        precision: Precision,
        s: &Array2<S>,
        d_z: &Array2<S>,
        gradients: &mut Gradients<S>,
    ) -> Array2<S> {
        if self.weight.trains() {
            gradients.add(&self.weight, matmul_in(precision, d_z.t(), s.view(), None));
        }
        matmul_in(precision, d_z.view(), self.weight.view(), None)
    }
}

/// From `d_t` to `d_q`: the key layer is multiplied by from its other side, and its bias is a part of every score.
fn key_backward<S: Scalar>(
    key: &TrainableLinear<S>,
    precision: Precision,
    q: ArrayView2<'_, S>,
    d_t: Array2<S>,
    d_scores: &Array2<S>,
    gradients: &mut Gradients<S>,
) -> Array2<S> {
    if key.weight.trains() {
        gradients.add(&key.weight, matmul_in(precision, q.t(), d_t.view(), None));
    }
    let mut d_q = matmul_in(precision, d_t.view(), key.weight.view().t(), None);
    if let Some(bias) = &key.bias {
        let by_token = d_scores.sum_axis(Axis(1));
        if bias.trains() {
            gradients.add(bias, q.t().dot(&by_token));
        }
        for (mut d_q, sum) in d_q.outer_iter_mut().zip(by_token) {
            d_q.scaled_add(sum, &bias.view());
        }
    }
    d_q
}
