//! A cosine for each pair of sequences.

use super::super::contract::Objective;
use super::super::error::TargetError;
use super::heads::check_head;
use super::pairs::Pairs;
use crate::head::HeadConfig;
use adaptune_tensor::Scalar;
use ndarray::{Array2, ArrayView2};

/// A cosine for each pair of sequences that follow each other, by squared error, as Sentence-BERT is trained on scored pairs
/// (Reimers and Gurevych, 2019):
///
/// ```text
/// l_i = (cos(a_i, b_i) − t_i)²        a, b: [N, D], the rows of each pair; t: [N], from −1 to 1
/// ```
///
/// It asks for the number itself. Scores that people gave are seldom cosines; [`CoSent`](super::CoSent) asks for their order alone.
#[derive(Clone, Debug, PartialEq)]
pub struct CosineSimilarity(pub Vec<f64>);

impl<S: Scalar> Objective<S> for CosineSimilarity {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn loss(&self, logits: ArrayView2<'_, S>, weight: S) -> S {
        self.errors(&Pairs::of(logits, self.0.len())).map(|error| weight * error * error).sum()
    }

    fn loss_backward(&self, logits: Array2<S>, weight: S) -> Array2<S> {
        let pairs = Pairs::of(logits.view(), self.0.len());
        let d_cosines: Vec<S> = self.errors(&pairs).map(|error| (weight + weight) * error).collect();
        pairs.backward(&d_cosines)
    }

    fn may_be_cut(&self) -> bool {
        true
    }

    fn check(&self, head: &HeadConfig, _: usize) -> Result<(), TargetError> {
        check_head(head)?;
        match self.0.iter().find(|score| !(-1.0..=1.0).contains(*score)) {
            Some(score) => Err(TargetError::Other(format!(
                "the score {score}, but a cosine is from −1 to 1: divide scores by the highest, or take the loss cosent, for which \
                 their order alone counts"
            ))),
            None => Ok(()),
        }
    }
}

impl CosineSimilarity {
    fn errors<S: Scalar>(&self, pairs: &Pairs<S>) -> impl Iterator<Item = S> {
        pairs.cosines.iter().zip(&self.0).map(|(cosine, target)| *cosine - S::from_f64(*target))
    }
}
