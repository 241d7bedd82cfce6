//! AdapterDrop (Rücklé et al., 2021): an adapter without some of its layers.
//!
//! Tokens then go through these layers as the base has them, which saves time, and most where several adapters share a
//! batch: up to the lowest layer that still differs they have all in common. The lowest layers matter least, so these are
//! dropped first; how much it costs must be measured for the adapter at hand.

use adaptune_tensor::Scalar;
use adaptune_transformer::{
    AttentionModule, Insertions, LinearModule, LinearPoint, SequenceModule, SequencePoint, SublayerModule,
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
#[derive(Clone)]
pub struct LayerDrop<'a, S> {
    adapter: &'a dyn Insertions<S>,
    dropped: BTreeSet<usize>,
}

impl<'a, S: Scalar> LayerDrop<'a, S> {
    /// The adapter without these layers, counted from 0. Those that it does not have anyway change nothing.
    #[must_use]
    pub fn new(adapter: &'a dyn Insertions<S>, layers: impl IntoIterator<Item = usize>) -> Self {
        Self { adapter, dropped: layers.into_iter().collect() }
    }

    fn keeps(&self, layer: usize) -> Option<&'a dyn Insertions<S>> {
        (!self.dropped.contains(&layer)).then_some(self.adapter)
    }
}

impl<S: Scalar> Insertions<S> for LayerDrop<'_, S> {
    fn linear(&self, point: LinearPoint) -> Option<&dyn LinearModule<S>> {
        self.keeps(point.layer)?.linear(point)
    }
    fn sublayer(&self, point: SublayerPoint) -> Option<&dyn SublayerModule<S>> {
        self.keeps(point.layer)?.sublayer(point)
    }
    fn sequence(&self, point: SequencePoint) -> Option<&dyn SequenceModule<S>> {
        match point {
            SequencePoint::Embeddings => self.adapter.sequence(point),
            SequencePoint::Block(layer) => self.keeps(layer)?.sequence(point),
        }
    }
    fn attention(&self, layer: usize) -> Option<&dyn AttentionModule<S>> {
        self.keeps(layer)?.attention(layer)
    }
    fn position_shift(&self, sequence: usize) -> usize {
        self.adapter.position_shift(sequence)
    }
    fn sequences(&self) -> Option<usize> {
        self.adapter.sequences()
    }
}
