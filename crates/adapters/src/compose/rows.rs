//! What belongs to some of the sequences of a batch, taken out and put back.

use adaptune_tensor::{Layout, Scalar, gather, scatter};
use ndarray::{Array2, ArrayBase, Data, Ix2};

/// The rows that sequences have in an array.
pub(super) struct Rows {
    rows: Vec<u32>,
    /// How many rows the whole array has.
    all: usize,
}

impl Rows {
    /// Those of these sequences.
    pub(super) fn of(layout: &Layout, sequences: &[usize]) -> Self {
        Self { rows: layout.rows(sequences).into_iter().map(|row| row as u32).collect(), all: layout.tokens() }
    }

    /// `[T, D] → [t, D]`.
    pub(super) fn take<S: Scalar>(&self, x: &ArrayBase<impl Data<Elem = S>, Ix2>) -> Array2<S> {
        gather(x.view(), &self.rows)
    }

    /// Puts `[t, D]` back into `[T, D]`, which is made when the first part comes.
    pub(super) fn put<S: Scalar>(&self, part: Array2<S>, whole: &mut Option<Array2<S>>) {
        let whole = whole.get_or_insert_with(|| Array2::zeros((self.all, part.ncols())));
        scatter(part.view(), &self.rows, whole);
    }
}
