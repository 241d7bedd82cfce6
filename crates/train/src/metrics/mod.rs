//! How good predictions are: classification, regression, and tags of tokens and spans.
//!
//! Every score is a pure function that never gives NaN and, the squared error apart, is better the
//! higher it is. Where a score is undefined it is 0, what scikit-learn and seqeval give (with a
//! warning) too; each function says when that is.

mod classification;
mod regression;
mod spans;

pub use classification::{accuracy, macro_f1, matthews_correlation};
pub use regression::{mean_squared_error, pearson, spearman};
pub use spans::{Span, SpanCounts, looks_like_iob, spans};

use std::fmt;

/// Named scores in a fixed order, the primary one first.
///
/// The primary score is the one that chooses the best checkpoint. It is better the higher it is:
///
/// | task | primary | others |
/// |---|---|---|
/// | classification | `accuracy` | `macro_f1`, `matthews_correlation` |
/// | regression | `pearson` | `spearman`, `mean_squared_error` |
/// | tagging with IOB labels | `span_f1` | `span_precision`, `span_recall`, `token_accuracy` |
/// | tagging with other labels | `token_accuracy` | |
///
/// ```
/// use adaptune_train::metrics::Metrics;
/// let metrics = Metrics::classification(&[0, 1, 1, 2], &[0, 1, 2, 2]);
/// assert_eq!(metrics.primary(), ("accuracy", 0.75));
/// assert_eq!(metrics.to_string(), "accuracy 0.7500, macro_f1 0.7778, matthews_correlation 0.7000");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Metrics {
    scores: Vec<(String, f64)>,
}

impl Metrics {
    /// Scores of one class for each sequence.
    ///
    /// # Panics
    /// If there are not as many predictions as expected classes.
    #[must_use]
    pub fn classification(predicted: &[usize], expected: &[usize]) -> Self {
        Self::of([
            ("accuracy", accuracy(predicted, expected)),
            ("macro_f1", macro_f1(predicted, expected)),
            ("matthews_correlation", matthews_correlation(predicted, expected)),
        ])
    }

    /// Scores of one number for each sequence.
    ///
    /// # Panics
    /// If there are not as many predictions as expected numbers.
    #[must_use]
    pub fn regression(predicted: &[f64], expected: &[f64]) -> Self {
        Self::of([
            ("pearson", pearson(predicted, expected)),
            ("spearman", spearman(predicted, expected)),
            ("mean_squared_error", mean_squared_error(predicted, expected)),
        ])
    }

    /// Scores of one class for each token that counts, sequence by sequence. The classes' names
    /// tell whether they mark spans ([`looks_like_iob`]).
    ///
    /// # Panics
    /// If predictions and expected classes differ in number, or a class has no name.
    #[must_use]
    pub fn tagging<L: AsRef<str>>(labels: &[L], predicted: &[Vec<usize>], expected: &[Vec<usize>]) -> Self {
        let tokens = ("token_accuracy", token_accuracy(predicted, expected));
        if !looks_like_iob(labels) {
            return Self::of([tokens]);
        }
        let named = |tags: &[usize]| -> Vec<&str> { tags.iter().map(|&class| labels[class].as_ref()).collect() };
        let mut counts = SpanCounts::default();
        for (predicted, expected) in predicted.iter().zip(expected) {
            counts.add(&named(predicted), &named(expected));
        }
        let (precision, recall) = (counts.precision(), counts.recall());
        Self::of([("span_f1", counts.f1()), ("span_precision", precision), ("span_recall", recall), tokens])
    }

    fn of<const N: usize>(scores: [(&str, f64); N]) -> Self {
        const { assert!(N > 0, "the first score is the primary one") }
        Self { scores: scores.map(|(name, score)| (name.to_owned(), score)).to_vec() }
    }

    /// Appends a score of the caller's, such as the loss.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, score: f64) -> Self {
        self.scores.push((name.into(), score));
        self
    }

    /// The score that counts, with its name.
    #[must_use]
    pub fn primary(&self) -> (&str, f64) {
        let (name, score) = &self.scores[0];
        (name, *score)
    }

    /// A score by its name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f64> {
        self.iter().find(|(n, _)| *n == name).map(|(_, score)| score)
    }

    /// All scores with their names, the primary one first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.scores.iter().map(|(name, score)| (name.as_str(), *score))
    }
}

impl fmt::Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, score)) in self.iter().enumerate() {
            write!(f, "{}{name} {score:.4}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// The part of all tokens, over all sequences, with the expected class; 0 for no tokens.
///
/// # Panics
/// If predictions and expected classes differ in number, in all or in a sequence.
#[must_use]
pub fn token_accuracy(predicted: &[Vec<usize>], expected: &[Vec<usize>]) -> f64 {
    let lengths = |sequences: &[Vec<usize>]| sequences.iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(lengths(predicted), lengths(expected), "each token that counts has one prediction");
    accuracy(&predicted.concat(), &expected.concat())
}

/// `numerator/denominator`, or 0 where that is undefined.
fn ratio(numerator: f64, denominator: f64) -> f64 {
    if denominator > 0.0 { numerator / denominator } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(metrics: &Metrics) -> Vec<&str> {
        metrics.iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn the_labels_decide_how_tags_are_scored() {
        let (predicted, expected) = ([vec![1, 2, 0], vec![1]], [vec![1, 2, 2], vec![0]]);
        let iob = Metrics::tagging(&["O", "B-LOC", "I-LOC"], &predicted, &expected);
        assert_eq!(names(&iob), ["span_f1", "span_precision", "span_recall", "token_accuracy"]);
        assert_eq!((iob.primary(), iob.get("token_accuracy")), (("span_f1", 0.0), Some(0.5)));
        let pos = Metrics::tagging(&["NOUN", "VERB", "X"], &predicted, &expected);
        assert_eq!((names(&pos), pos.primary()), (vec!["token_accuracy"], ("token_accuracy", 0.5)));
    }

    /// Tokens are pooled: a long sequence counts for more than a short one.
    #[test]
    fn token_accuracy_is_over_all_tokens() {
        assert_eq!(token_accuracy(&[vec![3, 1, 4, 1], vec![2]], &[vec![3, 1, 4, 5], vec![9]]), 0.6);
        assert_eq!(token_accuracy(&[vec![], vec![]], &[vec![], vec![]]), 0.0);
    }

    #[test]
    #[should_panic(expected = "each token that counts has one prediction")]
    fn sequences_must_agree_one_by_one() {
        let _ = token_accuracy(&[vec![3], vec![1, 4]], &[vec![3, 1], vec![4]]);
    }

    #[test]
    fn callers_add_their_own_scores() {
        let metrics = Metrics::regression(&[1.0, 2.5, 2.0], &[1.5, 2.0, 1.0]).with("loss", 0.25);
        assert_eq!(names(&metrics), ["pearson", "spearman", "mean_squared_error", "loss"]);
        assert_eq!((metrics.primary().0, metrics.get("loss"), metrics.get("f1")), ("pearson", Some(0.25), None));
    }

    proptest! {
        #[test]
        fn scores_of_classes_are_bounded(pairs in prop::collection::vec((0..5usize, 0..5usize), 0..30)) {
            let (predicted, expected): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
            for (name, score) in Metrics::classification(&predicted, &expected).iter() {
                let least = if name == "matthews_correlation" { -1.0 } else { 0.0 };
                prop_assert!((least - 1e-12..=1.0 + 1e-12).contains(&score), "{} is {}", name, score);
            }
            for score in [accuracy, macro_f1, matthews_correlation] {
                prop_assert!((score(&predicted, &expected) - score(&expected, &predicted)).abs() < 1e-12);
            }
        }

        #[test]
        fn scores_of_any_numbers_are_never_nan(pairs in prop::collection::vec((any::<f64>(), any::<f64>()), 0..9)) {
            let (predicted, expected): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
            for (name, score) in Metrics::regression(&predicted, &expected).iter() {
                prop_assert!(!score.is_nan(), "{} is NaN", name);
            }
        }
    }
}
