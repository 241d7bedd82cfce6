//! What files call things, by the names that a family's description has for them.

use crate::core::hub_names::HubNames;
use crate::core::point::Point;
use adaptune_transformer::{Family, SequencePoint, Sublayer, SublayerPoint};

impl HubNames for Family {
    fn module(&self, point: Option<Point>) -> String {
        let (block, paths) = (self.tensors().block, &self.python().adapters);
        match point {
            // A family whose blocks lack the layer has no adapter there.
            Some(Point::Linear(point)) => point.own_path(*self).unwrap_or_default(),
            Some(Point::Sublayer(SublayerPoint { layer, sublayer: Sublayer::Attention })) => {
                format!("{block}.{layer}.{}", paths.after_attention)
            }
            Some(Point::Sublayer(SublayerPoint { layer, sublayer: Sublayer::FeedForward })) => {
                format!("{block}.{layer}.{}", paths.after_feed_forward)
            }
            Some(Point::Attention(layer)) => format!("{block}.{layer}.{}", paths.attention),
            Some(Point::Sequence(SequencePoint::Embeddings)) => "embeddings".to_owned(),
            Some(Point::Sequence(SequencePoint::Block(layer))) => format!("{block}.{layer}"),
            None => "shared_parameters".to_owned(),
        }
    }

    fn prefix_location(&self) -> &'static str {
        self.python().adapters.prefix
    }
}

/// AdapterHub's class of such models.
pub(super) fn model_class(family: Family) -> String {
    format!("{}AdapterModel", family.python().class)
}

/// Where checkpoints keep a parameter of the head of a masked language model; `None` if the family has no such head.
pub(super) fn language_tensor_name(family: Family, parameter: &str) -> Option<String> {
    let head = family.python().language_head.as_ref()?;
    Some(match parameter.split_once('.') {
        Some(("transform", part)) => format!("{}.{part}", head.transform),
        Some((_, part)) => format!("{}.{part}", head.norm),
        None => head.bias.to_owned(),
    })
}
