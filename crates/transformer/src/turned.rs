//! What becomes of queries and keys before they meet: each head normalised, then rotated by its token's position.

use crate::base::{BaseNorm, NormTrace};
use crate::config::RotaryPositions;
use crate::place::Place;
use crate::point::BlockNorm;
use adaptune_tensor::{Gradients, Rotary, Scalar};
use ndarray::Array2;
use std::sync::Arc;

/// What backward needs of queries or keys that were normalised or rotated.
pub(crate) struct Turned<'a, S> {
    head_size: usize,
    norm: Option<(BaseNorm<'a, S>, NormTrace<S>)>,
    rotation: Option<Arc<Rotation<S>>>,
}

/// Returns queries `[N, H·K]` and keys `[T, H_kv·K]` normalised and rotated where the block does so, and what the backward passes
/// of both need; with each comes the word whether its gradient is wanted. `behind` is where the tokens of the queries lie.
pub(crate) fn turned<'a, S: Scalar>(
    place: &Place<'a, S>,
    behind: &Place<'a, S>,
    (queries, wants_queries): (Array2<S>, bool),
    (keys, wants_keys): (Array2<S>, bool),
) -> (Array2<S>, Array2<S>, [Turned<'a, S>; 2]) {
    let of_keys = Rotation::of(place).map(Arc::new);
    let of_queries = match (&of_keys, place.read_rows()) {
        (Some(rotation), Some(rows)) => Some(Arc::new(rotation.select(rows))),
        (rotation, _) => rotation.clone(),
    };
    let (queries, query) = Turned::forward(behind, BlockNorm::Query, queries, of_queries, wants_queries);
    let (keys, key) = Turned::forward(place, BlockNorm::Key, keys, of_keys, wants_keys);
    (queries, keys, [query, key])
}

/// The angles of a block, and the position of each token.
struct Rotation<S> {
    rotary: Rotary<S>,
    positions: Vec<usize>,
}

impl<S: Scalar> Rotation<S> {
    /// The rotation of all tokens of a block, if it rotates.
    fn of(place: &Place<'_, S>) -> Option<Self> {
        let RotaryPositions { frequencies, .. } = place.config().architecture.rotary.at(place.depth).as_ref()?;
        let before = |sequence| place.past.map_or(0, |past| past.length(sequence));
        let first = |sequence| place.insertions.position_shift(sequence) + before(sequence);
        let positions: Vec<usize> = (place.layout.ranges().enumerate())
            .flat_map(|(sequence, range)| first(sequence)..first(sequence) + range.len())
            .collect();
        let most = positions.iter().max().map_or(0, |last| last + 1);
        Some(Self { rotary: Rotary::new(frequencies, most), positions })
    }

    /// The rotation of some of the tokens.
    fn select(&self, rows: &[u32]) -> Self {
        let positions = rows.iter().map(|row| self.positions[*row as usize]).collect();
        Self { rotary: self.rotary.clone(), positions }
    }
}

impl<'a, S: Scalar> Turned<'a, S> {
    /// Returns queries or keys, `[T, H·K]`, normalised and rotated where the block does so, and what their backward pass needs;
    /// `wants` says that the gradient of `x` is wanted.
    fn forward(
        place: &Place<'a, S>,
        norm: BlockNorm,
        x: Array2<S>,
        rotation: Option<Arc<Rotation<S>>>,
        wants: bool,
    ) -> (Array2<S>, Self) {
        let head_size = place.config().head_size();
        let (mut x, mut kept) = (x, None);
        if let Some(norm) = place.norm(norm) {
            let keep = place.pass.gradients() && (wants || norm.trains());
            let dim = x.dim();
            let (normed, trace) = norm.forward(reshaped(x, head_size), keep);
            x = normed.into_shape_with_order(dim).expect("as many numbers");
            kept = trace.map(|trace| (norm, trace));
        }
        if let Some(rotation) = &rotation {
            x = rotation.rotary.rotate(x, head_size, &rotation.positions);
        }
        (x, Self { head_size, norm: kept, rotation })
    }

    /// True if the norm trains: then the gradient of its result is wanted, whatever is wanted below.
    pub(crate) fn trains(&self) -> bool {
        self.norm.as_ref().is_some_and(|(norm, _)| norm.trains())
    }

    /// Adds the gradients of the norm's weights; returns `d_x`, `[T, H·K]`.
    pub(crate) fn backward(self, mut d: Array2<S>, gradients: &mut Gradients<S>) -> Array2<S> {
        if let Some(rotation) = &self.rotation {
            d = rotation.rotary.rotate_backward(d, self.head_size, &rotation.positions);
        }
        let Some((norm, trace)) = self.norm else { return d };
        let dim = d.dim();
        let d = norm.backward(&trace, reshaped(d, self.head_size), gradients);
        d.into_shape_with_order(dim).expect("as many numbers")
    }
}

/// A row for each head, `[T, H·K] → [T·H, K]`.
fn reshaped<S: Scalar>(x: Array2<S>, head_size: usize) -> Array2<S> {
    let rows = x.len() / head_size;
    let x = if x.is_standard_layout() { x } else { x.as_standard_layout().into_owned() };
    x.into_shape_with_order((rows, head_size)).expect("heads cover the width")
}
