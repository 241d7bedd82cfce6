//! What is plugged in where.

use super::attention::AttentionModule;
use super::linear::LinearModule;
use super::sequence::SequenceModule;
use super::sublayer::SublayerModule;
use crate::point::{LinearPoint, SequencePoint, SublayerPoint};
use adaptune_tensor::Scalar;

/// What is plugged in where. Every method has a default: nothing.
///
/// `()` plugs in nothing at all. A pass without gradients through it is the base itself:
///
/// ```
/// use adaptune_transformer::{Insertions, SublayerPoint, Sublayer};
/// let nothing: &dyn Insertions<f32> = &();
/// assert!(nothing.sublayer(SublayerPoint { layer: 0, sublayer: Sublayer::Attention }).is_none());
/// ```
pub trait Insertions<S: Scalar>: Sync {
    /// The module in place of a linear layer. One module may stand at several points: what it sees says which.
    fn linear(&self, _point: LinearPoint) -> Option<&dyn LinearModule<S>> {
        None
    }
    /// The module at the end of a sublayer.
    fn sublayer(&self, _point: SublayerPoint) -> Option<&dyn SublayerModule<S>> {
        None
    }
    /// The module between blocks.
    fn sequence(&self, _point: SequencePoint) -> Option<&dyn SequenceModule<S>> {
        None
    }
    /// The module at keys and values of a block.
    fn attention(&self, _layer: usize) -> Option<&dyn AttentionModule<S>> {
        None
    }
    /// How many positions lie before the first token of a sequence, as if as many tokens stood there: a prefix may take
    /// them.
    fn position_shift(&self, _sequence: usize) -> usize {
        0
    }
    /// How many sequences a batch must have, where this was put together for certain ones.
    fn sequences(&self) -> Option<usize> {
        None
    }
    /// How many groups sequences may belong to, where modules differ by group: then every sequence of a batch has to
    /// [name its own](crate::Batch::with_groups).
    fn groups(&self) -> Option<usize> {
        None
    }
}

impl<S: Scalar> Insertions<S> for () {}

/// What is borrowed is plugged in as its owner's.
impl<S: Scalar, I: Insertions<S> + ?Sized> Insertions<S> for &I {
    fn linear(&self, point: LinearPoint) -> Option<&dyn LinearModule<S>> {
        (**self).linear(point)
    }
    fn sublayer(&self, point: SublayerPoint) -> Option<&dyn SublayerModule<S>> {
        (**self).sublayer(point)
    }
    fn sequence(&self, point: SequencePoint) -> Option<&dyn SequenceModule<S>> {
        (**self).sequence(point)
    }
    fn attention(&self, layer: usize) -> Option<&dyn AttentionModule<S>> {
        (**self).attention(layer)
    }
    fn position_shift(&self, sequence: usize) -> usize {
        (**self).position_shift(sequence)
    }
    fn sequences(&self) -> Option<usize> {
        (**self).sequences()
    }
    fn groups(&self) -> Option<usize> {
        (**self).groups()
    }
}

impl<S: Scalar, I: Insertions<S> + ?Sized> Insertions<S> for Option<&I> {
    fn linear(&self, point: LinearPoint) -> Option<&dyn LinearModule<S>> {
        (*self)?.linear(point)
    }
    fn sublayer(&self, point: SublayerPoint) -> Option<&dyn SublayerModule<S>> {
        (*self)?.sublayer(point)
    }
    fn sequence(&self, point: SequencePoint) -> Option<&dyn SequenceModule<S>> {
        (*self)?.sequence(point)
    }
    fn attention(&self, layer: usize) -> Option<&dyn AttentionModule<S>> {
        (*self)?.attention(layer)
    }
    fn position_shift(&self, sequence: usize) -> usize {
        self.map_or(0, |inner| inner.position_shift(sequence))
    }
    fn sequences(&self) -> Option<usize> {
        (*self)?.sequences()
    }
    fn groups(&self) -> Option<usize> {
        (*self)?.groups()
    }
}
