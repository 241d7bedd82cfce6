//! The tokens that one part sees, taken out of a batch and added back.

use adaptune_tensor::{Layout, Scalar, gather};
use ndarray::{ArcArray2, Array2};

/// The tokens of a batch that one part sees.
#[derive(Clone, Debug)]
pub(in crate::compose) enum Rows {
    All,
    /// Some, in order, and how they lie among the sequences.
    Some(Vec<u32>, Layout),
}

impl Rows {
    /// These of the tokens that lie so, in order.
    pub(in crate::compose) fn of(tokens: Vec<u32>, all: &Layout) -> Self {
        if tokens.len() == all.tokens() {
            return Self::All;
        }
        let within = |range: std::ops::Range<usize>| {
            let below = |end: usize| tokens.partition_point(|token| (*token as usize) < end);
            below(range.end) - below(range.start)
        };
        let lengths: Vec<usize> = all.ranges().map(within).collect();
        Self::Some(tokens, all.with_lengths(&lengths))
    }

    /// True if there is no token.
    pub(in crate::compose) fn is_empty(&self) -> bool {
        matches!(self, Self::Some(tokens, _) if tokens.is_empty())
    }

    /// True if there is every token.
    pub(in crate::compose) fn are_all(&self) -> bool {
        matches!(self, Self::All)
    }

    /// How they lie, of all that lie so.
    pub(in crate::compose) fn layout(&self, all: &Layout) -> Layout {
        match self {
            Self::All => all.clone(),
            Self::Some(_, layout) => layout.clone(),
        }
    }

    /// `[T, D] → [t, D]`; of all tokens it is the same array.
    pub(in crate::compose) fn take<S: Scalar>(&self, x: &ArcArray2<S>) -> ArcArray2<S> {
        match self {
            Self::All => x.clone(),
            Self::Some(tokens, _) => gather(x.view(), tokens).into_shared(),
        }
    }

    /// Adds `[t, D]` to `[T, D]`, in their places.
    pub(in crate::compose) fn add<S: Scalar>(&self, part: &Array2<S>, whole: &mut Array2<S>) {
        self.add_scaled(part, &vec![S::one(); part.nrows()], whole);
    }

    /// Adds each row of `[t, D]`, multiplied by its number, to `[T, D]`.
    pub(in crate::compose) fn add_scaled<S: Scalar>(&self, part: &Array2<S>, by: &[S], whole: &mut Array2<S>) {
        for (i, (row, factor)) in part.outer_iter().zip(by).enumerate() {
            whole.row_mut(self.token(i)).scaled_add(*factor, &row);
        }
    }

    /// The number of one of them among all.
    pub(in crate::compose) fn token(&self, i: usize) -> usize {
        match self {
            Self::All => i,
            Self::Some(tokens, _) => tokens[i] as usize,
        }
    }
}

/// A sum over what several see of the same tokens, `[T, D]`, made when the first comes.
#[derive(Debug)]
pub(in crate::compose) struct Sum<S> {
    tokens: usize,
    sum: Option<Array2<S>>,
}

impl<S: Scalar> Sum<S> {
    pub(in crate::compose) fn new(tokens: usize) -> Self {
        Self { tokens, sum: None }
    }

    pub(in crate::compose) fn add(&mut self, rows: &Rows, part: Option<Array2<S>>) {
        match (part, rows, &mut self.sum) {
            (None, _, _) => {}
            (Some(part), Rows::All, sum @ None) => *sum = Some(part),
            (Some(part), rows, sum) => {
                let whole = sum.get_or_insert_with(|| Array2::zeros((self.tokens, part.ncols())));
                rows.add(&part, whole);
            }
        }
    }

    pub(in crate::compose) fn into_sum(self) -> Option<Array2<S>> {
        self.sum
    }
}
