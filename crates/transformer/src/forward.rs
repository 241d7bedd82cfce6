//! A pass through the model: embeddings, blocks, what is read of the last state, with everything plugged in.

use crate::base::Base;
use crate::batch::{Batch, BatchError};
use crate::block::block;
use crate::embeddings::BaseEmbeddings;
use crate::encoder::Encoder;
use crate::entry::{Entry, State};
use crate::insertion::{Insertions, SequenceInput};
use crate::pass::Pass;
use crate::past::Past;
use crate::place::Place;
use crate::point::{LinearPoint, Part, Projection, SequencePoint, Sublayer, SublayerPoint};
use crate::pooled::{Pool, pooled};
use crate::selection::{SelectedTokens, Selection};
use crate::trace::{Again, Step, Trace};
use adaptune_tensor::{Layout, Scalar};
use ndarray::Array2;
use std::ops::Range;

/// What a pass through the model returns.
pub struct Encoded<'a, S> {
    /// The last hidden state, `[T, D]`, or what a [`Selection`] has left of it.
    pub hidden: Array2<S>,
    /// How its rows lie; as the batch's tokens, unless a module has changed that or tokens were left out.
    pub layout: Layout,
    /// What backward needs.
    pub trace: Trace<'a, S>,
}

impl<S: Scalar> Encoder<S> {
    /// Runs a batch through the model, nothing of which is thawed; see [`Base::forward`]. Small batches are faster within
    /// [`in_pool`](adaptune_tensor::in_pool).
    ///
    /// # Errors
    /// As [`Base::forward`].
    pub fn forward<'a, 'e>(
        &'a self,
        entry: impl Into<Entry<'e, S>>,
        insertions: &'a dyn Insertions<S>,
        pass: Pass,
    ) -> Result<Encoded<'a, S>, BatchError> {
        Base::from(self).forward(entry, insertions, pass)
    }
}

impl<'a, S: Scalar> Base<'a, S> {
    /// Runs a batch through the model, or through what is left of it behind a state, and returns the last hidden state of every
    /// token, those that modules have put into sequences included.
    ///
    /// # Errors
    /// If the batch holds tokens that the model does not have, a sequence is empty or too long, or a state is another batch's
    /// or does not hold every token.
    pub fn forward<'e>(
        self,
        entry: impl Into<Entry<'e, S>>,
        insertions: &'a dyn Insertions<S>,
        pass: Pass,
    ) -> Result<Encoded<'a, S>, BatchError> {
        self.run(entry.into(), insertions, pass, None)
    }

    /// Runs a batch as [`Base::forward`] does, and returns what is to be read of the last hidden state alone. Where that is one
    /// token of each sequence and no module of the last block looks at several, the last block leaves out the others behind
    /// its keys and values: in f32 the result is the same to the bit.
    ///
    /// # Errors
    /// As [`Base::forward`], and if a place is not in the batch.
    pub fn read<'e>(
        self,
        entry: impl Into<Entry<'e, S>>,
        insertions: &'a dyn Insertions<S>,
        pass: Pass,
        selection: &Selection,
    ) -> Result<Encoded<'a, S>, BatchError> {
        self.run(entry.into(), insertions, pass, Some(selection))
    }

    fn run(
        self,
        entry: Entry<'_, S>,
        insertions: &'a dyn Insertions<S>,
        pass: Pass,
        selection: Option<&Selection>,
    ) -> Result<Encoded<'a, S>, BatchError> {
        let pass = pass.in_precision(self.encoder.precision());
        let layers = self.config().layers;
        match entry {
            Entry::Tokens(batch) => {
                let walk = Walk { base: self, batch, insertions, pass, selection, past: None };
                walk.finish(walk.blocks(self.embedded(batch, insertions, pass, None)?, 0..layers)?)
            }
            Entry::State(batch, state) => {
                check_sequences(batch, insertions)?;
                state.check(batch, layers, selection)?;
                let done = state.blocks;
                let walk = Walk { base: self, batch, insertions, pass, selection, past: None };
                let whole = state.selection.is_none();
                let trace = Trace { steps: Vec::new(), constant_blocks: done };
                let start = Encoded { hidden: state.hidden, layout: state.layout.grouped_as(batch.layout()), trace };
                if whole { walk.finish(walk.blocks(start, done..layers)?) } else { Ok(start) }
            }
        }
    }

    /// Runs the embeddings and the first `blocks` blocks, without gradients and without dropout. Behind all blocks the state is
    /// the last one, or what a selection leaves of it; before, a selection changes nothing.
    ///
    /// # Errors
    /// As [`Base::read`], and if the model has fewer blocks.
    pub fn lower(
        self,
        batch: &Batch,
        insertions: &dyn Insertions<S>,
        blocks: usize,
        selection: Option<&Selection>,
    ) -> Result<State<S>, BatchError> {
        let (layers, pass) = (self.config().layers, Pass::evaluate().in_precision(self.encoder.precision()));
        if blocks > layers {
            let sequences = batch.layout().sequences();
            return Err(BatchError::OtherState { sequences, blocks, expected: sequences, layers });
        }
        let selection = selection.filter(|_| blocks == layers);
        let walk = Walk { base: self, batch, insertions, pass, selection, past: None };
        let encoded = walk.blocks(self.embedded(batch, insertions, pass, None)?, 0..blocks)?;
        let encoded = if selection.is_some() { walk.finish(encoded)? } else { encoded.0 };
        Ok(State::new(blocks, encoded.hidden, encoded.layout).selected(selection.cloned()))
    }

    /// Runs the next tokens of sequences of which some have gone before, without gradients; returns what is to be read of the last
    /// hidden state, and adds to `past` what later ones need. In f32 the result is to the bit that of a pass over the whole sequences.
    ///
    /// # Errors
    /// As [`Base::read`], there is not one sequence for each of the past, or the model is no decoder, or a module in it looks at other
    /// tokens or changes sequences, so that tokens cannot be computed one after the other.
    pub fn extend(
        self,
        batch: &Batch,
        past: &mut Past<S>,
        insertions: &dyn Insertions<S>,
        selection: &Selection,
    ) -> Result<Array2<S>, BatchError> {
        past.check(batch, self.config().layers)?;
        // Behind the first block nothing may fail: what the past keeps would no longer fit its lengths.
        selection.choose(batch.layout(), batch.layout())?;
        if !self.config().is_causal() || !self.may_extend(insertions) {
            return Err(BatchError::NotByToken);
        }
        let pass = Pass::evaluate().in_precision(self.encoder.precision());
        let hidden = {
            let past = Some(&*past);
            let walk = Walk { base: self, batch, insertions, pass, selection: Some(selection), past };
            let start = self.embedded(batch, insertions, pass, past)?;
            walk.finish(walk.blocks(start, 0..self.config().layers)?)?.hidden
        };
        past.count(batch);
        Ok(hidden)
    }

    /// What stands before the first block.
    fn embedded<'b>(
        self,
        batch: &Batch,
        insertions: &'b dyn Insertions<S>,
        pass: Pass,
        past: Option<&Past<S>>,
    ) -> Result<Encoded<'b, S>, BatchError>
    where
        'a: 'b,
    {
        check_sequences(batch, insertions)?;
        let before = |sequence| past.map_or(0, |past| past.length(sequence));
        let shift = |sequence| insertions.position_shift(sequence) + before(sequence);
        let embeddings = BaseEmbeddings::of(self);
        embeddings.check(batch, shift)?;
        let (hidden, embeddings) = embeddings.forward(batch, shift, pass.at(0));
        let steps = embeddings.map(|trace| Step::Embeddings(Box::new(trace))).into_iter().collect();
        let trace = Trace { steps, constant_blocks: 0 };
        let start = Encoded { hidden, layout: batch.layout().clone(), trace };
        Ok(start.through(self, insertions, SequencePoint::Embeddings, pass.at(1)).projected(self, pass))
    }
}

fn check_sequences<S: Scalar>(batch: &Batch, insertions: &dyn Insertions<S>) -> Result<(), BatchError> {
    let found = batch.layout().sequences();
    match insertions.sequences().filter(|expected| *expected != found) {
        Some(expected) => Err(BatchError::Rows { expected, found }),
        None => insertions.groups().map_or(Ok(()), |groups| batch.check_groups(groups)),
    }
}

/// A pass on its way through the blocks.
struct Walk<'w, 'a, S> {
    base: Base<'a, S>,
    batch: &'w Batch,
    insertions: &'a dyn Insertions<S>,
    pass: Pass,
    /// What is to be read; every token, those of modules included, if there is nothing here.
    selection: Option<&'w Selection>,
    past: Option<&'a Past<S>>,
}

impl<'a, S: Scalar> Walk<'_, 'a, S> {
    /// Passes some blocks, and the sequence point behind each. Says too whether the selection has been made in the last one.
    fn blocks(&self, mut at: Encoded<'a, S>, blocks: Range<usize>) -> Result<(Encoded<'a, S>, bool), BatchError> {
        let mut selected = false;
        for depth in blocks {
            let (pass, layer) = (self.pass.at(2 + depth as u64), self.base.config().block_at(depth));
            let read = self.selected_in(depth, &at.layout)?;
            selected = read.is_some();
            let behind = read.as_ref().map_or(&at.layout, SelectedTokens::layout).clone();
            let layout = std::mem::replace(&mut at.layout, behind);
            let (base, insertions, past) = (self.base, self.insertions, self.past);
            let place = Place { depth, layer, base, layout, read, insertions, pass, past };
            at = at.through_block(place).through(self.base, self.insertions, SequencePoint::Block(layer), pass.at(64));
            at.trace.constant_blocks += usize::from(at.trace.is_empty());
        }
        Ok((at, selected))
    }

    /// The tokens that are read behind a block, if the others can be left out within it: in the last one, where one token of each
    /// sequence is read and no module but at keys and values looks at more than one.
    fn selected_in(&self, depth: usize, layout: &Layout) -> Result<Option<SelectedTokens>, BatchError> {
        let Some(selection) = self.selection.filter(|selection| selection.is_one_token()) else { return Ok(None) };
        let config = self.base.config();
        if depth + 1 < config.layers || !self.is_token_wise(config.block_at(depth)) {
            return Ok(None);
        }
        selection.choose(self.batch.layout(), layout).map(Some)
    }

    /// True if no module of a block but at keys and values looks at more than one token.
    fn is_token_wise(&self, layer: usize) -> bool {
        let behind_keys = |projection: &Projection| !matches!(projection, Projection::Key | Projection::Value);
        let linears = Projection::ALL.into_iter().filter(behind_keys);
        let mut linears = linears.map(|projection| LinearPoint { layer, projection });
        let mut sublayers = Sublayer::ALL.into_iter().map(|sublayer| SublayerPoint { layer, sublayer });
        self.insertions.sequence(SequencePoint::Block(layer)).is_none()
            && linears.all(|at| self.insertions.linear(at).is_none_or(|module| module.properties(at).token_wise))
            && sublayers.all(|at| self.insertions.sublayer(at).is_none_or(|module| module.properties(at).token_wise))
    }

    /// What stands behind the last block: the selection, unless it has been made, and the final norm.
    fn finish(&self, (mut at, selected): (Encoded<'a, S>, bool)) -> Result<Encoded<'a, S>, BatchError> {
        if let Some(selection) = self.selection.filter(|_| !selected) {
            let chosen = selection.choose(self.batch.layout(), &at.layout)?;
            at.hidden = chosen.gather(at.hidden);
            at.layout = chosen.layout().clone();
            if chosen.leaves_out() && !at.trace.is_empty() {
                at.trace.steps.push(Step::Selected(chosen));
            }
        }
        if let Some(norm) = self.base.norm(Part::FinalNorm) {
            let keep = self.pass.gradients() && (norm.trains() || !at.trace.is_empty());
            let (hidden, trace) = norm.forward(at.hidden, keep);
            at.hidden = hidden;
            at.trace.steps.extend(trace.map(|trace| Step::Norm(norm, trace)));
        }
        Ok(match self.selection.and_then(Selection::pool) {
            Some(pool) => at.pooled(pool),
            None => at,
        })
    }
}

impl<'a, S: Scalar> Encoded<'a, S> {
    fn through_block(mut self, place: Place<'a, S>) -> Self {
        let wants = !self.trace.is_empty();
        let input = place.pass.checkpointing().then(|| self.hidden.clone());
        let (hidden, trace) = block(&place, self.hidden, wants);
        self.hidden = hidden;
        self.trace.steps.extend(trace.map(|trace| match input {
            Some(input) => Step::Again(Box::new(Again { place, input, wants })),
            None => Step::Block(Box::new(trace)),
        }));
        self
    }

    /// Passes the linear layer between embeddings and blocks, if the model has it, `[T, E] → [T, D]`.
    fn projected(mut self, base: Base<'a, S>, pass: Pass) -> Self {
        let Some(projection) = base.embedding_projection(false) else { return self };
        let wants = !self.trace.is_empty();
        let (hidden, backward) = projection.layer(self.hidden.into_shared(), pass.gradients(), wants);
        self.trace.steps.extend(backward.map(Step::Projection));
        Self { hidden, ..self }
    }

    /// Passes a sequence point.
    fn through(
        mut self,
        base: Base<'a, S>,
        insertions: &'a dyn Insertions<S>,
        point: SequencePoint,
        pass: Pass,
    ) -> Self {
        let Some(module) = insertions.sequence(point) else { return self };
        let wants_tokens = !self.trace.steps.is_empty();
        let input = SequenceInput { point, base, tokens: self.hidden, layout: self.layout, pass, wants_tokens };
        let output = module.forward(input);
        self.trace.steps.extend(output.backward.map(Step::Sequence));
        Self { hidden: output.tokens, layout: output.layout, trace: self.trace }
    }

    /// The mean or the maximum of each sequence.
    fn pooled(mut self, pool: Pool) -> Self {
        let (hidden, trace) = pooled(pool, self.hidden.view(), &self.layout);
        self.layout = self.layout.with_lengths(&vec![1; self.layout.sequences()]);
        if !self.trace.is_empty() {
            self.trace.steps.push(Step::Pooled(trace));
        }
        Self { hidden, ..self }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Batch, Config, Encoder, Pass};
    use adaptune_tensor::{Precision, Seed};
    use ndarray::Array2;

    /// Told apart from the linear layers, which stay rounded when the base no longer says so.
    #[test]
    fn the_base_s_precision_reaches_wide_heads_in_long_sequences() {
        let config = Config { vocabulary: 50, ..Config::bert(128, 1, 2, 130) };
        let mut base = Encoder::<f32>::random(config, 0.2, Seed::new(1)).with_precision(Precision::Bf16);
        let hidden = |base: &Encoder<f32>, tokens: u32| -> Array2<f32> {
            let ids: Vec<_> = (0..tokens).map(|i| i % 50).collect();
            base.forward(&Batch::from_ids(&[&ids]), &(), Pass::evaluate()).expect("a good batch").hidden
        };
        let [short, long] = [63, 64].map(|tokens| hidden(&base, tokens));
        base = base.said_to_be(Precision::Full);
        assert!(hidden(&base, 63) == short && hidden(&base, 64) != long);
    }
}
