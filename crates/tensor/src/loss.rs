//! Loss functions. All take the weight of one target, so that a mean over a batch that is cut
//! into micro-batches is still the mean over the whole batch: the weight is `1/targets` of it all.

use crate::Scalar;
use crate::activation::sigmoid;
use crate::profile;
use crate::softmax::{log_sum_exp, softmax};
use ndarray::{Array2, ArrayView2, Zip};

/// Cross-entropy `w Σ_i −ln softmax(x_i)[c_i]` over rows `x: [N, C]` that have a target class.
///
/// Rows whose target is `None` do not count, as in tagging.
///
/// # Panics
/// If there are not as many targets as rows, or a class is not below `C`.
#[must_use]
pub fn cross_entropy<S: Scalar>(logits: ArrayView2<'_, S>, targets: &[Option<usize>], weight: S) -> S {
    assert_eq!(logits.nrows(), targets.len(), "one target a row");
    let _span = profile::moving::<S>("cross-entropy", logits.shape(), 1);
    let logits = logits.as_standard_layout();
    let rows = logits.rows().into_iter().zip(targets);
    let losses = rows.filter_map(|(row, target)| {
        let row = row.to_slice().expect("standard layout");
        Some(log_sum_exp(row) - row[(*target)?])
    });
    losses.sum::<S>() * weight
}

/// `d_x_i = w (softmax(x_i) − e_c)`, zero where there is no target.
///
/// # Panics
/// As [`cross_entropy`].
#[must_use]
pub fn cross_entropy_backward<S: Scalar>(logits: Array2<S>, targets: &[Option<usize>], weight: S) -> Array2<S> {
    assert_eq!(logits.nrows(), targets.len(), "one target a row");
    let _span = profile::moving::<S>("cross-entropy, backward", logits.shape(), 4);
    let mut d = softmax(logits);
    for (mut row, target) in d.rows_mut().into_iter().zip(targets) {
        match target {
            Some(class) => row[*class] -= S::one(),
            None => row.fill(S::zero()),
        }
    }
    d * weight
}

/// Squared error `w Σ_i (x_i − t_i)²` over rows `x: [N, 1]`.
///
/// # Panics
/// If `x` has not one column and as many rows as there are targets.
#[must_use]
pub fn squared_error<S: Scalar>(x: ArrayView2<'_, S>, targets: &[S], weight: S) -> S {
    assert_eq!(x.dim(), (targets.len(), 1), "one number a target");
    x.iter().zip(targets).map(|(x, t)| (*x - *t) * (*x - *t)).sum::<S>() * weight
}

/// `d_x_i = 2 w (x_i − t_i)`.
///
/// # Panics
/// As [`squared_error`].
#[must_use]
pub fn squared_error_backward<S: Scalar>(x: ArrayView2<'_, S>, targets: &[S], weight: S) -> Array2<S> {
    assert_eq!(x.dim(), (targets.len(), 1), "one number a target");
    Array2::from_shape_fn(x.dim(), |(i, _)| (x[[i, 0]] - targets[i]) * weight * S::from_f64(2.0))
}

/// Binary cross-entropy of logits, `w Σ_ik ln(1 + e^x_ik) − y_ik x_ik`, over `x: [N, C]` and truths `y: [N, C]`, as
/// `max(x, 0) − y x + ln(1 + e^−|x|)`, in which nothing overflows.
///
/// # Panics
/// If there are not as many truths as logits.
#[must_use]
pub fn binary_cross_entropy<S: Scalar>(logits: ArrayView2<'_, S>, truths: ArrayView2<'_, bool>, weight: S) -> S {
    assert_eq!(logits.dim(), truths.dim(), "one truth a logit");
    let loss = |x: S, y: bool| {
        let own = if y { x } else { S::zero() };
        x.max(S::zero()) - own + (S::one() + (-x.abs()).exp()).ln()
    };
    logits.iter().zip(truths).map(|(x, y)| loss(*x, *y)).sum::<S>() * weight
}

/// `d_x = w (σ(x) − y)`, `[N, C]`.
///
/// # Panics
/// As [`binary_cross_entropy`].
#[must_use]
pub fn binary_cross_entropy_backward<S: Scalar>(
    mut logits: Array2<S>,
    truths: ArrayView2<'_, bool>,
    weight: S,
) -> Array2<S> {
    assert_eq!(logits.dim(), truths.dim(), "one truth a logit");
    Zip::from(&mut logits).and(truths).for_each(|x, y| {
        let truth = if *y { S::one() } else { S::zero() };
        *x = (sigmoid(*x) - truth) * weight;
    });
    logits
}
