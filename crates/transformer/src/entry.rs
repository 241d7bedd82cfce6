//! Where a pass enters a model: at its embeddings, or behind lower blocks that have run before.

use crate::batch::{Batch, BatchError};
use crate::selection::Selection;
use adaptune_tensor::{Layout, Scalar};
use ndarray::{Array2, ArrayView2, Axis, concatenate};

/// What a pass begins with.
///
/// A batch becomes one by itself, so `&batch` is all that most callers write. Who has to run the upper part of a model many
/// times over the same tokens, with a lower part that never changes, runs the lower one once, with [`Base::lower`](crate::Base::lower):
///
/// ```
/// use adaptune_tensor::Seed;
/// use adaptune_transformer::{Base, Batch, Config, Encoder, Entry, Pass};
/// let base = Encoder::<f32>::random(Config { vocabulary: 11, ..Config::bert(8, 3, 2, 12) }, 0.1, Seed::new(1));
/// let batch = Batch::from_ids(&[&[1, 2, 3], &[4, 5]]);
/// let state = Base::from(&base).lower(&batch, &(), 2, None)?;
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
    /// What of the last block's state is left, behind all blocks.
    pub(crate) selection: Option<Selection>,
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
    /// The state `hidden: [T, D]` behind `blocks` blocks.
    ///
    /// # Panics
    /// If the layout is not that of so many rows.
    #[must_use]
    pub fn new(blocks: usize, hidden: Array2<S>, layout: Layout) -> Self {
        assert_eq!(hidden.nrows(), layout.tokens(), "a row for each token");
        Self { blocks, hidden, layout, selection: None }
    }

    /// The same state, marked as holding only what a selection chooses of the last block's state.
    #[must_use]
    pub fn selected(self, selection: Option<Selection>) -> Self {
        Self { selection, ..self }
    }

    /// What of the last block's state it holds, if it is not all.
    #[must_use]
    pub fn selection(&self) -> Option<&Selection> {
        self.selection.as_ref()
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

    /// Checks that a pass over a batch can begin with it.
    pub(crate) fn check(&self, batch: &Batch, layers: usize, selection: Option<&Selection>) -> Result<(), BatchError> {
        let (sequences, expected) = (self.layout.sequences(), batch.layout().sequences());
        if sequences != expected || self.blocks > layers {
            return Err(BatchError::OtherState { sequences, blocks: self.blocks, expected, layers });
        }
        match &self.selection {
            Some(found) if Some(found) != selection => {
                let name = |selection: Option<&Selection>| selection.map_or("every token".into(), |s| format!("{s:?}"));
                Err(BatchError::State { found: name(Some(found)), expected: name(selection) })
            }
            _ => Ok(()),
        }
    }

    /// A state that says the same of itself and holds nothing.
    fn about(&self) -> Self {
        let (hidden, layout) = (Array2::zeros((0, self.hidden.ncols())), Layout::from_lengths(&[]));
        Self { blocks: self.blocks, hidden, layout, selection: self.selection.clone() }
    }

    /// One state for each sequence. No bit of a state depends on the sequences beside it.
    #[must_use]
    pub fn split(&self) -> Vec<Self> {
        let rows = |s| self.hidden.slice_axis(Axis(0), self.layout.range(s).into()).to_owned();
        let one = |s| Self { hidden: rows(s), layout: self.layout.select(&[s]), ..self.about() };
        (0..self.layout.sequences()).map(one).collect()
    }

    /// The state of all these sequences together, in order.
    ///
    /// # Panics
    /// If there is none, or they stand behind different blocks or hold different selections.
    #[must_use]
    pub fn join(parts: &[&Self]) -> Self {
        let alike = |part: &&Self| (part.blocks, &part.selection) == (parts[0].blocks, &parts[0].selection);
        assert!(parts.iter().all(alike), "states behind the same blocks");
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
        Self { hidden, layout: Layout::join(&layouts), ..parts[0].about() }
    }
}
