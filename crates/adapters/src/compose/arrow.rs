//! Routers that nobody trains: Arrow (Ostapenko et al., 2024).
//!
//! What a LoRA was trained for shows in the inputs that it changes most. With `Δ_i = B_i A_i`, the largest change per length of the
//! input is that of `v_i`, the first right singular vector of `Δ_i`. So at each layer a token `x` has the scores
//!
//! ```text
//! a_i = |v_i · x|                          v_i: [In], of length 1; its sign means nothing
//! g   = softmax of the largest `top` of a, or of all
//! y   = W x + b + Σ_i g_i s_i B_i A_i x
//! ```
//!
//! and adapters that were trained apart, perhaps by different people, are put together without any data. With `B = Q R` the singular
//! vectors of `Δ` are those of `R A: [R, In]`, so no matrix of the layer's size is ever made.
//!
//! A bottleneck has no such vector. What it adds to a state is no linear function of it, so no direction is changed most; that of its
//! down-projection says what it reads, and not what it does with it. It is refused, and needs a router that learns.

use super::route::{RoutedBy, Router, RouterConfig};
use super::setup::Setup;
use crate::adapter::Adapter;
use crate::core::error::MethodError;
use crate::core::point::Point;
use crate::core::svd::{svd, thin_qr};
use crate::methods::lora::config::LoraKind;
use crate::registry::method::Method;
use adaptune_tensor::{AnyParameter, Scalar};
use ndarray::{Array1, Array2, Ix2};
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

/// Why adapters have no Arrow router.
#[derive(Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum ArrowError {
    /// A part that is no LoRA.
    #[error(
        "part {part}, {what}: by=arrow goes by the direction in which a LoRA changes a layer most, and nothing else has one (DoRA, \
         IA3, VeRA, MTL-LoRA, bottlenecks, prefixes, prompts, ReFT and adapters that are put together have none); leave by=arrow \
         out, and train the router"
    )]
    NoLora {
        /// The part, from 0.
        part: usize,
        /// What it is instead.
        what: String,
    },
    /// A part lacks a layer that another has.
    #[error("part {part} has no LoRA at {point}, and others have: by=arrow needs adapters of the same layers")]
    Missing {
        /// The part, from 0.
        part: usize,
        /// The point.
        point: String,
    },
    /// A part that changes nothing.
    #[error(
        "part {part} changes nothing at {point}, so it has no direction there: by=arrow needs adapters that are trained"
    )]
    Zero {
        /// The part, from 0.
        part: usize,
        /// The point.
        point: String,
    },
    /// The configuration contradicts itself, or is for more adapters than there are.
    #[error(transparent)]
    Config(#[from] MethodError),
}

impl<S: Scalar> Router<S> {
    /// The router among LoRAs that follows from what they change, without training (Arrow; Ostapenko et al., 2024). It stays as it is.
    ///
    /// ```
    /// use adaptune_adapters::{Adapter, Route, RoutedBy, Router, RouterConfig, Setup};
    /// use adaptune_tensor::{Parameters, Seed};
    /// use adaptune_transformer::Config;
    /// let model = Config::bert(8, 2, 2, 12);
    /// // LoRAs that were trained somewhere; here `init_weights=bert` stands for it.
    /// let adapter = |name, seed| {
    ///     Adapter::<f32>::new(name, &"lora[r=2,init_weights=bert]".parse().expect("a method"), &model, Seed::new(seed))
    /// };
    /// let parts = [adapter("law", 2)?, adapter("cooking", 3)?].map(|adapter| Setup::from(adapter).frozen());
    /// let config = RouterConfig { by: RoutedBy::Arrow, top: Some(1), ..RouterConfig::default() };
    /// let router = Router::arrow("chosen", &config, &parts)?;
    /// let setup = Setup::from(Route::new(&model, parts.into(), router)?);
    /// assert_eq!(setup.to_string(), "route(law, cooking; chosen)");
    /// assert!(setup.parameters().is_empty(), "nothing trains");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If a part is no LoRA, lacks a layer that another has, or changes nothing; or the configuration is not `by=arrow`, contradicts
    /// itself or is for more adapters than there are.
    pub fn arrow(name: &str, config: &RouterConfig, parts: &[Setup<S>]) -> Result<Self, ArrowError> {
        config.check(parts.len())?;
        if config.by != RoutedBy::Arrow {
            return Err(MethodError::Contradiction("a router that is made of its adapters is by=arrow").into());
        }
        let adapters: Vec<&Adapter<S>> = (0..).zip(parts).map(|(part, p)| lora(part, p)).collect::<Result<_, _>>()?;
        let points: BTreeSet<Point> = adapters.iter().flat_map(|adapter| adapter.points()).collect();
        let directions = |point: Point| {
            let of = |(part, adapter): (usize, &&Adapter<S>)| direction(part, adapter, point);
            let rows: Vec<Array1<f64>> = adapters.iter().enumerate().map(of).collect::<Result<_, _>>()?;
            let width = rows.first().map_or(0, Array1::len);
            let all = Array2::from_shape_fn((rows.len(), width), |(i, d)| S::from_f64(rows[i][d]));
            Ok((point, all))
        };
        let directions: BTreeMap<_, _> = points.into_iter().map(directions).collect::<Result<_, ArrowError>>()?;
        Ok(Self::of_directions(name, config, parts.len(), directions))
    }
}

/// The LoRA that a part is.
fn lora<S: Scalar>(part: usize, setup: &Setup<S>) -> Result<&Adapter<S>, ArrowError> {
    let adapter = match setup {
        Setup::Adapter(adapter) => &**adapter,
        Setup::Frozen(adapter) => &**adapter,
        other => return Err(ArrowError::NoLora { part, what: other.to_string() }),
    };
    match adapter.method() {
        Some(Method::Lora(config)) if config.kind() == LoraKind::Lora => Ok(adapter),
        _ => Err(ArrowError::NoLora { part, what: adapter.name().to_owned() }),
    }
}

/// The first right singular vector of `B A`, `[In]`.
fn direction<S: Scalar>(part: usize, adapter: &Adapter<S>, point: Point) -> Result<Array1<f64>, ArrowError> {
    let parameters = adapter.module_parameters(point);
    let find = |wanted| parameters.iter().find(|(name, _)| name == wanted).and_then(|(_, p)| matrix(*p));
    let (Some(a), Some(b)) = (find("lora_A"), find("lora_B")) else {
        return Err(ArrowError::Missing { part, point: point.to_string() });
    };
    let (_, r) = thin_qr(b.view());
    let found = svd(r.dot(&a).view());
    match found.sigma.first() {
        Some(sigma) if *sigma > 0.0 => Ok(found.v.column(0).to_owned()),
        _ => Err(ArrowError::Zero { part, point: point.to_string() }),
    }
}

fn matrix<S: Scalar>(parameter: &dyn AnyParameter<S>) -> Option<Array2<f64>> {
    parameter.to_view().mapv(S::to_f64).into_dimensionality::<Ix2>().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::lora::config::LoraConfig;
    use adaptune_tensor::{Parameters, Seed};
    use adaptune_transformer::{Config, Encoder};

    fn adapter(name: &str, method: &str) -> Adapter<f64> {
        let base = Encoder::random(Config::bert(6, 2, 2, 7), 0.2, Seed::new(1));
        let method = method.parse().expect("a method");
        let mut adapter = Adapter::on(name, &method, &base, Seed::new(3)).expect("it fits");
        for (parameter, values) in adapter.parameters_mut() {
            let seed = Seed::new(7).named(name).named(&parameter);
            values.values_mut().iter_mut().enumerate().for_each(|(i, v)| *v = seed.unit(i as u64) - 0.4);
        }
        adapter
    }

    const BY: RouterConfig = RouterConfig { by: RoutedBy::Arrow, top: None, hard: false, balance: 0.01 };

    /// The whole matrix, taken apart, has the same vector, whatever the rank and the shape of the layer.
    #[test]
    fn the_direction_is_that_of_the_whole_matrix() {
        for method in ["lora[r=1]", "lora[r=3,intermediate_lora=True,output_lora=True]", "lora[r=5,use_rslora=True]"] {
            let adapter = adapter("a", method);
            for point in adapter.points() {
                let found = direction(0, &adapter, point).expect("it is not zero");
                let parameters = adapter.module_parameters(point);
                let of = |i: usize| matrix(parameters[i].1).expect("a matrix");
                let whole = svd(of(1).dot(&of(0)).view());
                let cosine = found.dot(&whole.v.column(0));
                assert!((cosine.abs() - 1.0).abs() < 1e-12, "{method} {point}: {cosine}");
            }
        }
    }

    #[test]
    fn what_has_no_direction_is_named() {
        let parts = |methods: &[&str]| -> Vec<Setup<f64>> {
            let names = ["a", "b", "c"];
            names.iter().zip(methods).map(|(name, method)| Setup::from(adapter(name, method))).collect()
        };
        let error = |parts: &[Setup<f64>], config: &RouterConfig| {
            Router::arrow("r", config, parts).map(|_| ()).expect_err("it is refused").to_string()
        };
        for method in ["seq_bn", "ia3", "dora", "vera", "mtl_lora", "prefix_tuning"] {
            let message = error(&parts(&["lora", method]), &BY);
            assert!(message.contains("part 1, b") && message.contains("train the router"), "{method}: {message}");
        }
        let message = error(&parts(&["lora[attn_matrices=[q]]", "lora"]), &BY);
        assert!(message.contains("part 0 has no LoRA at layer.0.value"), "{message}");
        let fresh =
            Adapter::<f64>::new("new", &Method::Lora(LoraConfig::lora()), &Config::bert(6, 2, 2, 7), Seed::new(1));
        let message = error(&[adapter("a", "lora").into(), fresh.expect("it fits").into()], &BY);
        assert!(
            message.contains("part 1 changes nothing at layer.0.query") && message.contains("trained"),
            "{message}"
        );
        let message = error(&parts(&["lora"]), &RouterConfig { top: Some(2), ..BY });
        assert!(message.contains("from 1 to the number of adapters"), "{message}");
        let message = error(&parts(&["lora"]), &RouterConfig::default());
        assert!(message.contains("by=arrow"), "{message}");
    }
}
