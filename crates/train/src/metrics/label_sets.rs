//! Scores of sets of labels, where any number of labels hold for an example.
//!
//! A score that is undefined, such as the precision of a label that was never predicted, is `None`, and is left out of means.

/// How each label was predicted.
///
/// ```
/// use adaptune_train::metrics::LabelReport;
/// let expected = [vec![true, false, false], vec![true, true, false]];
/// let predicted = [vec![true, false, false], vec![false, true, false]];
/// let report = LabelReport::new(&expected, &predicted);
/// assert_eq!((report.precision(0), report.recall(0), report.support(0)), (Some(1.0), Some(0.5), 2));
/// assert_eq!((report.f1(2), report.macro_f1()), (None, Some((2.0 / 3.0 + 1.0) / 2.0)));
/// assert_eq!(report.exact_match(), Some(0.5));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelReport {
    labels: Vec<Counts>,
    examples: usize,
    exact: usize,
}

/// How often a label was predicted, expected, and both at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    predicted: usize,
    expected: usize,
    correct: usize,
}

impl LabelReport {
    /// Counts expected and predicted sets, each a truth value for every label.
    ///
    /// # Panics
    /// If there are not as many predictions as expected sets, or not as many values in each.
    #[must_use]
    pub fn new(expected: &[Vec<bool>], predicted: &[Vec<bool>]) -> Self {
        assert_eq!(predicted.len(), expected.len(), "each expected set has one prediction");
        let mut labels = vec![Counts::default(); expected.first().map_or(0, Vec::len)];
        for (expected, predicted) in expected.iter().zip(predicted) {
            assert_eq!([expected.len(), predicted.len()], [labels.len(); 2], "each label has one truth value");
            for (counts, (e, p)) in labels.iter_mut().zip(expected.iter().zip(predicted)) {
                counts.expected += usize::from(*e);
                counts.predicted += usize::from(*p);
                counts.correct += usize::from(*e && *p);
            }
        }
        let exact = expected.iter().zip(predicted).filter(|(e, p)| e == p).count();
        Self { labels, examples: expected.len(), exact }
    }

    /// How many labels there are.
    #[must_use]
    pub fn labels(&self) -> usize {
        self.labels.len()
    }

    /// How often the label was expected.
    #[must_use]
    pub fn support(&self, label: usize) -> usize {
        self.labels[label].expected
    }

    /// How often the label was predicted.
    #[must_use]
    pub fn predicted(&self, label: usize) -> usize {
        self.labels[label].predicted
    }

    /// The part of the label's predictions that were right; `None` if it was never predicted.
    #[must_use]
    pub fn precision(&self, label: usize) -> Option<f64> {
        share(self.labels[label].correct, self.labels[label].predicted)
    }

    /// The part of the label's examples that were found; `None` if it has none.
    #[must_use]
    pub fn recall(&self, label: usize) -> Option<f64> {
        share(self.labels[label].correct, self.labels[label].expected)
    }

    /// `2 correct/(predicted + expected)`; `None` for a label that was neither predicted nor expected.
    #[must_use]
    pub fn f1(&self, label: usize) -> Option<f64> {
        self.labels[label].f1()
    }

    /// F1 over all labels' predictions together; `None` if no label was predicted or expected.
    #[must_use]
    pub fn micro_f1(&self) -> Option<f64> {
        let sum = |of: fn(&Counts) -> usize| self.labels.iter().map(of).sum();
        let all =
            Counts { predicted: sum(|c| c.predicted), expected: sum(|c| c.expected), correct: sum(|c| c.correct) };
        all.f1()
    }

    /// The mean of the labels' F1, as far as they have one; `None` if no label has.
    #[must_use]
    pub fn macro_f1(&self) -> Option<f64> {
        let f1: Vec<f64> = self.labels.iter().filter_map(Counts::f1).collect();
        (!f1.is_empty()).then(|| f1.iter().sum::<f64>() / f1.len() as f64)
    }

    /// The part of the examples whose set is the expected one, label by label; `None` if there are no examples.
    #[must_use]
    pub fn exact_match(&self) -> Option<f64> {
        share(self.exact, self.examples)
    }

    /// The labels that are expected and were never predicted.
    #[must_use]
    pub fn missed(&self) -> Vec<usize> {
        (0..self.labels.len()).filter(|label| self.support(*label) > 0 && self.predicted(*label) == 0).collect()
    }
}

impl Counts {
    fn f1(&self) -> Option<f64> {
        share(2 * self.correct, self.predicted + self.expected)
    }
}

/// A part of a whole; `None` if there is no whole.
fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sets(rows: &[&str]) -> Vec<Vec<bool>> {
        rows.iter().map(|row| row.chars().map(|c| c == '1').collect()).collect()
    }

    /// scikit-learn: `f1_score` with `average` `micro` and `macro`, `zero_division=nan`; `accuracy_score`.
    #[test]
    fn scores_match_scikit_learn() {
        let expected = sets(&["1010", "0110", "0000", "1110", "0010", "1000", "0010"]);
        let predicted = sets(&["1010", "0100", "0000", "1010", "1110", "0000", "0010"]);
        let report = LabelReport::new(&expected, &predicted);
        let near =
            |found: Option<f64>, score: f64| assert!((found.unwrap() - score).abs() < 1e-15, "{found:?} {score}");
        near(report.micro_f1(), 0.7368421052631579);
        near(report.macro_f1(), 0.6851851851851851);
        near(report.exact_match(), 3.0 / 7.0);
        assert_eq!((report.f1(3), report.precision(3), report.recall(3)), (None, None, None));
        near(report.f1(0), 2.0 / 3.0);
        near(report.f1(1), 0.5);
        near(report.f1(2), 8.0 / 9.0);
    }

    #[test]
    fn nothing_predicted_and_nothing_expected_is_no_score() {
        let none = sets(&["00", "00"]);
        let report = LabelReport::new(&none, &none);
        assert_eq!((report.micro_f1(), report.macro_f1(), report.exact_match()), (None, None, Some(1.0)));
        let report = LabelReport::new(&[], &[]);
        assert_eq!((report.labels(), report.micro_f1(), report.exact_match()), (0, None, None));
        assert_eq!(LabelReport::new(&sets(&["10"]), &sets(&["00"])).missed(), [0]);
    }

    #[test]
    #[should_panic(expected = "one prediction")]
    fn a_missing_prediction_is_no_match() {
        let _ = LabelReport::new(&sets(&["10", "01"]), &sets(&["10"]));
    }

    proptest! {
        #[test]
        fn scores_are_shares(pairs in prop::collection::vec((any::<[bool; 3]>(), any::<[bool; 3]>()), 0..12)) {
            let (expected, predicted): (Vec<Vec<bool>>, Vec<Vec<bool>>) =
                pairs.into_iter().map(|(e, p)| (e.to_vec(), p.to_vec())).unzip();
            let (report, swapped) = (LabelReport::new(&expected, &predicted), LabelReport::new(&predicted, &expected));
            for score in [LabelReport::micro_f1, LabelReport::macro_f1, LabelReport::exact_match] {
                prop_assert!(score(&report).is_none_or(|score| (0.0..=1.0).contains(&score)));
                prop_assert_eq!(score(&report), score(&swapped));
            }
        }
    }
}
