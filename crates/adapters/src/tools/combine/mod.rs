//! One adapter made of several, without training: weighted combination.
//!
//! A LoRA changes a layer by `Δ = s B A`. What is combined is either the parameters as they are, or these changes:
//!
//! | | combines | result |
//! |---|---|---|
//! | [`Combination::Average`] | parameters, of any method | `Σ w_i θ_i`: AdapterSoup (Chronopoulou et al., 2023) |
//! | [`Combination::Linear`] | changes | `Σ w_i Δ_i`, exactly: the ranks add up. With any weights this is task arithmetic (Ilharco et al., 2023), with negative ones it takes away |
//! | [`Combination::Svd`] | changes | the best approximation of that sum of a given rank (Eckart and Young, 1936) |
//! | [`Combination::Ties`] | changes | TIES (Yadav et al., 2023): small numbers are dropped, signs are elected, and those that agree are averaged |
//! | [`Combination::Prune`] | changes | the sum after small numbers are dropped: TIES without the election |
//! | [`Combination::Dare`] | changes | DARE (Yu et al., 2024): numbers are dropped at random and the others scaled up, then added |
//! | [`Combination::DareTies`] | changes | DARE, then signs are elected as in TIES |
//!
//! The last four give matrices of full rank, which are brought down to one by singular values.
//!
//! Averaging the parameters of LoRAs is not averaging what they do, since `B A` is no linear function of its parts; AdapterHub's
//! `linear` and PEFT's are of that kind. PEFT's gives `2Δ` for two equal adapters with weights of a half, and
//! AdapterHub's `lora_delta_w_svd` forgets `s`. Here one adapter with weight 1 is itself, and two equal ones with half of
//! the weight each are that adapter, whichever way they are combined.

mod deltas;
mod error;
mod sparse;

pub use error::CombineError;

use crate::adapter::Adapter;
use crate::head::Head;
use crate::methods::lora::config::{LoraConfig, LoraKind};
use crate::registry::method::Method;
use adaptune_tensor::{Kind, NamedMut, Parameters, Scalar, Seed};
use adaptune_transformer::Config;
use deltas::Factors;

/// How adapters become one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Combination {
    /// The weighted sum of all parameters.
    Average {
        /// Weights are divided by their sum first, as AdapterHub does.
        normalise: bool,
    },
    /// The weighted sum of what LoRAs add to a layer, exactly: their matrices side by side, PEFT's `cat`. The rank is the sum
    /// of theirs.
    Linear,
    /// The same, at a rank.
    Svd {
        /// The rank; the largest of theirs if not given.
        rank: Option<usize>,
    },
    /// TIES. Weights are shares of the average.
    Ties {
        /// The share of numbers that is kept, the largest ones.
        density: f64,
        /// The rank; the largest of theirs if not given.
        rank: Option<usize>,
    },
    /// The sum of the largest numbers of each.
    Prune {
        /// The share of numbers that is kept, the largest ones.
        density: f64,
        /// The rank; the largest of theirs if not given.
        rank: Option<usize>,
    },
    /// DARE.
    Dare {
        /// The share of numbers that is kept, whichever they are.
        density: f64,
        /// Which ones.
        seed: Seed,
        /// The rank; the largest of theirs if not given.
        rank: Option<usize>,
    },
    /// DARE with the election of TIES. Weights are shares of the average.
    DareTies {
        /// The share of numbers that is kept, whichever they are.
        density: f64,
        /// Which ones.
        seed: Seed,
        /// The rank; the largest of theirs if not given.
        rank: Option<usize>,
    },
}

impl Combination {
    /// The share of numbers that is kept, where some are dropped.
    fn density(&self) -> Option<f64> {
        match *self {
            Self::Average { .. } | Self::Linear | Self::Svd { .. } => None,
            Self::Ties { density, .. }
            | Self::Prune { density, .. }
            | Self::Dare { density, .. }
            | Self::DareTies { density, .. } => Some(density),
        }
    }
}

/// Makes one adapter, called `name`, of several for the same base, each with its weight. It is frozen.
///
/// ```
/// use adaptune_adapters::{Adapter, Combination, combine};
/// use adaptune_tensor::Seed;
/// use adaptune_transformer::Config;
/// let model = Config::bert(8, 2, 2, 12);
/// let lora = |method: &str, seed| Adapter::<f64>::new("l", &method.parse().expect("a method"), &model, Seed::new(seed));
/// let (a, b) = (lora("lora[r=2,alpha=6]", 1)?, lora("lora[r=3,alpha=3]", 2)?);
/// let both = combine("both", &[(&a, 0.7), (&b, -0.2)], &Combination::Linear, &model)?;
/// assert_eq!(both.method().expect("a LoRA").fields()["r"], 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If they cannot be combined so: the reason.
pub fn combine<S: Scalar>(
    name: &str,
    adapters: &[(&Adapter<S>, f64)],
    how: &Combination,
    model: &Config,
) -> Result<Adapter<S>, CombineError> {
    check_weights(adapters, how)?;
    adapters.iter().try_for_each(|(adapter, _)| check_sizes(adapter, model))?;
    match *how {
        Combination::Average { normalise } => average(name, adapters, normalise, model),
        Combination::Linear => deltas::linear(name, &factors(adapters)?, model),
        Combination::Svd { rank } => deltas::svd(name, &factors(adapters)?, rank, model),
        Combination::Ties { density, rank } => {
            deltas::dense(name, &factors(adapters)?, rank, model, |d, w, _| sparse::ties(d, w, density))
        }
        Combination::Prune { density, rank } => {
            deltas::dense(name, &factors(adapters)?, rank, model, |d, w, _| sparse::prune(d, w, density))
        }
        Combination::Dare { density, seed, rank } => {
            let combined = |d: &[_], w: &[_], point: &str| sparse::dare(d, w, density, seed.named(point));
            deltas::dense(name, &factors(adapters)?, rank, model, combined)
        }
        Combination::DareTies { density, seed, rank } => {
            let combined = |d: &[_], w: &[_], point: &str| sparse::dare_ties(d, w, density, seed.named(point));
            deltas::dense(name, &factors(adapters)?, rank, model, combined)
        }
    }
}

/// An adapter must have the arrays that its method has in this model.
fn check_sizes<S: Scalar>(adapter: &Adapter<S>, model: &Config) -> Result<(), CombineError> {
    let Some(method) = adapter.method() else { return Ok(()) };
    let blank = Adapter::<S>::blank(adapter.name(), method, model, Seed::new(0))?;
    let shapes = |adapter: &Adapter<S>| -> Vec<_> {
        adapter.parameters().into_iter().map(|(name, parameter)| (name, parameter.shape().to_vec())).collect()
    };
    match shapes(adapter) == shapes(&blank) {
        true => Ok(()),
        false => Err(CombineError::OtherSizes { name: adapter.name().to_owned() }),
    }
}

fn check_weights<S>(adapters: &[(&Adapter<S>, f64)], how: &Combination) -> Result<(), CombineError>
where
    S: Scalar,
{
    if adapters.is_empty() {
        return Err(CombineError::Nothing);
    }
    if let Some(density) = how.density()
        && !(density > 0.0 && density <= 1.0)
    {
        return Err(CombineError::Density { density });
    }
    let shares = matches!(how, Combination::Ties { .. } | Combination::DareTies { .. });
    let expected = if shares { "above 0: with TIES it is a share" } else { "a finite number" };
    let bad = |weight: f64| !weight.is_finite() || (shares && weight <= 0.0);
    match adapters.iter().find(|(_, weight)| bad(*weight)) {
        Some((adapter, weight)) => {
            Err(CombineError::Weight { name: adapter.name().to_owned(), weight: *weight, expected })
        }
        None => Ok(()),
    }
}

/// The weighted sum of the parameters of heads of one form, called `name`: AdapterHub's `average_head`.
///
/// # Errors
/// If the heads differ in form, or the weights cannot be normalised.
pub fn average_heads<S: Scalar>(
    name: &str,
    heads: &[(&Head<S>, f64)],
    normalise: bool,
) -> Result<Head<S>, CombineError> {
    let (first, _) = *heads.first().ok_or(CombineError::Nothing)?;
    if let Some((other, _)) = heads.iter().find(|(head, _)| head.config() != first.config()) {
        let (first, name) = (first.name().to_owned(), other.name().to_owned());
        return Err(CombineError::OtherHeads { first, name });
    }
    let stored: Vec<_> = heads.iter().map(|(head, _)| head.without_scale()).collect();
    let mut sum = stored[0].clone().into_owned().named(name);
    sum.freeze();
    let weights = normalised(heads.iter().map(|(_, weight)| *weight).collect(), normalise)?;
    let parts: Vec<_> = stored.iter().map(|head| head.parameters()).collect();
    weighted_sum(sum.parameters_mut(), &parts, &weights);
    Ok(sum)
}

fn average<S: Scalar>(
    name: &str,
    adapters: &[(&Adapter<S>, f64)],
    normalise: bool,
    model: &Config,
) -> Result<Adapter<S>, CombineError> {
    let (first, _) = adapters[0];
    let owned = |adapter: &Adapter<S>| adapter.name().to_owned();
    let method = first.method().ok_or(CombineError::NotLora { name: owned(first), why: "it is your own" })?;
    if let Some((other, _)) = adapters.iter().find(|(adapter, _)| adapter.method() != first.method()) {
        return Err(CombineError::OtherMethod { first: owned(first), name: owned(other) });
    }
    let constants =
        |adapter| -> Vec<_> { Adapter::entries(adapter).flat_map(|(_, entry)| entry.constants()).collect() };
    let drawn = constants(first);
    for (other, _) in adapters {
        let other_drawn = constants(other);
        let differs = drawn.iter().zip(&other_drawn).find(|((_, a), (_, b))| a.values() != b.values());
        if let Some(((array, _), _)) = differs {
            let (first, name, array) = (owned(first), owned(other), array.clone());
            return Err(CombineError::OtherConstants { first, name, array });
        }
    }
    let mut sum = Adapter::blank(name, method, model, Seed::new(0))?;
    let of_sum = sum.entries_mut().flat_map(|(_, entry)| entry.constants_mut());
    of_sum.zip(&drawn).for_each(|((_, into), (_, from))| into.values_mut().copy_from_slice(from.values()));
    let weights = normalised(adapters.iter().map(|(_, weight)| *weight).collect(), normalise)?;
    let parts: Vec<_> = adapters.iter().map(|(adapter, _)| adapter.parameters()).collect();
    weighted_sum(sum.parameters_mut(), &parts, &weights);
    keep_signs(sum.parameters_mut(), adapters)?;
    Ok(sum)
}

/// The diagonal of a frame (LoReFT's orthonormal rows) is of signs, which cannot be averaged: all must have the same.
fn keep_signs<S: Scalar>(sum: NamedMut<'_, S>, adapters: &[(&Adapter<S>, f64)]) -> Result<(), CombineError> {
    let (first, _) = adapters[0];
    for (i, (array, into)) in sum.into_iter().enumerate().filter(|(_, (_, p))| p.kind() == Kind::Frame) {
        let columns = into.shape().last().copied().unwrap_or(1);
        for k in (0..into.values().len()).step_by(columns + 1) {
            let value = |adapter: &Adapter<S>| adapter.parameters()[i].1.values()[k];
            let differs = adapters.iter().find(|(adapter, _)| value(adapter) * value(first) <= S::zero());
            if let Some((other, _)) = differs {
                let (first, name) = (first.name().to_owned(), other.name().to_owned());
                return Err(CombineError::OtherConstants { first, name, array });
            }
            into.values_mut()[k] = value(first);
        }
    }
    Ok(())
}

fn normalised(weights: Vec<f64>, normalise: bool) -> Result<Vec<f64>, CombineError> {
    let sum: f64 = weights.iter().sum();
    if !normalise {
        return Ok(weights);
    }
    if sum.abs() < 1e-12 {
        return Err(CombineError::Sum { sum });
    }
    Ok(weights.into_iter().map(|weight| weight / sum).collect())
}

/// `θ = Σ w_i θ_i` for each parameter; all lists are in one order.
fn weighted_sum<S: Scalar>(sum: NamedMut<'_, S>, parts: &[adaptune_tensor::Named<'_, S>], weights: &[f64]) {
    for (i, (_, into)) in sum.into_iter().enumerate() {
        for (k, value) in into.values_mut().iter_mut().enumerate() {
            let terms = parts.iter().zip(weights).map(|(part, weight)| part[i].1.values()[k].to_f64() * weight);
            *value = S::from_f64(terms.sum());
        }
    }
}

/// What LoRAs are made of, each with its weight, after checking that they are of one kind and at the same layers.
fn factors<'a, S: Scalar>(adapters: &[(&'a Adapter<S>, f64)]) -> Result<Vec<(Factors<'a>, f64)>, CombineError> {
    let found: Vec<_> = adapters
        .iter()
        .map(|(adapter, weight)| Ok((Factors::of(adapter.name(), lora(adapter)?, adapter), *weight)))
        .collect::<Result<_, CombineError>>()?;
    let first = &found[0].0;
    for (other, _) in &found {
        if let Some(point) = first.point_that_differs(other) {
            let (first, name) = (first.name.to_owned(), other.name.to_owned());
            return Err(CombineError::OtherPoints { first, name, point });
        }
    }
    Ok(found)
}

/// The configuration of a plain LoRA.
fn lora<S: Scalar>(adapter: &Adapter<S>) -> Result<&LoraConfig, CombineError> {
    let not = |why| Err(CombineError::NotLora { name: adapter.name().to_owned(), why });
    match adapter.method() {
        Some(Method::Lora(config)) if config.kind() != LoraKind::Lora => {
            not("it has the options of a LoRA, but is another method")
        }
        Some(Method::Lora(config)) if config.use_gating => not("a gate stands before it, which depends on the text"),
        Some(Method::Lora(config)) => Ok(config),
        Some(_) => not("it is no LoRA"),
        None => not("it is your own"),
    }
}
