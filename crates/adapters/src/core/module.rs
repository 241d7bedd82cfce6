//! What a module of an adapter is: the trait that every method's modules implement.

use crate::core::inverse::InverseModule;
use crate::core::point::Point;
use adaptune_tensor::{Named, NamedMut, Parameters, Scalar};
use adaptune_transformer::{AttentionModule, Linear, LinearModule, LinearPoint, SequenceModule, SublayerModule};
use ndarray::ArrayView2;

/// A module of an adapter: parameters, and the shapes of insertion point that it fits.
///
/// A method implements the shape it needs and says so here.
pub trait Module<S: Scalar>: Parameters<S> + Send + Sync {
    /// The module for a linear layer, if it is one.
    fn linear(&self) -> Option<&dyn LinearModule<S>> {
        None
    }
    /// The module for the end of a sublayer, if it is one.
    fn sublayer(&self) -> Option<&dyn SublayerModule<S>> {
        None
    }
    /// The module between blocks, if it is one.
    fn sequence(&self) -> Option<&dyn SequenceModule<S>> {
        None
    }
    /// The module for keys and values, if it is one.
    fn attention(&self) -> Option<&dyn AttentionModule<S>> {
        None
    }
    /// The inverse, if it has one: what it does behind the embeddings is undone before a language model's output.
    fn inverse(&self) -> Option<&dyn InverseModule<S>> {
        None
    }
    /// Takes what its initial values at one of its points depend on from the layer there. A new adapter is told once.
    fn start(&mut self, _point: LinearPoint, _layer: &Linear<S>) {}
    /// Begins as these rows of the base's token embeddings, from the first again if they are too few: what a prompt does.
    fn begin_as(&mut self, _rows: ArrayView2<'_, S>) {}
    /// The layer with this module as a part of its weights; `None` if it is no change of weights.
    fn merged(&self, _point: LinearPoint, _layer: &Linear<S>) -> Option<Linear<S>> {
        None
    }
    /// How many positions it takes before the first token of every sequence.
    fn position_shift(&self) -> usize {
        0
    }
    /// The same function without what only helps training, if there is a simpler form.
    fn ejected(&self) -> Option<Box<dyn Module<S>>> {
        None
    }
    /// Arrays that are drawn once and never train, under names within the module. Files hold them as they hold
    /// parameters; optimisers and counts do not see them.
    fn constants(&self) -> Named<'_, S> {
        Vec::new()
    }
    /// The same list, to be read from a file.
    fn constants_mut(&mut self) -> NamedMut<'_, S> {
        Vec::new()
    }
}

/// True if a module has the shape of a point.
pub(crate) fn fits<S: Scalar>(module: &dyn Module<S>, point: Point) -> bool {
    match point {
        Point::Sequence(_) => module.sequence().is_some(),
        Point::Linear(_) => module.linear().is_some(),
        Point::Attention(_) => module.attention().is_some(),
        Point::Sublayer(_) => module.sublayer().is_some(),
    }
}
