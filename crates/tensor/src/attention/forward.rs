//! From queries, keys and values to the result.

use super::blocks::blocks_mut;
use super::description::Attention;
use super::head::Head;
use crate::kernel::zeros;
use crate::{Dropout, Precision, Scalar};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, s};
use rayon::prelude::*;

/// What the backward pass needs. The probabilities are not in it: backward computes them again
/// from queries, keys and the row's normaliser, so memory stays linear in the sequence length.
#[derive(Debug)]
pub struct AttentionTrace<S> {
    pub(super) attention: Attention<S>,
    pub(super) precision: Precision,
    pub(super) dropout: Option<Dropout>,
    pub(super) queries: Array2<S>,
    pub(super) keys: Array2<S>,
    pub(super) values: Array2<S>,
    /// `ln Σ_j e^(s_ij)` for each token and head, `[T, H]`.
    pub(super) normalisers: Array2<S>,
}

/// For each sequence and head: `P = softmax(α Q Kᵀ + B)` over the keys that a query sees, result `P V`, with the scale `α` of the
/// description and with what it adds by distance, `B`: a relative bias, [terms of positions](super::PositionTerms), both or nothing.
///
/// Shapes: queries `[T, H·K]`, keys and values `[T_k, H_kv·K]` → `[T, H·K]`. Dropout hits the
/// probabilities. The trace is kept only if `keep` says that backward will run. Products of heads that are at least 64 wide, in
/// sequences of at least 64 keys, are computed in the `precision`, forward and backward; all others, and all in f64, in full.
///
/// Under a mask queries are computed in tiles, each with the keys that it sees and no others. A query that sees no key gets zeros.
/// With a full or causal mask the bits of a query's result do not depend on which other tokens are queries; with a window they may, by
/// rounding, because sums over keys begin where a tile's keys do.
///
/// # Panics
/// If the shapes do not fit, or the description contradicts itself: query heads are no multiple of key-value heads, a causal window
/// has no key, a relative bias is not `[H, 2R + 1]`, terms of positions do not fit, or positions matter and a sequence has fewer keys than tokens.
#[must_use]
pub fn attention<S: Scalar>(
    queries: Array2<S>,
    keys: Array2<S>,
    values: Array2<S>,
    attention: Attention<S>,
    precision: Precision,
    dropout: Option<Dropout>,
    keep: bool,
) -> (Array2<S>, Option<AttentionTrace<S>>) {
    attention.check(&queries, &keys, &values);
    let _span = attention.span("attention", 2);
    let heads = attention.heads;
    let mut result = zeros(queries.dim());
    let mut normalisers = Array2::zeros((queries.nrows(), heads));
    let results = blocks_mut(&attention.queries, heads, &mut result);
    let stored = blocks_mut(&attention.queries, heads, &mut normalisers);
    results.into_par_iter().zip(stored).enumerate().for_each(|(i, (out, store))| {
        let head = Head::new(&attention, (i / heads, i % heads), precision, dropout);
        head_forward(&head, [queries.view(), keys.view(), values.view()], out, store);
    });
    let trace = keep.then(|| AttentionTrace { attention, precision, dropout, queries, keys, values, normalisers });
    (result, trace)
}

/// The result of one sequence and head, tile by tile, and the normaliser of each row.
fn head_forward<S: Scalar>(
    head: &Head<'_, S>,
    [queries, keys, values]: [ArrayView2<'_, S>; 3],
    mut out: ArrayViewMut2<'_, S>,
    mut store: ArrayViewMut2<'_, S>,
) {
    for tile in head.tiles() {
        let mut store = store.slice_mut(s![tile.queries.clone(), 0]);
        let p = head
            .softmax(&tile, head.queries(queries, &tile), head.keys(keys), |row, normaliser| store[row] = normaliser);
        let mut out = out.slice_mut(s![tile.queries.clone(), ..]);
        head.sum_over_keys(&tile, S::one(), head.dropped(&tile, p).view(), head.keys(values), &mut out);
    }
}
