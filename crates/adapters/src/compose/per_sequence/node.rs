//! Which sequence of a batch has which adapter.

use crate::compose::error::CompositionError;
use crate::compose::mixing::Mixing;
use crate::compose::node::{Given, Node, Numbers};
use crate::compose::points::check_groups;
use adaptune_tensor::Scalar;
use adaptune_transformer::{
    AttentionModule, Config, Insertions, LinearModule, LinearPoint, SequenceModule, SequencePoint, SublayerModule,
    SublayerPoint,
};

/// A batch whose sequences each name their adapter, of whatever method, or none (`&()`).
///
/// Every sequence gets what it would get alone, in f32 to the bit (f64 is for checks, and rounds as ndarray does): what the
/// base computes at points without modules it computes for all sequences together, and at a point with modules each module
/// sees its own sequences. Gates, prompts of different lengths and prefixes with or without shifted positions stay with
/// their sequences.
///
/// It fits batches of as many sequences as it was told of; others are an error of the pass. In training the draws of
/// dropout are other ones than those of a batch with one adapter. Its parts are whatever can be plugged in, owned or
/// borrowed: a server that borrows them makes one for every batch and copies no weight.
#[derive(Clone, Debug)]
pub struct PerSequence<P> {
    parts: Vec<P>,
    /// The part of each sequence.
    part_of: Vec<usize>,
    /// The sequences of each part.
    sequences: Vec<Vec<usize>>,
}

impl<P> PerSequence<P> {
    /// For batches of `part_of.len()` sequences, of which number `s` has the part `part_of[s]`.
    ///
    /// # Errors
    /// If a sequence names a part that is not there, a part was put together for another number of sequences than name
    /// it, or parts differ by group among different numbers of groups.
    pub fn new<S: Scalar>(parts: Vec<P>, part_of: &[usize]) -> Result<Self, CompositionError>
    where
        P: Insertions<S>,
    {
        let mut sequences = vec![Vec::new(); parts.len()];
        for (sequence, &part) in part_of.iter().enumerate() {
            let missing = CompositionError::NoPart { sequence, part, parts: parts.len() };
            sequences.get_mut(part).ok_or(missing)?.push(sequence);
        }
        for (part, (told, its)) in parts.iter().map(Insertions::sequences).zip(&sequences).enumerate() {
            if let Some(found) = told.filter(|found| !its.is_empty() && *found != its.len()) {
                return Err(CompositionError::Sequences { part, found, expected: its.len() });
            }
        }
        check_groups(&parts)?;
        Ok(Self { parts, part_of: part_of.to_vec(), sequences })
    }

    /// The parts.
    #[must_use]
    pub fn parts(&self) -> &[P] {
        &self.parts
    }

    /// The part of each sequence.
    #[must_use]
    pub fn part_of(&self) -> &[usize] {
        &self.part_of
    }

    /// The parts with the sequences of each.
    pub(super) fn with_sequences(&self) -> impl Iterator<Item = (&P, &[usize])> {
        self.parts.iter().zip(self.sequences.iter().map(Vec::as_slice))
    }

    /// True if any part has something at a point and there is a sequence to see it.
    fn any(&self, there: impl Fn(&P) -> bool) -> bool {
        !self.part_of.is_empty() && self.parts.iter().any(there)
    }
}

impl<S: Scalar, P: Insertions<S> + Send> Insertions<S> for PerSequence<P> {
    fn linear(&self, point: LinearPoint) -> Option<&dyn LinearModule<S>> {
        self.any(|part| part.linear(point).is_some()).then_some(self as _)
    }
    fn sublayer(&self, point: SublayerPoint) -> Option<&dyn SublayerModule<S>> {
        self.any(|part| part.sublayer(point).is_some()).then_some(self as _)
    }
    fn sequence(&self, point: SequencePoint) -> Option<&dyn SequenceModule<S>> {
        self.any(|part| part.sequence(point).is_some()).then_some(self as _)
    }
    fn attention(&self, layer: usize) -> Option<&dyn AttentionModule<S>> {
        self.any(|part| part.attention(layer).is_some()).then_some(self as _)
    }
    fn position_shift(&self, sequence: usize) -> usize {
        let Some(&part) = self.part_of.get(sequence) else { return 0 };
        let number = self.sequences[part].binary_search(&sequence).expect("it is one of its part's");
        self.parts[part].position_shift(number)
    }
    fn sequences(&self) -> Option<usize> {
        Some(self.part_of.len())
    }
    fn groups(&self) -> Option<usize> {
        self.parts.iter().find_map(Insertions::groups)
    }
}

impl<S: Scalar, P: Insertions<S>> Node<S, P> for PerSequence<P> {
    const NAME: &'static str = "per_sequence";
    const OPTIONS: &'static [&'static str] = &["part_of"];

    fn parts(&self) -> &[P] {
        &self.parts
    }
    fn parts_and_mixing_mut(&mut self) -> (&mut [P], Option<&mut dyn Mixing<S>>) {
        (&mut self.parts, None)
    }
    fn numbers(&self) -> Numbers {
        Numbers { lists: vec![self.part_of.clone()], weights: Vec::new() }
    }
    fn make(_: &Config, parts: Vec<P>, given: Given<S>) -> Result<Self, CompositionError> {
        Self::new(parts, &given.numbers.lists.concat())
    }
}
