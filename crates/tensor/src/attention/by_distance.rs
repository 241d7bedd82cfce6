//! The gradients of what is added to scores by distance.

use super::description::Attention;
use super::head::Head;
use super::needs::AttentionNeeds;
use super::position_terms::Positions;
use super::tile::Tile;
use crate::Scalar;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, s};

/// The gradients of what is added by distance, of one key-value head of a sequence and its query heads, those that are needed.
pub(super) struct ByDistance<S> {
    /// `[H / H_kv, 2R + 1]`.
    bias: Option<Array2<S>>,
    /// Of the positions that the sequence meets, projected as keys, `[m, K]`.
    pub(super) position_keys: Option<Array2<S>>,
    /// Projected as queries, `[m, (H / H_kv)·K]`.
    pub(super) position_queries: Option<Array2<S>>,
}

impl<S: Scalar> ByDistance<S> {
    pub(super) fn zeros(attention: &Attention<S>, needs: AttentionNeeds, sequence: usize) -> Self {
        let (group, size) = (attention.group(), attention.head_size);
        let bias = attention.relative_bias.as_ref().filter(|_| needs.relative_bias);
        let met = |needed: bool| {
            let terms = attention.position_terms.as_ref().filter(|_| needed)?;
            Some((terms, terms.window(sequence, attention.positions(sequence)).len()))
        };
        Self {
            bias: bias.map(|bias| Array2::zeros((group, bias.ncols()))),
            position_keys: met(needs.position_keys)
                .and_then(|(terms, met)| terms.keys.as_ref().map(|_| Array2::zeros((met, size)))),
            position_queries: met(needs.position_queries)
                .and_then(|(terms, met)| terms.queries.as_ref().map(|_| Array2::zeros((met, group * size)))),
        }
    }

    pub(super) fn bias(&self) -> Option<&Array2<S>> {
        self.bias.as_ref()
    }

    /// Adds what the gradient of the scores of a tile of query head number `i` says of the bias and of the positions; returns what it says of
    /// queries and keys through these.
    pub(super) fn add<'a>(
        &mut self,
        head: &'a Head<'_, S>,
        tile: &'a Tile,
        (i, d_scores): (usize, ArrayView2<'_, S>),
        [q, k]: [ArrayView2<'_, S>; 2],
    ) -> ThroughPositions<'a, S> {
        if let Some(d_bias) = &mut self.bias {
            let mut row = d_bias.index_axis_mut(Axis(0), i);
            head.add_bias_gradient(tile, d_scores, row.as_slice_mut().expect("standard layout"));
        }
        let Some(positions) = head.positions() else { return ThroughPositions::nothing(head, tile) };
        let [of_queries, of_keys] = head.d_position_terms(&positions, tile, d_scores);
        if let (Some(d), Some(of_queries)) = (&mut self.position_keys, &of_queries) {
            head.add_product(of_queries.t(), q, &mut d.view_mut());
        }
        if let (Some(d), Some(of_keys)) = (&mut self.position_queries, &of_keys) {
            let size = k.ncols();
            let mut d = d.slice_mut(s![.., i * size..(i + 1) * size]);
            for piece in tile.pieces() {
                let (of_keys, k) = (of_keys.slice(s![piece.columns, ..]), k.slice(s![piece.keys, ..]));
                head.add_product(of_keys.t(), k, &mut d);
            }
        }
        ThroughPositions { head, tile, positions: Some(positions), of_queries, of_keys }
    }
}

/// What goes to the queries and keys of a tile through their products with positions.
pub(super) struct ThroughPositions<'a, S> {
    head: &'a Head<'a, S>,
    tile: &'a Tile,
    positions: Option<Positions<'a, S>>,
    /// `d_C`, the gradient of the products of queries and positions.
    of_queries: Option<Array2<S>>,
    /// `d_E`, that of keys.
    of_keys: Option<Array2<S>>,
}

impl<'a, S: Scalar> ThroughPositions<'a, S> {
    fn nothing(head: &'a Head<'a, S>, tile: &'a Tile) -> Self {
        Self { head, tile, positions: None, of_queries: None, of_keys: None }
    }

    /// `d_Q += α d_C K_p`, of the tile's queries.
    pub(super) fn add_to_queries(&self, d_queries: &mut ArrayViewMut2<'_, S>) {
        if let (Some(Positions { keys: Some(keys), .. }), Some(d)) = (&self.positions, &self.of_queries) {
            self.head.add_product(d.view(), *keys, d_queries);
        }
    }

    /// `d_K += α d_E Q_p`, of the keys that the tile sees, among all.
    pub(super) fn add_to_keys(&self, d_keys: &mut Array2<S>) {
        if let (Some(Positions { queries: Some(queries), .. }), Some(d)) = (&self.positions, &self.of_keys) {
            for piece in self.tile.pieces() {
                let mut keys = d_keys.slice_mut(s![piece.keys, ..]);
                self.head.add_product(d.slice(s![piece.columns, ..]), *queries, &mut keys);
            }
        }
    }
}
