//! An adapter of modules that somebody put together.

use crate::adapter::{Adapter, Module, Point};
use adaptune_tensor::Scalar;
use adaptune_transformer::{Config, LinearPoint, SequencePoint, SublayerPoint};
use std::collections::BTreeMap;
use thiserror::Error;

/// Why modules do not make an adapter.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ModuleError {
    /// There is none.
    #[error("the adapter would have no module: give at least one, with its point")]
    Nothing,
    /// A point in a layer that the model does not have.
    #[error("there is no point {point}: the model has layers 0 to {last}")]
    NoLayer {
        /// The point.
        point: Point,
        /// The model's last layer.
        last: usize,
    },
    /// A module of another shape than its point.
    #[error("the module at {point} is of another shape: this point takes a {expected}")]
    Shape {
        /// The point.
        point: Point,
        /// The trait that a module must have here.
        expected: &'static str,
    },
    /// Two modules at one point.
    #[error("there are two modules at {point}: make one of them that does both")]
    Twice {
        /// The point.
        point: Point,
    },
}

impl<S: Scalar> Adapter<S> {
    /// An adapter of one's own: modules with their points, [closures](crate::closure) or whatever else implements
    /// [`Module`].
    ///
    /// It has no [`Method`](crate::Method), and so no file format of AdapterHub's. Its parameters have the names that they
    /// have within their module, with the point in front, as in `layer.0.feed_forward.down`.
    ///
    /// Modules of several types go into one list as `Box<dyn Module<S>>`, their points as [`Point`].
    ///
    /// # Errors
    /// If there is no module, a module has another shape than its point, two have the same, or the model lacks the layer.
    pub fn of_modules<P, M>(
        name: &str,
        model: &Config,
        modules: impl IntoIterator<Item = (P, M)>,
    ) -> Result<Self, ModuleError>
    where
        P: Into<Point>,
        M: Into<Box<dyn Module<S>>>,
    {
        let mut by_point = BTreeMap::new();
        for (point, module) in modules {
            let (point, module) = (point.into(), module.into());
            check(point, &*module, model)?;
            if by_point.insert(point, module).is_some() {
                return Err(ModuleError::Twice { point });
            }
        }
        if by_point.is_empty() {
            return Err(ModuleError::Nothing);
        }
        Ok(Self::from_parts(name, None, by_point))
    }
}

fn check<S: Scalar>(point: Point, module: &dyn Module<S>, model: &Config) -> Result<(), ModuleError> {
    let (layer, fits, expected) = match point {
        Point::Sequence(SequencePoint::Embeddings) => (0, module.sequence().is_some(), "SequenceModule"),
        Point::Sequence(SequencePoint::Block(layer)) => (layer, module.sequence().is_some(), "SequenceModule"),
        Point::Linear(LinearPoint { layer, .. }) => (layer, module.linear().is_some(), "LinearModule"),
        Point::Attention(layer) => (layer, module.attention().is_some(), "AttentionModule"),
        Point::Sublayer(SublayerPoint { layer, .. }) => (layer, module.sublayer().is_some(), "SublayerModule"),
    };
    if layer >= model.layers {
        return Err(ModuleError::NoLayer { point, last: model.layers.saturating_sub(1) });
    }
    if fits { Ok(()) } else { Err(ModuleError::Shape { point, expected }) }
}

/// Points of one shape.
macro_rules! point {
    ($($type:ident => $variant:ident),+) => {$(
        impl From<$type> for Point {
            fn from(point: $type) -> Self {
                Self::$variant(point)
            }
        }
    )+};
}
point!(SequencePoint => Sequence, LinearPoint => Linear, SublayerPoint => Sublayer);
