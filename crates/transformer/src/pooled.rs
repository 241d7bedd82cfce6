//! One vector made of all tokens of each sequence: their mean or their maximum.

use crate::selection::Selection;
use adaptune_tensor::{Layout, Scalar};
use ndarray::{Array2, ArrayView2, Axis, s};

/// What the backward pass through a mean or a maximum needs.
pub(crate) enum Pooled {
    /// How the tokens lay.
    Mean(Layout),
    /// For each number of the result, `[S, D]`, the token that it came from, and how many tokens there were.
    Max { from: Array2<u32>, tokens: usize },
}

/// Returns the mean or the maximum over each sequence, `[T, D] → [S, D]`; `None` for selections that are neither.
pub(crate) fn pooled<S: Scalar>(
    selection: &Selection,
    hidden: ArrayView2<'_, S>,
    layout: &Layout,
) -> Option<(Array2<S>, Pooled)> {
    match selection {
        Selection::Mean => Some((means(hidden, layout), Pooled::Mean(layout.clone()))),
        Selection::Max => {
            let from = places_of_maxima(hidden, layout);
            let maxima = Array2::from_shape_fn(from.dim(), |at| hidden[[from[at] as usize, at.1]]);
            Some((maxima, Pooled::Max { from, tokens: layout.tokens() }))
        }
        _ => None,
    }
}

impl Pooled {
    /// The gradient with respect to the tokens, `[S, D] → [T, D]`: of a mean each token gets that of its sequence divided by the
    /// sequence's length, of a maximum the token that it came from gets it.
    pub(crate) fn backward<S: Scalar>(&self, d: ArrayView2<'_, S>) -> Array2<S> {
        match self {
            Self::Mean(layout) => means_backward(d, layout),
            Self::Max { from, tokens } => {
                let mut d_hidden = Array2::zeros((*tokens, d.ncols()));
                for ((at, token), d) in from.indexed_iter().zip(d) {
                    d_hidden[[*token as usize, at.1]] = *d;
                }
                d_hidden
            }
        }
    }
}

fn is_nan<S: Scalar>(value: S) -> bool {
    value.to_f64().is_nan()
}

fn means<S: Scalar>(hidden: ArrayView2<'_, S>, layout: &Layout) -> Array2<S> {
    let mut means = Array2::zeros((layout.sequences(), hidden.ncols()));
    for (range, mut mean) in layout.ranges().zip(means.rows_mut()) {
        let count = S::from_f64(range.len() as f64);
        mean.assign(&(hidden.slice(s![range, ..]).sum_axis(Axis(0)) / count));
    }
    means
}

fn means_backward<S: Scalar>(d: ArrayView2<'_, S>, layout: &Layout) -> Array2<S> {
    let mut d_hidden = Array2::zeros((layout.tokens(), d.ncols()));
    for (range, d) in layout.ranges().zip(d.rows()) {
        let count = S::from_f64(range.len() as f64);
        d_hidden.slice_mut(s![range, ..]).assign(&(&d / count));
    }
    d_hidden
}

/// The first token that has the largest number of each column, `[S, D]`. What is no number is larger than all, so that it is
/// not lost.
fn places_of_maxima<S: Scalar>(hidden: ArrayView2<'_, S>, layout: &Layout) -> Array2<u32> {
    let mut places = Array2::zeros((layout.sequences(), hidden.ncols()));
    for (range, mut places) in layout.ranges().zip(places.rows_mut()) {
        places.fill(range.start as u32);
        for token in range {
            for (column, place) in places.indexed_iter_mut() {
                let (value, most) = (hidden[[token, column]], hidden[[*place as usize, column]]);
                if value > most || (is_nan(value) && !is_nan(most)) {
                    *place = token as u32;
                }
            }
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn maxima_take_the_first_of_equals_and_keep_what_is_no_number() {
        let hidden = array![[1.0, 5.0], [3.0, 5.0], [2.0, f64::NAN], [-1.0, -2.0]];
        let layout = Layout::from_lengths(&[3, 1]);
        let (maxima, trace) = pooled(&Selection::Max, hidden.view(), &layout).expect("a maximum");
        assert!(maxima[[0, 0]] == 3.0 && maxima[[0, 1]].is_nan() && maxima.row(1) == array![-1.0, -2.0]);
        let d = trace.backward(array![[10.0, 20.0], [30.0, 40.0]].view());
        assert_eq!(d, array![[0.0, 0.0], [10.0, 0.0], [0.0, 20.0], [30.0, 40.0]]);
        assert_eq!(places_of_maxima(array![[5.0], [5.0]].view(), &Layout::from_lengths(&[2])), array![[0]]);
    }
}
