//! The base's layers as operations on the tape.

use super::recording::Recording;
use adaptune_autograd::Var;
use adaptune_tensor::Scalar;
use adaptune_transformer::{BaseLinear, BaseNorm, ResidualJoin};
use ndarray::{Array1, Ix1, Ix2};

/// A linear layer of the base, `y = x Wᵀ + b`. `W` and `b` are constants unless they are thawed.
#[derive(Clone, Debug)]
pub struct LinearOperation<S: Scalar> {
    /// `W`, `[Out, In]`; shared with the base where it is frozen.
    pub weight: Var<S, Ix2>,
    /// `b`, `[Out]`; `None` where the layer has none.
    pub bias: Option<Var<S, Ix1>>,
}

impl<S: Scalar> LinearOperation<S> {
    pub(super) fn new<'a>(base: BaseLinear<'a, S>, recording: &mut Recording<'a, S>) -> Self {
        let weight = match base.thawed_weight() {
            Some(weight) => recording.parameter(weight),
            None => Var::constant(base.frozen().shared_weight()),
        };
        Self { weight, bias: base.bias().map(|bias| vector(base.thawed_bias(), bias, recording)) }
    }

    /// `y = x Wᵀ + b`, `[T, In] → [T, Out]`.
    ///
    /// # Panics
    /// If `x` has another width.
    #[must_use]
    pub fn apply(&self, x: &Var<S, Ix2>) -> Var<S, Ix2> {
        x.linear(&self.weight, self.bias.as_ref())
    }
}

/// A layer norm of the base. Weight and bias are constants unless they are thawed.
#[derive(Clone, Debug)]
pub struct NormOperation<S: Scalar> {
    /// The weight, `[D]`.
    pub weight: Var<S, Ix1>,
    /// The bias, `[D]`; zeros where the norm has none.
    pub bias: Var<S, Ix1>,
    /// What is added to the variance.
    pub epsilon: f64,
}

impl<S: Scalar> NormOperation<S> {
    pub(super) fn new<'a>(base: BaseNorm<'a, S>, recording: &mut Recording<'a, S>) -> Self {
        let none = Array1::zeros(base.weight().len());
        let bias = base.bias().map(|bias| vector(base.thawed_bias(), bias, recording));
        Self {
            weight: vector(base.thawed_weight(), base.weight(), recording),
            bias: bias.unwrap_or_else(|| Var::constant(none)),
            epsilon: base.epsilon(),
        }
    }

    /// Normalises each row, `[T, D] → [T, D]`.
    ///
    /// # Panics
    /// If `x` has another width.
    #[must_use]
    pub fn apply(&self, x: &Var<S, Ix2>) -> Var<S, Ix2> {
        x.layer_norm(&self.weight, &self.bias, self.epsilon)
    }
}

/// How the base joins a sublayer's output with its residual input.
#[derive(Clone, Debug)]
pub enum JoinOperation<S: Scalar> {
    /// `z + r`.
    Sum,
    /// `N(z + r)`.
    NormOfSum(NormOperation<S>),
    /// `N(z) + r`.
    SumOfNorm(NormOperation<S>),
}

impl<S: Scalar> JoinOperation<S> {
    pub(super) fn new<'a>(join: ResidualJoin<'a, S>, recording: &mut Recording<'a, S>) -> Self {
        match join {
            ResidualJoin::Sum => Self::Sum,
            ResidualJoin::NormOfSum(norm) => Self::NormOfSum(NormOperation::new(norm, recording)),
            ResidualJoin::SumOfNorm(norm) => Self::SumOfNorm(NormOperation::new(norm, recording)),
        }
    }

    /// Returns the next state, `[T, D]`, for an output `z` and a residual input `r`.
    #[must_use]
    pub fn apply(&self, z: &Var<S, Ix2>, r: &Var<S, Ix2>) -> Var<S, Ix2> {
        match self {
            Self::Sum => z + r,
            Self::NormOfSum(norm) => norm.apply(&(z + r)),
            Self::SumOfNorm(norm) => norm.apply(z) + r,
        }
    }
}

/// The thawed copy if there is one. Frozen vectors are small enough to be copied.
fn vector<'a, S: Scalar>(
    thawed: Option<&'a adaptune_tensor::Parameter<S, Ix1>>,
    frozen: ndarray::ArrayView1<'a, S>,
    recording: &mut Recording<'a, S>,
) -> Var<S, Ix1> {
    thawed.map_or_else(|| Var::constant(frozen.to_owned()), |copy| recording.parameter(copy))
}
