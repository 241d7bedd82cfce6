//! User-defined adapters, made of modules.

use crate::adapter::Adapter;
use crate::core::module::{Module, fits};
use crate::core::modules::Modules;
use crate::core::point::Point;
use adaptune_tensor::Scalar;
use adaptune_transformer::{Config, LinearPoint, SequencePoint, SublayerPoint};
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
    /// A user-defined adapter: modules with their points, [closures](crate::closure) or whatever else implements
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
        let mut placed = Modules::new();
        for (point, module) in modules {
            let (point, module) = (point.into(), module.into());
            check(point, &*module, model)?;
            let name = point.to_string();
            placed.insert(&name, [point], module).map_err(|_| ModuleError::Twice { point })?;
        }
        if placed.entries().is_empty() {
            return Err(ModuleError::Nothing);
        }
        Ok(Self::from_parts(name, None, placed))
    }
}

fn check<S: Scalar>(point: Point, module: &dyn Module<S>, model: &Config) -> Result<(), ModuleError> {
    let (layer, expected) = match point {
        Point::Sequence(SequencePoint::Embeddings) => (0, "SequenceModule"),
        Point::Sequence(SequencePoint::Block(layer)) => (layer, "SequenceModule"),
        Point::Linear(LinearPoint { layer, .. }) => (layer, "LinearModule"),
        Point::Attention(layer) => (layer, "AttentionModule"),
        Point::Sublayer(SublayerPoint { layer, .. }) => (layer, "SublayerModule"),
    };
    if layer >= model.blocks() {
        return Err(ModuleError::NoLayer { point, last: model.blocks().saturating_sub(1) });
    }
    if fits(module, point) { Ok(()) } else { Err(ModuleError::Shape { point, expected }) }
}
