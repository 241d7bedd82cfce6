//! Which rows of which stored tensor a layer of a model is.

use super::description::Family;
use super::names::TensorNames;
use crate::config::Config;
use crate::point::{BlockPart, LinearPoint, Part, Projection};
use std::ops::Range;

/// Which rows of a stored layer are a layer of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRows {
    /// The rows of the layer.
    pub rows: Range<usize>,
    /// The rows of the stored layer.
    pub of: usize,
}

impl TensorNames {
    /// The rows of the stored layer that are a layer of a block; `None` if the model has no such layer.
    #[must_use]
    pub fn rows(&self, config: &Config, projection: Projection) -> Option<StoredRows> {
        let outputs = |p| config.linear_shape(p).map_or(0, |shape| shape.outputs);
        let (stored, own) = (self.linear(projection)?, config.linear_shape(projection)?.outputs);
        let together = self.stored_together(stored.path);
        let before = together.iter().take_while(|p| **p != projection).map(|p| outputs(*p)).sum();
        Some(StoredRows { rows: before..before + own, of: together.into_iter().map(outputs).sum() })
    }
}

impl LinearPoint {
    /// Where Hugging Face checkpoints of a family keep the layer, without the family's prefix; `None` if its blocks have no
    /// such layer.
    ///
    /// ```
    /// use adaptune_transformer::{Family, LinearPoint, Projection};
    /// let point = LinearPoint { layer: 3, projection: Projection::Key };
    /// assert_eq!(point.path(Family::BERT).as_deref(), Some("encoder.layer.3.attention.self.key"));
    /// ```
    #[must_use]
    pub fn path(self, family: Family) -> Option<String> {
        family.tensors().linear_path(self)
    }
}

impl LinearPoint {
    /// A name of the layer's own: its [path](LinearPoint::path), and where the stored layer holds several, the number of the part
    /// behind it. `None` if the family's blocks have no such layer.
    ///
    /// ```
    /// use adaptune_transformer::{Family, LinearPoint, Projection};
    /// let point = LinearPoint { layer: 3, projection: Projection::Key };
    /// assert_eq!(point.own_path(Family::MODERNBERT).as_deref(), Some("layers.3.attn.Wqkv.1"));
    /// ```
    #[must_use]
    pub fn own_path(self, family: Family) -> Option<String> {
        family.tensors().linear(self.projection).map(|_| family.tensors().name(self.into()))
    }

    /// True if the stored layer holds other layers too.
    #[must_use]
    pub fn is_fused(self, family: Family) -> bool {
        let names = family.tensors();
        names.linear(self.projection).is_some_and(|stored| names.stored_together(stored.path).len() > 1)
    }
}

impl Config {
    /// Checks that the family names every part that a model of this configuration has.
    pub(crate) fn unnamed_part(&self) -> Option<Part> {
        let names = self.family.tensors();
        let unnamed = |part: &Part| match part {
            Part::Block(_, BlockPart::Norm(norm)) => names.norms.iter().all(|(known, _)| known != norm),
            Part::Block(_, BlockPart::Linear(projection)) => names.linear(*projection).is_none(),
            part => names.name(*part).is_empty(),
        };
        self.parts().into_iter().map(|(part, _)| part).find(unnamed)
    }
}
