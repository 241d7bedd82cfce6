//! Trainable copies of single layers.

use adaptune_tensor::{Parameter, parameters};
use ndarray::{Ix1, Ix2};

/// Copies of a linear layer's weight and bias, those that are thawed.
#[derive(Clone, Debug)]
pub(crate) struct ThawedLinear<S> {
    pub(crate) weight: Option<Parameter<S, Ix2>>,
    pub(crate) bias: Option<Parameter<S, Ix1>>,
}

/// Copies of a norm's weight and bias, those that are thawed.
#[derive(Clone, Debug)]
pub(crate) struct ThawedNorm<S> {
    pub(crate) weight: Option<Parameter<S, Ix1>>,
    pub(crate) bias: Option<Parameter<S, Ix1>>,
}

parameters!(ThawedLinear { "weight" => weight, "bias" => bias });
parameters!(ThawedNorm { "weight" => weight, "bias" => bias });
