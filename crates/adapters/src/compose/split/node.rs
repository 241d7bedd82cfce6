//! Which tokens of a sequence have which adapter.

use crate::compose::error::CompositionError;
use crate::compose::mixing::Mixing;
use crate::compose::node::{Given, Node, Numbers};
use crate::compose::points::{check_batches, never_mixed, not_token_wise};
use crate::compose::shares::Share;
use adaptune_tensor::{Layout, Scalar};
use adaptune_transformer::{Config, Insertions, LinearModule, LinearPoint, SublayerModule, SublayerPoint};

/// Adapters for ranges of tokens: the first `splits[0]` tokens of each sequence have the first part, the next `splits[1]` the
/// second, and so on; the last part has the rest of a longer sequence too.
///
/// So a question and the context behind it can have an adapter each (AdapterHub's `Split`, which wants every sequence of a batch, with its
/// padding, to be as long as the ranges together). Modules that read other tokens of the sequence, or stand between blocks or at keys and
/// values, are refused.
#[derive(Clone, Debug)]
pub struct Split<P> {
    parts: Vec<P>,
    splits: Vec<usize>,
}

impl<P> Split<P> {
    /// These parts for ranges of these lengths, one for each.
    ///
    /// # Errors
    /// If there are no parts, the ranges are not as many, a part has a module that cannot see a range alone, or they were put together
    /// for batches of different numbers of sequences.
    pub fn new<S: Scalar>(model: &Config, parts: Vec<P>, splits: Vec<usize>) -> Result<Self, CompositionError>
    where
        P: Insertions<S>,
    {
        if parts.is_empty() {
            return Err(CompositionError::Nothing);
        }
        if parts.len() != splits.len() {
            return Err(CompositionError::SplitCount { found: splits.len(), parts: parts.len() });
        }
        check_batches(&parts)?;
        for (part, p) in parts.iter().enumerate() {
            if let Some(point) = never_mixed(model, p).or_else(|| not_token_wise(model, p)) {
                return Err(CompositionError::NotSplit { point: point.to_string(), part });
            }
        }
        Ok(Self { parts, splits })
    }

    /// The parts.
    #[must_use]
    pub fn parts(&self) -> &[P] {
        &self.parts
    }

    /// The length of each part's range.
    #[must_use]
    pub fn splits(&self) -> &[usize] {
        &self.splits
    }

    /// Each part's tokens of those that lie so.
    pub(super) fn shares<S: Scalar>(&self, layout: &Layout) -> Vec<Share<S>> {
        let last = self.splits.len() - 1;
        let part_of = |place: usize| {
            let ends = self.splits.iter().scan(0_usize, |end, length| {
                *end = end.saturating_add(*length);
                Some(*end)
            });
            ends.take(last).position(|end| place < end).unwrap_or(last)
        };
        let mut tokens = vec![Vec::new(); self.splits.len()];
        for range in layout.ranges() {
            let first = range.start;
            range.for_each(|token| tokens[part_of(token - first)].push(token as u32));
        }
        let share = |tokens: Vec<u32>| {
            let weights = vec![S::one(); tokens.len()];
            Share::new(tokens, weights, layout)
        };
        tokens.into_iter().map(share).collect()
    }
}

/// No part has modules between blocks or at keys and values: [`Split::new`].
impl<S: Scalar, P: Insertions<S> + Send> Insertions<S> for Split<P> {
    fn linear(&self, point: LinearPoint) -> Option<&dyn LinearModule<S>> {
        self.parts.iter().any(|part| part.linear(point).is_some()).then_some(self as _)
    }
    fn sublayer(&self, point: SublayerPoint) -> Option<&dyn SublayerModule<S>> {
        self.parts.iter().any(|part| part.sublayer(point).is_some()).then_some(self as _)
    }
    fn sequences(&self) -> Option<usize> {
        self.parts.iter().find_map(Insertions::sequences)
    }
    fn groups(&self) -> Option<usize> {
        self.parts.iter().find_map(Insertions::groups)
    }
}

impl<S: Scalar, P: Insertions<S>> Node<S, P> for Split<P> {
    const NAME: &'static str = "split";
    const OPTIONS: &'static [&'static str] = &["splits"];

    fn parts(&self) -> &[P] {
        &self.parts
    }
    fn parts_and_mixing_mut(&mut self) -> (&mut [P], Option<&mut dyn Mixing<S>>) {
        (&mut self.parts, None)
    }
    fn numbers(&self) -> Numbers {
        Numbers { lists: vec![self.splits.clone()], weights: Vec::new() }
    }
    fn make(model: &Config, parts: Vec<P>, given: Given<S>) -> Result<Self, CompositionError> {
        Self::new(model, parts, given.numbers.lists.concat())
    }
}
