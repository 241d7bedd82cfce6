//! Buckets of distances between tokens (Raffel et al., 2020).

/// Into how many buckets distances fall, each of which has a bias for each head: half of them for keys before their query, half for
/// those behind it. The first half of either are one distance each, the others are logarithmic.
///
/// ```
/// use adaptune_transformer::RelativeBuckets;
/// let of_mpnet = RelativeBuckets { buckets: 32, most: 128 };
/// assert_eq!([-200, -9, -7, 0, 7, 9, 200].map(|distance| of_mpnet.bucket(distance)), [15, 8, 7, 0, 23, 24, 31]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelativeBuckets {
    /// How many; a multiple of 4.
    pub buckets: usize,
    /// The distance from which on all are in the last bucket.
    pub most: usize,
}

impl RelativeBuckets {
    /// The bucket of a key that stands so far behind its query.
    #[must_use]
    pub fn bucket(self, distance: isize) -> usize {
        let (half, n) = (self.buckets / 2, distance.unsigned_abs());
        let exact = half / 2;
        let side = if distance > 0 { half } else { 0 };
        side + if n < exact { n } else { (exact + self.logarithmic(n, exact)).min(half - 1) }
    }

    /// In single precision, as in Python: on the border of two buckets it decides.
    fn logarithmic(self, n: usize, exact: usize) -> usize {
        let whole = (self.most as f64 / exact as f64).ln() as f32;
        ((n as f32 / exact as f32).ln() / whole * (self.buckets / 2 - exact) as f32) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the buckets of MPNet begin in transformers.
    #[test]
    fn buckets_begin_where_they_do_in_python() {
        let buckets = RelativeBuckets { buckets: 32, most: 128 };
        let begins = |n: &isize| *n == 0 || buckets.bucket(-n) != buckets.bucket(1 - n);
        let before: Vec<isize> = (0..1000).filter(begins).collect();
        assert_eq!(before, [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 23, 32, 46, 64, 91]);
        assert!((1..1000).all(|n| buckets.bucket(n) == 16 + buckets.bucket(-n)));
    }
}
