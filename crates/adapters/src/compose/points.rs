//! The insertion points of a model, shape by shape; and what all parts of a node must agree on.

use super::error::CompositionError;
use adaptune_tensor::Scalar;
use adaptune_transformer::{Config, Insertions, LinearPoint, Projection, SequencePoint, Sublayer, SublayerPoint};

pub(super) fn linear_points(model: &Config) -> impl Iterator<Item = LinearPoint> {
    (0..model.blocks()).flat_map(|layer| Projection::ALL.map(|projection| LinearPoint { layer, projection }))
}

pub(super) fn sublayer_points(model: &Config) -> impl Iterator<Item = SublayerPoint> {
    (0..model.blocks()).flat_map(|layer| Sublayer::ALL.map(|sublayer| SublayerPoint { layer, sublayer }))
}

pub(super) fn sequence_points(model: &Config) -> impl Iterator<Item = SequencePoint> {
    std::iter::once(SequencePoint::Embeddings).chain((0..model.blocks()).map(SequencePoint::Block))
}

/// All parts see the same batch.
pub(super) fn check_sequences<S: Scalar, P: Insertions<S>>(parts: &[P]) -> Result<(), CompositionError> {
    let mut told = parts.iter().enumerate().filter_map(|(part, p)| Some((part, p.sequences()?)));
    let Some((_, expected)) = told.next() else { return Ok(()) };
    match told.find(|(_, found)| *found != expected) {
        Some((part, found)) => Err(CompositionError::Sequences { part, found, expected }),
        None => Ok(()),
    }
}
