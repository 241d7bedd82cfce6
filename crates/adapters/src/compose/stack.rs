//! One adapter upon another.

use super::error::CompositionError;
use super::pile::Pile;
use super::points::{collect, linear_points, sequence_points, sublayer_points};
use crate::core::point::Point;
use adaptune_tensor::Scalar;
use adaptune_transformer::{
    AttentionModule, Config, Insertions, LinearModule, LinearPoint, SequenceModule, SequencePoint, SublayerModule,
    SublayerPoint,
};
use std::collections::BTreeMap;

/// Adapters upon each other, the first one lowest: a language's, then a task's (MAD-X; Pfeiffer et al., 2020).
///
/// What it means depends on the shape of the point; `a` below `b`:
///
/// | point | |
/// |---|---|
/// | linear layer | `b` changes the layer as `a` has left it: LoRA upon LoRA is `W x + b + s_a B_a A_a x + s_b B_b A_b x` |
/// | end of a half block | what `a` would add to the residual is the sublayer's output for `b`; the base's last norm comes once, behind both |
/// | between blocks | `b` sees the tokens that `a` gives |
/// | keys and values | `b`'s prefix stands before `a`'s |
///
/// For bottlenecks this is AdapterHub's `Stack`. For LoRA it is what PEFT computes with several active adapters; AdapterHub
/// gives the second one the first one's change in place of `x`, which fails wherever input and output differ in size.
///
/// Parts that only stand at points of their own are a stack without further ado, whatever they are.
pub struct Stack<'a, S> {
    parts: Vec<&'a dyn Insertions<S>>,
    linear: BTreeMap<LinearPoint, Pile<'a, dyn LinearModule<S> + 'a>>,
    sublayer: BTreeMap<SublayerPoint, Pile<'a, dyn SublayerModule<S> + 'a>>,
    sequence: BTreeMap<SequencePoint, Pile<'a, dyn SequenceModule<S> + 'a>>,
    attention: BTreeMap<usize, Pile<'a, dyn AttentionModule<S> + 'a>>,
}

impl<'a, S: Scalar> Stack<'a, S> {
    /// A stack for a model, the first part lowest.
    ///
    /// # Errors
    /// If there are no parts, or two of them have modules at one point that mean nothing upon each other.
    pub fn new(model: &Config, parts: &[&'a dyn Insertions<S>]) -> Result<Self, CompositionError> {
        if parts.is_empty() {
            return Err(CompositionError::Nothing);
        }
        let linear = collect(linear_points(model), parts, |part, point| part.linear(point));
        let sublayer = collect(sublayer_points(model), parts, |part, point| part.sublayer(point));
        linear.iter().try_for_each(|(point, found)| check_linear((*point).into(), found))?;
        sublayer.iter().try_for_each(|(point, found)| check_sublayer((*point).into(), found))?;
        Ok(Self {
            parts: parts.to_vec(),
            linear: piles(linear),
            sublayer: piles(sublayer),
            sequence: piles(collect(sequence_points(model), parts, |part, point| part.sequence(point))),
            attention: piles(collect(0..model.layers, parts, |part, layer| part.attention(layer))),
        })
    }
}

fn piles<'a, P: Ord, M: ?Sized>(at: BTreeMap<P, Vec<Option<&'a M>>>) -> BTreeMap<P, Pile<'a, M>> {
    at.into_iter().map(|(point, found)| (point, Pile(found.into_iter().flatten().collect()))).collect()
}

/// All but the lowest must stand on others.
fn check_linear<S: Scalar>(point: Point, found: &[Option<&dyn LinearModule<S>>]) -> Result<(), CompositionError> {
    let mut above = found.iter().enumerate().filter_map(|(part, module)| Some((part, (*module)?))).skip(1);
    match above.find(|(_, module)| module.properties().needs_plain_weight) {
        Some((part, _)) => Err(CompositionError::NotAbove { point: point.to_string(), part }),
        None => Ok(()),
    }
}

/// All but the last must bear others.
fn check_sublayer<S: Scalar>(point: Point, found: &[Option<&dyn SublayerModule<S>>]) -> Result<(), CompositionError> {
    let mut below = found.iter().enumerate().rev().filter_map(|(part, module)| Some((part, (*module)?))).skip(1);
    match below.find(|(_, module)| !module.properties().may_be_followed) {
        Some((part, _)) => Err(CompositionError::NotBelow { point: point.to_string(), part }),
        None => Ok(()),
    }
}

impl<S: Scalar> Insertions<S> for Stack<'_, S> {
    fn linear(&self, point: LinearPoint) -> Option<&dyn LinearModule<S>> {
        self.linear.get(&point).map(|pile| pile as _)
    }
    fn sublayer(&self, point: SublayerPoint) -> Option<&dyn SublayerModule<S>> {
        self.sublayer.get(&point).map(|pile| pile as _)
    }
    fn sequence(&self, point: SequencePoint) -> Option<&dyn SequenceModule<S>> {
        self.sequence.get(&point).map(|pile| pile as _)
    }
    fn attention(&self, layer: usize) -> Option<&dyn AttentionModule<S>> {
        self.attention.get(&layer).map(|pile| pile as _)
    }
    fn position_shift(&self, sequence: usize) -> usize {
        self.parts.iter().map(|part| part.position_shift(sequence)).sum()
    }
    fn sequences(&self) -> Option<usize> {
        self.parts.iter().find_map(|part| part.sequences())
    }
}
