//! The frozen encoder: embeddings and blocks, with everything plugged in that asks to be.

use crate::base::Base;
use crate::block::{Block, BlockTrace};
use crate::embeddings::{Embeddings, EmbeddingsTrace};
use crate::insertion::*;
use crate::points::{Place, ReadRows};
use crate::{Batch, BatchError, Config, Entry, Linear, Pass, Reads};
use adaptune_tensor::{Gradients, Layout, Precision, Scalar, Seed};
use ndarray::{Array2, ArrayView2};
use std::ops::Range;
use std::sync::OnceLock;

/// A pretrained encoder whose weights never change.
///
/// Load one with [`Encoder::load`] and share it in an [`Arc`](std::sync::Arc): passes take `&self`,
/// so it serves many threads at once. Nothing hands out a mutable view of a weight, and there is no
/// buffer that could hold the gradient of one.
#[derive(Debug)]
pub struct Encoder<S> {
    pub(crate) config: Config,
    pub(crate) embeddings: Embeddings<S>,
    pub(crate) blocks: Vec<Block<S>>,
    pub(crate) pooler: Option<Linear<S>>,
    pub(crate) precision: Precision,
    /// Of a base that was rounded to less, that of before.
    pub(crate) fingerprint: OnceLock<u64>,
}

/// What a pass through the encoder gives.
pub struct Encoded<'a, S> {
    /// The last hidden state, `[T, D]`, or less if less is [read](Reads): then a row for each sequence.
    pub hidden: Array2<S>,
    /// How its rows lie; as the batch's tokens, unless a module has changed that or rows were left out.
    pub layout: Layout,
    /// What backward needs.
    pub trace: Trace<'a, S>,
}

/// What backward needs, from the lowest point that trains up to the last hidden state.
pub struct Trace<'a, S> {
    steps: Vec<Step<'a, S>>,
    constant_blocks: usize,
}

enum Step<'a, S> {
    Embeddings(Box<EmbeddingsTrace<'a, S>>),
    Sequence(SequenceBackward<'a, S>),
    Block(Box<BlockTrace<'a, S>>),
    /// A block that backward runs again from its input; see [`Pass::with_checkpointing`].
    Again(Box<Again<'a, S>>),
}

struct Again<'a, S> {
    block: &'a Block<S>,
    place: Place<'a, S>,
    input: Array2<S>,
    wants: bool,
}

impl<S: Scalar> Encoder<S> {
    /// Sizes and constants of the model.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The linear layer of the pooler, `tanh(W h_0 + b)`, if the model has one.
    #[must_use]
    pub fn pooler(&self) -> Option<&Linear<S>> {
        self.pooler.as_ref()
    }

    /// A linear layer of a block.
    ///
    /// # Panics
    /// If there is no such block.
    #[must_use]
    pub fn linear(&self, point: LinearPoint) -> &Linear<S> {
        self.blocks[point.layer].linear(point.projection)
    }

    /// A copy of the model with other linear layers where `other` gives one, as merging an adapter does.
    ///
    /// # Panics
    /// If a layer has another shape than the one in whose place it comes.
    #[must_use]
    pub fn with_linears(&self, other: impl Fn(LinearPoint, &Linear<S>) -> Option<Linear<S>>) -> Self {
        let mut copy = Base::from(self).merged();
        for (layer, block) in copy.blocks.iter_mut().enumerate() {
            let replaced = |projection, linear: &Linear<S>| {
                let new = other(LinearPoint { layer, projection }, linear).unwrap_or_else(|| linear.clone());
                assert_eq!(new.dim(), linear.dim(), "shape of a layer in another's place");
                new
            };
            *block = block.map(replaced, |_, norm| norm.clone());
        }
        copy
    }

    /// Runs a batch through the model, nothing of which is thawed; see [`Base::forward`]. Small batches are faster within
    /// [`in_pool`](adaptune_tensor::in_pool).
    ///
    /// # Errors
    /// If the batch holds tokens that the model does not have, or a sequence is empty or too long.
    pub fn forward<'a, 'e>(
        &'a self,
        entry: impl Into<Entry<'e, S>>,
        insertions: &'a dyn Insertions<S>,
        pass: Pass,
    ) -> Result<Encoded<'a, S>, BatchError> {
        Base::from(self).forward(entry, insertions, pass)
    }

    /// The same base with the linear layers of its blocks in another precision. In bf16 they take half the memory and
    /// less time where the processor has AVX-512 for it, elsewhere neither; embeddings, norms, biases and the pooler stay as
    /// they are. It is a way to compute with the same base: adapters of one fit the other. What was rounded stays so. Modules
    /// are told ([`Pass::precision`]), and bottlenecks of at least 128 compute their products in bf16 too, as do heads that are at
    /// least 64 wide in sequences of at least 64 tokens, a prefix included.
    ///
    /// ```
    /// use adaptune_tensor::{Precision, Seed};
    /// use adaptune_transformer::{Batch, Config, Encoder, Pass};
    /// let base = |precision| Encoder::<f32>::random(Config::bert(16, 2, 2, 32), 0.1, Seed::new(1)).with_precision(precision);
    /// let hidden = |base: Encoder<f32>| base.forward(&Batch::from_ids(&[&[1, 2, 3]]), &(), Pass::evaluate()).map(|e| e.hidden);
    /// let difference = hidden(base(Precision::Full))? - hidden(base(Precision::Bf16))?;
    /// assert!(difference.iter().all(|d| d.abs() < 0.05) && difference.iter().any(|d| *d != 0.0));
    /// assert_eq!(base(Precision::Full).fingerprint(), base(Precision::Bf16).fingerprint());
    /// # Ok::<(), adaptune_transformer::BatchError>(())
    /// ```
    #[must_use]
    pub fn with_precision(mut self, precision: Precision) -> Self {
        if precision == Precision::Full || self.precision != Precision::Full {
            return self;
        }
        let _ = self.fingerprint(); // from now on it is known, and stays what it is
        self.precision = precision;
        for block in &mut self.blocks {
            *block = block.map(|_, linear| linear.with_precision(Precision::Bf16), |_, norm| norm.clone());
        }
        self
    }

    /// How exactly the linear layers of the blocks are held.
    #[must_use]
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// A number that tells this base from others: it is computed from every weight, rounded to
    /// f32, and from nothing else. Of a base that was rounded to less it is that of before. The first call computes it.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let computed = || {
            let mut weights = Vec::new();
            self.each_weight(|w| weights.push(digest(w)));
            weights.into_iter().fold(Seed::new(0), Seed::at).bits(0)
        };
        *self.fingerprint.get_or_init(computed)
    }

    /// How many numbers the base holds, all of them frozen; the pooler is counted.
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        let mut count = 0;
        self.each_weight(|w| count += w.len());
        count
    }

    /// Visits every weight in a fixed order; vectors come as one row.
    fn each_weight(&self, mut visit: impl FnMut(ArrayView2<'_, S>)) {
        let e = &self.embeddings;
        [Some(&e.tokens), Some(&e.positions), e.token_types.as_ref()]
            .into_iter()
            .flatten()
            .for_each(|t| visit(t.view()));
        let (mut norms, mut linears) = (vec![&e.norm], Vec::new());
        for Block { attention: a, feed_forward: f } in &self.blocks {
            linears.extend([&a.query, &a.key, &a.value, &a.output, &f.input, &f.output]);
            norms.extend([&a.norm, &f.norm]);
        }
        linears.extend(&self.pooler);
        for linear in linears {
            visit(linear.to_weight().view());
            visit(linear.bias().insert_axis(ndarray::Axis(0)));
        }
        for norm in norms {
            visit(norm.weight().insert_axis(ndarray::Axis(0)));
            visit(norm.bias().insert_axis(ndarray::Axis(0)));
        }
    }
}

impl<'a, S: Scalar> Base<'a, S> {
    /// Runs a batch through the model, or through what is left of it behind a state.
    ///
    /// # Errors
    /// If the batch holds tokens that the model does not have, or a sequence is empty or too long.
    ///
    /// # Panics
    /// If a state stands behind more blocks than the model has, or has first tokens alone and the pass reads all.
    pub fn forward<'e>(
        self,
        entry: impl Into<Entry<'e, S>>,
        insertions: &'a dyn Insertions<S>,
        pass: Pass,
    ) -> Result<Encoded<'a, S>, BatchError> {
        let pass = pass.in_precision(self.encoder.precision);
        let (start, done) = match entry.into() {
            Entry::Tokens(batch) => (self.embedded(batch, insertions, pass)?, 0),
            Entry::State(batch, state) => {
                check_rows(batch, insertions)?;
                let whole = || (0..batch.layout().sequences()).all(|s| state.has_all_of(batch, s));
                assert!(
                    pass.reads() == Reads::FirstTokens || whole(),
                    "a state of first tokens for a pass that reads all"
                );
                let trace = Trace { steps: Vec::new(), constant_blocks: state.blocks };
                (Encoded { hidden: state.hidden, layout: state.layout, trace }, state.blocks)
            }
        };
        Ok(start.through_blocks(self, done..self.encoder.blocks.len(), insertions, pass))
    }

    /// What stands before the first block.
    pub(crate) fn embedded<'b>(
        self,
        batch: &Batch,
        insertions: &'b dyn Insertions<S>,
        pass: Pass,
    ) -> Result<Encoded<'b, S>, BatchError>
    where
        'a: 'b,
    {
        let Self { encoder, thawed } = self;
        check_rows(batch, insertions)?;
        let shift = |sequence| insertions.position_shift(sequence);
        encoder.embeddings.check(&encoder.config, batch, shift)?;
        let embeddings = encoder.embeddings.with(thawed.map(|t| &t.embeddings));
        let (hidden, embeddings) = embeddings.forward(&encoder.config, batch, shift, pass.at(0));
        let steps = embeddings.map(|trace| Step::Embeddings(Box::new(trace))).into_iter().collect();
        let trace = Trace { steps, constant_blocks: 0 };
        let start = Encoded { hidden, layout: batch.layout().clone(), trace };
        Ok(start.through(self, insertions, SequencePoint::Embeddings, pass.at(1)))
    }
}

fn check_rows<S: Scalar>(batch: &Batch, insertions: &dyn Insertions<S>) -> Result<(), BatchError> {
    let found = batch.layout().sequences();
    match insertions.sequences().filter(|expected| *expected != found) {
        Some(expected) => Err(BatchError::Rows { expected, found }),
        None => Ok(()),
    }
}

/// The rows that are read behind a block, if there are fewer than all: behind the last one, where no module but at keys and
/// values looks at more than one row at a time.
fn first_rows<S: Scalar>(
    base: Base<'_, S>,
    layer: usize,
    insertions: &dyn Insertions<S>,
    pass: Pass,
    layout: &Layout,
) -> Option<ReadRows> {
    use Projection::{AttentionOutput, FeedForwardIn, FeedForwardOut, Query};
    if pass.reads() == Reads::EveryToken || layer + 1 < base.encoder.blocks.len() {
        return None;
    }
    let linears = [Query, AttentionOutput, FeedForwardIn, FeedForwardOut];
    let linears = linears.into_iter().filter_map(|projection| insertions.linear(LinearPoint { layer, projection }));
    let sublayers =
        Sublayer::ALL.into_iter().filter_map(|sublayer| insertions.sublayer(SublayerPoint { layer, sublayer }));
    let alone = insertions.sequence(SequencePoint::Block(layer)).is_none()
        && linears.into_iter().all(LinearModule::is_row_by_row)
        && sublayers.into_iter().all(SublayerModule::is_row_by_row);
    let ones = || Layout::from_lengths(&vec![1; layout.sequences()]);
    alone.then(|| ReadRows { rows: layout.first_rows(), layout: ones() })
}

fn digest<S: Scalar>(weight: ArrayView2<'_, S>) -> u64 {
    let bits = |v: &S| u64::from((v.to_f64() as f32).to_bits());
    // An odd multiplier makes each step invertible, so no change of a single weight goes unseen.
    weight
        .iter()
        .fold(weight.nrows() as u64, |sum, v| (sum.rotate_left(5) ^ bits(v)).wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

impl<'a, S: Scalar> Encoded<'a, S> {
    /// Passes some blocks, and the sequence point behind each.
    pub(crate) fn through_blocks(
        mut self,
        base: Base<'a, S>,
        blocks: Range<usize>,
        insertions: &'a dyn Insertions<S>,
        pass: Pass,
    ) -> Self {
        let Base { encoder, thawed } = base;
        let config = &encoder.config;
        for layer in blocks {
            let (pass, thawed) = (pass.at(2 + layer as u64), thawed.map(|t| &t.blocks[layer]));
            let read = first_rows(base, layer, insertions, pass, &self.layout);
            let behind = read.as_ref().map_or(&self.layout, |read| &read.layout).clone();
            let layout = std::mem::replace(&mut self.layout, behind);
            let place = Place { layer, layout, read, insertions, pass, config, thawed };
            let wants = !self.trace.is_empty();
            let block = &encoder.blocks[layer];
            let input = pass.checkpointing().then(|| self.hidden.clone());
            let (hidden, trace) = block.forward(&place, self.hidden, wants);
            self.hidden = hidden;
            self.trace.steps.extend(trace.map(|trace| match input {
                Some(input) => Step::Again(Box::new(Again { block, place, input, wants })),
                None => Step::Block(Box::new(trace)),
            }));
            self = self.through(base, insertions, SequencePoint::Block(layer), pass.at(64));
            self.trace.constant_blocks += usize::from(self.trace.is_empty());
        }
        self
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
}

impl<S: Scalar> Again<'_, S> {
    fn backward(self, d: Array2<S>, gradients: &mut Gradients<S>) -> Option<Array2<S>> {
        let (_, trace) = self.block.forward(&self.place, self.input, self.wants);
        trace.expect("there was one before").backward(d, gradients)
    }
}

impl<S: Scalar> Trace<'_, S> {
    /// Carries the gradient of the last hidden state, as many rows as that has, down to the lowest point that
    /// trains, and adds the gradients of the parameters it passes.
    pub fn backward(self, d_hidden: Array2<S>, gradients: &mut Gradients<S>) {
        let mut d = d_hidden;
        for step in self.steps.into_iter().rev() {
            let below = match step {
                Step::Sequence(backward) => backward(d, gradients),
                Step::Block(trace) => trace.backward(d, gradients),
                Step::Again(again) => again.backward(d, gradients),
                Step::Embeddings(trace) => return trace.backward(d, gradients),
            };
            match below {
                Some(below) => d = below,
                None => return,
            }
        }
    }

    /// How many blocks, from the lowest on and with the modules behind each, nothing that trains is in or below: without
    /// dropout, what they make of the same tokens is always the same. That of a pass without gradients is all of them.
    #[must_use]
    pub fn constant_blocks(&self) -> usize {
        self.constant_blocks
    }

    /// How many blocks, modules between blocks, and (if thawed) embeddings backward goes through.
    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// True if nothing below the last hidden state trains.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}
