//! The tokens of some of the sequences of a batch, taken out and put back.

use adaptune_tensor::{Layout, Scalar, gather, scatter};
use ndarray::{Array2, ArrayBase, Data, Ix2};

/// Where the tokens of some sequences are.
pub(super) struct Tokens {
    tokens: Vec<u32>,
    /// How many there are of all sequences.
    all: usize,
}

impl Tokens {
    /// Those of these sequences.
    pub(super) fn of(layout: &Layout, sequences: &[usize]) -> Self {
        let tokens = layout.rows(sequences).into_iter().map(|token| token as u32).collect();
        Self { tokens, all: layout.tokens() }
    }

    /// `[T, D] → [t, D]`.
    pub(super) fn take<S: Scalar>(&self, x: &ArrayBase<impl Data<Elem = S>, Ix2>) -> Array2<S> {
        gather(x.view(), &self.tokens)
    }

    /// Puts `[t, D]` back into `[T, D]`, which is made when the first part comes.
    pub(super) fn put<S: Scalar>(&self, part: Array2<S>, whole: &mut Option<Array2<S>>) {
        let whole = whole.get_or_insert_with(|| Array2::zeros((self.all, part.ncols())));
        scatter(part.view(), &self.tokens, whole);
    }

    /// The same of what a part may have or not.
    pub(super) fn put_some<S: Scalar>(&self, part: Option<Array2<S>>, whole: &mut Option<Array2<S>>) {
        if let Some(part) = part {
            self.put(part, whole);
        }
    }
}
