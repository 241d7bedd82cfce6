//! How the base ends a sublayer.

use crate::base::{BaseNorm, NormTrace};
use adaptune_tensor::{Gradients, Scalar, add, copied};
use ndarray::{ArcArray2, Array2};

/// How the base joins a sublayer's output `z` with its residual input `r` to the next state; its norm may be thawed.
#[derive(Debug)]
pub enum ResidualJoin<'a, S> {
    /// `z + r`, of pre-norm blocks and those with both sublayers side by side.
    Sum,
    /// `N(z + r)`, of post-norm blocks.
    NormOfSum(BaseNorm<'a, S>),
    /// `N(z) + r`, of sandwich blocks.
    SumOfNorm(BaseNorm<'a, S>),
}

impl<S> Clone for ResidualJoin<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for ResidualJoin<'_, S> {}

/// What the backward pass of a [`ResidualJoin`] needs: what its norm kept.
#[derive(Clone, Debug)]
pub struct JoinTrace<S>(Option<NormTrace<S>>);

impl<'a, S: Scalar> ResidualJoin<'a, S> {
    /// Returns the next state, `[T, D]`, for an output `z: [T, D]`; the trace is kept if `keep` says so.
    #[must_use]
    pub fn forward(self, z: Array2<S>, r: &ArcArray2<S>, keep: bool) -> (Array2<S>, Option<JoinTrace<S>>) {
        let (next, trace) = match self {
            Self::Sum => (add(z, r), None),
            Self::NormOfSum(norm) => norm.forward(add(z, r), keep),
            Self::SumOfNorm(norm) => {
                let (normed, trace) = norm.forward(z, keep);
                (add(normed, r), trace)
            }
        };
        (next, keep.then_some(JoinTrace(trace)))
    }

    /// Adds the gradients of the norm's weights, those that train; returns `d_z`, and `d_r` if it is wanted.
    ///
    /// # Panics
    /// If the trace is another's.
    #[must_use]
    pub fn backward(
        self,
        trace: &JoinTrace<S>,
        d_next: Array2<S>,
        wants_residual: bool,
        gradients: &mut Gradients<S>,
    ) -> (Array2<S>, Option<Array2<S>>) {
        let kept = || trace.0.as_ref().expect("forward keeps what the norm needs");
        match self {
            Self::Sum => {
                let d_r = wants_residual.then(|| copied(&d_next));
                (d_next, d_r)
            }
            Self::NormOfSum(norm) => {
                let d_sum = norm.backward(kept(), d_next, gradients);
                let d_r = wants_residual.then(|| copied(&d_sum));
                (d_sum, d_r)
            }
            Self::SumOfNorm(norm) => {
                let d_r = wants_residual.then(|| copied(&d_next));
                (norm.backward(kept(), d_next, gradients), d_r)
            }
        }
    }

    /// The norm, if there is one.
    #[must_use]
    pub fn norm(self) -> Option<BaseNorm<'a, S>> {
        match self {
            Self::Sum => None,
            Self::NormOfSum(norm) | Self::SumOfNorm(norm) => Some(norm),
        }
    }

    /// True if weight or bias of the norm trains.
    #[must_use]
    pub fn trains(self) -> bool {
        self.norm().is_some_and(BaseNorm::trains)
    }
}
