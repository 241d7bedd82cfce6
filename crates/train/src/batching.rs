//! Which examples share a batch, and in which order batches come.

use adaptune_tensor::Seed;
use rand::seq::SliceRandom;
use serde::Serialize;

/// How many batches are sorted by length together: enough that neighbours are alike, few enough
/// that a batch is still a random choice.
const WINDOW: usize = 50;

/// How an epoch's examples are put into batches.
///
/// ```
/// use adaptune_tensor::Seed;
/// use adaptune_train::Batching;
///
/// let lengths = [7, 3, 12, 5, 9];
/// let epoch = Seed::new(42).named("batches").at(0);
/// let batches = Batching::Shuffled.batches(&lengths, 2, epoch);
/// assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
/// assert_eq!(batches, Batching::Shuffled.batches(&lengths, 2, epoch));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Batching {
    /// Examples in random order, whatever their lengths.
    #[default]
    Shuffled,
    /// Examples of like length together: shuffled, cut into windows of 50 batches, sorted by length
    /// within each, cut into batches, and the batches shuffled. Other libraries save padding by it.
    /// Here nothing is ever padded; it makes the sequences of a batch equally long pieces of work.
    ByLength,
}

impl Batching {
    /// The batches of one epoch as indices into `lengths` (in tokens), each index exactly once.
    ///
    /// One batch may be smaller than `batch_size`: the last one if shuffled, any one by length. The
    /// result depends on the arguments alone; give each epoch its own `seed`.
    ///
    /// # Panics
    /// If `batch_size` is 0.
    #[must_use]
    pub fn batches(&self, lengths: &[usize], batch_size: usize, seed: Seed) -> Vec<Vec<usize>> {
        let mut rng = seed.rng();
        let mut order: Vec<usize> = (0..lengths.len()).collect();
        order.shuffle(&mut rng);
        if *self == Self::Shuffled {
            return cut(&order, batch_size);
        }
        for window in order.chunks_mut(batch_size.saturating_mul(WINDOW).max(1)) {
            window.sort_by_key(|&i| lengths[i]);
        }
        let mut batches = cut(&order, batch_size);
        batches.shuffle(&mut rng);
        batches
    }
}

/// Batches of the examples `0..n` as they come, for evaluation; the last one may be smaller.
///
/// # Panics
/// If `batch_size` is 0.
#[must_use]
pub fn in_order(n: usize, batch_size: usize) -> Vec<Vec<usize>> {
    cut(&(0..n).collect::<Vec<_>>(), batch_size)
}

fn cut(order: &[usize], batch_size: usize) -> Vec<Vec<usize>> {
    assert!(batch_size > 0, "a batch holds at least one example");
    order.chunks(batch_size).map(<[usize]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const BOTH: [Batching; 2] = [Batching::Shuffled, Batching::ByLength];

    #[test]
    fn every_order_is_equally_likely() {
        let mut counts = BTreeMap::new();
        for epoch in 0..6000 {
            *counts.entry(Batching::Shuffled.batches(&[1, 1, 1], 3, Seed::new(9).at(epoch))).or_insert(0) += 1;
        }
        // Five standard deviations of a binomial count: 5 √(6000 · 1/6 · 5/6) = 144.
        assert_eq!(counts.len(), 6);
        assert!(counts.values().all(|n| (856..=1144).contains(n)), "{counts:?}");
    }

    #[test]
    fn equal_lengths_are_shuffled_too() {
        let batches = Batching::ByLength.batches(&[4; 64], 64, Seed::new(3));
        assert_ne!(batches, in_order(64, 64));
    }

    /// A window sees 50 batches: in a longer epoch short sentences turn up in each of them.
    #[test]
    fn windows_are_sorted_one_by_one() {
        let lengths: Vec<usize> = (0..300).collect();
        let batches = Batching::ByLength.batches(&lengths, 2, Seed::new(1));
        let spread = |batch: &Vec<usize>| batch[1] - batch[0];
        let widest = batches.iter().map(spread).max();
        assert!((2..100).contains(&widest.unwrap_or(0)), "{widest:?}");
    }

    /// A run that is resumed by a later version must see the same batches.
    #[test]
    fn the_order_is_pinned() {
        let lengths = [5, 2, 8, 1, 9, 3, 7];
        let batches = BOTH.map(|batching| batching.batches(&lengths, 3, Seed::new(42)));
        assert_eq!(batches[0], [vec![5, 1, 2], vec![3, 0, 4], vec![6]]);
        assert_eq!(batches[1], [vec![0, 6, 2], vec![3, 1, 5], vec![4]]);
    }

    #[test]
    fn evaluation_keeps_the_order() {
        assert_eq!(in_order(5, 2), [vec![0, 1], vec![2, 3], vec![4]]);
        assert_eq!(in_order(0, 2), Vec::<Vec<usize>>::new());
    }

    #[test]
    #[should_panic(expected = "a batch holds at least one example")]
    fn batches_of_nothing_are_refused() {
        let _ = Batching::ByLength.batches(&[3, 1], 0, Seed::new(0));
    }

    proptest! {
        #[test]
        fn every_example_comes_once(lengths in prop::collection::vec(0..99usize, 0..400), size in 1..9usize, seed: u64) {
            for batching in BOTH {
                let batches = batching.batches(&lengths, size, Seed::new(seed));
                prop_assert_eq!(batches.len(), lengths.len().div_ceil(size));
                prop_assert!(batches.iter().filter(|b| b.len() != size).count() <= 1);
                let mut all = batches.concat();
                all.sort_unstable();
                prop_assert_eq!(all, (0..lengths.len()).collect::<Vec<_>>());
            }
        }

        /// Within one window, the batches cut the sorted lengths into pieces.
        #[test]
        fn batches_by_length_are_alike(lengths in prop::collection::vec(0..99usize, 1..400), size in 8..20usize, seed: u64) {
            let mut batches = Batching::ByLength.batches(&lengths, size, Seed::new(seed));
            batches.sort_by_key(|batch| (lengths[batch[0]], lengths[batch[batch.len() - 1]]));
            let found: Vec<usize> = batches.concat().into_iter().map(|i| lengths[i]).collect();
            prop_assert!(found.is_sorted(), "{:?}", found);
        }
    }
}
