//! A number for each sequence.

use super::contract::Objective;
use super::error::TargetError;
use crate::head::HeadConfig;
use adaptune_tensor::{Scalar, squared_error, squared_error_backward};
use ndarray::{Array2, ArrayView2};

/// A number for each sequence, by squared error `(x − t)²`.
#[derive(Clone, Debug, PartialEq)]
pub struct Regression(pub Vec<f64>);

impl<S: Scalar> Objective<S> for Regression {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn loss(&self, logits: ArrayView2<'_, S>, weight: S) -> S {
        squared_error(logits, &self.scalars(), weight)
    }

    fn loss_backward(&self, logits: Array2<S>, weight: S) -> Array2<S> {
        squared_error_backward(logits.view(), &self.scalars(), weight)
    }

    fn may_be_cut(&self) -> bool {
        true
    }

    fn check(&self, head: &HeadConfig, _: usize) -> Result<(), TargetError> {
        if !head.task.predicts_a_number() || head.task.reads_every_token() {
            return Err(TargetError::head("a number of each sequence", head));
        }
        self.0.iter().try_for_each(|value| match value {
            value if !value.is_finite() => Err(TargetError::NotFinite { found: value.to_string() }),
            value if !S::from_f64(*value).to_f64().is_finite() => {
                Err(TargetError::TooLarge { found: format!("{value:e}"), scalar: S::NAME })
            }
            _ => Ok(()),
        })
    }
}

impl Regression {
    fn scalars<S: Scalar>(&self) -> Vec<S> {
        self.0.iter().copied().map(S::from_f64).collect()
    }
}
