//! Where a pass enters a model: at its embeddings, or behind lower blocks that have run before.

use crate::base::Base;
use crate::{Batch, BatchError, Insertions, Pass, Reads};
use adaptune_tensor::{Layout, Scalar};
use ndarray::{Array2, ArrayView2, Axis, concatenate};

/// What a pass begins with.
///
/// A batch becomes one by itself, so `&batch` is all that most callers write. Who has to run the upper part of a model many
/// times over the same tokens, with a lower part that never changes, runs the lower one once, with [`Base::lower`]:
///
/// ```
/// use adaptune_tensor::Seed;
/// use adaptune_transformer::{Base, Batch, Config, Encoder, Entry, Pass, Reads};
/// let base = Encoder::<f32>::random(Config { vocabulary: 11, ..Config::bert(8, 3, 2, 12) }, 0.1, Seed::new(1));
/// let batch = Batch::from_ids(&[&[1, 2, 3], &[4, 5]]);
/// let state = Base::from(&base).lower(&batch, &(), 2, Reads::EveryToken)?;
/// let upper = base.forward(Entry::State(&batch, state), &(), Pass::evaluate())?;
/// assert_eq!(upper.hidden, base.forward(&batch, &(), Pass::evaluate())?.hidden);
/// # Ok::<(), adaptune_transformer::BatchError>(())
/// ```
#[derive(Debug)]
pub enum Entry<'a, S> {
    /// These tokens, at the embeddings.
    Tokens(&'a Batch),
    /// These tokens, behind the blocks that have made a state of them.
    State(&'a Batch, State<S>),
}

/// What the lower blocks of a model make of sequences: the hidden state behind them, with whatever modules are in them.
#[derive(Clone, Debug, PartialEq)]
pub struct State<S> {
    pub(crate) blocks: usize,
    pub(crate) hidden: Array2<S>,
    pub(crate) layout: Layout,
}

impl<'a, S> Entry<'a, S> {
    /// The tokens.
    #[must_use]
    pub fn batch(&self) -> &'a Batch {
        match self {
            Self::Tokens(batch) | Self::State(batch, _) => batch,
        }
    }
}

impl<'a, S> From<&'a Batch> for Entry<'a, S> {
    fn from(batch: &'a Batch) -> Self {
        Self::Tokens(batch)
    }
}

impl<S: Scalar> State<S> {
    /// True if it has a row for each token of a sequence, whatever modules have put between them.
    pub(crate) fn has_all_of(&self, batch: &Batch, sequence: usize) -> bool {
        self.layout.text(sequence).len() == batch.layout().range(sequence).len()
    }

    /// The state `hidden: [T, D]` behind `blocks` blocks.
    ///
    /// # Panics
    /// If the layout is not that of so many rows.
    #[must_use]
    pub fn new(blocks: usize, hidden: Array2<S>, layout: Layout) -> Self {
        assert_eq!(hidden.nrows(), layout.tokens(), "a row for each token");
        Self { blocks, hidden, layout }
    }

    /// The blocks that have run.
    #[must_use]
    pub fn blocks(&self) -> usize {
        self.blocks
    }

    /// `[T, D]`.
    #[must_use]
    pub fn hidden(&self) -> ArrayView2<'_, S> {
        self.hidden.view()
    }

    /// How the tokens lie.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// One state for each sequence. No bit of a state depends on the sequences beside it.
    #[must_use]
    pub fn split(&self) -> Vec<Self> {
        let rows = |s| self.hidden.slice_axis(Axis(0), self.layout.range(s).into()).to_owned();
        let one = |s| Self { blocks: self.blocks, hidden: rows(s), layout: self.layout.select(&[s]) };
        (0..self.layout.sequences()).map(one).collect()
    }

    /// The state of all these sequences together, in order.
    ///
    /// # Panics
    /// If there is none, or they stand behind different blocks.
    #[must_use]
    pub fn join(parts: &[&Self]) -> Self {
        let blocks = parts[0].blocks;
        assert!(parts.iter().all(|part| part.blocks == blocks), "states behind the same blocks");
        let views: Vec<_> = parts.iter().map(|part| part.hidden.view()).collect();
        let mut first = 0;
        let numbers = parts.iter().map(|part| {
            let numbers: Vec<usize> = (first..first + part.layout.sequences()).collect();
            first += numbers.len();
            numbers
        });
        let numbers: Vec<_> = numbers.collect();
        let layouts: Vec<_> = numbers.iter().zip(parts).map(|(numbers, part)| (&numbers[..], &part.layout)).collect();
        let hidden = concatenate(Axis(0), &views).expect("all states are as wide");
        Self { blocks, hidden, layout: Layout::join(&layouts) }
    }
}

impl<S: Scalar> Base<'_, S> {
    /// Runs the embeddings and the first `blocks` blocks, without gradients and without dropout. `reads` says which rows of the
    /// last hidden state will be read; it makes a difference behind the last block alone.
    ///
    /// # Errors
    /// If the batch holds tokens that the model does not have, or a sequence is empty or too long.
    ///
    /// # Panics
    /// If the model has fewer blocks.
    pub fn lower(
        self,
        batch: &Batch,
        insertions: &dyn Insertions<S>,
        blocks: usize,
        reads: Reads,
    ) -> Result<State<S>, BatchError> {
        let pass = Pass::evaluate().in_precision(self.encoder.precision).reading(reads);
        let encoded = self.embedded(batch, insertions, pass)?.through_blocks(self, 0..blocks, insertions, pass);
        Ok(State { blocks, hidden: encoded.hidden, layout: encoded.layout })
    }
}
