//! How well texts find those that belong to them.

use adaptune_tensor::{Scalar, matmul};
use ndarray::{ArrayView1, ArrayView2, Axis};

/// Anchors that look for their positives among all positives and negatives of a data set, by the cosine.
///
/// A text that is right as well (the same text as the positive, or the positive of an anchor with the same text) is neither found nor in the way,
/// and neither is the anchor's own text.
#[derive(Clone, Copy, Debug)]
pub struct Neighbours<'a, S> {
    /// How many sequences each example has: its anchor, its positive, and negatives.
    pub sizes: &'a [usize],
    /// A number for each sequence, the same for the same text.
    pub texts: &'a [usize],
    /// The vectors of all sequences, of length 1, `[N, D]`.
    pub unit: ArrayView2<'a, S>,
}

/// Queries that are compared at a time.
const BLOCK: usize = 256;

impl<S: Scalar> Neighbours<'_, S> {
    /// Returns the place at which each anchor finds its positive, from 1, and at which each positive finds its anchor among all
    /// anchors. Texts that are as near as the right one count as nearer.
    ///
    /// # Panics
    /// If there are not as many vectors and texts as sizes say.
    #[must_use]
    pub fn places(&self) -> [Vec<usize>; 2] {
        let starts: Vec<usize> =
            self.sizes.iter().scan(0, |end, size| Some(std::mem::replace(end, *end + size))).collect();
        let positives: Vec<usize> = starts.iter().map(|start| start + 1).collect();
        let negatives = starts.iter().zip(self.sizes).flat_map(|(start, size)| start + 2..start + size);
        let others: Vec<usize> = positives.iter().copied().chain(negatives).collect();
        [self.searched(&starts, &others), self.searched(&positives, &starts)]
    }

    /// The place of candidate `i` among those that compete for query `i`, from 1.
    fn searched(&self, queries: &[usize], candidates: &[usize]) -> Vec<usize> {
        let of_candidates = self.unit.select(Axis(0), candidates);
        let mut places = Vec::with_capacity(queries.len());
        for (block, rows) in queries.chunks(BLOCK).enumerate() {
            let scores = matmul(self.unit.select(Axis(0), rows).view(), of_candidates.t());
            for (i, row) in scores.rows().into_iter().enumerate() {
                places.push(self.place(queries, candidates, block * BLOCK + i, row));
            }
        }
        places
    }

    fn place(&self, queries: &[usize], candidates: &[usize], i: usize, scores: ArrayView1<'_, S>) -> usize {
        let text = |row: usize| self.texts[row];
        let (query, right) = (text(queries[i]), text(candidates[i]));
        let is_right = |k: usize| {
            let candidate = text(candidates[k]);
            candidate == right || candidate == query || queries.get(k).is_some_and(|other| text(*other) == query)
        };
        // What is no number is nowhere near.
        let is_farther = |score: &S| score.partial_cmp(&scores[i]).is_some_and(std::cmp::Ordering::is_lt);
        let nearer = |(k, score): &(usize, &S)| !is_farther(score) && !is_right(*k);
        1 + scores.iter().enumerate().filter(nearer).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// By hand: the first anchor's positive comes behind one other text, the second's is found, the third's is as near as another.
    const UNIT: [[f64; 2]; 7] = [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0], [0.0, 1.0], [0.8, 0.6], [-1.0, 0.0], [0.0, -1.0]];

    /// By hand. The first anchor's positive is at 0.6, behind the negative of the second at 0.8; the second's is found; the third's is
    /// at 0, and so is the second's. Back, the first positive is at 0.6 and nearer to the second anchor, the third's at 0 and as near to
    /// the first anchor.
    #[test]
    fn places_are_counted_as_they_are() {
        let unit = ndarray::arr2(&UNIT);
        let of = |texts: &[usize]| Neighbours { sizes: &[2, 3, 2], texts, unit: unit.view() }.places();
        assert_eq!(of(&[0, 1, 2, 3, 4, 5, 6]), [vec![2, 1, 2], vec![2, 1, 2]]);
        // The same text as the right one is not in its way, nor is the positive of the same anchor.
        assert_eq!(of(&[0, 1, 2, 3, 4, 5, 3])[0], [2, 1, 1]);
        assert_eq!(of(&[0, 1, 2, 3, 1, 5, 6])[0], [1, 1, 2]);
        assert_eq!(of(&[0, 1, 5, 3, 4, 5, 6])[0], [2, 1, 1]);
    }

    #[test]
    fn what_is_no_number_is_not_found() {
        let unit = array![[1.0_f64, 0.0], [f64::NAN, 0.0], [0.0, 1.0], [0.0, 1.0]];
        let places = Neighbours { sizes: &[2, 2], texts: &[0, 1, 2, 3], unit: unit.view() }.places();
        assert_eq!(places[0], [2, 2], "not even the second's is nearer than what is nowhere");
    }
}
