//! Pairs of sequences in the order of their scores.

use super::super::contract::Objective;
use super::super::error::TargetError;
use super::heads::check_head;
use super::pairs::Pairs;
use crate::head::HeadConfig;
use adaptune_tensor::Scalar;
use ndarray::{Array2, ArrayView2};

/// Pairs of sequences whose cosines are to be in the order of their scores (CoSENT: Su, 2022; `CoSENTLoss` of
/// sentence-transformers):
///
/// ```text
/// l = ln(1 + Σ_{t_i > t_j} exp(λ (c_j − c_i)))        c_i = cos(a_i, b_i); t: [N], the scores; λ: scale
/// ```
///
/// The loss is one number for all pairs of a batch, so a batch is one target and may not be cut. Of pairs with equal scores nothing
/// is asked, and a batch whose scores are all equal teaches nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct CoSent {
    /// The score of each pair, whose two sequences follow each other.
    pub scores: Vec<f64>,
    /// By what differences of cosines are multiplied.
    pub scale: f64,
}

impl CoSent {
    /// The scale that sentence-transformers has.
    pub const SCALE: f64 = 20.0;

    /// `λ (c_j − c_i)` for all pairs `i` with a higher score than `j`, with their numbers.
    fn differences<S: Scalar>(&self, cosines: &[S]) -> impl Iterator<Item = (usize, usize, S)> {
        let scale = S::from_f64(self.scale);
        let of = move |i: usize| {
            let lower = (0..self.scores.len()).filter(move |j| self.scores[i] > self.scores[*j]);
            lower.map(move |j| (i, j, scale * (cosines[j] - cosines[i])))
        };
        (0..self.scores.len()).flat_map(of)
    }

    /// The largest exponent, 0 among them, and the sum of all `exp(z − largest)`.
    fn sum<S: Scalar>(&self, cosines: &[S]) -> (S, S) {
        let largest = self.differences(cosines).fold(S::zero(), |most, (_, _, z)| most.max(z));
        let sum = self.differences(cosines).map(|(_, _, z)| (z - largest).exp()).sum::<S>();
        (largest, sum + (-largest).exp())
    }
}

impl<S: Scalar> Objective<S> for CoSent {
    fn count(&self) -> usize {
        1
    }

    fn loss(&self, logits: ArrayView2<'_, S>, weight: S) -> S {
        let (largest, sum) = self.sum(&Pairs::of(logits, self.scores.len()).cosines);
        weight * (largest + sum.ln())
    }

    /// `d_c_j = λ p_ij` and `d_c_i = −λ p_ij` for each term, `p_ij = exp(λ (c_j − c_i) − l)` being its share.
    fn loss_backward(&self, logits: Array2<S>, weight: S) -> Array2<S> {
        let pairs = Pairs::of(logits.view(), self.scores.len());
        let (largest, sum) = self.sum(&pairs.cosines);
        let factor = weight * S::from_f64(self.scale) / sum;
        let mut d_cosines = vec![S::zero(); self.scores.len()];
        for (i, j, z) in self.differences(&pairs.cosines) {
            let d = factor * (z - largest).exp();
            d_cosines[j] += d;
            d_cosines[i] -= d;
        }
        pairs.backward(&d_cosines)
    }

    fn may_be_cut(&self) -> bool {
        false
    }

    fn check(&self, head: &HeadConfig, _: usize) -> Result<(), TargetError> {
        check_head(head)?;
        match self.scores.iter().find(|score| !score.is_finite()) {
            Some(score) => Err(TargetError::NotFinite { found: score.to_string() }),
            None => Ok(()),
        }
    }
}
