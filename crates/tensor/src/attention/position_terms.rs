//! Terms between contents and relative positions: disentangled attention (He et al., 2021).

use crate::Scalar;
use ndarray::{ArcArray2, ArrayView1, ArrayView2, ArrayViewMut2, s};
use std::ops::Range;
use std::sync::Arc;

/// What relative positions add to scores: of a query at position `i` and a key at position `j`
///
/// ```text
/// α (q_i · K_p[ρ(j − i)] + k_j · Q_p[ρ(j − i)])
/// ```
///
/// with the scale `α` of the attention. The first term, content to position, needs `K_p`, positions projected as keys are; the second,
/// position to content, needs `Q_p`, positions projected as queries are. No array of all queries by all keys by the width is made: each
/// query meets each position once, and of the products those are taken that belong to its keys.
///
/// ```
/// use adaptune_tensor::PositionTerms;
/// let terms = PositionTerms { keys: Some(ndarray::arr2(&[[1.0], [2.0]]).into_shared()), queries: None, rows: [1, 1, 0].into(), sequences: 1 };
/// assert_eq!(terms.row(-7), 1); // a key far before its query has the row of the first distance
/// ```
#[derive(Clone, Debug)]
pub struct PositionTerms<S> {
    /// `K_p`, `[M, H_kv·K]`.
    pub keys: Option<ArcArray2<S>>,
    /// `Q_p`, `[M, H·K]`.
    pub queries: Option<ArcArray2<S>>,
    /// `ρ`, the row of each distance `j − i` from `−R` to `R`, `[2R + 1]`, clamped at both ends.
    pub rows: Arc<[usize]>,
    /// How many sequences have rows of their own, one behind the other, each as many: all of them, or 1 if all share them.
    pub sequences: usize,
}

impl<S> PositionTerms<S> {
    /// `ρ(j − i)`.
    #[must_use]
    pub fn row(&self, distance: isize) -> usize {
        let reach = (self.rows.len() / 2) as isize;
        self.rows[(distance.clamp(-reach, reach) + reach) as usize]
    }

    /// `M`, the rows of all sequences.
    pub(super) fn count(&self) -> usize {
        self.keys.as_ref().or(self.queries.as_ref()).map_or(0, ArcArray2::nrows)
    }

    /// The first row of a sequence.
    pub(super) fn first(&self, sequence: usize) -> usize {
        if self.sequences == 1 { 0 } else { self.count() / self.sequences * sequence }
    }

    /// The rows that a sequence of so many positions meets, as far as they lie between its first and its last.
    pub(super) fn window(&self, sequence: usize, positions: usize) -> Range<usize> {
        let (first, most) = (self.first(sequence), positions.saturating_sub(1) as isize);
        let met = (-most..=most).map(|distance| first + self.row(distance));
        let (lowest, highest) = met.fold((usize::MAX, 0), |(low, high), row| (low.min(row), high.max(row)));
        lowest..highest + 1
    }

    /// # Panics
    /// If the terms contradict themselves or do not fit heads of these widths.
    pub(super) fn check(&self, sequences: usize, key_value_width: usize, width: usize) {
        if self.keys.is_none() && self.queries.is_none() {
            return;
        }
        let count = self.count();
        for (rows, width) in [(&self.keys, key_value_width), (&self.queries, width)] {
            if let Some(rows) = rows {
                assert_eq!(rows.dim(), (count, width), "positions are projected as keys and queries are");
            }
        }
        assert!(
            self.sequences == 1 || self.sequences == sequences,
            "positions are shared or each sequence has its own"
        );
        let each = count / self.sequences.max(1);
        assert!(count == each * self.sequences, "each sequence has as many rows");
        assert!(self.rows.len() % 2 == 1 && self.rows.iter().all(|row| *row < each), "a row for each distance");
    }
}

/// What one sequence and query head meets of the positions.
pub(super) struct Positions<'a, S> {
    terms: &'a PositionTerms<S>,
    /// `[m, K]` each.
    pub(super) keys: Option<ArrayView2<'a, S>>,
    pub(super) queries: Option<ArrayView2<'a, S>>,
    /// How far the numbers of rows are ahead of those of the window.
    ahead: usize,
}

impl<'a, S: Scalar> Positions<'a, S> {
    /// Those of a sequence with so many positions, in the columns of a key-value head and of a query head.
    pub(super) fn new(
        terms: &'a PositionTerms<S>,
        (sequence, positions): (usize, usize),
        key_value: Range<usize>,
        query: Range<usize>,
    ) -> Self {
        let window = terms.window(sequence, positions);
        let of = |rows: &'a Option<ArcArray2<S>>, columns: Range<usize>| {
            rows.as_ref().map(|rows| rows.slice(s![window.clone(), columns]))
        };
        let (keys, queries) = (of(&terms.keys, key_value), of(&terms.queries, query));
        Self { terms, keys, queries, ahead: window.start - terms.first(sequence) }
    }

    /// The window's rows of `count` distances from `first` on.
    fn rows(&self, first: isize, count: usize) -> impl Iterator<Item = usize> {
        let reach = (self.terms.rows.len() / 2) as isize;
        let inside = usize::try_from(first + reach).ok().and_then(|start| self.terms.rows.get(start..start + count));
        // Mostly all of them are there, one behind the other.
        let clamped = if inside.is_some() { 0 } else { count };
        let far = (0..clamped).map(move |j| self.terms.row(first + j as isize));
        inside.unwrap_or_default().iter().copied().chain(far).map(|row| row - self.ahead)
    }

    /// Adds to the scores of one query what its products with the window's rows, `[m]`, say of their distances, and what those of the
    /// keys do, `[n, m]`; `offset` is the distance of the first score.
    pub(super) fn add(
        &self,
        scores: &mut [S],
        of_query: Option<ArrayView1<'_, S>>,
        of_keys: Option<ArrayView2<'_, S>>,
        offset: isize,
    ) {
        let count = scores.len();
        if let Some(of_query) = &of_query {
            let of_query = of_query.as_slice().expect("products have standard layout");
            for (score, row) in scores.iter_mut().zip(self.rows(offset, count)) {
                *score += of_query[row];
            }
        }
        if let Some(of_keys) = &of_keys {
            let (width, of_keys) = (of_keys.ncols(), of_keys.as_slice().expect("products have standard layout"));
            for (j, (score, row)) in scores.iter_mut().zip(self.rows(offset, count)).enumerate() {
                *score += of_keys[j * width + row];
            }
        }
    }

    /// Adds the gradients of the scores of one query to those of the products, in the order of the keys.
    pub(super) fn add_gradient(
        &self,
        d_scores: &[S],
        d_of_query: Option<&mut [S]>,
        d_of_keys: Option<ArrayViewMut2<'_, S>>,
        offset: isize,
    ) {
        if let Some(d_of_query) = d_of_query {
            for (d_score, row) in d_scores.iter().zip(self.rows(offset, d_scores.len())) {
                d_of_query[row] += *d_score;
            }
        }
        if let Some(mut d_of_keys) = d_of_keys {
            let width = d_of_keys.ncols();
            let d_of_keys = d_of_keys.as_slice_mut().expect("standard layout");
            for (j, (d_score, row)) in d_scores.iter().zip(self.rows(offset, d_scores.len())).enumerate() {
                d_of_keys[j * width + row] += *d_score;
            }
        }
    }
}
