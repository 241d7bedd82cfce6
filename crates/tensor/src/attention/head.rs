//! One sequence and query head: the products, probabilities and draws of a tile.

use super::description::Attention;
use super::mask::AttentionMask;
use super::position_terms::Positions;
use super::relative_bias;
use super::softmax::{exponentials_of, masked_softmax};
use super::tile::{Tile, tiles};
use crate::matmul::{matmul_alone, matmul_alone_add, product_alone};
use crate::softmax::{softmax_backward, softmax_rows};
use crate::{Dropout, Precision, Scalar};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2, s};
use std::ops::Range;

/// Keys of a sequence and width of a head from which on products are computed in a lower precision, if one is given; below,
/// rounding takes longer than it saves.
const WORTH_ROUNDING: usize = 64;

/// A query head of a sequence.
pub(super) struct Head<'a, S> {
    attention: &'a Attention<S>,
    sequence: usize,
    head: usize,
    precision: Precision,
    dropout: Option<Dropout>,
}

impl<'a, S: Scalar> Head<'a, S> {
    pub(super) fn new(
        attention: &'a Attention<S>,
        (sequence, head): (usize, usize),
        precision: Precision,
        dropout: Option<Dropout>,
    ) -> Self {
        let worth_rounding = attention.keys.range(sequence).len().min(attention.head_size) >= WORTH_ROUNDING;
        let precision = if worth_rounding { precision } else { Precision::Full };
        Self { attention, sequence, head, precision, dropout }
    }

    pub(super) fn tiles(&self) -> Vec<Tile> {
        tiles(self.attention, self.sequence)
    }

    /// The rows of a tile's queries in `[T, ..]`.
    pub(super) fn query_rows(&self, tile: &Tile) -> Range<usize> {
        let first = self.attention.queries.range(self.sequence).start;
        first + tile.queries.start..first + tile.queries.end
    }

    /// The rows of a tile's queries, in the columns of this head.
    pub(super) fn queries<'v, T>(&self, array: ArrayView2<'v, T>, tile: &Tile) -> ArrayView2<'v, T> {
        array.slice_move(s![self.query_rows(tile), columns(self.head, self.attention.head_size)])
    }

    /// The rows of the sequence's keys or values, in the columns of the head that this one reads.
    pub(super) fn keys<'v, T>(&self, array: ArrayView2<'v, T>) -> ArrayView2<'v, T> {
        let columns = columns(self.head / self.attention.group(), self.attention.head_size);
        array.slice_move(s![self.attention.keys.range(self.sequence), columns])
    }

    /// The normalisers of a tile, of `[T, H]`.
    pub(super) fn normalisers<'v>(&self, all: ArrayView2<'v, S>, tile: &Tile) -> ArrayView1<'v, S> {
        all.slice_move(s![self.query_rows(tile), self.head])
    }

    pub(super) fn scale(&self) -> S {
        S::from_f64(self.attention.scale)
    }

    /// The probabilities of a tile, before dropout; tells each row's number and normaliser.
    pub(super) fn softmax(
        &self,
        tile: &Tile,
        q: ArrayView2<'_, S>,
        k: ArrayView2<'_, S>,
        normalisers: impl FnMut(usize, S),
    ) -> Array2<S> {
        let mut p = self.scores(tile, q, k);
        if self.attention.mask == AttentionMask::Full {
            softmax_rows(&mut p, normalisers);
        } else {
            masked_softmax(&mut p, |row| tile.visible(self.attention, self.sequence, row), normalisers);
        }
        p
    }

    /// The same from the rows' normalisers.
    pub(super) fn probabilities(
        &self,
        tile: &Tile,
        q: ArrayView2<'_, S>,
        k: ArrayView2<'_, S>,
        normalisers: ArrayView1<'_, S>,
    ) -> Array2<S> {
        let mut p = self.scores(tile, q, k);
        for (r, (mut row, normaliser)) in p.rows_mut().into_iter().zip(normalisers).enumerate() {
            let row = row.as_slice_mut().expect("products have standard layout");
            if self.attention.mask == AttentionMask::Full {
                S::exp_minus(row, *normaliser);
            } else {
                exponentials_of(row, tile.visible(self.attention, self.sequence, r), *normaliser);
            }
        }
        p
    }

    /// Scaled scores of a tile with their biases; what a query does not see is arbitrary.
    fn scores(&self, tile: &Tile, q: ArrayView2<'_, S>, k: ArrayView2<'_, S>) -> Array2<S> {
        let mut scores = self.times_keys(tile, self.scale(), q, k);
        if let Some(bias) = &self.attention.relative_bias {
            let bias = bias.row(self.head);
            let bias = bias.as_standard_layout();
            let bias = bias.as_slice().expect("standard layout");
            for (r, mut row) in scores.rows_mut().into_iter().enumerate() {
                let row = row.as_slice_mut().expect("products have standard layout");
                relative_bias::add(&mut row[self.positioned(tile, r)], bias, self.offset(tile, r));
            }
        }
        if let Some(positions) = self.positions() {
            self.add_position_terms(&positions, tile, [q, k], &mut scores);
        }
        scores
    }

    /// What it meets of the positions, if there are terms of them.
    pub(super) fn positions(&self) -> Option<Positions<'a, S>> {
        let Self { attention, sequence, head, .. } = *self;
        let (size, terms) = (attention.head_size, attention.position_terms.as_ref()?);
        let (key_value, query) = (columns(head / attention.group(), size), columns(head, size));
        Some(Positions::new(terms, (sequence, attention.positions(sequence)), key_value, query))
    }

    /// Adds the scaled terms of positions to the scores of a tile.
    fn add_position_terms(
        &self,
        positions: &Positions<'_, S>,
        tile: &Tile,
        [q, k]: [ArrayView2<'_, S>; 2],
        scores: &mut Array2<S>,
    ) {
        let of_queries = positions.keys.map(|keys| product_alone(self.precision, self.scale(), q, keys.t()));
        let of_keys = positions.queries.map(|queries| self.keys_times(tile, self.scale(), k, queries.t()));
        for (r, mut row) in scores.rows_mut().into_iter().enumerate() {
            let (columns, offset) = (self.positioned(tile, r), self.offset(tile, r));
            let row = row.as_slice_mut().expect("products have standard layout");
            let of_keys = of_keys.as_ref().map(|of_keys| of_keys.slice(s![columns.clone(), ..]));
            positions.add(&mut row[columns], of_queries.as_ref().map(|of| of.row(r)), of_keys, offset);
        }
    }

    /// The gradients of what the terms of positions are taken from, of a tile: of the products of its queries with positions, `[n, m]`,
    /// and of those of its keys, `[n_k, m]`.
    pub(super) fn d_position_terms(
        &self,
        positions: &Positions<'_, S>,
        tile: &Tile,
        d_scores: ArrayView2<'_, S>,
    ) -> [Option<Array2<S>>; 2] {
        let zeros = |rows: usize, of: Option<ArrayView2<'_, S>>| of.map(|of| Array2::zeros((rows, of.nrows())));
        let mut of_queries = zeros(d_scores.nrows(), positions.keys);
        let mut of_keys = zeros(tile.keys(), positions.queries);
        for (r, row) in d_scores.rows().into_iter().enumerate() {
            let (columns, offset) = (self.positioned(tile, r), self.offset(tile, r));
            let row = row.to_slice().expect("products have standard layout");
            let mut of_query = of_queries.as_mut().map(|of| of.row_mut(r));
            let of_query = of_query.as_mut().map(|of| of.as_slice_mut().expect("standard layout"));
            let of_keys = of_keys.as_mut().map(|of| of.slice_mut(s![columns.clone(), ..]));
            positions.add_gradient(&row[columns], of_query, of_keys, offset);
        }
        [of_queries, of_keys]
    }

    /// The gradient of a tile's scaled scores, from the probabilities and the gradient of the result.
    pub(super) fn d_scores(
        &self,
        tile: &Tile,
        p: ArrayView2<'_, S>,
        d_out: ArrayView2<'_, S>,
        values: ArrayView2<'_, S>,
    ) -> Array2<S> {
        softmax_backward(p, self.dropped(tile, self.times_keys(tile, S::one(), d_out, values)))
    }

    /// Adds what the scores of a tile say of the bias of this head, `[2R + 1]`.
    pub(super) fn add_bias_gradient(&self, tile: &Tile, d_scores: ArrayView2<'_, S>, d_bias: &mut [S]) {
        for (r, row) in d_scores.rows().into_iter().enumerate() {
            let row = row.to_slice().expect("products have standard layout");
            relative_bias::add_gradient(&row[self.positioned(tile, r)], d_bias, self.offset(tile, r));
        }
    }

    /// The columns of a tile's row whose keys have a position and are seen.
    fn positioned(&self, tile: &Tile, row: usize) -> Range<usize> {
        tile.columns(self.attention, self.sequence, row)
    }

    /// How far the first of these keys stands behind the query.
    fn offset(&self, tile: &Tile, row: usize) -> isize {
        let (attention, query) = (self.attention, tile.queries.start + row);
        let key = attention.seen(self.sequence, query).start - attention.prefix(self.sequence);
        key as isize - attention.position(self.sequence, query) as isize
    }

    /// `α A Bᵀ` with the keys (or values) `B` that a tile sees.
    fn times_keys(&self, tile: &Tile, alpha: S, a: ArrayView2<'_, S>, b: ArrayView2<'_, S>) -> Array2<S> {
        if let Some(keys) = tile.in_one_piece() {
            return product_alone(self.precision, alpha, a, b.slice(s![keys, ..]).t());
        }
        let mut result = Array2::zeros((a.nrows(), tile.keys()));
        for piece in tile.pieces() {
            let mut columns = result.slice_mut(s![.., piece.columns]);
            matmul_alone(self.precision, alpha, a, b.slice(s![piece.keys, ..]).t(), &mut columns);
        }
        result
    }

    /// `α A B` with the keys `A` that a tile sees.
    fn keys_times(&self, tile: &Tile, alpha: S, a: ArrayView2<'_, S>, b: ArrayView2<'_, S>) -> Array2<S> {
        let mut result = Array2::zeros((tile.keys(), b.ncols()));
        for piece in tile.pieces() {
            let mut rows = result.slice_mut(s![piece.columns, ..]);
            matmul_alone(self.precision, alpha, a.slice(s![piece.keys, ..]), b, &mut rows);
        }
        result
    }

    /// `C = α A B` with the keys (or values) `B` that a tile sees.
    pub(super) fn sum_over_keys(
        &self,
        tile: &Tile,
        alpha: S,
        a: ArrayView2<'_, S>,
        b: ArrayView2<'_, S>,
        c: &mut ArrayViewMut2<'_, S>,
    ) {
        for (i, piece) in tile.pieces().enumerate() {
            let multiply = if i == 0 { matmul_alone } else { matmul_alone_add };
            multiply(self.precision, alpha, a.slice(s![.., piece.columns]), b.slice(s![piece.keys, ..]), c);
        }
    }

    /// A new `α Aᵀ B`, a sum over all queries.
    pub(super) fn sum_over_queries(&self, alpha: S, a: ArrayView2<'_, S>, b: ArrayView2<'_, S>) -> Array2<S> {
        product_alone(self.precision, alpha, a.t(), b)
    }

    /// The same, into `C`.
    pub(super) fn sum_over_queries_into(
        &self,
        alpha: S,
        a: ArrayView2<'_, S>,
        b: ArrayView2<'_, S>,
        c: &mut ArrayViewMut2<'_, S>,
    ) {
        matmul_alone(self.precision, alpha, a.t(), b, c);
    }

    /// `C[j] += α (Aᵀ B)[j]` for the keys `j` that a tile sees, a sum over its queries.
    pub(super) fn add_over_queries(
        &self,
        tile: &Tile,
        alpha: S,
        a: ArrayView2<'_, S>,
        b: ArrayView2<'_, S>,
        c: &mut Array2<S>,
    ) {
        for piece in tile.pieces() {
            let mut keys = c.slice_mut(s![piece.keys, ..]);
            matmul_alone_add(self.precision, alpha, a.slice(s![.., piece.columns]).t(), b, &mut keys);
        }
    }

    /// `C += α A B`.
    pub(super) fn add_product(&self, a: ArrayView2<'_, S>, b: ArrayView2<'_, S>, c: &mut ArrayViewMut2<'_, S>) {
        matmul_alone_add(self.precision, self.scale(), a, b, c);
    }

    /// With the dropout mask applied. Draws are addressed by head, token and key, not by tile.
    pub(super) fn dropped(&self, tile: &Tile, mut p: Array2<S>) -> Array2<S> {
        let Some(dropout) = self.dropout else { return p };
        let (dropout, longest) = (dropout.at(self.head as u64), self.attention.keys.longest());
        for (t, mut row) in self.query_rows(tile).zip(p.rows_mut()) {
            let row = row.as_slice_mut().expect("products have standard layout");
            for piece in tile.pieces() {
                dropout.apply_to_row(&mut row[piece.columns], (t * longest + piece.keys.start) as u64);
            }
        }
        p
    }
}

/// The columns of a head.
pub(super) fn columns(head: usize, head_size: usize) -> Range<usize> {
    head * head_size..(head + 1) * head_size
}
