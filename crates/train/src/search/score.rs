//! What came of trainings, and which is best.

use std::cmp::Ordering;
use std::collections::BTreeMap;

/// The best evaluation of a training on the development data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// The score that decides, as one of which more is better. Not a number, or minus infinity, if the training came to nothing.
    pub merit: f64,
    /// The loss, which decides between equal scores.
    pub loss: f64,
}

/// The scores of trainings that have ended, by the number of the trial and that of the rung, both from 0.
pub type Results = BTreeMap<(usize, usize), Score>;

impl Score {
    /// The score of a training whose loss stopped being a number.
    pub const DIVERGED: Self = Self { merit: f64::NEG_INFINITY, loss: f64::INFINITY };

    /// Compares two scores; the better one comes first.
    #[must_use]
    pub fn order(&self, other: &Self) -> Ordering {
        let merit = |score: &Self| if score.merit.is_nan() { f64::NEG_INFINITY } else { score.merit };
        let loss = |score: &Self| if score.loss.is_nan() { f64::INFINITY } else { score.loss };
        merit(other).total_cmp(&merit(self)).then(loss(self).total_cmp(&loss(other)))
    }
}

/// The numbers of trials, the best on a rung first; those without a score there are left out. Of equal ones the smaller number is
/// first.
pub(super) fn ranked(trials: impl IntoIterator<Item = usize>, rung: usize, results: &Results) -> Vec<usize> {
    let with_score = |trial: usize| Some((trial, results.get(&(trial, rung))?));
    let mut found: Vec<_> = trials.into_iter().filter_map(with_score).collect();
    found.sort_by(|(one, a), (other, b)| a.order(b).then(one.cmp(other)));
    found.into_iter().map(|(trial, _)| trial).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn score_decides_then_loss_then_number() {
        let scores = [(0.8, 0.5), (f64::NAN, 0.1), (0.9, 0.7), (0.9, f64::NAN), (0.9, 0.6), (0.9, 0.6)];
        let results: Results =
            scores.iter().enumerate().map(|(n, &(merit, loss))| ((n, 1), Score { merit, loss })).collect();
        assert_eq!(ranked([5, 3, 1, 0, 4, 2, 9], 1, &results), [4, 5, 2, 3, 0, 1]);
        assert!(ranked(0..6, 0, &results).is_empty());
        assert_eq!(Score::DIVERGED.order(&Score { merit: -1e300, loss: 0.0 }), Ordering::Greater);
    }
}
