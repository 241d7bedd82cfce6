//! What a head should predict, and how far off it is.

use adaptune_tensor::{Scalar, cross_entropy, cross_entropy_backward, squared_error, squared_error_backward};
use ndarray::{Array2, ArrayView2};

/// What the rows of a batch should be predicted as.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// A class for each sequence.
    Classes(Vec<usize>),
    /// A number for each sequence.
    Values(Vec<f64>),
    /// A class for each token; `None` where a token does not count.
    Tags(Vec<Option<usize>>),
    /// The tokens that stand at some places of the batch, where something else was put.
    Tokens {
        /// The places, counted through all sequences of the batch.
        places: Vec<usize>,
        /// The token that belongs to each.
        tokens: Vec<usize>,
    },
}

impl Targets {
    /// How many targets count: the divisor of a mean loss.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::Classes(classes) => classes.len(),
            Self::Values(values) => values.len(),
            Self::Tags(tags) => tags.iter().flatten().count(),
            Self::Tokens { tokens, .. } => tokens.len(),
        }
    }

    /// The places of the batch to which prediction is confined, if it is.
    #[must_use]
    pub fn places(&self) -> Option<&[usize]> {
        match self {
            Self::Tokens { places, .. } => Some(places),
            _ => None,
        }
    }

    /// The loss of logits, each target weighing `weight`: cross-entropy, or squared error for numbers.
    ///
    /// # Panics
    /// If the logits have not a row for each target.
    #[must_use]
    pub fn loss<S: Scalar>(&self, logits: ArrayView2<'_, S>, weight: S) -> S {
        match self {
            Self::Classes(classes) | Self::Tokens { tokens: classes, .. } => {
                cross_entropy(logits, &some(classes), weight)
            }
            Self::Tags(tags) => cross_entropy(logits, tags, weight),
            Self::Values(values) => squared_error(logits, &scalars(values), weight),
        }
    }

    /// The gradient of [`Targets::loss`] with respect to the logits.
    ///
    /// # Panics
    /// As [`Targets::loss`].
    #[must_use]
    pub fn loss_backward<S: Scalar>(&self, logits: Array2<S>, weight: S) -> Array2<S> {
        match self {
            Self::Classes(classes) | Self::Tokens { tokens: classes, .. } => {
                cross_entropy_backward(logits, &some(classes), weight)
            }
            Self::Tags(tags) => cross_entropy_backward(logits, tags, weight),
            Self::Values(values) => squared_error_backward(logits.view(), &scalars(values), weight),
        }
    }
}

fn some(classes: &[usize]) -> Vec<Option<usize>> {
    classes.iter().copied().map(Some).collect()
}

fn scalars<S: Scalar>(values: &[f64]) -> Vec<S> {
    values.iter().copied().map(S::from_f64).collect()
}
