//! The trait of objectives.

use super::error::TargetError;
use crate::head::HeadConfig;
use adaptune_tensor::Scalar;
use adaptune_transformer::Selection;
use ndarray::{Array2, ArrayView2};
use std::fmt::Debug;

/// The targets of one batch, and the loss and gradient of logits by them.
///
/// With `N` rows of logits `x: [N, C]`, one for each token that is [read](Objective::selection), and a weight `w` the loss is
/// `w Σ_i l_i(x)`. Each of the [`count`](Objective::count) targets weighs `w`, so that the mean over a batch is the sum of
/// its micro-batches' losses with `w = 1/count` of them all.
///
/// ```
/// use adaptune_adapters::objective::{Classification, Objective};
/// use adaptune_adapters::ndarray::array;
/// let objective = Classification(vec![1, 0]);
/// let logits = array![[0.0_f64, 0.0], [1e3, 0.0]];
/// let loss = objective.loss(logits.view(), 0.5);
/// assert!((loss - 0.5 * 2.0_f64.ln()).abs() < 1e-12);
/// assert_eq!(objective.loss_backward(logits, 0.5), array![[0.25, -0.25], [0.0, 0.0]]);
/// ```
pub trait Objective<S: Scalar>: Debug + Send + Sync {
    /// The tokens of the last hidden state that are read, a row of logits for each; those that the head reads by default.
    fn selection(&self, head: &HeadConfig) -> Selection {
        head.selection()
    }

    /// How many targets count: the divisor of a mean loss.
    fn count(&self) -> usize;

    /// Returns the token that belongs behind each row that is read, if the loss is their cross-entropy by the base's output layer. Loss and
    /// gradient are then computed together, in pieces ([`linear_cross_entropy`](adaptune_tensor::linear_cross_entropy)), in the place of
    /// [`Objective::loss`] and [`Objective::loss_backward`], which say the same of logits that are there.
    fn next_tokens(&self) -> Option<&[u32]> {
        None
    }

    /// Returns the loss of logits `[N, C]`, each target weighing `weight`.
    ///
    /// # Panics
    /// If there is not a row of logits for each target, or a target does not fit the logits.
    fn loss(&self, logits: ArrayView2<'_, S>, weight: S) -> S;

    /// Returns `d_logits`, `[N, C]`: the gradient of [`Objective::loss`] with respect to the logits.
    ///
    /// # Panics
    /// As [`Objective::loss`].
    fn loss_backward(&self, logits: Array2<S>, weight: S) -> Array2<S>;

    /// True if the loss of a batch is the sum of the losses of its parts, so that a batch may be cut into micro-batches. A loss
    /// that compares sequences of a batch with each other is not.
    fn may_be_cut(&self) -> bool;

    /// Checks that the loss of a head's logits is defined for every target: a base has `vocabulary` tokens, a head a logit for
    /// each of its labels.
    ///
    /// # Errors
    /// If a target has no logit, or cannot be computed with.
    fn check(&self, head: &HeadConfig, vocabulary: usize) -> Result<(), TargetError>;
}
