//! Which adapters may stand upon which.

use crate::compose::error::CompositionError;
use crate::compose::mixing::Mixing;
use crate::compose::node::{Given, Node};
use crate::compose::points::check_batches;
use crate::core::insertion_points::{linear_points, sublayer_points};
use crate::core::point::Point;
use adaptune_tensor::Scalar;
use adaptune_transformer::{
    AttentionModule, Config, Insertions, LinearModule, LinearPoint, SequenceModule, SequencePoint, SublayerModule,
    SublayerPoint,
};

/// Adapters upon each other, the first one lowest: a language's, then a task's (MAD-X; Pfeiffer et al., 2020).
///
/// What it means depends on the shape of the point; `a` below `b`:
///
/// | point | |
/// |---|---|
/// | linear layer | `b` changes the layer as `a` has left it: LoRA upon LoRA is `W x + b + s_a B_a A_a x + s_b B_b A_b x` |
/// | end of a sublayer | what `a` would add to the residual is the sublayer's output for `b`; the base's last norm comes once, behind both |
/// | between blocks | `b` sees the tokens that `a` gives |
/// | keys and values | `b`'s prefix stands before `a`'s |
///
/// For bottlenecks this is AdapterHub's `Stack`. For LoRA it is what PEFT computes with several active adapters; AdapterHub
/// gives the second one the first one's change in place of `x`, which fails wherever input and output differ in size.
///
/// Parts that only stand at points of their own are a stack without further ado, whatever they are.
///
/// Its parts are whatever can be plugged in, owned or borrowed.
#[derive(Clone, Debug)]
pub struct Stack<P> {
    parts: Vec<P>,
}

impl<P> Stack<P> {
    /// A stack for a model, the first part lowest.
    ///
    /// # Errors
    /// If there are no parts, two of them have modules at one point that mean nothing upon each other, or they were put
    /// together for batches of different numbers of sequences.
    pub fn new<S: Scalar>(model: &Config, parts: Vec<P>) -> Result<Self, CompositionError>
    where
        P: Insertions<S>,
    {
        if parts.is_empty() {
            return Err(CompositionError::Nothing);
        }
        check_batches(&parts)?;
        linear_points(model).try_for_each(|point| check_linear(point, &parts))?;
        sublayer_points(model).try_for_each(|point| check_sublayer(point, &parts))?;
        Ok(Self { parts })
    }

    /// The parts, the lowest first.
    #[must_use]
    pub fn parts(&self) -> &[P] {
        &self.parts
    }

    /// Takes the stack apart, the lowest part first.
    #[must_use]
    pub fn into_parts(self) -> Vec<P> {
        self.parts
    }
}

/// All but the lowest must stand on others. One that takes a batch apart asks those below it about a part of the batch, so
/// none of these may be made for the whole one.
fn check_linear<S: Scalar, P: Insertions<S>>(point: LinearPoint, parts: &[P]) -> Result<(), CompositionError> {
    let named = || Point::from(point).to_string();
    let mut by_sequence = false;
    let there = parts.iter().enumerate().filter_map(|(part, p)| Some((part, p, p.linear(point)?)));
    for (above, (part, p, module)) in there.enumerate() {
        if above > 0 && module.properties(point).needs_plain_weight {
            return Err(CompositionError::NotAbove { point: named(), part });
        }
        if by_sequence && p.sequences().is_some() {
            return Err(CompositionError::BySequenceTwice { point: named(), part });
        }
        by_sequence |= p.sequences().is_some();
    }
    Ok(())
}

/// All but the last must bear others.
fn check_sublayer<S: Scalar, P: Insertions<S>>(point: SublayerPoint, parts: &[P]) -> Result<(), CompositionError> {
    let there = parts.iter().enumerate().rev().filter_map(|(part, p)| Some((part, p.sublayer(point)?)));
    match there.skip(1).find(|(_, module)| !module.properties(point).may_be_followed) {
        Some((part, _)) => Err(CompositionError::NotBelow { point: Point::from(point).to_string(), part }),
        None => Ok(()),
    }
}

impl<S: Scalar, P: Insertions<S> + Send> Insertions<S> for Stack<P> {
    fn linear(&self, point: LinearPoint) -> Option<&dyn LinearModule<S>> {
        self.parts.iter().any(|part| part.linear(point).is_some()).then_some(self as _)
    }
    fn sublayer(&self, point: SublayerPoint) -> Option<&dyn SublayerModule<S>> {
        self.parts.iter().any(|part| part.sublayer(point).is_some()).then_some(self as _)
    }
    fn sequence(&self, point: SequencePoint) -> Option<&dyn SequenceModule<S>> {
        self.parts.iter().any(|part| part.sequence(point).is_some()).then_some(self as _)
    }
    fn attention(&self, layer: usize) -> Option<&dyn AttentionModule<S>> {
        self.parts.iter().any(|part| part.attention(layer).is_some()).then_some(self as _)
    }
    fn position_shift(&self, sequence: usize) -> usize {
        self.parts.iter().map(|part| part.position_shift(sequence)).sum()
    }
    fn sequences(&self) -> Option<usize> {
        self.parts.iter().find_map(Insertions::sequences)
    }
    fn groups(&self) -> Option<usize> {
        self.parts.iter().find_map(Insertions::groups)
    }
}

impl<S: Scalar, P: Insertions<S>> Node<S, P> for Stack<P> {
    const NAME: &'static str = "stack";

    fn parts(&self) -> &[P] {
        &self.parts
    }
    fn parts_and_mixing_mut(&mut self) -> (&mut [P], Option<&mut dyn Mixing<S>>) {
        (&mut self.parts, None)
    }
    fn make(model: &Config, parts: Vec<P>, _: Given<S>) -> Result<Self, CompositionError> {
        Self::new(model, parts)
    }
}
