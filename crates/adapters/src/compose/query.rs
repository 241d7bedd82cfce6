//! What fusions and routers read at the end of a sublayer.

use super::changes::MixedGradient;
use adaptune_tensor::{Gradients, Scalar};
use adaptune_transformer::{NextState, Reads, SublayerInput};
use ndarray::{ArcArray2, Array2};

/// What queries of a fusion and choices of a router are made of, `x: [T, D]`.
pub(super) enum Query<'a, S> {
    /// The state with which the base would go on; several share it.
    Next(NextState<'a, S>),
    Output(ArcArray2<S>),
    Residual(ArcArray2<S>),
}

impl<'a, S: Scalar> Query<'a, S> {
    /// What modules read that read this.
    pub(super) fn of(input: &SublayerInput<'a, S>, reads: Reads) -> Self {
        match reads {
            Reads::Next => Self::Next(input.next(false)),
            Reads::Output => Self::Output(input.output.clone()),
            Reads::Residual => Self::Residual(input.residual.clone()),
        }
    }

    /// `x`.
    pub(super) fn x(&self) -> ArcArray2<S> {
        match self {
            Self::Next(next) => next.x.clone(),
            Self::Output(x) | Self::Residual(x) => x.clone(),
        }
    }

    /// True if `d_x` is wanted.
    pub(super) fn wants_gradient(&self, input: &SublayerInput<'_, S>) -> bool {
        match self {
            Self::Next(_) => input.wants_output || input.wants_residual || input.join.trains(),
            Self::Output(_) => input.wants_output,
            Self::Residual(_) => input.wants_residual,
        }
    }

    /// Takes `d_x` to where `x` came from.
    pub(super) fn backward(self, d_x: Option<Array2<S>>, mixed: &mut MixedGradient<S>, gradients: &mut Gradients<S>) {
        let Some(d_x) = d_x else { return };
        match self {
            Self::Next(next) => {
                let (d_output, d_residual) = next.backward(d_x, true, gradients);
                mixed.output.add_some(d_output);
                mixed.residual.add_some(d_residual);
            }
            Self::Output(_) => mixed.output.add(d_x),
            Self::Residual(_) => mixed.residual.add(d_x),
        }
    }
}
