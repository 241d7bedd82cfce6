//! What a node of a setup is.

use super::error::CompositionError;
use super::mixer::Mixer;
use super::mixing::{MixerKind, Mixing};
use adaptune_transformer::Config;

/// A node of a setup: parts, and numbers that say how they are put together.
///
/// It is [`Insertions`](adaptune_transformer::Insertions) besides: at a point where any part has a module it is the module
/// there itself, and finds its parts' modules by the point that every pass hands in. So a tree owns what it is made of,
/// nothing is kept for each point, and a new node is one file, two lines in `setup.rs`, and its exports.
pub(super) trait Node<S, P>: Sized {
    /// What expressions call it.
    const NAME: &'static str;
    /// What expressions call its lists of numbers; all have to be given.
    const OPTIONS: &'static [&'static str] = &[];
    /// True if its parts may have weights, `0.3*a`.
    const WEIGHTED: bool = false;
    /// What it mixes its parts with, if it needs something.
    const MIXER: Option<MixerKind> = None;

    /// Its parts, in the order of expressions.
    fn parts(&self) -> &[P];
    /// What it mixes its parts with, if there is such.
    fn mixing(&self) -> Option<&dyn Mixing<S>> {
        None
    }
    /// Parts and what mixes them, to be changed in what trains of them.
    fn parts_and_mixing_mut(&mut self) -> (&mut [P], Option<&mut dyn Mixing<S>>);
    /// Its numbers; none by default.
    fn numbers(&self) -> Numbers {
        Numbers::default()
    }
    /// A node of these parts, for a model.
    ///
    /// # Errors
    /// If they mean nothing together.
    fn make(model: &Config, parts: Vec<P>, given: Given<S>) -> Result<Self, CompositionError>;
}

/// What a node is made of besides its parts.
#[derive(Clone, Debug)]
pub(super) struct Given<S> {
    pub(super) numbers: Numbers,
    /// There, if it needs one.
    pub(super) mixer: Option<Mixer<S>>,
}

/// The numbers of a node.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    /// A list for each of [`Node::OPTIONS`], in their order.
    pub(super) lists: Vec<Vec<usize>>,
    /// A weight for each part, or none at all.
    pub(super) weights: Vec<f64>,
}
