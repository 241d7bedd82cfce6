//! From the gradient of the result to those of queries, keys, values and what is added by distance.

use super::blocks::blocks_mut;
use super::by_distance::ByDistance;
use super::description::Attention;
use super::forward::AttentionTrace;
use super::head::{Head, columns};
use super::needs::AttentionNeeds;
use super::tile::Tile;
use crate::{Dropout, Precision, Scalar};
use ndarray::{ArcArray2, Array2, ArrayView2, ArrayViewMut2, s};
use rayon::prelude::*;

/// Gradients of [`attention`](super::attention()), those that are needed.
#[derive(Debug)]
pub struct AttentionGradients<S> {
    /// `[T, H·K]`.
    pub d_queries: Option<Array2<S>>,
    /// `[T_k, H_kv·K]`.
    pub d_keys: Option<Array2<S>>,
    /// `[T_k, H_kv·K]`.
    pub d_values: Option<Array2<S>>,
    /// `[H, 2R + 1]`; none where there is no relative bias.
    pub d_relative_bias: Option<Array2<S>>,
    /// `[M, H_kv·K]`; none where there are no such terms.
    pub d_position_keys: Option<Array2<S>>,
    /// `[M, H·K]`; none where there are no such terms.
    pub d_position_queries: Option<Array2<S>>,
}

/// Gradients of [`attention`](super::attention()). With dropout mask `m` (already divided by the keep rate) and scale `α`, for each
/// sequence and head:
///
/// * `d_V = (m ∘ P)ᵀ d_O`
/// * `d_P = m ∘ (d_O Vᵀ)`
/// * `d_S = P ∘ (d_P − rowsum(P ∘ d_P))`
/// * `d_Q = α d_S K`, `d_K = α d_Sᵀ Q`
/// * `d_B[R + (j − i)] = Σ d_S[i, j]`, clamped as in the forward pass
///
/// and with terms of positions, of which row `ρ(j − i)` belongs to query `i` and key `j`,
///
/// * `d_C[i, r] = Σ d_S[i, j]` and `d_E[j, r] = Σ d_S[i, j]`, over all pairs whose row is `r`
/// * `d_Q += α d_C K_p`, `d_K_p = α d_Cᵀ Q`, `d_K += α d_E Q_p`, `d_Q_p = α d_Eᵀ K`
///
/// `d_K` and `d_V` of a shared head are summed over its query heads in ascending order, and within a head over tiles; `d_B`, `d_K_p` and
/// `d_Q_p` over queries and then over sequences. The gradients take the places of queries, keys and values, which are lost.
///
/// # Panics
/// If `d_result` has not the shape of the result.
#[must_use]
pub fn attention_backward<S: Scalar>(
    trace: AttentionTrace<S>,
    d_result: ArrayView2<'_, S>,
    needs: AttentionNeeds,
) -> AttentionGradients<S> {
    let AttentionTrace { attention, precision, dropout, mut queries, mut keys, mut values, normalisers } = trace;
    assert_eq!(d_result.dim(), queries.dim(), "a gradient has the shape of its value");
    let _span = attention.span("attention, backward", 5);
    let pass = Pass { attention: &attention, precision, dropout, normalisers: normalisers.view(), d_result, needs };
    let groups = pass.groups(&mut queries, &mut keys, &mut values);
    let by_distance: Vec<_> = groups.into_par_iter().map(|group| group.backward(&pass)).collect();
    let [d_position_keys, d_position_queries] = pass.sums_of_positions(&by_distance);
    let [d_queries, d_keys, d_values] =
        [(queries, needs.queries), (keys, needs.keys), (values, needs.values)].map(|(d, needed)| needed.then_some(d));
    let d_relative_bias = pass.sum_of_biases(&by_distance);
    AttentionGradients { d_queries, d_keys, d_values, d_relative_bias, d_position_keys, d_position_queries }
}

/// What all groups read.
struct Pass<'a, S> {
    attention: &'a Attention<S>,
    precision: Precision,
    dropout: Option<Dropout>,
    normalisers: ArrayView2<'a, S>,
    d_result: ArrayView2<'a, S>,
    needs: AttentionNeeds,
}

/// One key-value head of a sequence and the query heads that share it: what they read, and write their gradients over.
struct Group<'a, S> {
    sequence: usize,
    key_value_head: usize,
    queries: ArrayViewMut2<'a, S>,
    keys: ArrayViewMut2<'a, S>,
    values: ArrayViewMut2<'a, S>,
}

impl<S: Scalar> Pass<'_, S> {
    fn groups<'g>(
        &self,
        queries: &'g mut Array2<S>,
        keys: &'g mut Array2<S>,
        values: &'g mut Array2<S>,
    ) -> Vec<Group<'g, S>> {
        let Attention { key_value_heads: heads, queries: query_layout, keys: key_layout, .. } = self.attention;
        let queries = blocks_mut(query_layout, *heads, queries).into_iter();
        let keys = blocks_mut(key_layout, *heads, keys).into_iter().zip(blocks_mut(key_layout, *heads, values));
        let group = |(i, (queries, (keys, values)))| {
            let (sequence, key_value_head) = (i / heads, i % heads);
            Group { sequence, key_value_head, queries, keys, values }
        };
        queries.zip(keys).enumerate().map(group).collect()
    }

    fn head(&self, sequence: usize, head: usize) -> Head<'_, S> {
        Head::new(self.attention, (sequence, head), self.precision, self.dropout)
    }

    /// The probabilities of a tile after dropout if the values need them, and the gradient of its scores if anything else does.
    fn of_tile(
        &self,
        head: &Head<'_, S>,
        tile: &Tile,
        [q, k, v]: [ArrayView2<'_, S>; 3],
    ) -> (Option<Array2<S>>, Option<Array2<S>>) {
        let d_out = head.queries(self.d_result, tile);
        let p = head.probabilities(tile, q, k, head.normalisers(self.normalisers, tile));
        let d_scores = self.needs.d_scores().then(|| head.d_scores(tile, p.view(), d_out, v));
        (self.needs.values.then(|| head.dropped(tile, p)), d_scores)
    }

    /// The sum over all sequences, in ascending order; there is one for each group, `[H / H_kv, 2R + 1]`.
    fn sum_of_biases(&self, parts: &[ByDistance<S>]) -> Option<Array2<S>> {
        let bias = self.attention.relative_bias.as_ref().filter(|_| self.needs.relative_bias)?;
        let mut sum = Array2::zeros(bias.dim());
        for (i, part) in parts.iter().enumerate() {
            let first = i % self.attention.key_value_heads * self.attention.group();
            if let Some(part) = part.bias() {
                let mut heads = sum.slice_mut(s![first..first + self.attention.group(), ..]);
                heads += part;
            }
        }
        Some(sum)
    }

    /// The sums over all sequences, in ascending order, each part in the rows and columns that its group met.
    fn sums_of_positions(&self, parts: &[ByDistance<S>]) -> [Option<Array2<S>>; 2] {
        let Some(terms) = &self.attention.position_terms else { return [None, None] };
        let (heads, size) = (self.attention.key_value_heads, self.attention.head_size);
        let sum_of = |needed: bool,
                      rows: &Option<ArcArray2<S>>,
                      width: usize,
                      part: fn(&ByDistance<S>) -> &Option<Array2<S>>| {
            let mut sum = Array2::zeros(rows.as_ref().filter(|_| needed)?.dim());
            for (i, part) in parts.iter().map(part).enumerate() {
                let window = terms.window(i / heads, self.attention.positions(i / heads));
                let mut met = sum.slice_mut(s![window, columns(i % heads, width)]);
                part.iter().for_each(|part| met += part);
            }
            Some(sum)
        };
        [
            sum_of(self.needs.position_keys, &terms.keys, size, |part| &part.position_keys),
            sum_of(self.needs.position_queries, &terms.queries, size * self.attention.group(), |part| {
                &part.position_queries
            }),
        ]
    }
}

impl<S: Scalar> Group<'_, S> {
    /// Writes the gradients of queries, keys and values; returns those of what is added by distance, as far as they are needed.
    fn backward(self, pass: &Pass<'_, S>) -> ByDistance<S> {
        let mut by_distance = ByDistance::zeros(pass.attention, pass.needs, self.sequence);
        let head = pass.head(self.sequence, self.key_value_head);
        match &head.tiles()[..] {
            [tile] if pass.attention.group() == 1 && tile.keys() == self.keys.nrows() => {
                self.in_place(pass, &head, tile, &mut by_distance);
            }
            tiles => self.tile_by_tile(pass, tiles, &mut by_distance),
        }
        by_distance
    }

    /// Where one tile is all: each gradient is one product. Nothing is read after it is overwritten.
    fn in_place(self, pass: &Pass<'_, S>, head: &Head<'_, S>, tile: &Tile, by_distance: &mut ByDistance<S>) {
        let Self { mut queries, mut keys, mut values, .. } = self;
        let (p, d_scores) = pass.of_tile(head, tile, [queries.view(), keys.view(), values.view()]);
        if let Some(p) = p {
            head.sum_over_queries_into(S::one(), p.view(), head.queries(pass.d_result, tile), &mut values);
        }
        let Some(d_scores) = d_scores else { return };
        let terms = by_distance.add(head, tile, (0, d_scores.view()), [queries.view(), keys.view()]);
        let d_keys = pass.needs.keys.then(|| {
            let mut d_keys = head.sum_over_queries(head.scale(), d_scores.view(), queries.view());
            terms.add_to_keys(&mut d_keys);
            d_keys
        });
        if pass.needs.queries {
            head.sum_over_keys(tile, head.scale(), d_scores.view(), keys.view(), &mut queries);
            terms.add_to_queries(&mut queries);
        }
        if let Some(d_keys) = d_keys {
            keys.assign(&d_keys);
        }
    }

    /// Head by head and tile by tile: gradients of keys and values are summed beside them, and take their places at the end.
    fn tile_by_tile(mut self, pass: &Pass<'_, S>, tiles: &[Tile], by_distance: &mut ByDistance<S>) {
        let shape = self.keys.raw_dim();
        let mut d_keys = pass.needs.keys.then(|| Array2::zeros(shape));
        let mut d_values = pass.needs.values.then(|| Array2::zeros(shape));
        for i in 0..pass.attention.group() {
            for tile in tiles {
                self.tile(pass, (i, tile), [&mut d_keys, &mut d_values], by_distance);
            }
        }
        for (mut place, d) in [(self.keys, d_keys), (self.values, d_values)] {
            if let Some(d) = d {
                place.assign(&d);
            }
        }
    }

    /// A tile of query head number `i` of the group.
    fn tile(
        &mut self,
        pass: &Pass<'_, S>,
        (i, tile): (usize, &Tile),
        [d_keys, d_values]: [&mut Option<Array2<S>>; 2],
        by_distance: &mut ByDistance<S>,
    ) {
        let head = pass.head(self.sequence, self.key_value_head * pass.attention.group() + i);
        let mut q = self.queries.slice_mut(s![tile.queries.clone(), columns(i, pass.attention.head_size)]);
        let (p, d_scores) = pass.of_tile(&head, tile, [q.view(), self.keys.view(), self.values.view()]);
        if let (Some(p), Some(d_values)) = (p, d_values) {
            head.add_over_queries(tile, S::one(), p.view(), head.queries(pass.d_result, tile), d_values);
        }
        let Some(d_scores) = d_scores else { return };
        let terms = by_distance.add(&head, tile, (i, d_scores.view()), [q.view(), self.keys.view()]);
        if let Some(d_keys) = d_keys {
            head.add_over_queries(tile, head.scale(), d_scores.view(), q.view(), d_keys);
            terms.add_to_keys(d_keys);
        }
        if pass.needs.queries {
            head.sum_over_keys(tile, head.scale(), d_scores.view(), self.keys.view(), &mut q);
            terms.add_to_queries(&mut q);
        }
    }
}
