//! Tiles: some queries of a sequence and the keys that they see. What no query of a tile sees is not computed.

use super::description::Attention;
use super::mask::AttentionMask;
use super::softmax::Visible;
use std::ops::Range;

/// Queries of a tile. A tile computes each key that any of its queries sees, so that more queries waste more along a mask's edges,
/// and fewer waste more on small products.
const QUERIES: usize = 64;

/// Some queries of a sequence, and the keys that any of them sees. Both are counted from the sequence's first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tile {
    pub(super) queries: Range<usize>,
    /// The keys of the prefix, as far as they are apart from the others: 0 where these follow at once.
    front: usize,
    behind: Range<usize>,
}

/// The tiles of a sequence: one for all queries if there is no mask.
pub(super) fn tiles<S>(attention: &Attention<S>, sequence: usize) -> Vec<Tile> {
    let (queries, keys) = (attention.queries.range(sequence).len(), attention.keys.range(sequence).len());
    if attention.mask == AttentionMask::Full {
        return vec![Tile { queries: 0..queries, front: 0, behind: 0..keys }];
    }
    let first_queries = (0..queries).step_by(QUERIES);
    first_queries.map(|first| Tile::new(attention, sequence, first..queries.min(first + QUERIES))).collect()
}

impl Tile {
    fn new<S>(attention: &Attention<S>, sequence: usize, queries: Range<usize>) -> Self {
        let seen = || queries.clone().map(|query| attention.seen(sequence, query));
        let start = seen().map(|seen| seen.start).min().unwrap_or(0);
        let end = seen().map(|seen| seen.end).max().unwrap_or(0);
        let prefix = attention.prefix(sequence);
        let (front, behind) = if start == prefix { (0, 0..end) } else { (prefix, start..end) };
        Self { queries, front, behind }
    }

    /// How many keys are computed: the columns of the tile's scores.
    pub(super) fn keys(&self) -> usize {
        self.front + self.behind.len()
    }

    /// All keys, if they lie next to each other.
    pub(super) fn in_one_piece(&self) -> Option<Range<usize>> {
        (self.front == 0).then(|| self.behind.clone())
    }

    /// Keys that lie next to each other, with their columns: one or two pieces.
    pub(super) fn pieces(&self) -> impl Iterator<Item = Piece> {
        let front = (self.front > 0).then_some(Piece { keys: 0..self.front, columns: 0..self.front });
        let behind = Piece { keys: self.behind.clone(), columns: self.front..self.keys() };
        front.into_iter().chain([behind])
    }

    /// The columns of the keys with a position that one of its queries sees, counted in the tile.
    pub(super) fn columns<S>(&self, attention: &Attention<S>, sequence: usize, query: usize) -> Range<usize> {
        let seen = attention.seen(sequence, self.queries.start + query);
        let column = |key: usize| key - self.behind.start + self.front;
        column(seen.start)..column(seen.end)
    }

    /// The columns that one of its queries sees.
    pub(super) fn visible<S>(&self, attention: &Attention<S>, sequence: usize, query: usize) -> Visible {
        [0..attention.prefix(sequence), self.columns(attention, sequence, query)]
    }
}

/// Keys that lie next to each other, and the columns of a tile's scores that are theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) keys: Range<usize>,
    pub(super) columns: Range<usize>,
}
