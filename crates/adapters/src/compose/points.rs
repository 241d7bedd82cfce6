//! The insertion points of a model, shape by shape.

use adaptune_transformer::{Config, LinearPoint, Projection, Sublayer, SublayerPoint};

pub(super) fn linear_points(model: &Config) -> impl Iterator<Item = LinearPoint> {
    (0..model.layers).flat_map(|layer| Projection::ALL.map(|projection| LinearPoint { layer, projection }))
}

pub(super) fn sublayer_points(model: &Config) -> impl Iterator<Item = SublayerPoint> {
    (0..model.layers).flat_map(|layer| Sublayer::ALL.map(|sublayer| SublayerPoint { layer, sublayer }))
}
