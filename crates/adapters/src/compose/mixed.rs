//! Every sequence of a batch with an adapter of its own, or none.

use super::by_row::{ByRow, Groups};
use super::error::CompositionError;
use super::points::{collect, linear_points, sequence_points, sublayer_points};
use adaptune_tensor::Scalar;
use adaptune_transformer::{
    AttentionModule, Config, Insertions, LinearModule, LinearPoint, SequenceModule, SequencePoint, SublayerModule,
    SublayerPoint,
};
use std::collections::BTreeMap;

/// A batch whose sequences each name their adapter, of whatever method, or none (`&()`).
///
/// Every sequence gets what it would get alone, in f32 to the bit (f64 is for checks, and rounds as ndarray does): what the
/// base computes at points without modules it computes for all sequences together, and at a point with modules each module
/// sees its own sequences. Gates, prompts of different lengths and prefixes with or without shifted positions stay with
/// their sequences.
///
/// It fits batches of as many sequences as it was told of; others are an error of the pass. In training the draws of
/// dropout are other ones than those of a batch with one adapter.
pub struct Mixed<'a, S> {
    parts: Vec<&'a dyn Insertions<S>>,
    /// For each sequence its part, and which of its part's sequences it is.
    rows: Vec<(usize, usize)>,
    linear: BTreeMap<LinearPoint, ByRow<'a, dyn LinearModule<S> + 'a>>,
    sublayer: BTreeMap<SublayerPoint, ByRow<'a, dyn SublayerModule<S> + 'a>>,
    sequence: BTreeMap<SequencePoint, ByRow<'a, dyn SequenceModule<S> + 'a>>,
    attention: BTreeMap<usize, ByRow<'a, dyn AttentionModule<S> + 'a>>,
}

impl<'a, S: Scalar> Mixed<'a, S> {
    /// For batches of `rows.len()` sequences, of which number `s` has the part `rows[s]`.
    ///
    /// # Errors
    /// If a sequence names a part that is not there.
    pub fn new(model: &Config, parts: &[&'a dyn Insertions<S>], rows: &[usize]) -> Result<Self, CompositionError> {
        let mut groups = vec![Vec::new(); parts.len()];
        let mut numbered = Vec::with_capacity(rows.len());
        for (sequence, &part) in rows.iter().enumerate() {
            let missing = CompositionError::NoPart { sequence, part, parts: parts.len() };
            let group = groups.get_mut(part).ok_or(missing)?;
            numbered.push((part, group.len()));
            group.push(sequence);
        }
        let groups: Groups = groups.into();
        Ok(Self {
            linear: by_row(&groups, collect(linear_points(model), parts, |part, point| part.linear(point))),
            sublayer: by_row(&groups, collect(sublayer_points(model), parts, |part, point| part.sublayer(point))),
            sequence: by_row(&groups, collect(sequence_points(model), parts, |part, point| part.sequence(point))),
            attention: by_row(&groups, collect(0..model.layers, parts, |part, layer| part.attention(layer))),
            parts: parts.to_vec(),
            rows: numbered,
        })
    }

    /// What is at a point; nothing for an empty batch.
    fn at<'s, P: Ord, M: ?Sized>(&self, map: &'s BTreeMap<P, ByRow<'a, M>>, point: P) -> Option<&'s ByRow<'a, M>> {
        map.get(&point).filter(|_| !self.rows.is_empty())
    }
}

fn by_row<'a, P: Ord, M: ?Sized>(groups: &Groups, at: BTreeMap<P, Vec<Option<&'a M>>>) -> BTreeMap<P, ByRow<'a, M>> {
    at.into_iter().map(|(point, modules)| (point, ByRow { groups: groups.clone(), modules })).collect()
}

impl<S: Scalar> Insertions<S> for Mixed<'_, S> {
    fn linear(&self, point: LinearPoint) -> Option<&dyn LinearModule<S>> {
        self.at(&self.linear, point).map(|modules| modules as _)
    }
    fn sublayer(&self, point: SublayerPoint) -> Option<&dyn SublayerModule<S>> {
        self.at(&self.sublayer, point).map(|modules| modules as _)
    }
    fn sequence(&self, point: SequencePoint) -> Option<&dyn SequenceModule<S>> {
        self.at(&self.sequence, point).map(|modules| modules as _)
    }
    fn attention(&self, layer: usize) -> Option<&dyn AttentionModule<S>> {
        self.at(&self.attention, layer).map(|modules| modules as _)
    }
    fn position_shift(&self, sequence: usize) -> usize {
        let (part, number) = self.rows[sequence];
        self.parts[part].position_shift(number)
    }
    fn sequences(&self) -> Option<usize> {
        Some(self.rows.len())
    }
}
