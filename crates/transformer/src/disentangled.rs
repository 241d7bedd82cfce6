//! Relative positions apart from contents: their embeddings, which each block projects to queries and keys.

use crate::accumulator::Accumulator;
use crate::base::{BaseNorm, BaseTable, LinearBackward, NormTrace};
use crate::config::DisentangledPositions;
use crate::place::Place;
use crate::point::{LinearPoint, Part, Projection};
use adaptune_tensor::{AttentionGradients, Dropout, Gradients, Layout, PositionTerms, Scalar};
use ndarray::{Array2, Axis, concatenate, s};
use std::ops::Range;

/// What backward needs of the positions of a block.
pub(crate) struct PositionsTrace<'a, S> {
    pub(crate) key: Option<LinearBackward<'a, S>>,
    pub(crate) query: Option<LinearBackward<'a, S>>,
    embedded: EmbeddedTrace<'a, S>,
    /// How often they were projected.
    sequences: usize,
}

/// What the backward pass of the embeddings needs.
struct EmbeddedTrace<'a, S> {
    table: BaseTable<'a, S>,
    norm: Option<(BaseNorm<'a, S>, NormTrace<S>)>,
    dropout: Option<Dropout>,
    rows: Range<usize>,
}

/// Place of the random draws of a block's positions, behind those of its attention and before those of its feed-forward network.
const POSITIONS: u64 = 24;

/// The positions of a block whose longest sequence has so many of them, projected as the block projects tokens, adapters included, and
/// what backward needs; `None` if the model has none.
///
/// Only distances that occur are projected, unless a module looks at several rows: it sees all of them, as one sequence. Where
/// sequences have modules of their own, positions are projected for each of them.
pub(crate) fn positions<'a, S: Scalar>(
    place: &Place<'a, S>,
    longest: usize,
) -> Option<(PositionTerms<S>, PositionsTrace<'a, S>)> {
    let of = place.config().architecture.disentangled?;
    let points = points(place, of);
    let token_wise =
        |point: &LinearPoint| place.insertions.linear(*point).is_none_or(|module| module.properties(*point).token_wise);
    let most = longest.saturating_sub(1) as isize;
    let all_token_wise = points.iter().flatten().all(token_wise);
    let rows = if all_token_wise { of.row(-most)..of.row(most) + 1 } else { 0..of.rows() };
    let (mut x, embedded) = embedded(place, rows.clone());
    let sequences =
        place.insertions.sequences().filter(|_| points.iter().flatten().any(|p| place.insertions.linear(*p).is_some()));
    let sequences = sequences.unwrap_or(1);
    if sequences > 1 {
        x = concatenate(Axis(0), &vec![x.view(); sequences]).expect("all are of one width");
    }
    let there = place.at_positions(Layout::from_lengths(&vec![rows.len(); sequences]), POSITIONS);
    let (x, wants) = (x.into_shared(), place.pass.gradients() && embedded.trains());
    let project = |point: Option<LinearPoint>| point.map(|point| there.linear(point.projection, &x, wants));
    let [(keys, key), (queries, query)] = points.map(|point| project(point).unzip());
    let by_distance = (-most..=most).map(|distance| of.row(-distance) - rows.start).collect();
    let [keys, queries] = [keys, queries].map(|projected| projected.map(Array2::into_shared));
    let terms = PositionTerms { keys, queries, rows: by_distance, sequences };
    Some((terms, PositionsTrace { key: key.flatten(), query: query.flatten(), embedded, sequences }))
}

/// Where positions are projected to keys and to queries.
fn points<S: Scalar>(place: &Place<'_, S>, of: DisentangledPositions) -> [Option<LinearPoint>; 2] {
    let own = [Projection::PositionKey, Projection::PositionQuery];
    let [key, query] = if of.own_projections { own } else { [Projection::Key, Projection::Query] };
    [(of.content_to_position, key), (of.position_to_content, query)]
        .map(|(wanted, projection)| wanted.then_some(LinearPoint { layer: place.layer, projection }))
}

/// `dropout(norm(R[rows]))`, `[m, D]`.
fn embedded<'a, S: Scalar>(place: &Place<'a, S>, rows: Range<usize>) -> (Array2<S>, EmbeddedTrace<'a, S>) {
    let table = place.base.table(Part::RelativePositions).expect("the list of parts has the embeddings of positions");
    let mut x = table.view().slice(s![rows.clone(), ..]).to_owned();
    let mut kept = None;
    if let Some(norm) = place.base.norm(Part::RelativePositionsNorm) {
        let (normed, trace) = norm.forward(x, place.pass.gradients() && (table.trains() || norm.trains()));
        x = normed;
        kept = trace.map(|trace| (norm, trace));
    }
    let dropout = place.pass.at(POSITIONS).dropout(place.config().hidden_dropout);
    dropped(&mut x, dropout, &rows);
    (x, EmbeddedTrace { table, norm: kept, dropout, rows })
}

/// Draws are addressed by the row of the table, whichever rows are projected.
fn dropped<S: Scalar>(x: &mut Array2<S>, dropout: Option<Dropout>, rows: &Range<usize>) {
    let (width, Some(dropout)) = (x.ncols(), dropout) else { return };
    for (row, mut values) in rows.clone().zip(x.rows_mut()) {
        dropout.apply_to_row(values.as_slice_mut().expect("standard layout"), (row * width) as u64);
    }
}

impl<S: Scalar> EmbeddedTrace<'_, S> {
    fn trains(&self) -> bool {
        self.table.trains() || self.norm.as_ref().is_some_and(|(norm, _)| norm.trains())
    }

    fn backward(self, mut d: Array2<S>, gradients: &mut Gradients<S>) {
        dropped(&mut d, self.dropout, &self.rows);
        let d = match self.norm {
            Some((norm, trace)) => norm.backward(&trace, d, gradients),
            None => d,
        };
        if self.table.trains() {
            let mut d_table = Array2::zeros(self.table.view().dim());
            d_table.slice_mut(s![self.rows, ..]).assign(&d);
            self.table.add_gradient(d_table, gradients);
        }
    }
}

impl<S: Scalar> PositionsTrace<'_, S> {
    /// Adds the gradients of the modules that project positions and of their embeddings, those that train.
    pub(crate) fn backward(self, d: &AttentionGradients<S>, gradients: &mut Gradients<S>) {
        let mut d_x = Accumulator::new();
        for (backward, d) in [(self.key, &d.d_position_keys), (self.query, &d.d_position_queries)] {
            if let (Some(backward), Some(d)) = (backward, d) {
                backward(d.view(), gradients, &mut d_x);
            }
        }
        let Some(d_x) = d_x.into_sum() else { return };
        let each = self.embedded.rows.len();
        let mut sum = d_x.slice(s![..each, ..]).to_owned();
        for sequence in 1..self.sequences {
            sum += &d_x.slice(s![sequence * each..(sequence + 1) * each, ..]);
        }
        self.embedded.backward(sum, gradients);
    }
}
