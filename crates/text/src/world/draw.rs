//! Choices that depend on a seed and nothing else.

use adaptune_tensor::Seed;

/// An endless supply of random choices.
#[derive(Clone, Debug)]
pub(super) struct Draw {
    seed: Seed,
    next: u64,
}

impl Draw {
    pub(super) fn new(seed: Seed) -> Self {
        Self { seed, next: 0 }
    }

    /// True in `share` of all cases.
    pub(super) fn chance(&mut self, share: f64) -> bool {
        self.next += 1;
        self.seed.unit(self.next) < share
    }

    /// One of the numbers below `end`, which is not 0.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.next += 1;
        ((self.seed.unit(self.next) * end as f64) as usize).min(end - 1)
    }

    /// One of the items, of which there is at least one.
    pub(super) fn of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// One of the items that pass, or `None` if none does.
    pub(super) fn filtered<'a, T>(
        &mut self,
        items: impl Iterator<Item = &'a T> + Clone,
        passes: impl Fn(&T) -> bool,
    ) -> Option<&'a T> {
        let count = items.clone().filter(|item| passes(item)).count();
        if count == 0 { None } else { items.filter(|item| passes(item)).nth(self.below(count)) }
    }

    /// One of the items, each as often as its weight says.
    pub(super) fn weighted<T: Copy>(&mut self, items: &[(u32, T)]) -> T {
        let total: u32 = items.iter().map(|(weight, _)| weight).sum();
        let mut left = self.below(total as usize) as u32;
        for &(weight, item) in items {
            if left < weight {
                return item;
            }
            left -= weight;
        }
        unreachable!("`left` is below the sum of all weights")
    }

    /// Another order of the items: Fisher and Yates, 1938.
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, self.below(end + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_follow_their_weights() {
        let mut draw = Draw::new(Seed::new(1));
        let mut counts = [0; 3];
        (0..4000).for_each(|_| counts[draw.weighted(&[(3, 0), (0, 1), (1, 2)])] += 1);
        assert!((2900..3100).contains(&counts[0]) && counts[1] == 0, "{counts:?}");
        assert!((0..200).all(|_| draw.filtered([1, 2, 3, 4].iter(), |n| n % 2 == 0).is_some_and(|n| n % 2 == 0)));
        assert_eq!(draw.filtered([1, 3].iter(), |n| n % 2 == 0), None);
    }

    #[test]
    fn a_shuffle_keeps_every_item() {
        let mut items: Vec<usize> = (0..50).collect();
        Draw::new(Seed::new(2)).shuffle(&mut items);
        assert!(!items.is_sorted());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
    }
}
