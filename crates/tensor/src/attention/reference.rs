//! Attention written plainly: one query, one key at a time, nothing rounded, nothing skipped by tiles.

use super::backward::AttentionGradients;
use super::description::Attention;
use super::relative_bias;
use crate::Scalar;
use ndarray::{ArcArray2, Array2, ArrayView2};
use std::ops::Range;

/// The oracle of [`attention`](super::attention()) without dropout.
///
/// # Panics
/// If the shapes do not fit.
#[must_use]
pub fn attention_reference<S: Scalar>(
    queries: ArrayView2<'_, S>,
    keys: ArrayView2<'_, S>,
    values: ArrayView2<'_, S>,
    attention: &Attention<S>,
) -> Array2<S> {
    let mut result = Array2::zeros(queries.dim());
    for pair in pairs(attention) {
        let p = pair.probabilities(queries, keys, attention);
        for c in 0..attention.head_size {
            let sum = pair.keys.iter().zip(&p).map(|(key, p)| *p * values[[*key, pair.key_column + c]]).sum();
            result[[pair.query, pair.query_column + c]] = sum;
        }
    }
    result
}

/// The oracle of [`attention_backward`](super::attention_backward) without dropout: all gradients.
///
/// # Panics
/// If the shapes do not fit.
#[must_use]
pub fn attention_reference_backward<S: Scalar>(
    queries: ArrayView2<'_, S>,
    keys: ArrayView2<'_, S>,
    values: ArrayView2<'_, S>,
    d_result: ArrayView2<'_, S>,
    attention: &Attention<S>,
) -> AttentionGradients<S> {
    let (mut d_q, mut d_k, mut d_v) =
        (Array2::zeros(queries.dim()), Array2::zeros(keys.dim()), Array2::zeros(keys.dim()));
    let mut d_bias = attention.relative_bias.as_ref().map(|bias| Array2::zeros(bias.dim()));
    let terms = attention.position_terms.as_ref();
    let zeros = |rows: &Option<ArcArray2<S>>| rows.as_ref().map(|rows| Array2::zeros(rows.dim()));
    let (mut d_pk, mut d_pq) =
        (terms.and_then(|terms| zeros(&terms.keys)), terms.and_then(|terms| zeros(&terms.queries)));
    let scale = S::from_f64(attention.scale);
    for pair in pairs(attention) {
        let p = pair.probabilities(queries, keys, attention);
        let columns = || (0..attention.head_size).map(|c| (pair.query_column + c, pair.key_column + c));
        let d_p = |key: usize| columns().map(|(q, k)| d_result[[pair.query, q]] * values[[key, k]]).sum::<S>();
        let along: S = pair.keys.iter().zip(&p).map(|(key, p)| *p * d_p(*key)).sum();
        for (key, p) in pair.keys.iter().zip(&p) {
            let d_score = *p * (d_p(*key) - along);
            if let (Some(d_bias), Some(column)) = (&mut d_bias, pair.bias_column(*key, attention)) {
                d_bias[[pair.head, column]] += d_score;
            }
            for (q, k) in columns() {
                d_v[[*key, k]] += *p * d_result[[pair.query, q]];
                let (d, row) = (scale * d_score, pair.position_row(*key, attention));
                let (of_query, of_key) = (queries[[pair.query, q]], keys[[*key, k]]);
                d_q[[pair.query, q]] += d * (of_key + at(terms.and_then(|terms| terms.keys.as_ref()), row, k));
                d_k[[*key, k]] += d * (of_query + at(terms.and_then(|terms| terms.queries.as_ref()), row, q));
                for (d_positions, column, x) in [(&mut d_pk, k, of_query), (&mut d_pq, q, of_key)] {
                    if let (Some(d_positions), Some(row)) = (d_positions, row) {
                        d_positions[[row, column]] += d * x;
                    }
                }
            }
        }
    }
    AttentionGradients {
        d_queries: Some(d_q),
        d_keys: Some(d_k),
        d_values: Some(d_v),
        d_relative_bias: d_bias,
        d_position_keys: d_pk,
        d_position_queries: d_pq,
    }
}

/// A number of a position, 0 where there is none.
fn at<S: Scalar>(positions: Option<&ArcArray2<S>>, row: Option<usize>, column: usize) -> S {
    positions.zip(row).map_or(S::zero(), |(positions, row)| positions[[row, column]])
}

/// A query and a head, with the keys that it sees.
struct Pair {
    sequence: usize,
    query: usize,
    head: usize,
    query_column: usize,
    key_column: usize,
    /// The rows of the keys.
    keys: Vec<usize>,
    /// The row of the key at position 0, and the position of the query.
    first: usize,
    position: usize,
}

/// Each query of each sequence with each head.
fn pairs<S>(attention: &Attention<S>) -> impl Iterator<Item = Pair> + '_ {
    let sequences = attention.queries.ranges().zip(attention.keys.ranges()).enumerate();
    let queries =
        sequences.flat_map(|(sequence, (queries, keys))| queries.map(move |query| (sequence, query, keys.clone())));
    queries.flat_map(move |(sequence, query, keys)| {
        (0..attention.heads).map(move |head| pair(attention, sequence, query, keys.clone(), head))
    })
}

fn pair<S>(attention: &Attention<S>, sequence: usize, query: usize, keys: Range<usize>, head: usize) -> Pair {
    let (mut first, mut position) = (keys.start, 0);
    if attention.has_positions() {
        first += attention.prefix(sequence);
        position = attention.position(sequence, query - attention.queries.range(sequence).start);
    }
    let sees = |key: &usize| *key < first || attention.mask.allows(position, *key - first);
    let (query_column, key_column) = (head * attention.head_size, head / attention.group() * attention.head_size);
    Pair { sequence, query, head, query_column, key_column, keys: keys.filter(sees).collect(), first, position }
}

impl Pair {
    fn probabilities<S: Scalar>(
        &self,
        queries: ArrayView2<'_, S>,
        keys: ArrayView2<'_, S>,
        attention: &Attention<S>,
    ) -> Vec<S> {
        let score = |key: &usize| {
            let terms = (0..attention.head_size).map(|c| (self.query_column + c, self.key_column + c));
            let (positions, row) = (attention.position_terms.as_ref(), self.position_row(*key, attention));
            let product = terms.map(|(q, k)| {
                let (of_query, of_key) = (queries[[self.query, q]], keys[[*key, k]]);
                of_query * (of_key + at(positions.and_then(|terms| terms.keys.as_ref()), row, k))
                    + of_key * at(positions.and_then(|terms| terms.queries.as_ref()), row, q)
            });
            let product = product.sum::<S>();
            let bias = attention.relative_bias.as_ref().zip(self.bias_column(*key, attention));
            product * S::from_f64(attention.scale) + bias.map_or(S::zero(), |(bias, column)| bias[[self.head, column]])
        };
        let exponentials: Vec<S> = self.keys.iter().map(|key| score(key).exp()).collect();
        let total: S = exponentials.iter().copied().sum();
        exponentials.into_iter().map(|e| e / total).collect()
    }

    /// The column of the relative bias, of keys that have a position.
    fn bias_column<S>(&self, key: usize, attention: &Attention<S>) -> Option<usize> {
        let bias = attention.relative_bias.as_ref().filter(|_| key >= self.first)?;
        Some(relative_bias::column(bias.ncols(), (key - self.first) as isize - self.position as isize))
    }
    /// The row of the position of a key, of keys that have one, where there are terms of positions.
    fn position_row<S>(&self, key: usize, attention: &Attention<S>) -> Option<usize> {
        let terms = attention.position_terms.as_ref().filter(|_| key >= self.first)?;
        Some(terms.first(self.sequence) + terms.row((key - self.first) as isize - self.position as isize))
    }
}
