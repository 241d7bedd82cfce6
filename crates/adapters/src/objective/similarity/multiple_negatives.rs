//! The right one among all that a batch holds.

use super::super::contract::Objective;
use super::super::error::TargetError;
use super::super::one_of_rows::rows_of;
use super::heads::check_head;
use super::unit::UnitRows;
use crate::head::HeadConfig;
use adaptune_tensor::{Scalar, matmul};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis};

/// Which of all candidates of a batch belongs to each anchor: multiple negatives ranking (Henderson et al., 2017), the contrastive
/// loss InfoNCE (van den Oord et al., 2018) with the other examples of the batch as negatives:
///
/// ```text
/// l_i = −ln exp(λ cos(a_i, p_i)) / Σ_k exp(λ cos(a_i, c_k))
///
/// a_i: the anchor of example i     p_i: its positive     λ: scale, one over the temperature
/// c_k: the positives of all examples, and the negatives that examples bring along
/// ```
///
/// The symmetric loss is half of this and half of the same from each positive to all anchors, as CLIP is trained (Radford et al.,
/// 2021).
///
/// Two examples of a batch may have one text in common. So candidate `k` is left out of the sum of anchor `i` where it is the text of
/// its own positive or the anchor itself, or is the positive of an anchor with the same text: what is right is no negative.
///
/// The loss compares sequences of a batch, so a batch may not be cut; a larger one asks for more.
#[derive(Clone, Debug, PartialEq)]
pub struct MultipleNegatives {
    /// How many sequences each example has, two at least: its anchor, its positive, and negatives.
    pub sizes: Vec<usize>,
    /// A number for each sequence, the same for the same text.
    pub texts: Vec<usize>,
    /// By what cosines are multiplied.
    pub scale: f64,
    /// Positives are to find their anchors too.
    pub symmetric: bool,
}

/// Rows that look for others. The right candidate of query `i` is candidate `i`.
struct Search {
    queries: Vec<usize>,
    candidates: Vec<usize>,
}

impl MultipleNegatives {
    /// The scale that sentence-transformers has: a temperature of 0.05.
    pub const SCALE: f64 = 20.0;

    /// From anchors to all others and, if it is symmetric, from positives to anchors.
    fn searches(&self) -> Vec<Search> {
        let rows = || rows_of(&self.sizes);
        let anchors: Vec<usize> = rows().map(|rows| rows.start).collect();
        let positives: Vec<usize> = rows().map(|rows| rows.start + 1).collect();
        let negatives = rows().flat_map(|rows| rows.start + 2..rows.end);
        let forward =
            Search { queries: anchors.clone(), candidates: positives.iter().copied().chain(negatives).collect() };
        let mut all = vec![forward];
        if self.symmetric {
            all.push(Search { queries: positives, candidates: anchors });
        }
        all
    }

    /// True if candidate `k` competes for query `i`: the right one, and all that are not right as well.
    fn competes(&self, search: &Search, i: usize, k: usize) -> bool {
        let Search { queries, candidates } = search;
        let text = |row: usize| self.texts[row];
        let (query, candidate) = (text(queries[i]), text(candidates[k]));
        let same_query = queries.get(k).is_some_and(|other| text(*other) == query);
        k == i || !(candidate == text(candidates[i]) || candidate == query || same_query)
    }

    /// The scores of all candidates for all queries, `[Q, K]`.
    fn scores<S: Scalar>(&self, unit: ArrayView2<'_, S>, search: &Search) -> Array2<S> {
        let [queries, candidates] = [&search.queries, &search.candidates].map(|rows| unit.select(Axis(0), rows));
        matmul(queries.view(), candidates.t()) * S::from_f64(self.scale)
    }

    /// The largest score that competes for query `i`, and the sum of `exp(score − largest)` of all that do.
    fn sum<S: Scalar>(&self, search: &Search, i: usize, scores: ArrayView1<'_, S>) -> (S, S) {
        let competing =
            || scores.iter().enumerate().filter(|(k, _)| self.competes(search, i, *k)).map(|(_, score)| *score);
        let largest = competing().fold(scores[i], S::max);
        (largest, competing().map(|score| (score - largest).exp()).sum())
    }

    fn search_loss<S: Scalar>(&self, unit: ArrayView2<'_, S>, search: &Search, weight: S) -> S {
        let scores = self.scores(unit, search);
        let of = |(i, row): (usize, ArrayView1<'_, S>)| {
            let (largest, sum) = self.sum(search, i, row);
            weight * (largest - row[i] + sum.ln())
        };
        scores.rows().into_iter().enumerate().map(of).sum()
    }

    /// Adds the gradient of a search to `d_unit`: `d_s_ik = w (softmax(s_i)_k − [k = i])`, `d_a = λ d_s c`, `d_c = λ d_sᵀ a`.
    fn search_backward<S: Scalar>(&self, unit: ArrayView2<'_, S>, search: &Search, weight: S, d_unit: &mut Array2<S>) {
        let mut d = self.scores(unit, search);
        for (i, mut row) in d.rows_mut().into_iter().enumerate() {
            let (largest, sum) = self.sum(search, i, row.view());
            for (k, value) in row.iter_mut().enumerate() {
                let share = if self.competes(search, i, k) { (*value - largest).exp() / sum } else { S::zero() };
                *value = weight * (if k == i { share - S::one() } else { share });
            }
        }
        d *= S::from_f64(self.scale);
        let Search { queries, candidates } = search;
        add_rows(d_unit, queries, matmul(d.view(), unit.select(Axis(0), candidates).view()).view());
        add_rows(d_unit, candidates, matmul(d.t(), unit.select(Axis(0), queries).view()).view());
    }

    fn rows<S: Scalar>(&self, x: ArrayView2<'_, S>) -> UnitRows<S> {
        assert_eq!(
            (x.nrows(), self.texts.len()),
            (self.sizes.iter().sum(), x.nrows()),
            "a row and a text for each sequence"
        );
        UnitRows::of(x)
    }
}

fn add_rows<S: Scalar>(to: &mut Array2<S>, places: &[usize], rows: ArrayView2<'_, S>) {
    for (place, row) in places.iter().zip(rows.rows()) {
        to.row_mut(*place).scaled_add(S::one(), &row);
    }
}

impl<S: Scalar> Objective<S> for MultipleNegatives {
    fn count(&self) -> usize {
        self.sizes.len()
    }

    fn loss(&self, logits: ArrayView2<'_, S>, weight: S) -> S {
        let (rows, searches) = (self.rows(logits), self.searches());
        let weight = weight / S::from_f64(searches.len() as f64);
        searches.iter().map(|search| self.search_loss(rows.unit.view(), search, weight)).sum()
    }

    fn loss_backward(&self, logits: Array2<S>, weight: S) -> Array2<S> {
        let (rows, searches) = (self.rows(logits.view()), self.searches());
        let weight = weight / S::from_f64(searches.len() as f64);
        let mut d_unit = Array2::zeros(logits.dim());
        for search in &searches {
            self.search_backward(rows.unit.view(), search, weight, &mut d_unit);
        }
        rows.backward(d_unit)
    }

    fn may_be_cut(&self) -> bool {
        false
    }

    fn check(&self, head: &HeadConfig, _: usize) -> Result<(), TargetError> {
        check_head(head)?;
        match self.sizes.iter().find(|size| **size < 2) {
            Some(_) => Err(TargetError::Other(
                "no positive, but every anchor needs one: add it, or take the example out".into(),
            )),
            None => Ok(()),
        }
    }
}
