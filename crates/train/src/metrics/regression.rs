//! Scores of predicted numbers.

use super::ratio::ratio;

/// The linear correlation, `Σ (x − x̄)(y − ȳ) / √(Σ (x − x̄)² Σ (y − ȳ)²)`, −1 to 1.
///
/// Undefined, so 0, if one side has fewer than two different numbers, or any that is not finite.
///
/// # Panics
/// If there are not as many predictions as expected numbers.
///
/// ```
/// use adaptune_train::metrics::{pearson, spearman};
/// let (expected, predicted) = ([1.0, 2.0, 3.0], [0.0, 1.0, 10.0]);
/// assert!(pearson(&expected, &predicted) < 0.95);
/// assert_eq!(spearman(&expected, &predicted), 1.0);
/// ```
#[must_use]
pub fn pearson(expected: &[f64], predicted: &[f64]) -> f64 {
    check(expected, predicted);
    if is_constant(expected) || is_constant(predicted) {
        return 0.0;
    }
    let (x, y) = (deviations(expected), deviations(predicted));
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let correlation = dot(&x, &y) / (dot(&x, &x) * dot(&y, &y)).sqrt();
    if correlation.is_finite() { correlation.clamp(-1.0, 1.0) } else { 0.0 }
}

/// The correlation of ranks: [`pearson`] of the positions in sorted order. Equal numbers share the
/// mean of their positions.
///
/// Undefined, so 0, if one side has fewer than two different numbers, or a NaN.
///
/// # Panics
/// If there are not as many predictions as expected numbers.
#[must_use]
pub fn spearman(expected: &[f64], predicted: &[f64]) -> f64 {
    check(expected, predicted);
    if expected.iter().chain(predicted).any(|v| v.is_nan()) {
        return 0.0;
    }
    pearson(&ranks(expected), &ranks(predicted))
}

/// The mean of `(x − y)²`: 0 for no predictions, infinite if any number is not finite.
///
/// # Panics
/// If there are not as many predictions as expected numbers.
#[must_use]
pub fn mean_squared_error(expected: &[f64], predicted: &[f64]) -> f64 {
    check(expected, predicted);
    let sum = expected.iter().zip(predicted).map(|(x, y)| (x - y) * (x - y)).sum::<f64>();
    if sum.is_finite() { ratio(sum, predicted.len() as f64) } else { f64::INFINITY }
}

/// The mean of `|x − y|`, in the unit of the numbers: 0 for no predictions, infinite if any number is not finite.
///
/// # Panics
/// If there are not as many predictions as expected numbers.
///
/// ```
/// use adaptune_train::metrics::mean_absolute_error;
/// assert_eq!(mean_absolute_error(&[1.0, 2.0, 3.0], &[1.5, 2.0, 5.5]), 1.0);
/// ```
#[must_use]
pub fn mean_absolute_error(expected: &[f64], predicted: &[f64]) -> f64 {
    check(expected, predicted);
    let sum = expected.iter().zip(predicted).map(|(x, y)| (x - y).abs()).sum::<f64>();
    if sum.is_finite() { ratio(sum, predicted.len() as f64) } else { f64::INFINITY }
}

fn check(expected: &[f64], predicted: &[f64]) {
    assert_eq!(predicted.len(), expected.len(), "each expected number has one prediction");
}

/// Compared as they are: after taking out a rounded mean, equal numbers would look like noise.
fn is_constant(values: &[f64]) -> bool {
    values.iter().all(|v| *v == values[0])
}

/// `x − x̄`, divided by the largest of them so that no square overflows.
fn deviations(values: &[f64]) -> Vec<f64> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let largest = values.iter().map(|v| (v - mean).abs()).fold(0.0, f64::max);
    values.iter().map(|v| (v - mean) / largest).collect()
}

/// The position of each number in sorted order, from 1; equal numbers get the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for equal in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let mean = before as f64 + (equal.len() + 1) as f64 / 2.0;
        equal.iter().for_each(|&i| ranks[i] = mean);
        before += equal.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EXPECTED: [f64; 9] = [3.0, 0.4, 4.2, 1.0, -0.5, 5.0, 3.0, 0.6, 3.0];
    const PREDICTED: [f64; 9] = [2.5, 0.1, 4.75, 2.5, -1.3, 3.9, 2.5, 0.1, 5.0];

    fn assert_close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-14, "{found} is not {expected}");
    }

    /// scipy 1.17 `pearsonr` and `spearmanr`, scikit-learn 1.9 `mean_squared_error`.
    #[test]
    fn scores_match_scipy() {
        assert_close(pearson(&EXPECTED, &PREDICTED), 0.8723231313034);
        assert_close(spearman(&EXPECTED, &PREDICTED), 0.8571508888036644);
        assert_close(mean_squared_error(&EXPECTED, &PREDICTED), 1.0269444444444444);
        assert_close(pearson(&[1e200, 2e200, 4e200], &[1.0, 3.0, 2.0]), 0.3273268353539885);
    }

    /// scipy 1.17 `rankdata`.
    #[test]
    fn equal_numbers_share_the_mean_of_their_ranks() {
        assert_eq!(ranks(&PREDICTED), [5.0, 2.5, 8.0, 5.0, 1.0, 7.0, 5.0, 2.5, 9.0]);
        assert_eq!(ranks(&[0.0, f64::INFINITY, -0.0]), [1.5, 3.0, 1.5]);
    }

    #[test]
    fn undefined_correlations_are_zero() {
        let cases: [(&[f64], &[f64]); 5] = [
            (&[], &[]),
            (&[0.3], &[0.7]),
            (&[0.1, 0.1, 0.1], &[1.0, 2.0, 4.0]),
            (&[1.0, 2.0, 4.0], &[0.7, 0.7, 0.7]),
            (&[1.0, f64::NAN, 4.0], &[1.0, 2.0, 3.0]),
        ];
        for (expected, predicted) in cases {
            assert_eq!((pearson(expected, predicted), spearman(expected, predicted)), (0.0, 0.0), "{expected:?}");
        }
        let endless = [1.0, f64::INFINITY, 4.0];
        assert_eq!((pearson(&endless, &[1.0, 3.0, 2.0]), spearman(&endless, &[1.0, 3.0, 2.0])), (0.0, 1.0));
    }

    #[test]
    fn an_undefined_error_is_infinite() {
        assert_eq!(mean_squared_error(&[], &[]), 0.0);
        assert_eq!(mean_squared_error(&[0.5, 1.5], &[f64::NAN, 1.0]), f64::INFINITY);
        assert_eq!(mean_squared_error(&[0.5], &[f64::NEG_INFINITY]), f64::INFINITY);
    }

    #[test]
    #[should_panic(expected = "each expected number has one prediction")]
    fn a_missing_prediction_is_no_match() {
        let _ = mean_squared_error(&[1.0, 2.0], &[1.0]);
    }

    proptest! {
        #[test]
        fn correlations_ignore_scale_and_shift(
            pairs in prop::collection::vec((-9.0..9.0, -9.0..9.0), 3..20), scale in 0.1..5.0, shift in -5.0..5.0,
        ) {
            let (x, y): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
            let moved: Vec<f64> = x.iter().map(|x| scale * x + shift).collect();
            prop_assert!((pearson(&moved, &y) - pearson(&x, &y)).abs() < 1e-9);
            prop_assert!((pearson(&y, &x) - pearson(&x, &y)).abs() < 1e-12);
            let bent: Vec<f64> = x.iter().map(|x| x.exp()).collect();
            prop_assert!((spearman(&bent, &y) - spearman(&x, &y)).abs() < 1e-12);
            prop_assert!((spearman(&x, &x) - 1.0).abs() < 1e-12);
        }
    }
}
