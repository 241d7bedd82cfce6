//! AdapterDrop (Rücklé et al., 2021): an adapter without some of its layers.
//!
//! Tokens then go through these layers as the base has them, which saves time, and most where several adapters share a
//! batch: up to the lowest layer that still differs they have all in common. The lowest layers matter least, so these are
//! dropped first; how much it costs must be measured for the adapter at hand.

use super::error::CompositionError;
use super::mixing::Mixing;
use super::node::{Given, Node, Numbers};
use super::points::has_modules;
use adaptune_tensor::Scalar;
use adaptune_transformer::{
    AttentionModule, Config, Insertions, LinearModule, LinearPoint, SequenceModule, SequencePoint, SublayerModule,
    SublayerPoint,
};
use std::collections::BTreeSet;

/// An adapter that skips layers; what it has at the embeddings stays.
///
/// ```
/// use adaptune_adapters::{Adapter, LayerDrop};
/// use adaptune_tensor::Seed;
/// use adaptune_transformer::{Config, Insertions, Sublayer, SublayerPoint};
/// let model = Config::bert(8, 3, 2, 12);
/// let adapter = Adapter::<f32>::new("a", &"seq_bn".parse()?, &model, Seed::new(1))?;
/// let upper = LayerDrop::new(&adapter, 0..2);
/// let at = |layer| upper.sublayer(SublayerPoint { layer, sublayer: Sublayer::FeedForward });
/// assert!(at(0).is_none() && at(1).is_none() && at(2).is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct LayerDrop<P> {
    part: P,
    dropped: BTreeSet<usize>,
}

/// Checks that something is left in the blocks where the lowest `layers` ones lose what is plugged in.
pub(crate) fn check_left<S: Scalar>(
    model: &Config,
    of: &dyn Insertions<S>,
    layers: usize,
) -> Result<(), CompositionError> {
    let highest = (0..model.blocks()).rev().find(|layer| has_modules(model, of, *layer));
    match highest {
        Some(highest) if layers > highest => Err(CompositionError::NothingLeft { layers, most: highest }),
        None if layers > 0 => Err(CompositionError::NoLayers),
        _ => Ok(()),
    }
}

impl<P> LayerDrop<P> {
    /// The part without these layers, counted from 0. Those that it does not have anyway change nothing.
    #[must_use]
    pub fn new(part: P, layers: impl IntoIterator<Item = usize>) -> Self {
        Self { part, dropped: layers.into_iter().collect() }
    }

    fn keeps(&self, layer: usize) -> Option<&P> {
        (!self.dropped.contains(&layer)).then_some(&self.part)
    }
}

impl<S: Scalar, P: Insertions<S>> Insertions<S> for LayerDrop<P> {
    fn linear(&self, point: LinearPoint) -> Option<&dyn LinearModule<S>> {
        self.keeps(point.layer)?.linear(point)
    }
    fn sublayer(&self, point: SublayerPoint) -> Option<&dyn SublayerModule<S>> {
        self.keeps(point.layer)?.sublayer(point)
    }
    fn sequence(&self, point: SequencePoint) -> Option<&dyn SequenceModule<S>> {
        match point {
            SequencePoint::Embeddings => self.part.sequence(point),
            SequencePoint::Block(layer) => self.keeps(layer)?.sequence(point),
        }
    }
    fn attention(&self, layer: usize) -> Option<&dyn AttentionModule<S>> {
        self.keeps(layer)?.attention(layer)
    }
    fn position_shift(&self, sequence: usize) -> usize {
        self.part.position_shift(sequence)
    }
    fn sequences(&self) -> Option<usize> {
        self.part.sequences()
    }
    fn groups(&self) -> Option<usize> {
        self.part.groups()
    }
}

impl<S: Scalar, P: Insertions<S>> Node<S, P> for LayerDrop<P> {
    const NAME: &'static str = "layer_drop";
    const OPTIONS: &'static [&'static str] = &["layers"];

    fn parts(&self) -> &[P] {
        std::slice::from_ref(&self.part)
    }
    fn parts_and_mixing_mut(&mut self) -> (&mut [P], Option<&mut dyn Mixing<S>>) {
        (std::slice::from_mut(&mut self.part), None)
    }
    fn numbers(&self) -> Numbers {
        Numbers { lists: vec![self.dropped.iter().copied().collect()], weights: Vec::new() }
    }
    fn make(_: &Config, parts: Vec<P>, given: Given<S>) -> Result<Self, CompositionError> {
        let found = parts.len();
        let [part] = <[P; 1]>::try_from(parts).map_err(|_| CompositionError::OnePart { node: "layer_drop", found })?;
        Ok(Self::new(part, given.numbers.lists.into_iter().flatten()))
    }
}
