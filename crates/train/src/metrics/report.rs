//! Scores class by class, and how far probabilities can be believed.

use super::ratio::ratio;

/// Which classes were taken for which.
///
/// ```
/// use adaptune_train::metrics::ClassReport;
/// let report = ClassReport::new(&[0, 0, 1, 1, 1], &[0, 1, 1, 1, 0], 3);
/// assert_eq!(report.confusion()[0], [1, 1, 0]);
/// assert_eq!((report.precision(1), report.recall(0), report.support(1)), (Some(2.0 / 3.0), Some(0.5), 3));
/// assert_eq!((report.never_predicted(), report.f1(2)), (vec![2], None));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassReport {
    confusion: Vec<Vec<usize>>,
}

impl ClassReport {
    /// Counts expected and predicted classes.
    ///
    /// # Panics
    /// If there are not as many predictions as expected classes, or a class is not below `classes`.
    #[must_use]
    pub fn new(expected: &[usize], predicted: &[usize], classes: usize) -> Self {
        assert_eq!(predicted.len(), expected.len(), "each expected class has one prediction");
        let mut confusion = vec![vec![0; classes]; classes];
        for (expected, predicted) in expected.iter().zip(predicted) {
            confusion[*expected][*predicted] += 1;
        }
        Self { confusion }
    }

    /// How often each class, a row, was taken for each class, a column, `[C, C]`.
    #[must_use]
    pub fn confusion(&self) -> &[Vec<usize>] {
        &self.confusion
    }

    /// How often the class was expected.
    #[must_use]
    pub fn support(&self, class: usize) -> usize {
        self.confusion[class].iter().sum()
    }

    /// How often the class was predicted.
    #[must_use]
    pub fn predicted(&self, class: usize) -> usize {
        self.confusion.iter().map(|row| row[class]).sum()
    }

    /// The part of its predictions that were right, 0 if it was never predicted; `None` if it has no examples.
    #[must_use]
    pub fn precision(&self, class: usize) -> Option<f64> {
        self.score(class, 1.0, self.predicted(class))
    }

    /// The part of its examples that were found; `None` if it has none.
    #[must_use]
    pub fn recall(&self, class: usize) -> Option<f64> {
        self.score(class, 1.0, self.support(class))
    }

    /// The harmonic mean of precision and recall, 0 where both are; `None` if it has no examples.
    #[must_use]
    pub fn f1(&self, class: usize) -> Option<f64> {
        self.score(class, 2.0, self.predicted(class) + self.support(class))
    }

    fn score(&self, class: usize, weight: f64, of: usize) -> Option<f64> {
        (self.support(class) > 0).then(|| ratio(weight * self.confusion[class][class] as f64, of as f64))
    }

    /// The classes that no example was taken for.
    #[must_use]
    pub fn never_predicted(&self) -> Vec<usize> {
        (0..self.confusion.len()).filter(|&class| self.predicted(class) == 0).collect()
    }
}

/// The expected calibration error (Naeini et al., *Obtaining well calibrated probabilities using Bayesian binning*, 2015) over
/// `bins` equal parts of `[0, 1]`: how far, on average, the probability of the predicted class is from how often such predictions are
/// right. 0 is best; of no predictions it is 0.
///
/// ```
/// use adaptune_train::metrics::calibration_error;
/// assert!((calibration_error(&[(0.9, true), (0.9, false)], 10) - 0.4).abs() < 1e-12);
/// ```
///
/// # Panics
/// If `bins` is 0.
#[must_use]
pub fn calibration_error(predictions: &[(f64, bool)], bins: usize) -> f64 {
    assert!(bins > 0, "probabilities are put into at least one bin");
    let mut sums = vec![(0.0, 0_usize, 0_usize); bins];
    for &(probability, right) in predictions {
        let bin = ((probability * bins as f64) as usize).min(bins - 1);
        let (sum, correct, count) = &mut sums[bin];
        (*sum, *correct, *count) = (*sum + probability, *correct + usize::from(right), *count + 1);
    }
    let gap = |(sum, correct, _): &(f64, usize, usize)| (sum - *correct as f64).abs();
    ratio(sums.iter().map(gap).sum(), predictions.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::macro_f1;

    /// scikit-learn's `classification_report` of the same, where undefined scores are 0.
    #[test]
    fn scores_agree_with_those_over_all_classes() {
        let (expected, predicted) = ([0, 1, 2, 2, 3, 0], [0, 1, 1, 2, 0, 2]);
        let report = ClassReport::new(&expected, &predicted, 4);
        let mean = (0..4).filter_map(|class| report.f1(class)).sum::<f64>() / 4.0;
        assert!((mean - macro_f1(&expected, &predicted)).abs() < 1e-15);
        assert_eq!((report.precision(3), report.recall(3), report.f1(3)), (Some(0.0), Some(0.0), Some(0.0)));
        assert_eq!((report.support(2), report.predicted(2), report.never_predicted()), (2, 2, vec![3]));
    }

    /// scikit-learn with `labels` those that are in the data: the others have nothing to be found.
    #[test]
    fn classes_without_examples_have_no_scores() {
        let report = ClassReport::new(&[0, 0, 2], &[0, 1, 2], 4);
        for class in [1, 3] {
            assert_eq!((report.precision(class), report.recall(class), report.f1(class)), (None, None, None));
        }
        assert_eq!((report.precision(0), report.recall(0), report.f1(2)), (Some(1.0), Some(0.5), Some(1.0)));
        assert_eq!(report.predicted(1), 1, "it was taken for one");
    }

    #[test]
    fn calibration_is_weighed_by_how_many_there_are() {
        let predictions = [(0.95, true), (0.95, true), (0.55, false), (1.0, true)];
        // The three above 0.9 miss by 0.1 in all, the one at 0.55 by 0.55.
        assert!((calibration_error(&predictions, 10) - 0.65 / 4.0).abs() < 1e-12);
        assert_eq!(calibration_error(&[], 10), 0.0);
    }

    #[test]
    #[should_panic(expected = "one prediction")]
    fn a_missing_prediction_is_no_match() {
        let _ = ClassReport::new(&[0, 1], &[0], 2);
    }
}
