//! The insertion points of a model, shape by shape.

use super::point::Point;
use adaptune_tensor::Scalar;
use adaptune_transformer::{Config, Insertions, LinearPoint, Projection, SequencePoint, Sublayer, SublayerPoint};

pub(crate) fn linear_points(model: &Config) -> impl Iterator<Item = LinearPoint> {
    (0..model.blocks()).flat_map(|layer| Projection::ALL.map(|projection| LinearPoint { layer, projection }))
}

pub(crate) fn sublayer_points(model: &Config) -> impl Iterator<Item = SublayerPoint> {
    (0..model.blocks()).flat_map(|layer| Sublayer::ALL.map(|sublayer| SublayerPoint { layer, sublayer }))
}

pub(crate) fn sequence_points(model: &Config) -> impl Iterator<Item = SequencePoint> {
    std::iter::once(SequencePoint::Embeddings).chain((0..model.blocks()).map(SequencePoint::Block))
}

/// The first point at which a module lets tokens see those behind them.
pub(crate) fn not_causal<S: Scalar>(model: &Config, of: &dyn Insertions<S>) -> Option<Point> {
    let sublayer = |point: &SublayerPoint| of.sublayer(*point).is_some_and(|m| !m.properties(*point).causal);
    let linear = |point: &LinearPoint| of.linear(*point).is_some_and(|m| !m.properties(*point).causal);
    let sequence = |point: &SequencePoint| of.sequence(*point).is_some_and(|m| !m.properties(*point).causal);
    let attention = |layer: &usize| of.attention(*layer).is_some_and(|m| !m.properties(*layer).causal);
    let sublayers = sublayer_points(model).filter(sublayer).map(Point::from);
    let sequences = sequence_points(model).filter(sequence).map(Point::from);
    let attentions = (0..model.blocks()).filter(attention).map(Point::Attention);
    linear_points(model).filter(linear).map(Point::from).chain(sublayers).chain(sequences).chain(attentions).next()
}
