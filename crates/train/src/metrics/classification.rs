//! Scores of predicted classes.

use super::ratio::ratio;
use std::collections::BTreeMap;

/// The part of predictions that are right; 0 for no predictions.
///
/// # Panics
/// If there are not as many predictions as expected classes.
///
/// ```
/// use adaptune_train::metrics::accuracy;
/// let (expected, predicted) = ([2, 0, 0, 1], [2, 0, 1, 1]);
/// assert_eq!(accuracy(&expected, &predicted), 0.75);
/// ```
#[must_use]
pub fn accuracy(expected: &[usize], predicted: &[usize]) -> f64 {
    let right: f64 = count(expected, predicted).values().map(|class| class.correct).sum();
    ratio(right, expected.len() as f64)
}

/// How often a guess is right, on average, where examples have so many choices each: the mean of `1/K`; 0 for no examples.
///
/// ```
/// use adaptune_train::metrics::chance_of_choices;
/// assert_eq!(chance_of_choices(&[2, 4]), 0.375);
/// ```
#[must_use]
pub fn chance_of_choices(choices: &[usize]) -> f64 {
    ratio(choices.iter().map(|choices| 1.0 / *choices as f64).sum(), choices.len() as f64)
}

/// The mean over classes of `F1 = 2 correct/(predicted + expected)`.
///
/// The mean is over the classes that are predicted or expected at least once, scikit-learn's
/// default; a class that is only one of the two has an F1 of 0. No predictions at all: 0.
///
/// # Panics
/// If there are not as many predictions as expected classes.
#[must_use]
pub fn macro_f1(expected: &[usize], predicted: &[usize]) -> f64 {
    let classes = count(expected, predicted);
    let f1 = classes.values().map(|class| ratio(2.0 * class.correct, class.predicted + class.expected));
    ratio(f1.sum(), classes.len() as f64)
}

/// The correlation between predicted and expected classes, −1 to 1 (Gorodkin, *Comparing two
/// K-category assignments by a K-category correlation coefficient*, 2004).
///
/// With `n` predictions, `c` of them right, and class `k` predicted `p_k` and expected `t_k` times,
///
/// ```text
/// R_K = (c n − Σ p_k t_k) / √((n² − Σ p_k²)(n² − Σ t_k²))
/// ```
///
/// Two classes give the coefficient of Matthews (1975), as GLUE's CoLA wants it. Undefined, so 0,
/// if only one class is predicted or only one expected.
///
/// # Panics
/// If there are not as many predictions as expected classes.
#[must_use]
pub fn matthews_correlation(expected: &[usize], predicted: &[usize]) -> f64 {
    let classes = count(expected, predicted);
    let over_classes = |f: fn(&Class) -> f64| classes.values().map(f).sum::<f64>();
    let n = expected.len() as f64;
    let covariance = n * over_classes(|k| k.correct) - over_classes(|k| k.predicted * k.expected);
    let of_predicted = n * n - over_classes(|k| k.predicted * k.predicted);
    let of_expected = n * n - over_classes(|k| k.expected * k.expected);
    ratio(covariance, (of_predicted * of_expected).sqrt())
}

/// How often a class is predicted, expected, and both at once; whole numbers.
#[derive(Default)]
struct Class {
    predicted: f64,
    expected: f64,
    correct: f64,
}

fn count(expected: &[usize], predicted: &[usize]) -> BTreeMap<usize, Class> {
    assert_eq!(predicted.len(), expected.len(), "each expected class has one prediction");
    let mut classes: BTreeMap<usize, Class> = BTreeMap::new();
    for (&e, &p) in expected.iter().zip(predicted) {
        classes.entry(p).or_default().predicted += 1.0;
        let class = classes.entry(e).or_default();
        class.expected += 1.0;
        class.correct += if p == e { 1.0 } else { 0.0 };
    }
    classes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_scores(expected: &[usize], predicted: &[usize], scores: [f64; 3]) {
        let found = [accuracy, macro_f1, matthews_correlation].map(|score| score(expected, predicted));
        assert!(found.iter().zip(scores).all(|(f, s)| (f - s).abs() < 1e-15), "{found:?} is not {scores:?}");
    }

    /// scikit-learn 1.9: `accuracy_score`, `f1_score(average="macro")`, `matthews_corrcoef`. Class 4
    /// is only predicted, class 3 only expected.
    #[test]
    fn several_classes_match_scikit_learn() {
        let expected = [0, 2, 1, 0, 2, 2, 1, 0, 1, 0, 3, 0];
        let predicted = [0, 2, 1, 1, 4, 2, 0, 0, 1, 2, 4, 0];
        assert_scores(&expected, &predicted, [0.5833333333333334, 0.4, 0.4467914966843415]);
    }

    #[test]
    fn two_classes_match_scikit_learn() {
        let (expected, predicted) = ([1, 0, 0, 1, 1, 1, 1, 0], [1, 0, 1, 1, 0, 1, 1, 0]);
        assert_scores(&expected, &predicted, [0.75, 0.7333333333333333, 0.4666666666666667]);
    }

    /// scikit-learn again: only one class is expected, or predicted.
    #[test]
    fn one_class_alone_has_no_correlation() {
        assert_scores(&[1, 1, 1, 1], &[1, 0, 1, 1], [0.75, 0.42857142857142855, 0.0]);
        assert_scores(&[1, 0, 1, 1], &[1, 1, 1, 1], [0.75, 0.42857142857142855, 0.0]);
        assert_scores(&[3, 3], &[3, 3], [1.0, 1.0, 0.0]);
    }

    #[test]
    fn extremes() {
        assert_scores(&[0, 7, 2, 7], &[0, 7, 2, 7], [1.0, 1.0, 1.0]);
        assert_scores(&[0, 1, 1, 0], &[1, 0, 0, 1], [0.0, 0.0, -1.0]);
        assert_scores(&[], &[], [0.0, 0.0, 0.0]);
    }

    #[test]
    #[should_panic(expected = "each expected class has one prediction")]
    fn a_missing_prediction_is_no_match() {
        let _ = macro_f1(&[1, 0], &[1]);
    }
}
