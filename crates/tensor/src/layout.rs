//! How the tokens of a batch lie: all sequences end to end, without padding.

use std::ops::Range;
use std::sync::Arc;

/// Where each sequence of a ragged batch begins and ends among its `T` tokens.
///
/// Arrays of a batch are `[T, hidden]`; sequence `s` is the rows [`Layout::range`]`(s)`. A module
/// may put tokens in front of every sequence (prompts); these are counted as *prepended*, so that
/// what follows can still find the text. Cloning is cheap.
///
/// ```
/// use adaptune_tensor::Layout;
/// let layout = Layout::from_lengths(&[3, 1, 5]);
/// assert_eq!((layout.sequences(), layout.tokens()), (3, 9));
/// assert_eq!(layout.range(2), 4..9);
/// assert_eq!(layout.prepend(2).range(1), 5..8);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    offsets: Arc<[usize]>,
    prepended: usize,
}

impl Layout {
    /// A layout of sequences with these lengths (in tokens).
    #[must_use]
    pub fn from_lengths(lengths: &[usize]) -> Self {
        let mut offsets = Vec::with_capacity(lengths.len() + 1);
        offsets.push(0);
        for length in lengths {
            offsets.push(offsets[offsets.len() - 1] + length);
        }
        Self { offsets: offsets.into(), prepended: 0 }
    }

    /// `S`, the number of sequences.
    #[must_use]
    pub fn sequences(&self) -> usize {
        self.offsets.len() - 1
    }

    /// `T`, the number of tokens of all sequences together.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.offsets[self.sequences()]
    }

    /// The rows of one sequence, prepended tokens included.
    ///
    /// # Panics
    /// If there is no such sequence.
    #[must_use]
    pub fn range(&self, sequence: usize) -> Range<usize> {
        self.offsets[sequence]..self.offsets[sequence + 1]
    }

    /// The rows of one sequence that hold its text.
    ///
    /// # Panics
    /// If there is no such sequence.
    #[must_use]
    pub fn text(&self, sequence: usize) -> Range<usize> {
        let range = self.range(sequence);
        range.start + self.prepended..range.end
    }

    /// The rows of all sequences, in order.
    pub fn ranges(&self) -> impl ExactSizeIterator<Item = Range<usize>> + '_ {
        (0..self.sequences()).map(|s| self.range(s))
    }

    /// The length of the longest sequence, 0 without any.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.ranges().map(|r| r.len()).max().unwrap_or(0)
    }

    /// The same sequences with `tokens` more in front of each.
    #[must_use]
    pub fn prepend(&self, tokens: usize) -> Self {
        let offsets = self.offsets.iter().enumerate().map(|(s, o)| o + s * tokens).collect();
        Self { offsets, prepended: self.prepended + tokens }
    }
}
