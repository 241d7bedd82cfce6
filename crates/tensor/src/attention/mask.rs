//! Which keys a query may see.

use std::ops::Range;

/// Which keys of its sequence a query sees, by the positions of both.
///
/// A prefix, keys in front of a sequence that have no position, is seen by every query under every mask.
///
/// ```
/// use adaptune_tensor::AttentionMask;
/// let seen = |mask: AttentionMask| (0..6).filter(|j| mask.allows(3, *j)).collect::<Vec<_>>();
/// assert_eq!(seen(AttentionMask::Full), [0, 1, 2, 3, 4, 5]);
/// assert_eq!(seen(AttentionMask::Causal), [0, 1, 2, 3]);
/// assert_eq!(seen(AttentionMask::Window(1)), [2, 3, 4]);
/// assert_eq!(seen(AttentionMask::CausalWindow(2)), [2, 3]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AttentionMask {
    /// All of them.
    #[default]
    Full,
    /// Key `j` is seen by query `i` if `j ≤ i`.
    Causal,
    /// If `|i − j| ≤ n`: the local attention of ModernBERT, whose configuration counts `2n`.
    Window(usize),
    /// If `0 ≤ i − j < n`: the sliding window of Mistral and Gemma. At least 1.
    CausalWindow(usize),
}

impl AttentionMask {
    /// True if the query at position `query` sees the key at position `key`.
    #[must_use]
    pub fn allows(self, query: usize, key: usize) -> bool {
        match self {
            Self::Full => true,
            Self::Causal => key <= query,
            Self::Window(n) => query.abs_diff(key) <= n,
            Self::CausalWindow(n) => key <= query && query - key < n,
        }
    }

    /// The positions of the keys that the query at position `query` sees, of so many.
    pub(super) fn positions(self, query: usize, keys: usize) -> Range<usize> {
        let range = match self {
            Self::Full => 0..keys,
            Self::Causal => 0..query + 1,
            Self::Window(n) => query.saturating_sub(n)..query.saturating_add(n).saturating_add(1),
            Self::CausalWindow(n) => (query + 1).saturating_sub(n)..query + 1,
        };
        range.start..range.end.min(keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_of_positions_is_what_the_mask_allows() {
        use AttentionMask::*;
        for mask in [
            Full,
            Causal,
            Window(0),
            Window(2),
            Window(usize::MAX),
            CausalWindow(1),
            CausalWindow(3),
            CausalWindow(usize::MAX),
        ] {
            for keys in 1..9 {
                for query in 0..keys {
                    let allowed: Vec<_> = (0..keys).filter(|key| mask.allows(query, *key)).collect();
                    assert_eq!(mask.positions(query, keys).collect::<Vec<_>>(), allowed, "{mask:?} {query} of {keys}");
                }
            }
        }
    }
}
