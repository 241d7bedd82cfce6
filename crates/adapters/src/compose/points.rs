//! What all parts of a node must agree on, and what its modules must be.

use super::error::CompositionError;
use crate::core::insertion_points::{linear_points, sequence_points, sublayer_points};
use crate::core::point::Point;
use adaptune_tensor::Scalar;
use adaptune_transformer::{Config, Insertions, LinearPoint, SequencePoint, SublayerPoint};

/// All parts that differ by group do so among the same groups.
pub(super) fn check_groups<S: Scalar, P: Insertions<S>>(parts: &[P]) -> Result<(), CompositionError> {
    let mut told = parts.iter().enumerate().filter_map(|(part, p)| Some((part, p.groups()?)));
    let Some((_, expected)) = told.next() else { return Ok(()) };
    match told.find(|(_, found)| *found != expected) {
        Some((part, found)) => Err(CompositionError::Groups { part, found, expected }),
        None => Ok(()),
    }
}

/// All parts see the same batch.
pub(super) fn check_batches<S: Scalar, P: Insertions<S>>(parts: &[P]) -> Result<(), CompositionError> {
    check_groups(parts)?;
    let mut told = parts.iter().enumerate().filter_map(|(part, p)| Some((part, p.sequences()?)));
    let Some((_, expected)) = told.next() else { return Ok(()) };
    match told.find(|(_, found)| *found != expected) {
        Some((part, found)) => Err(CompositionError::Sequences { part, found, expected }),
        None => Ok(()),
    }
}

/// The first point at which a part has a module whose output cannot be mixed with others': one that does not end with the base's
/// norm, or stands between blocks or at keys and values.
pub(super) fn never_mixed<S: Scalar, P: Insertions<S>>(model: &Config, part: &P) -> Option<Point> {
    let alone = |point: &SublayerPoint| part.sublayer(*point).is_some_and(|m| !m.properties(*point).may_be_followed);
    let sublayers = sublayer_points(model).filter(alone).map(Point::from);
    let sequences = sequence_points(model).filter(|point| part.sequence(*point).is_some()).map(Point::from);
    let attention = (0..model.blocks()).filter(|layer| part.attention(*layer).is_some()).map(Point::Attention);
    sublayers.chain(sequences).chain(attention).next()
}

/// The first point at which a part has a module that reads other tokens of a sequence, or needs to know where a token stands.
pub(super) fn not_token_wise<S: Scalar, P: Insertions<S>>(model: &Config, part: &P) -> Option<Point> {
    let sublayer = |point: &SublayerPoint| part.sublayer(*point).is_some_and(|m| !m.properties(*point).token_wise);
    let linear = |point: &LinearPoint| part.linear(*point).is_some_and(|m| !m.properties(*point).token_wise);
    let sublayers = sublayer_points(model).filter(sublayer).map(Point::from);
    linear_points(model).filter(linear).map(Point::from).chain(sublayers).next()
}

/// The lowest block that something plugged in has to do with, as many as the model has if it is none; `None` if it changes what goes
/// into the first one.
pub(crate) fn lowest_block<S: Scalar>(model: &Config, of: &dyn Insertions<S>) -> Option<usize> {
    if of.sequence(SequencePoint::Embeddings).is_some() || of.position_shift(0) > 0 {
        return None;
    }
    Some((0..model.blocks()).find(|layer| has_modules(model, of, *layer)).unwrap_or(model.layers))
}

/// True if something plugged in has to do with a block.
pub(crate) fn has_modules<S: Scalar>(model: &Config, of: &dyn Insertions<S>, layer: usize) -> bool {
    let linear = || linear_points(model).any(|point| point.layer == layer && of.linear(point).is_some());
    let sublayer = || sublayer_points(model).any(|point| point.layer == layer && of.sublayer(point).is_some());
    let between = || of.sequence(SequencePoint::Block(layer)).is_some() || of.attention(layer).is_some();
    linear() || sublayer() || between()
}
