//! From the hidden states of tokens to one vector for each sequence.

use crate::sentence_transformers::TokenPooling;
use adaptune_tensor::Layout;
use ndarray::{Array1, Array2, ArrayView2, Axis, concatenate, s};
use std::ops::Range;

/// The vectors of several poolings, one behind the other: `[T, D] → [S, n D]`. The first `skipped` tokens of a sequence are not
/// pooled.
///
/// The last of a sequence's tokens is pooled even if all are to be skipped.
pub(super) fn pooled(
    poolings: &[TokenPooling],
    hidden: ArrayView2<'_, f32>,
    layout: &Layout,
    skipped: usize,
) -> Array2<f32> {
    let mut all = Array2::zeros((layout.sequences(), poolings.len() * hidden.ncols()));
    for (range, mut row) in layout.ranges().zip(all.rows_mut()) {
        let tokens = (range.start + skipped).min(range.end - 1)..range.end;
        let parts: Vec<Array1<f32>> =
            poolings.iter().map(|pooling| of_sequence(*pooling, hidden, &range, tokens.clone())).collect();
        let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
        row.assign(&concatenate(Axis(0), &views).expect("vectors follow each other"));
    }
    all
}

/// The vector of one sequence, `[D]`, which lies at `range` and of which `tokens` are pooled.
fn of_sequence(
    pooling: TokenPooling,
    hidden: ArrayView2<'_, f32>,
    range: &Range<usize>,
    tokens: Range<usize>,
) -> Array1<f32> {
    let rows = hidden.slice(s![tokens.clone(), ..]);
    let (count, sum) = (rows.nrows() as f32, || rows.sum_axis(Axis(0)));
    match pooling {
        TokenPooling::First => hidden.row(range.start).to_owned(),
        TokenPooling::Last => hidden.row(range.end - 1).to_owned(),
        TokenPooling::Mean => sum() / count,
        TokenPooling::MeanSqrtLen => sum() / count.sqrt(),
        TokenPooling::Max => rows.fold_axis(Axis(0), f32::NEG_INFINITY, |most, value| most.max(*value)),
        TokenPooling::WeightedMean => {
            let place = |token: usize| (token - range.start + 1) as f32;
            let weights: Array1<f32> = tokens.clone().map(place).collect();
            rows.t().dot(&weights) / weights.sum()
        }
    }
}

/// Each row divided by its length, or by a number next to zero where that is none.
pub(super) fn normalized(mut x: Array2<f32>) -> Array2<f32> {
    for mut row in x.rows_mut() {
        let length = row.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt().max(1e-12);
        row.mapv_inplace(|value| (f64::from(value) / length) as f32);
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    const ALL: [TokenPooling; 6] = [
        TokenPooling::First,
        TokenPooling::Max,
        TokenPooling::Mean,
        TokenPooling::MeanSqrtLen,
        TokenPooling::WeightedMean,
        TokenPooling::Last,
    ];

    /// Computed by hand: three tokens and one.
    #[test]
    fn every_pooling_is_as_its_formula_says() {
        let hidden = array![[1.0_f32, 8.0], [5.0, -2.0], [3.0, 0.0], [7.0, -4.0]];
        let found = pooled(&ALL, hidden.view(), &Layout::from_lengths(&[3, 1]), 0);
        let root = 3.0_f32.sqrt();
        let weighted = [(1.0 + 10.0 + 9.0) / 6.0, (8.0 - 4.0) / 6.0];
        let first = [1.0, 8.0, 5.0, 8.0, 3.0, 2.0, 9.0 / root, 6.0 / root, weighted[0], weighted[1], 3.0, 0.0];
        assert!(found.row(0).iter().zip(first).all(|(a, b)| (a - b).abs() < 1e-6), "{found}");
        assert_eq!(found.row(1).to_vec(), [7.0, -4.0].repeat(6));
    }

    /// The first token of a prompt is still the first token, and places are those in the whole sequence.
    #[test]
    fn tokens_of_a_prompt_are_left_out() {
        let hidden = array![[9.0_f32], [9.0], [2.0], [4.0]];
        let found = pooled(&ALL, hidden.view(), &Layout::from_lengths(&[4]), 2);
        let expected = [9.0, 4.0, 3.0, 6.0 / 2.0_f32.sqrt(), (6.0 + 16.0) / 7.0, 4.0];
        assert!(found.row(0).iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found}");
        let beyond = pooled(&[TokenPooling::Mean], hidden.view(), &Layout::from_lengths(&[4]), 7);
        assert_eq!(beyond, array![[4.0]]);
    }

    #[test]
    fn rows_become_as_long_as_one() {
        assert_eq!(
            normalized(array![[3.0, 4.0], [0.0, 0.0], [-1e-20, 0.0]]),
            array![[0.6, 0.8], [0.0, 0.0], [-1e-8, 0.0]]
        );
    }
}
