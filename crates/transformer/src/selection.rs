//! Which tokens of the last hidden state are read.

use crate::batch::BatchError;
use crate::pooled::{Pool, pooled};
use adaptune_tensor::{Layout, Scalar, gather, gather_backward};
use ndarray::{Array2, ArrayView2};

/// Which tokens of the last hidden state are read, and how. Places count in the text: tokens that modules have put into
/// sequences are no part of it.
///
/// ```
/// use adaptune_tensor::Seed;
/// use adaptune_transformer::{Base, Batch, Config, Encoder, Pass, Selection};
/// let model = Encoder::<f32>::random(Config { vocabulary: 11, ..Config::bert(8, 3, 2, 12) }, 0.1, Seed::new(1));
/// let (base, batch) = (Base::from(&model), Batch::from_ids(&[&[1, 2, 3], &[4, 5]]));
/// let read = |selection| base.read(&batch, &(), Pass::evaluate(), &selection).map(|encoded| encoded.hidden);
/// let (all, first, mean) = (read(Selection::All)?, read(Selection::First)?, read(Selection::Mean)?);
/// assert_eq!((all.dim(), first.dim(), mean.dim()), ((5, 8), (2, 8), (2, 8)));
/// assert!(first.row(0) == all.row(0) && first.row(1) == all.row(3));
/// assert_eq!(read(Selection::Places(vec![1, 4]))?.row(1), all.row(4));
/// # Ok::<(), adaptune_transformer::BatchError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Every token of the text, `[T, D]`.
    All,
    /// The first token of each sequence, `[S, D]`, be it one that a module put there: so Python's libraries read it, with which
    /// adapters are exchanged.
    First,
    /// The last token of each sequence's text, `[S, D]`.
    Last,
    /// The mean over the tokens of each sequence's text, `[S, D]`.
    Mean,
    /// The largest number of each column over the tokens of each sequence's text, `[S, D]`.
    Max,
    /// Some tokens, `[N, D]`, by their places in the text, counted through all sequences of the batch: those of the first
    /// sequence, in any order, then those of the second, and so on.
    Places(Vec<usize>),
}

/// The tokens that a [`Selection`] chooses from a state, by their numbers in it.
#[derive(Clone, Debug)]
pub(crate) struct SelectedTokens {
    /// All of them, in order, if there is nothing here.
    rows: Option<Vec<u32>>,
    /// How they lie without the others.
    layout: Layout,
    /// Those of the state.
    tokens: usize,
}

impl Selection {
    /// True if it chooses one token of each sequence.
    pub(crate) fn is_one_token(&self) -> bool {
        matches!(self, Self::First | Self::Last)
    }

    /// How the tokens of each sequence become one vector, if they do.
    pub(crate) fn pool(&self) -> Option<Pool> {
        match self {
            Self::Mean => Some(Pool::Mean),
            Self::Max => Some(Pool::Max),
            Self::All | Self::First | Self::Last | Self::Places(_) => None,
        }
    }

    /// Chooses among the tokens of a state that lie as `state` says, made of a batch that lies as `batch` says.
    ///
    /// # Errors
    /// If a place is not in the batch, or stands behind one of a later sequence.
    pub(crate) fn choose(&self, batch: &Layout, state: &Layout) -> Result<SelectedTokens, BatchError> {
        let tokens = state.tokens();
        let ones = || state.with_lengths(&vec![1; state.sequences()]);
        let text = || (0..state.sequences()).flat_map(|s| state.text(s)).map(|row| row as u32).collect::<Vec<_>>();
        let (rows, layout) = match self {
            Self::First => (Some(state.first_rows()), ones()),
            Self::Last => {
                let last = |s| state.text(s).last().map(|row| row as u32);
                (Some((0..state.sequences()).filter_map(last).collect()), ones())
            }
            Self::All | Self::Mean | Self::Max => ((!state.is_text()).then(text), batch.clone()),
            Self::Places(places) => {
                let (text, layout) = (text(), places_layout(places, batch)?);
                (Some(places.iter().map(|place| text[*place]).collect()), layout)
            }
        };
        Ok(SelectedTokens { rows, layout, tokens })
    }

    /// Selects from a state `[T, D]` of a batch, each of which lies as its layout says.
    ///
    /// # Errors
    /// If a place is not in the batch, or stands behind one of a later sequence.
    pub fn select<S: Scalar>(
        &self,
        hidden: Array2<S>,
        batch: &Layout,
        state: &Layout,
    ) -> Result<Array2<S>, BatchError> {
        let chosen = self.choose(batch, state)?;
        let hidden = chosen.gather(hidden);
        Ok(match self.pool() {
            Some(pool) => pooled(pool, hidden.view(), &chosen.layout).0,
            None => hidden,
        })
    }

    /// The gradient through [`Selection::select`] with respect to the state, `[T, D]`: zero where nothing is read. The state
    /// itself says which tokens the maxima of [`Selection::Max`] came from.
    ///
    /// # Errors
    /// As [`Selection::select`].
    pub fn select_backward<S: Scalar>(
        &self,
        hidden: ArrayView2<'_, S>,
        d: Array2<S>,
        batch: &Layout,
        state: &Layout,
    ) -> Result<Array2<S>, BatchError> {
        let chosen = self.choose(batch, state)?;
        Ok(chosen.scatter(match self.pool() {
            Some(pool) => {
                let (_, trace) = pooled(pool, chosen.gather(hidden.to_owned()).view(), &chosen.layout);
                trace.backward(d.view())
            }
            None => d,
        }))
    }
}

/// How places lie among the sequences of a batch.
fn places_layout(places: &[usize], batch: &Layout) -> Result<Layout, BatchError> {
    let (mut lengths, mut sequence) = (vec![0; batch.sequences()], 0);
    for &place in places {
        let found = (sequence..batch.sequences()).find(|s| batch.range(*s).contains(&place));
        sequence = found.ok_or(BatchError::Place { place, tokens: batch.tokens() })?;
        lengths[sequence] += 1;
    }
    Ok(batch.with_lengths(&lengths))
}

impl SelectedTokens {
    /// True if tokens are left out.
    pub(crate) fn leaves_out(&self) -> bool {
        self.rows.is_some()
    }

    /// How the tokens lie without the others.
    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The numbers of the tokens, if not all are chosen.
    pub(crate) fn rows(&self) -> Option<&[u32]> {
        self.rows.as_deref()
    }

    /// `[T, D] → [N, D]`.
    pub(crate) fn gather<S: Scalar>(&self, hidden: Array2<S>) -> Array2<S> {
        match &self.rows {
            Some(rows) => gather(hidden.view(), rows),
            None => hidden,
        }
    }

    /// `[N, D] → [T, D]`, zero where nothing is read.
    pub(crate) fn scatter<S: Scalar>(&self, d: Array2<S>) -> Array2<S> {
        match &self.rows {
            Some(rows) => gather_backward(rows, d.view(), self.tokens),
            None => d,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(places: &[usize], batch: &Layout, state: &Layout) -> Option<(Vec<u32>, Vec<usize>)> {
        let chosen = Selection::Places(places.to_vec()).choose(batch, state).ok()?;
        let lengths = chosen.layout().ranges().map(|range| range.len()).collect();
        Some((chosen.rows().expect("some are left out").to_vec(), lengths))
    }

    /// Masking names the places of a sequence in the order in which they were drawn.
    #[test]
    fn places_keep_their_order_within_a_sequence() {
        let batch = Layout::from_lengths(&[3, 1, 4]);
        assert_eq!(rows(&[2, 0, 7, 4], &batch, &batch), Some((vec![2, 0, 7, 4], vec![2, 0, 2])));
        assert_eq!(rows(&[0, 3], &batch, &batch.prepend(2)), Some((vec![2, 7], vec![1, 1, 0])));
        assert_eq!(rows(&[], &batch, &batch), Some((vec![], vec![0, 0, 0])));
    }

    /// `⟨select(h), d⟩ = ⟨h, select_backward(d)⟩`: every selection is linear, a maximum where it is differentiable.
    #[test]
    fn backward_is_the_transpose_of_select() {
        let (batch, each) = (Layout::from_lengths(&[3, 1, 2]), |i: usize| (i * i % 7) as f64 - 2.5);
        let state = batch.insert(1, 2);
        let hidden = Array2::from_shape_fn((state.tokens(), 2), |(row, column)| each(3 * row + column));
        let places = Selection::Places(vec![2, 0, 4]);
        for selection in [Selection::All, Selection::First, Selection::Last, Selection::Mean, Selection::Max, places] {
            let read = selection.select(hidden.clone(), &batch, &state).unwrap();
            let d = Array2::from_shape_fn(read.dim(), |(row, column)| each(5 * row + column + 1));
            let d_hidden = selection.select_backward(hidden.view(), d.clone(), &batch, &state).unwrap();
            assert_eq!(d_hidden.dim(), hidden.dim(), "{selection:?}");
            assert!(((read * d).sum() - (&hidden * &d_hidden).sum()).abs() < 1e-12, "{selection:?}");
        }
    }

    #[test]
    fn places_beyond_the_batch_or_behind_a_later_sequence_are_refused() {
        let batch = Layout::from_lengths(&[3, 1]);
        assert_eq!(rows(&[4], &batch, &batch), None);
        assert_eq!(rows(&[3, 0], &batch, &batch), None);
    }
}
