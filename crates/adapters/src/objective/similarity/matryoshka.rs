//! Vectors whose beginnings are good vectors too.

use super::super::contract::Objective;
use super::super::error::TargetError;
use crate::head::HeadConfig;
use adaptune_tensor::Scalar;
use adaptune_transformer::Selection;
use ndarray::{Array2, ArrayView2, s};

/// Another objective for the beginnings of vectors too, so that they may be cut off (Matryoshka: Kusupati et al., 2022):
///
/// ```text
/// l(x) = Σ_m l'(x[:, :m])        for each size m; x: [N, D]
/// ```
///
/// Each size counts as much as every other. Short beginnings cost the whole vector a little.
#[derive(Debug)]
pub struct Matryoshka<S> {
    /// The objective.
    pub objective: Box<dyn Objective<S>>,
    /// How many of the first columns are compared; all of them where there are no more.
    pub sizes: Vec<usize>,
}

impl<S: Scalar> Objective<S> for Matryoshka<S> {
    fn selection(&self, head: &HeadConfig) -> Selection {
        self.objective.selection(head)
    }

    fn count(&self) -> usize {
        self.objective.count()
    }

    fn loss(&self, logits: ArrayView2<'_, S>, weight: S) -> S {
        let of = |size: &usize| self.objective.loss(logits.slice(s![.., ..*size.min(&logits.ncols())]), weight);
        self.sizes.iter().map(of).sum()
    }

    fn loss_backward(&self, logits: Array2<S>, weight: S) -> Array2<S> {
        let mut d = Array2::zeros(logits.dim());
        for size in &self.sizes {
            let columns = s![.., ..*size.min(&logits.ncols())];
            let d_part = self.objective.loss_backward(logits.slice(columns).to_owned(), weight);
            d.slice_mut(columns).scaled_add(S::one(), &d_part);
        }
        d
    }

    fn may_be_cut(&self) -> bool {
        self.objective.may_be_cut()
    }

    fn check(&self, head: &HeadConfig, vocabulary: usize) -> Result<(), TargetError> {
        self.objective.check(head, vocabulary)
    }
}
