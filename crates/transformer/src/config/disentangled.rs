//! Positions that attention looks at apart from contents (He et al., 2021).

/// Relative positions that are embedded, projected as queries and keys are, and meet the keys and queries of contents.
///
/// There is an embedding for each distance between a query at `i` and a key at `j`, or for each bucket of distances; `2P` of them,
/// `P` to either side.
///
/// ```
/// use adaptune_transformer::DisentangledPositions;
/// let of_v3 = DisentangledPositions { buckets: Some(256), most: 512, ..DisentangledPositions::every_distance(512) };
/// assert_eq!(of_v3.rows(), 512);
/// assert_eq!([-511, -129, -128, 0, 1, 128, 300].map(|before| of_v3.row(before)), [1, 127, 128, 256, 257, 384, 463]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DisentangledPositions {
    /// Scores have a term of the query's content and the key's position.
    pub content_to_position: bool,
    /// Scores have a term of the key's content and the query's position.
    pub position_to_content: bool,
    /// `P`, into how many buckets the distances of either side fall; each distance has its own if there is nothing here. The first
    /// half of them are one distance each, the others are logarithmic.
    pub buckets: Option<usize>,
    /// The distance from which on all have the last embedding.
    pub most: usize,
    /// Each block projects positions by layers of their own, and not by those of contents.
    pub own_projections: bool,
    /// The embeddings are normalised.
    pub norm: bool,
}

impl DisentangledPositions {
    /// Both terms, projections of contents, no norm, and an embedding for each distance below `most`.
    #[must_use]
    pub fn every_distance(most: usize) -> Self {
        let (content_to_position, position_to_content) = (true, true);
        Self { content_to_position, position_to_content, buckets: None, most, own_projections: false, norm: false }
    }

    /// `2P`, how many embeddings there are.
    #[must_use]
    pub fn rows(self) -> usize {
        self.side().saturating_mul(2)
    }

    /// The embedding of a key that stands so far before its query, `i − j`.
    #[must_use]
    pub fn row(self, before: isize) -> usize {
        let side = self.side() as isize;
        let bucket = self.buckets.map_or(before, |buckets| self.bucket(before, buckets));
        bucket.saturating_add(side).clamp(0, 2 * side - 1) as usize
    }

    /// How many terms scores have, the one of contents included: so much larger is their variance.
    #[must_use]
    pub fn terms(self) -> usize {
        1 + usize::from(self.content_to_position) + usize::from(self.position_to_content)
    }

    fn side(self) -> usize {
        self.buckets.unwrap_or(self.most)
    }

    /// In single precision, as in Python: on the border of two buckets it decides.
    fn bucket(self, before: isize, buckets: usize) -> isize {
        let (n, middle) = (before.unsigned_abs(), buckets / 2);
        if n <= middle {
            return before;
        }
        let whole = ((self.most as f64 - 1.0) / middle as f64) as f32;
        let part = (n as f32 / middle as f32).ln() / whole.ln();
        let bucket = (part * (middle as f32 - 1.0)).ceil() as isize + middle as isize;
        bucket * before.signum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first distance of each bucket behind those of one distance.
    fn begins(buckets: usize, most: usize) -> Vec<isize> {
        let of = DisentangledPositions { buckets: Some(buckets), ..DisentangledPositions::every_distance(most) };
        (1..2 * most as isize).filter(|n| *n > buckets as isize / 2 && of.row(*n) != of.row(n - 1)).collect()
    }

    #[test]
    fn buckets_begin_where_they_do_in_python() {
        assert_eq!(begins(7, 20), [4, 8, 20]);
        assert_eq!(begins(32, 128), [17, 19, 22, 25, 28, 32, 37, 43, 49, 56, 64, 74, 84, 97, 111]);
        let of_v3 = begins(256, 512);
        assert_eq!((of_v3.len(), of_v3.iter().sum::<isize>()), (127, 35007));
    }

    #[test]
    fn every_distance_has_a_row_of_its_own_up_to_the_last() {
        let of = DisentangledPositions::every_distance(3);
        assert_eq!([-9, -4, -3, -2, -1, 0, 1, 2, 3, 9].map(|before| of.row(before)), [0, 0, 0, 1, 2, 3, 4, 5, 5, 5]);
    }
}
