//! What LoRAs add to their layers, as factors and as matrices.
//!
//! With weights `w_i` and `Δ_i = s_i B_i A_i` the sum `Σ w_i Δ_i` is one product again:
//!
//! ```text
//! [w_1 s_1 B_1 | w_2 s_2 B_2 | …] [A_1 ; A_2 ; …]          rank Σ R_i, s = 1
//! ```
//!
//! For a smaller rank `R` its singular values are needed. With `B = Q_B R_B` and `Aᵀ = Q_A R_A` they are those of the small
//! matrix `R_B R_Aᵀ`, so no matrix of the layer's size is ever decomposed.

use super::error::CombineError;
use crate::adapter::Adapter;
use crate::core::svd::{Svd, svd as decompose, thin_qr};
use crate::methods::lora::config::LoraConfig;
use crate::registry::method::Method;
use adaptune_tensor::{AnyParameter, Parameters, Scalar, Seed};
use adaptune_transformer::Config;
use ndarray::{Array2, ArrayView2, Axis, Ix2, concatenate, s};
use std::collections::BTreeMap;

/// `s B` and `A` of every layer that a LoRA changes, by the names of the points.
pub(super) struct Factors<'a> {
    pub(super) name: &'a str,
    config: &'a LoraConfig,
    layers: BTreeMap<String, (Array2<f64>, Array2<f64>)>,
}

impl<'a> Factors<'a> {
    pub(super) fn of<S: Scalar>(name: &'a str, config: &'a LoraConfig, adapter: &Adapter<S>) -> Self {
        let layer = |point: crate::core::point::Point| {
            let parameters = adapter.module_parameters(point);
            let find = |wanted| parameters.iter().find(|(name, _)| name == wanted).map(|(_, p)| matrix(*p));
            let (a, b) = (find("lora_A").expect("a LoRA has it"), find("lora_B").expect("a LoRA has it"));
            (point.to_string(), (b * config.scaling(), a))
        };
        Self { name, config, layers: adapter.points().map(layer).collect() }
    }

    /// A point that but one of two has.
    pub(super) fn point_that_differs(&self, other: &Self) -> Option<String> {
        let lone = |a: &Self, b: &Self| a.layers.keys().find(|point| !b.layers.contains_key(*point)).cloned();
        lone(self, other).or_else(|| lone(other, self))
    }
}

fn matrix<S: Scalar>(parameter: &dyn AnyParameter<S>) -> Array2<f64> {
    parameter.to_view().mapv(S::to_f64).into_dimensionality::<Ix2>().expect("LoRA's parameters are matrices")
}

type Weighted<'a> = (Factors<'a>, f64);

/// The exact sum.
pub(super) fn linear<S: Scalar>(name: &str, all: &[Weighted<'_>], model: &Config) -> Result<Adapter<S>, CombineError> {
    let rank = all.iter().map(|(factors, _)| factors.config.r).sum();
    build(name, all, rank, model, |point| Ok(sum(all, point)))
}

/// The sum at a rank.
pub(super) fn svd<S: Scalar>(
    name: &str,
    all: &[Weighted<'_>],
    rank: Option<usize>,
    model: &Config,
) -> Result<Adapter<S>, CombineError> {
    let rank = rank.unwrap_or_else(|| largest_rank(all));
    build(name, all, rank, model, |point| {
        let (b, a) = sum(all, point);
        check_rank(rank, (b.nrows(), a.ncols()), point)?;
        let ((q_b, r_b), (q_a, r_a)) = (thin_qr(b.view()), thin_qr(a.t()));
        let Svd { u, sigma, v } = decompose(r_b.dot(&r_a.t()).view());
        Ok(split(Svd { u: q_b.dot(&u), sigma, v: q_a.dot(&v) }, rank))
    })
}

/// Whole matrices, combined, at a rank.
pub(super) fn dense<S: Scalar>(
    name: &str,
    all: &[Weighted<'_>],
    rank: Option<usize>,
    model: &Config,
    combine: impl Fn(&[Array2<f64>], &[f64], &str) -> Array2<f64>,
) -> Result<Adapter<S>, CombineError> {
    let rank = rank.unwrap_or_else(|| largest_rank(all));
    let weights: Vec<f64> = all.iter().map(|(_, weight)| *weight).collect();
    build(name, all, rank, model, |point| {
        let delta = |(factors, _): &Weighted<'_>| factors.layers[point].0.dot(&factors.layers[point].1);
        let deltas: Vec<Array2<f64>> = all.iter().map(delta).collect();
        check_rank(rank, deltas[0].dim(), point)?;
        Ok(split(decompose(combine(&deltas, &weights, point).view()), rank))
    })
}

/// `B` and `A` of `Σ w_i Δ_i`, side by side and one above the other.
fn sum(all: &[Weighted<'_>], point: &str) -> (Array2<f64>, Array2<f64>) {
    let b: Vec<Array2<f64>> = all.iter().map(|(factors, weight)| &factors.layers[point].0 * *weight).collect();
    let b: Vec<ArrayView2<'_, f64>> = b.iter().map(|b| b.view()).collect();
    let a: Vec<ArrayView2<'_, f64>> = all.iter().map(|(factors, _)| factors.layers[point].1.view()).collect();
    let join = |axis, parts: &[_]| concatenate(Axis(axis), parts).expect("layers at one point have one shape");
    (join(1, &b), join(0, &a))
}

/// `B = U √σ` and `A = √σ Vᵀ`, the first `rank` of each; where there are fewer, the rest is zero.
fn split(Svd { u, sigma, v }: Svd, rank: usize) -> (Array2<f64>, Array2<f64>) {
    let kept = rank.min(sigma.len());
    let root = sigma.slice(s![..kept]).mapv(f64::sqrt);
    let (mut b, mut a) = (Array2::zeros((u.nrows(), rank)), Array2::zeros((rank, v.nrows())));
    b.slice_mut(s![.., ..kept]).assign(&(&u.slice(s![.., ..kept]) * &root));
    a.slice_mut(s![..kept, ..]).assign(&(&v.slice(s![.., ..kept]) * &root).t());
    (b, a)
}

fn largest_rank(all: &[Weighted<'_>]) -> usize {
    all.iter().map(|(factors, _)| factors.config.r).max().unwrap_or(1)
}

fn check_rank(rank: usize, (outputs, inputs): (usize, usize), point: &str) -> Result<(), CombineError> {
    let limit = outputs.min(inputs);
    if (1..=limit).contains(&rank) {
        return Ok(());
    }
    Err(CombineError::Rank { rank, limit, point: point.to_owned() })
}

/// A LoRA with `α = R`, so that nothing is scaled, of these factors.
fn build<S: Scalar>(
    name: &str,
    all: &[Weighted<'_>],
    rank: usize,
    model: &Config,
    factors: impl Fn(&str) -> Result<(Array2<f64>, Array2<f64>), CombineError>,
) -> Result<Adapter<S>, CombineError> {
    let first = &all[0].0;
    let found = first.layers.keys().map(|point| Ok((point.as_str(), factors(point)?)));
    let found: BTreeMap<&str, _> = found.collect::<Result<_, CombineError>>()?;
    let config = LoraConfig { r: rank, alpha: rank as f64, use_rslora: false, ..first.config.clone() };
    let mut adapter = Adapter::blank(name, &Method::Lora(config), model, Seed::new(0))?;
    for (name, parameter) in adapter.parameters_mut() {
        let (point, part) = name.rsplit_once('.').expect("a point and a part");
        let (b, a) = &found[point];
        let from = if part == "lora_A" { a } else { b };
        parameter.values_mut().iter_mut().zip(from).for_each(|(into, from)| *into = S::from_f64(*from));
    }
    Ok(adapter)
}
