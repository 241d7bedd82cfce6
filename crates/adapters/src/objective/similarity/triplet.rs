//! An anchor that is to be nearer to its positive than to its negatives.

use super::super::contract::Objective;
use super::super::error::TargetError;
use super::super::one_of_rows::rows_of;
use super::heads::check_head;
use super::unit::UnitRows;
use crate::head::HeadConfig;
use adaptune_tensor::Scalar;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

/// How far two vectors are from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distance {
    /// `1 − cos(a, b)`, from 0 to 2.
    Cosine,
    /// `‖a − b‖` of vectors as long as they are.
    Euclidean,
}

/// An anchor that is to be nearer to its positive than to each of its negatives, by a margin (Weinberger and Saul, 2009; with
/// embeddings Schroff et al., 2015):
///
/// ```text
/// l = max(0, d(a, p) − d(a, n) + m)        for each negative n of an example
/// ```
///
/// The sequences of an example follow each other: its anchor, its positive, and at least one negative. Each negative is a target. A
/// triplet that is right by the margin teaches nothing, so most of easy data soon do not.
#[derive(Clone, Debug, PartialEq)]
pub struct Triplets {
    /// How many sequences each example has, three at least.
    pub sizes: Vec<usize>,
    /// How far a negative is to be beyond the positive.
    pub margin: f64,
    /// What distance is.
    pub distance: Distance,
}

impl Triplets {
    /// The rows of all triplets.
    fn triplets(&self) -> impl Iterator<Item = [usize; 3]> {
        rows_of(&self.sizes).flat_map(|rows| {
            let (anchor, positive) = (rows.start, rows.start + 1);
            (rows.start + 2..rows.end).map(move |negative| [anchor, positive, negative])
        })
    }

    fn prepared<S: Scalar>(&self, x: ArrayView2<'_, S>) -> UnitRows<S> {
        assert_eq!(x.nrows(), self.sizes.iter().sum::<usize>(), "a row for each sequence");
        UnitRows::of(x)
    }

    /// By how much a triplet falls short of the margin, at least 0.
    fn excess<S: Scalar>(&self, x: ArrayView2<'_, S>, [anchor, positive, negative]: [usize; 3]) -> S {
        let far = |other: usize| self.distance.between(x.row(anchor), x.row(other));
        (far(positive) - far(negative) + S::from_f64(self.margin)).max(S::zero())
    }

    fn losses<S: Scalar>(&self, x: ArrayView2<'_, S>, weight: S) -> S {
        self.triplets().map(|triplet| weight * self.excess(x, triplet)).sum()
    }

    /// The gradient with respect to the vectors that distances are between.
    fn losses_backward<S: Scalar>(&self, x: ArrayView2<'_, S>, weight: S) -> Array2<S> {
        let mut d_x = Array2::zeros(x.dim());
        for triplet in self.triplets().filter(|triplet| self.excess(x, *triplet) > S::zero()) {
            let [anchor, positive, negative] = triplet;
            for (other, sign) in [(positive, weight), (negative, -weight)] {
                let [d_anchor, d_other] = self.distance.backward(x.row(anchor), x.row(other), sign);
                d_x.row_mut(anchor).scaled_add(S::one(), &d_anchor);
                d_x.row_mut(other).scaled_add(S::one(), &d_other);
            }
        }
        d_x
    }
}

impl Distance {
    /// Between two vectors, which for the cosine have length 1.
    fn between<S: Scalar>(self, a: ArrayView1<'_, S>, b: ArrayView1<'_, S>) -> S {
        match self {
            Self::Cosine => S::one() - a.dot(&b),
            Self::Euclidean => a.iter().zip(b).map(|(a, b)| (*a - *b) * (*a - *b)).sum::<S>().sqrt(),
        }
    }

    /// The gradients with respect to both: `−d b` and `−d a`, or `d (a − b) / ‖a − b‖` and its opposite, none for equal vectors.
    fn backward<S: Scalar>(self, a: ArrayView1<'_, S>, b: ArrayView1<'_, S>, d: S) -> [Array1<S>; 2] {
        match self {
            Self::Cosine => [b.mapv(|b| -d * b), a.mapv(|a| -d * a)],
            Self::Euclidean => {
                let length = self.between(a, b);
                let factor = if length > S::zero() { d / length } else { S::zero() };
                let d_a = (&a - &b) * factor;
                let d_b = d_a.mapv(|value| -value);
                [d_a, d_b]
            }
        }
    }
}

impl<S: Scalar> Objective<S> for Triplets {
    fn count(&self) -> usize {
        self.triplets().count()
    }

    fn loss(&self, logits: ArrayView2<'_, S>, weight: S) -> S {
        let rows = self.prepared(logits);
        match self.distance {
            Distance::Cosine => self.losses(rows.unit.view(), weight),
            Distance::Euclidean => self.losses(logits, weight),
        }
    }

    fn loss_backward(&self, logits: Array2<S>, weight: S) -> Array2<S> {
        let rows = self.prepared(logits.view());
        match self.distance {
            Distance::Cosine => rows.backward(self.losses_backward(rows.unit.view(), weight)),
            Distance::Euclidean => self.losses_backward(logits.view(), weight),
        }
    }

    fn may_be_cut(&self) -> bool {
        true
    }

    fn check(&self, head: &HeadConfig, _: usize) -> Result<(), TargetError> {
        check_head(head)?;
        match self.sizes.iter().find(|size| **size < 3) {
            Some(_) => Err(TargetError::Other(
                "no negative, but triplets need an anchor, a positive and at least one negative: add a column of negatives, or take the loss \
                 multiple_negatives"
                    .into(),
            )),
            None => Ok(()),
        }
    }
}
