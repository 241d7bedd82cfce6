//! Modules between blocks.

use super::properties::Properties;
use crate::base::Base;
use crate::pass::Pass;
use crate::point::SequencePoint;
use adaptune_tensor::{Gradients, Layout, Scalar};
use ndarray::Array2;

/// A module between blocks: prompts, invertible adapters, ReFT.
pub trait SequenceModule<S: Scalar>: Send + Sync {
    /// Gives tokens and layout, and its backward pass if any gradient is wanted.
    fn forward<'a>(&'a self, input: SequenceInput<'a, S>) -> SequenceOutput<'a, S>;

    /// What it promises about itself at one of its points.
    fn properties(&self, point: SequencePoint) -> Properties;
}

/// What a [`SequenceModule`] sees.
pub struct SequenceInput<'a, S> {
    /// Where it is, for modules that stand at several points.
    pub point: SequencePoint,
    /// The base, for modules that do with their own rows what it does with tokens.
    pub base: Base<'a, S>,
    /// The tokens, `[T, D]`.
    pub tokens: Array2<S>,
    /// The sequences.
    pub layout: Layout,
    /// Dropout and whether gradients are wanted at all.
    pub pass: Pass,
    /// True if the gradient of the tokens is wanted.
    pub wants_tokens: bool,
}

/// What a [`SequenceModule`] gives.
pub struct SequenceOutput<'a, S> {
    /// The tokens that the next block sees.
    pub tokens: Array2<S>,
    /// How they lie.
    pub layout: Layout,
    /// The backward pass, if any gradient is wanted.
    pub backward: Option<SequenceBackward<'a, S>>,
}

/// Takes the gradient of the new tokens; gives that of the old ones if it was wanted.
pub type SequenceBackward<'a, S> = Box<dyn FnOnce(Array2<S>, &mut Gradients<S>) -> Option<Array2<S>> + Send + 'a>;
