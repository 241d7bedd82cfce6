//! Which adapters are averaged, and with which weights.

use crate::compose::error::CompositionError;
use crate::compose::mixing::Mixing;
use crate::compose::node::{Given, Node, Numbers};
use crate::compose::points::{check_batches, never_mixed};
use adaptune_tensor::Scalar;
use adaptune_transformer::{Config, Insertions, LinearModule, LinearPoint, SublayerModule, SublayerPoint};

/// How far from 1 the sum of the weights may be: as far as people round.
const TOLERANCE: f64 = 1e-6;

/// The weighted average of what several adapters give at each point (an ensemble of outputs; Wang et al., 2021, EMEA, mix language
/// adapters so).
///
/// | point | |
/// |---|---|
/// | linear layer | `y = Σ_i w_i y_i`, with `y_i` the output of the layer with part `i`; the base's product is computed once |
/// | end of a sublayer | `z = o + Σ_i w_i c_i`, where part `i` would go on with `z_i = o + c_i`; the base's last norm comes once, behind |
///
/// The weights sum to 1, so `Σ_i w_i z_i` is the same. A part without a module at a point counts as the base there. Adapters that
/// put tokens into sequences, or change them between blocks, have no average and are refused. One adapter whose *parameters* are an
/// average is [`combine`](crate::combine)'s.
#[derive(Clone, Debug)]
pub struct Average<P> {
    parts: Vec<P>,
    weights: Vec<f64>,
}

impl<P> Average<P> {
    /// The average of these parts; `weights` has one for each, which sum to 1.
    ///
    /// # Errors
    /// If there are no parts, the weights are not as many or do not sum to 1, a part has a module that cannot be averaged, or they
    /// were put together for batches of different numbers of sequences.
    pub fn new<S: Scalar>(model: &Config, parts: Vec<P>, weights: Vec<f64>) -> Result<Self, CompositionError>
    where
        P: Insertions<S>,
    {
        if parts.is_empty() {
            return Err(CompositionError::Nothing);
        }
        check_weights(&weights, parts.len())?;
        check_batches(&parts)?;
        for (part, p) in parts.iter().enumerate() {
            if let Some(point) = never_mixed(model, p) {
                return Err(CompositionError::NotAveraged { point: point.to_string(), part });
            }
        }
        Ok(Self { parts, weights })
    }

    /// The average in which all parts weigh the same.
    ///
    /// # Errors
    /// As [`Average::new`].
    pub fn equal<S: Scalar>(model: &Config, parts: Vec<P>) -> Result<Self, CompositionError>
    where
        P: Insertions<S>,
    {
        let weights = vec![1.0 / parts.len() as f64; parts.len()];
        Self::new(model, parts, weights)
    }

    /// The parts.
    #[must_use]
    pub fn parts(&self) -> &[P] {
        &self.parts
    }

    /// The weight of each part.
    #[must_use]
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Those parts that have a module, with their weights.
    pub(super) fn modules<'a, S: Scalar, M: ?Sized>(&'a self, of: impl Fn(&'a P) -> Option<&'a M>) -> Vec<(S, &'a M)> {
        let weighted = self.parts.iter().zip(&self.weights);
        weighted.filter_map(|(part, weight)| Some((S::from_f64(*weight), of(part)?))).collect()
    }
}

fn check_weights(weights: &[f64], parts: usize) -> Result<(), CompositionError> {
    if weights.len() != parts {
        return Err(CompositionError::WeightCount { found: weights.len(), parts });
    }
    let sum: f64 = weights.iter().sum();
    match (sum - 1.0).abs() <= TOLERANCE {
        true => Ok(()),
        false => Err(CompositionError::WeightSum { sum: sum.to_string() }),
    }
}

/// No part has modules between blocks or at keys and values: [`Average::new`].
impl<S: Scalar, P: Insertions<S> + Send> Insertions<S> for Average<P> {
    fn linear(&self, point: LinearPoint) -> Option<&dyn LinearModule<S>> {
        self.parts.iter().any(|part| part.linear(point).is_some()).then_some(self as _)
    }
    fn sublayer(&self, point: SublayerPoint) -> Option<&dyn SublayerModule<S>> {
        self.parts.iter().any(|part| part.sublayer(point).is_some()).then_some(self as _)
    }
    fn sequences(&self) -> Option<usize> {
        self.parts.iter().find_map(Insertions::sequences)
    }
    fn groups(&self) -> Option<usize> {
        self.parts.iter().find_map(Insertions::groups)
    }
}

impl<S: Scalar, P: Insertions<S>> Node<S, P> for Average<P> {
    const NAME: &'static str = "average";
    const WEIGHTED: bool = true;

    fn parts(&self) -> &[P] {
        &self.parts
    }
    fn parts_and_mixing_mut(&mut self) -> (&mut [P], Option<&mut dyn Mixing<S>>) {
        (&mut self.parts, None)
    }
    fn numbers(&self) -> Numbers {
        Numbers { lists: Vec::new(), weights: self.weights.clone() }
    }
    fn make(model: &Config, parts: Vec<P>, given: Given<S>) -> Result<Self, CompositionError> {
        match given.numbers.weights.is_empty() {
            true => Self::equal(model, parts),
            false => Self::new(model, parts, given.numbers.weights),
        }
    }
}
