//! The insertion points of all four shapes as one type, and their names.

use adaptune_transformer::{LinearPoint, Projection, SequencePoint, Sublayer, SublayerPoint};
use std::fmt;

/// Any insertion point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Point {
    /// After the embeddings or after a block.
    Sequence(SequencePoint),
    /// One of the projections of a block.
    Linear(LinearPoint),
    /// Keys and values of a block.
    Attention(usize),
    /// The end of a sublayer.
    Sublayer(SublayerPoint),
}

const PROJECTIONS: [(&str, Projection); Projection::ALL.len()] = [
    ("query", Projection::Query),
    ("key", Projection::Key),
    ("value", Projection::Value),
    ("attention_output", Projection::AttentionOutput),
    ("feed_forward_in", Projection::FeedForwardIn),
    ("feed_forward_out", Projection::FeedForwardOut),
    ("feed_forward_gate", Projection::FeedForwardGate),
    ("position_key", Projection::PositionKey),
    ("position_query", Projection::PositionQuery),
];
const SUBLAYERS: [(&str, Sublayer); 2] = [("attention", Sublayer::Attention), ("feed_forward", Sublayer::FeedForward)];
const KEYS_VALUES: &str = "keys_values";

impl Point {
    /// Cuts the name of an adapter's parameter into the point that it begins with, if it does, and the rest.
    ///
    /// ```
    /// use adaptune_adapters::Point;
    /// let (point, rest) = Point::split("layer.3.query.lora_A");
    /// assert_eq!((point.map(|p| p.to_string()).as_deref(), rest), (Some("layer.3.query"), "lora_A"));
    /// assert_eq!(Point::split("phm_rule"), (None, "phm_rule"));
    /// ```
    #[must_use]
    pub fn split(name: &str) -> (Option<Self>, &str) {
        if let Some(rest) = name.strip_prefix("embeddings.") {
            return (Some(Self::Sequence(SequencePoint::Embeddings)), rest);
        }
        let block = name.strip_prefix("layer.").and_then(|rest| rest.split_once('.'));
        let Some((layer, rest)) = block.and_then(|(layer, rest)| Some((layer.parse().ok()?, rest))) else {
            return (None, name);
        };
        match rest.split_once('.').and_then(|(part, rest)| Some((Self::within(layer, part)?, rest))) {
            Some((point, rest)) => (Some(point), rest),
            None => (Some(Self::Sequence(SequencePoint::Block(layer))), rest),
        }
    }

    /// The point that a block has under this name.
    fn within(layer: usize, part: &str) -> Option<Self> {
        if part == KEYS_VALUES {
            return Some(Self::Attention(layer));
        }
        let projection = PROJECTIONS.iter().find(|(name, _)| *name == part);
        let linear = projection.map(|(_, projection)| Self::Linear(LinearPoint { layer, projection: *projection }));
        let sublayer = SUBLAYERS.iter().find(|(name, _)| *name == part);
        linear.or_else(|| sublayer.map(|(_, sublayer)| Self::Sublayer(SublayerPoint { layer, sublayer: *sublayer })))
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sequence(SequencePoint::Embeddings) => write!(f, "embeddings"),
            Self::Sequence(SequencePoint::Block(layer)) => write!(f, "layer.{layer}"),
            Self::Attention(layer) => write!(f, "layer.{layer}.{KEYS_VALUES}"),
            Self::Linear(LinearPoint { layer, projection }) => {
                write!(f, "layer.{layer}.{}", PROJECTIONS[*projection as usize].0)
            }
            Self::Sublayer(SublayerPoint { layer, sublayer }) => {
                write!(f, "layer.{layer}.{}", SUBLAYERS[*sublayer as usize].0)
            }
        }
    }
}

macro_rules! from {
    ($($variant:ident: $type:ty),+) => {$(
        impl From<$type> for Point {
            fn from(point: $type) -> Self {
                Self::$variant(point)
            }
        }
    )+};
}
from!(Sequence: SequencePoint, Linear: LinearPoint, Sublayer: SublayerPoint);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_found_again_in_the_names_of_its_parameters() {
        let linears = Projection::ALL.map(|projection| Point::Linear(LinearPoint { layer: 12, projection }));
        let sublayers = Sublayer::ALL.map(|sublayer| Point::Sublayer(SublayerPoint { layer: 0, sublayer }));
        let others = [SequencePoint::Embeddings.into(), SequencePoint::Block(3).into(), Point::Attention(1)];
        for point in linears.into_iter().chain(sublayers).chain(others) {
            assert_eq!(Point::split(&format!("{point}.units.0.weight")), (Some(point), "units.0.weight"));
        }
        for name in ["rule", "layer.x.query.a", "layers.1.query", "layer"] {
            assert_eq!(Point::split(name), (None, name));
        }
    }
}
