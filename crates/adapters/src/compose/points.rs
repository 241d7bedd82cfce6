//! What the parts of a composition have at each point.

use adaptune_tensor::Scalar;
use adaptune_transformer::{Config, Insertions, LinearPoint, Projection, SequencePoint, Sublayer, SublayerPoint};
use std::collections::BTreeMap;

/// What parts have at each of these points, in their order; points at which none has anything are left out.
pub(super) fn collect<'a, S: Scalar, P: Ord + Copy, M: ?Sized>(
    points: impl IntoIterator<Item = P>,
    parts: &[&'a dyn Insertions<S>],
    module: impl Fn(&'a dyn Insertions<S>, P) -> Option<&'a M>,
) -> BTreeMap<P, Vec<Option<&'a M>>> {
    let at = |point| (point, parts.iter().map(|part| module(*part, point)).collect::<Vec<_>>());
    points.into_iter().map(at).filter(|(_, found)| found.iter().any(Option::is_some)).collect()
}

pub(super) fn linear_points(model: &Config) -> impl Iterator<Item = LinearPoint> {
    (0..model.layers).flat_map(|layer| Projection::ALL.map(|projection| LinearPoint { layer, projection }))
}

pub(super) fn sublayer_points(model: &Config) -> impl Iterator<Item = SublayerPoint> {
    (0..model.layers).flat_map(|layer| Sublayer::ALL.map(|sublayer| SublayerPoint { layer, sublayer }))
}

pub(super) fn sequence_points(model: &Config) -> impl Iterator<Item = SequencePoint> {
    std::iter::once(SequencePoint::Embeddings).chain((0..model.layers).map(SequencePoint::Block))
}
