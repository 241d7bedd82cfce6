//! How good predictions are: classification, sets of labels, regression, and tags of tokens and spans.
//!
//! Every score is a pure function that never gives NaN and, errors and perplexity apart, is better the
//! higher it is. Where a score is undefined it is 0; each function says when that is. scikit-learn
//! and seqeval do the same with a warning, while scipy's correlations are NaN there. Scores of sets of labels are `None`
//! where they are undefined, and NaN among [`Metrics`].

mod answers;
mod classification;
mod label_sets;
mod neighbours;
mod ratio;
mod regression;
mod report;
mod retrieval;
mod span_report;
mod spans;
mod threshold;

pub use answers::{answer_f1, exact_answer, normalised_answer};
pub use classification::{accuracy, chance_of_choices, macro_f1, matthews_correlation};
pub use label_sets::LabelReport;
pub use neighbours::Neighbours;
pub use regression::{mean_absolute_error, mean_squared_error, pearson, spearman};
pub use report::{ClassReport, calibration_error};
pub use retrieval::{average_precision, ndcg, ranked, recall, reciprocal_rank};
pub use span_report::SpanReport;
pub use spans::{Span, SpanCounts, labels_mark_spans, spans, stray_tags};
pub use threshold::{Threshold, best_threshold};

use ratio::ratio;
use std::fmt;

/// Named scores in a fixed order, the primary one first.
///
/// The primary score is the one that chooses the best checkpoint. It is better the higher it is, but for perplexity
/// ([`lower_is_better`]):
///
/// | task | primary | others |
/// |---|---|---|
/// | classification | `accuracy` | `macro_f1`, `matthews_correlation` |
/// | multi-label classification | `micro_f1` | `macro_f1`, `exact_match` |
/// | hierarchical classification | `accuracy` | `coarse_accuracy`, `level_2_accuracy` and so on, `macro_f1` |
/// | regression | `pearson` | `spearman`, `mean_squared_error`, `mean_absolute_error` |
/// | tagging with labels of spans (IO, IOB, IOBES, BILOU) | `span_f1` | `span_precision`, `span_recall`, `token_accuracy` |
/// | tagging with other labels | `token_accuracy` | |
/// | question answering | `f1` | `exact_match` |
/// | multiple choice | `accuracy` | |
/// | embedding, scored pairs | `spearman` | `pearson` |
/// | embedding, texts that belong together | `recall@1` | `recall@10`, `mrr`, `reverse_recall@1` |
/// | masked language modelling | `masked_accuracy` | `perplexity` |
/// | causal language modelling | `perplexity` | |
///
/// ```
/// use adaptune_train::metrics::Metrics;
/// let metrics = Metrics::classification(&[0, 1, 2, 2], &[0, 1, 1, 2]);
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
    pub fn classification(expected: &[usize], predicted: &[usize]) -> Self {
        Self::of([
            ("accuracy", accuracy(expected, predicted)),
            ("macro_f1", macro_f1(expected, predicted)),
            ("matthews_correlation", matthews_correlation(expected, predicted)),
        ])
    }

    /// Scores of a set of labels for each sequence, a truth value for every label ([`LabelReport`]); NaN where one is undefined.
    ///
    /// # Panics
    /// If there are not as many predictions as expected sets, or not as many values in each.
    #[must_use]
    pub fn multi_label(expected: &[Vec<bool>], predicted: &[Vec<bool>]) -> Self {
        let report = LabelReport::new(expected, predicted);
        let score = |score: Option<f64>| score.unwrap_or(f64::NAN);
        Self::of([
            ("micro_f1", score(report.micro_f1())),
            ("macro_f1", score(report.macro_f1())),
            ("exact_match", score(report.exact_match())),
        ])
    }

    /// Scores of one label of a tree for each sequence, as the path to it from the top: `accuracy` of the whole path, `coarse_accuracy` of
    /// its first label, accuracies of the levels between over the examples that have one, and `macro_f1` of what is expected and what is
    /// predicted on that level. What is predicted may be longer than a path that ends at a coarse label.
    ///
    /// # Panics
    /// If there are not as many predictions as expected paths.
    ///
    /// ```
    /// use adaptune_train::metrics::Metrics;
    /// let expected = [vec![0, 1], vec![0, 2], vec![3]];
    /// let metrics = Metrics::paths(&expected, &[vec![0, 1], vec![0, 1], vec![3, 4]]);
    /// assert_eq!(metrics.to_string(), "accuracy 0.6667, coarse_accuracy 1.0000, macro_f1 0.5556");
    /// ```
    #[must_use]
    pub fn paths(expected: &[Vec<usize>], predicted: &[Vec<usize>]) -> Self {
        assert_eq!(predicted.len(), expected.len(), "each expected path has one prediction");
        let pairs = || expected.iter().zip(predicted);
        let share = |level: usize| {
            let deep = pairs().filter(|(expected, _)| expected.len() >= level);
            let right = deep.clone().filter(|(expected, predicted)| predicted.starts_with(&expected[..level])).count();
            ratio(right as f64, deep.count() as f64)
        };
        let right = pairs().filter(|(expected, predicted)| predicted.starts_with(expected)).count();
        let last = |path: &[usize]| path.last().copied().unwrap_or(usize::MAX);
        let ends: Vec<usize> = expected.iter().map(|path| last(path)).collect();
        let found = pairs().map(|(expected, predicted)| last(&predicted[..expected.len().min(predicted.len())]));
        let deepest = expected.iter().map(Vec::len).max().unwrap_or(1);
        let mut scores = vec![
            ("accuracy".to_owned(), ratio(right as f64, expected.len() as f64)),
            ("coarse_accuracy".to_owned(), share(1)),
        ];
        scores.extend((2..deepest).map(|level| (format!("level_{level}_accuracy"), share(level))));
        scores.push(("macro_f1".to_owned(), macro_f1(&ends, &found.collect::<Vec<_>>())));
        Self { scores }
    }

    /// Scores of one number for each sequence.
    ///
    /// # Panics
    /// If there are not as many predictions as expected numbers.
    #[must_use]
    pub fn regression(expected: &[f64], predicted: &[f64]) -> Self {
        Self::of([
            ("pearson", pearson(expected, predicted)),
            ("spearman", spearman(expected, predicted)),
            ("mean_squared_error", mean_squared_error(expected, predicted)),
            ("mean_absolute_error", mean_absolute_error(expected, predicted)),
        ])
    }

    /// Scores of one tag for each token that counts, sequence by sequence. The `labels`, all tags
    /// that there are, tell whether tags mark spans ([`labels_mark_spans`]).
    ///
    /// # Panics
    /// If there are not as many predictions as expected tags, in all or in a sequence.
    #[must_use]
    pub fn tagging<L: AsRef<str>>(labels: &[L], expected: &[Vec<&str>], predicted: &[Vec<&str>]) -> Self {
        let tokens = ("token_accuracy", token_accuracy(expected, predicted));
        if !labels_mark_spans(labels) {
            return Self::of([tokens]);
        }
        let mut counts = SpanCounts::default();
        for (expected, predicted) in expected.iter().zip(predicted) {
            counts.add(expected, predicted);
        }
        let (precision, recall) = (counts.precision(), counts.recall());
        Self::of([("span_f1", counts.f1()), ("span_precision", precision), ("span_recall", recall), tokens])
    }

    /// SQuAD's scores of answers: means over all questions, each with the answers that are right (none, if there is none) and the
    /// one that was found; NaN of no questions.
    #[must_use]
    pub fn answers(found: &[(&[String], &str)]) -> Self {
        let mean = |score: fn(&[String], &str) -> f64| {
            found.iter().map(|(expected, found)| score(expected, found)).sum::<f64>() / found.len() as f64
        };
        Self::of([("f1", mean(answer_f1)), ("exact_match", mean(exact_answer))])
    }

    /// Scores of the cosines of scored pairs: rank and linear correlation.
    ///
    /// # Panics
    /// If there are not as many cosines as scores.
    #[must_use]
    pub fn similarity(expected: &[f64], cosines: &[f64]) -> Self {
        Self::of([("spearman", spearman(expected, cosines)), ("pearson", pearson(expected, cosines))])
    }

    /// Scores of the places at which texts find what belongs to them, from 1: the share of those that are first, and among the first
    /// ten, the mean of one over the place, and of the other way round the share of those that are first.
    #[must_use]
    pub fn places([there, back]: &[Vec<usize>; 2]) -> Self {
        let mean = |places: &[usize], score: &dyn Fn(usize) -> f64| {
            ratio(places.iter().map(|place| score(*place)).sum(), places.len() as f64)
        };
        let within = |k: usize| move |place: usize| if place <= k { 1.0 } else { 0.0 };
        Self::of([
            ("recall@1", mean(there, &within(1))),
            ("recall@10", mean(there, &within(10))),
            ("mrr", mean(there, &|place| 1.0 / place as f64)),
            ("reverse_recall@1", mean(back, &within(1))),
        ])
    }

    /// Means over queries of the scores of rankings: for each query the grades of the documents that were found, in order, and those
    /// of all that are judged.
    #[must_use]
    pub fn retrieval(queries: &[(Vec<f64>, Vec<f64>)]) -> Self {
        let mean = |score: &dyn Fn(&[f64], &[f64]) -> f64| {
            ratio(queries.iter().map(|(found, judged)| score(found, judged)).sum(), queries.len() as f64)
        };
        Self::of([
            ("ndcg@10", mean(&|found, judged| ndcg(found, judged, 10))),
            ("mrr@10", mean(&|found, _| reciprocal_rank(found, 10))),
            ("recall@10", mean(&|found, judged| recall(found, judged, 10))),
            ("recall@100", mean(&|found, judged| recall(found, judged, 100))),
            ("map", mean(&average_precision)),
        ])
    }

    /// The score of choices: how many of `count` are right, to be compared with [`chance_of_choices`].
    #[must_use]
    pub fn choices(right: usize, count: usize) -> Self {
        Self::of([("accuracy", ratio(right as f64, count as f64))])
    }

    /// Scores of hidden tokens: how many of `count` were found, and `e` to the mean loss, in nats, of finding them.
    #[must_use]
    pub fn language(right: usize, count: usize, loss: f64) -> Self {
        Self::of([("masked_accuracy", right as f64 / count.max(1) as f64), ("perplexity", loss.exp())])
    }

    /// The score of tokens that come next: `e` to their mean loss, in nats, the smaller the better.
    #[must_use]
    pub fn next_tokens(loss: f64) -> Self {
        Self::of([("perplexity", loss.exp())])
    }

    /// Scores of the caller's own, of which this is the primary one; [`Metrics::with`] adds others.
    #[must_use]
    pub fn new(primary: impl Into<String>, score: f64) -> Self {
        Self { scores: vec![(primary.into(), score)] }
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

/// True of the scores that are better the lower they are, by their names: errors and perplexities, those of one of several tasks
/// among them.
///
/// ```
/// use adaptune_train::metrics::lower_is_better;
/// assert!(lower_is_better("perplexity") && lower_is_better("mood.mean_squared_error") && !lower_is_better("accuracy"));
/// ```
#[must_use]
pub fn lower_is_better(name: &str) -> bool {
    matches!(name.rsplit('.').next(), Some("perplexity" | "mean_squared_error" | "mean_absolute_error"))
}

impl fmt::Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, score)) in self.iter().enumerate() {
            write!(f, "{}{name} {score:.4}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// The part of all tokens, over all sequences, that have the expected tag; 0 for no tokens.
///
/// # Panics
/// If there are not as many predictions as expected tags, in all or in a sequence.
#[must_use]
pub fn token_accuracy(expected: &[Vec<&str>], predicted: &[Vec<&str>]) -> f64 {
    let lengths = |sequences: &[Vec<&str>]| sequences.iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(lengths(expected), lengths(predicted), "each expected tag has one prediction");
    let right = expected.iter().flatten().zip(predicted.iter().flatten()).filter(|(e, p)| e == p).count();
    ratio(right as f64, lengths(expected).iter().sum::<usize>() as f64)
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
        let (expected, predicted) = ([vec!["B-X", "I-X", "O"], vec!["O"]], [vec!["B-X", "I-X", "O"], vec!["B-X"]]);
        let iob = Metrics::tagging(&["O", "B-X", "I-X"], &expected, &predicted);
        let scores = [("span_f1", 2.0 / 3.0), ("span_precision", 0.5), ("span_recall", 1.0), ("token_accuracy", 0.75)];
        assert_eq!((iob.primary(), iob.iter().collect::<Vec<_>>()), (scores[0], scores.to_vec()));
        let pos = Metrics::tagging(&["NOUN", "VERB", "O", "B-X", "I-X"], &expected, &predicted);
        assert_eq!((pos.primary(), names(&pos)), (("token_accuracy", 0.75), vec!["token_accuracy"]));
    }

    /// Tokens are pooled: a long sequence counts for more than a short one.
    #[test]
    fn token_accuracy_is_over_all_tokens() {
        let (expected, predicted) = ([vec!["a", "b", "c", "b"], vec!["d"]], [vec!["a", "b", "c", "e"], vec!["f"]]);
        assert_eq!(token_accuracy(&expected, &predicted), 0.6);
        assert_eq!(token_accuracy(&[vec![], vec![]], &[vec![], vec![]]), 0.0);
    }

    #[test]
    #[should_panic(expected = "each expected tag has one prediction")]
    fn sequences_must_agree_one_by_one() {
        let _ = token_accuracy(&[vec!["a"], vec!["b", "c"]], &[vec!["a", "b"], vec!["c"]]);
    }

    #[test]
    fn callers_add_their_own_scores() {
        let metrics = Metrics::regression(&[1.0, 2.5, 2.0], &[1.5, 2.0, 1.0]).with("loss", 0.25);
        assert_eq!(names(&metrics), ["pearson", "spearman", "mean_squared_error", "mean_absolute_error", "loss"]);
        assert_eq!((metrics.primary().0, metrics.get("loss"), metrics.get("f1")), ("pearson", Some(0.25), None));
    }

    proptest! {
        #[test]
        fn scores_of_classes_are_bounded(pairs in prop::collection::vec((0..5usize, 0..5usize), 0..30)) {
            let (expected, predicted): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
            for (name, score) in Metrics::classification(&expected, &predicted).iter() {
                let least = if name == "matthews_correlation" { -1.0 } else { 0.0 };
                prop_assert!((least - 1e-12..=1.0 + 1e-12).contains(&score), "{} is {}", name, score);
            }
            for score in [accuracy, macro_f1, matthews_correlation] {
                prop_assert!((score(&expected, &predicted) - score(&predicted, &expected)).abs() < 1e-12);
            }
        }

        #[test]
        fn scores_of_any_numbers_are_never_nan(pairs in prop::collection::vec((any::<f64>(), any::<f64>()), 0..9)) {
            let (expected, predicted): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
            for (name, score) in Metrics::regression(&expected, &predicted).iter() {
                prop_assert!(!score.is_nan(), "{} is NaN", name);
            }
        }
    }
}
