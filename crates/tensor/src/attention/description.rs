//! What attention computes: its heads, scale, mask, what it adds by distance, and where queries and keys stand.

use super::mask::AttentionMask;
use super::position_terms::PositionTerms;
use crate::Layout;
use crate::profile::{self, Span, Work};
use ndarray::{ArcArray2, Array2};
use std::ops::Range;
use std::sync::Arc;

/// Describes attention over the sequences of a ragged batch.
///
/// Query head `h` of `H` owns the `K` columns from `h·K` on of queries and result, `[T, H·K]`; key-value head `g` of `H_kv` those
/// from `g·K` on of keys and values, `[T_k, H_kv·K]`. Query head `h` reads key-value head `h / (H / H_kv)`: grouped-query attention
/// (Ainslie et al., 2023), of which one key-value head for each query head is the ordinary case.
///
/// **Prefix.** Keys of a sequence that outnumber its tokens stand in front. They have no position: every mask lets every query
/// see them, and nothing is added to their scores by distance.
///
/// **Positions.** Query `i` of a sequence stands at position `i` among the keys behind the prefix, unless
/// [`Attention::with_query_rows`] says that only some tokens are queries.
///
/// ```
/// use adaptune_tensor::{Attention, AttentionMask, Layout};
/// let tokens = Layout::from_lengths(&[5, 3]);
/// // A causal window over a prefix of two keys, four query heads that share two key-value heads of width 16.
/// let of = |queries: Layout| {
///     let attention = Attention::<f32>::new(4, 16, queries, tokens.prepend(2));
///     attention.with_key_value_heads(2).with_mask(AttentionMask::CausalWindow(3))
/// };
/// let whole = of(tokens.clone());
/// assert_eq!((whole.scale, whole.width(), whole.key_value_width()), (0.25, 64, 32));
/// // The same where only the last token of each sequence is a query.
/// let last = of(Layout::from_lengths(&[1, 1])).with_query_rows(&[4, 7], &tokens);
/// ```
#[derive(Clone, Debug)]
pub struct Attention<S> {
    /// `H`, the heads of queries and result.
    pub heads: usize,
    /// `H_kv`, the heads of keys and values. `H` is a multiple of it.
    pub key_value_heads: usize,
    /// `K`, the width of a head.
    pub head_size: usize,
    /// What products of queries and keys are multiplied by.
    pub scale: f64,
    /// Which keys a query sees.
    pub mask: AttentionMask,
    /// `[H, 2R + 1]`: what is added to the scaled score of a query at position `i` and a key at position `j` is the column
    /// `R + (j − i)`, clamped at both ends.
    pub relative_bias: Option<ArcArray2<S>>,
    /// Terms between contents and relative positions.
    pub position_terms: Option<PositionTerms<S>>,
    /// The sequences of the queries.
    pub queries: Layout,
    /// The sequences of keys and values; as many as of the queries.
    pub keys: Layout,
    places: Option<Places>,
}

/// Where queries stand that are only some of the tokens.
#[derive(Clone, Debug)]
struct Places {
    /// The position of each query in its sequence, `[T]`.
    positions: Arc<[usize]>,
    /// How many keys of each sequence have a position, `[S]`: those of its tokens.
    lengths: Arc<[usize]>,
}

impl<S> Attention<S> {
    /// Full attention of `heads` heads of width `head_size`, as many of keys and values as of queries, with the scale `1/√K`.
    #[must_use]
    pub fn new(heads: usize, head_size: usize, queries: Layout, keys: Layout) -> Self {
        let scale = 1.0 / (head_size as f64).sqrt();
        let (mask, relative_bias, position_terms, places) = (AttentionMask::Full, None, None, None);
        Self {
            heads,
            key_value_heads: heads,
            head_size,
            scale,
            mask,
            relative_bias,
            position_terms,
            queries,
            keys,
            places,
        }
    }

    /// The same with fewer heads of keys and values.
    #[must_use]
    pub fn with_key_value_heads(self, key_value_heads: usize) -> Self {
        Self { key_value_heads, ..self }
    }

    /// The same with another scale.
    #[must_use]
    pub fn with_scale(self, scale: f64) -> Self {
        Self { scale, ..self }
    }

    /// The same with another mask.
    #[must_use]
    pub fn with_mask(self, mask: AttentionMask) -> Self {
        Self { mask, ..self }
    }

    /// The same with a relative bias, `[H, 2R + 1]`.
    #[must_use]
    pub fn with_relative_bias(self, bias: ArcArray2<S>) -> Self {
        Self { relative_bias: Some(bias), ..self }
    }

    /// The same with terms between contents and relative positions.
    #[must_use]
    pub fn with_position_terms(self, terms: PositionTerms<S>) -> Self {
        Self { position_terms: Some(terms), ..self }
    }

    /// The same where queries are only some of the tokens: query `t` is row `rows[t]` of the tokens that `tokens` lays out. Keys
    /// that outnumber the tokens of a sequence are its prefix. In a sequence the rows may come in any order.
    ///
    /// # Panics
    /// If there is not a row for each query, a row is not in its query's sequence, or a sequence has fewer keys than tokens.
    #[must_use]
    pub fn with_query_rows(self, rows: &[u32], tokens: &Layout) -> Self {
        assert_eq!(rows.len(), self.queries.tokens(), "a row for each query");
        assert_eq!(tokens.sequences(), self.queries.sequences(), "each sequence has queries and tokens");
        let mut positions = Vec::with_capacity(rows.len());
        for (sequence, (queries, tokens)) in self.queries.ranges().zip(tokens.ranges()).enumerate() {
            assert!(self.keys.range(sequence).len() >= tokens.len(), "sequence {sequence} has a key for each token");
            for row in &rows[queries] {
                assert!(tokens.contains(&(*row as usize)), "row {row} is one of {tokens:?}, sequence {sequence}");
                positions.push(*row as usize - tokens.start);
            }
        }
        let lengths = tokens.ranges().map(|range| range.len()).collect();
        Self { places: Some(Places { positions: positions.into(), lengths }), ..self }
    }

    /// `H·K`, the width of queries and result.
    #[must_use]
    pub fn width(&self) -> usize {
        self.heads * self.head_size
    }

    /// `H_kv·K`, the width of keys and values.
    #[must_use]
    pub fn key_value_width(&self) -> usize {
        self.key_value_heads * self.head_size
    }

    /// `H / H_kv`, how many query heads share a key-value head.
    pub(super) fn group(&self) -> usize {
        self.heads / self.key_value_heads
    }

    /// How many keys of a sequence have no position.
    pub(super) fn prefix(&self, sequence: usize) -> usize {
        let tokens = self.places.as_ref().map_or(self.queries.range(sequence).len(), |places| places.lengths[sequence]);
        self.keys.range(sequence).len() - tokens
    }

    /// How many keys of a sequence have a position.
    pub(super) fn positions(&self, sequence: usize) -> usize {
        self.keys.range(sequence).len() - self.prefix(sequence)
    }

    /// Where query number `query` of a sequence stands.
    pub(super) fn position(&self, sequence: usize, query: usize) -> usize {
        let row = self.queries.range(sequence).start + query;
        self.places.as_ref().map_or(query, |places| places.positions[row])
    }

    /// The keys with a position that query number `query` of a sequence sees, counted from the sequence's first key.
    pub(super) fn seen(&self, sequence: usize, query: usize) -> Range<usize> {
        let prefix = self.prefix(sequence);
        let seen = self.mask.positions(self.position(sequence, query), self.positions(sequence));
        prefix + seen.start..prefix + seen.end
    }

    /// Counts an operation of so many products of queries, or what has their shape, with the keys that they see.
    #[inline(always)]
    pub(super) fn span(&self, name: &'static str, products: usize) -> Span {
        let shape = [self.queries.tokens(), self.keys.tokens(), self.heads, self.head_size];
        profile::span(name, &shape, || {
            let seen = |i, query| self.prefix(i) + self.seen(i, query).len();
            let sequences = self.queries.ranges().enumerate();
            let pairs: usize = sequences.map(|(i, r)| (0..r.len()).map(|query| seen(i, query)).sum::<usize>()).sum();
            let numbers =
                products * (self.queries.tokens() * self.width() + self.keys.tokens() * self.key_value_width());
            Work {
                operations: 2.0 * (products * pairs * self.heads * self.head_size) as f64,
                ..Work::moving::<S>(numbers)
            }
        })
    }

    /// True if masks, biases or terms look at positions.
    pub(super) fn has_positions(&self) -> bool {
        self.mask != AttentionMask::Full || self.relative_bias.is_some() || self.position_terms.is_some()
    }

    /// # Panics
    /// If the description contradicts itself, or the arrays do not have its shapes.
    pub(super) fn check(&self, queries: &Array2<S>, keys: &Array2<S>, values: &Array2<S>) {
        self.check_self();
        let width = self.key_value_width();
        assert_eq!(queries.ncols(), self.width(), "heads cover the width of queries");
        assert_eq!((keys.ncols(), values.ncols()), (width, width), "heads cover the width of keys and values");
        assert_eq!(self.queries.tokens(), queries.nrows(), "the layout covers all queries");
        assert_eq!((self.keys.tokens(), self.keys.tokens()), (keys.nrows(), values.nrows()), "and all keys and values");
    }

    fn check_self(&self) {
        let (heads, shared) = (self.heads, self.key_value_heads);
        assert!(
            shared > 0 && heads.is_multiple_of(shared),
            "{heads} query heads are a multiple of {shared} key-value heads"
        );
        assert!(self.mask != AttentionMask::CausalWindow(0), "a causal window of no key leaves nothing to see");
        assert_eq!(self.queries.sequences(), self.keys.sequences(), "each sequence has queries and keys");
        if let Some(places) = &self.places {
            let of_these =
                (places.positions.len(), places.lengths.len()) == (self.queries.tokens(), self.keys.sequences());
            assert!(of_these, "rows are named for these queries");
        }
        if let Some(bias) = &self.relative_bias {
            assert!(
                bias.nrows() == heads && bias.ncols() % 2 == 1,
                "a relative bias is [{heads}, 2R + 1], not {:?}",
                bias.dim()
            );
        }
        if let Some(terms) = &self.position_terms {
            terms.check(self.keys.sequences(), self.key_value_width(), self.width());
        }
        for (sequence, keys) in self.keys.ranges().enumerate().filter(|_| self.has_positions()) {
            let tokens = self.places.as_ref().map_or(self.queries.range(sequence).len(), |p| p.lengths[sequence]);
            assert!(
                keys.len() >= tokens,
                "sequence {sequence} has {} keys for {tokens} tokens with positions",
                keys.len()
            );
        }
    }
}
