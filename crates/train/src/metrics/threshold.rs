//! The threshold of a probability that separates best.

use super::ratio::ratio;

/// A threshold of a probability, and how good what lies above it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    /// What is above it is predicted.
    pub probability: f64,
    /// The part of what is predicted that is right.
    pub precision: f64,
    /// The part of what is right that is predicted.
    pub recall: f64,
    /// The harmonic mean of both.
    pub f1: f64,
}

/// Returns the threshold with the largest F1, the highest of equals; `None` if nothing is true, or a probability is NaN.
///
/// Pairs are a probability and whether it is true. The threshold is the shortest number near the middle between the lowest
/// probability that is predicted and the next one below, so that it does not hang on the last digit of either, and can be typed.
///
/// ```
/// use adaptune_train::metrics::best_threshold;
/// let found = best_threshold(&[(0.9, true), (0.4, true), (0.2, false), (0.1, true)]).unwrap();
/// assert_eq!((found.probability, found.precision, found.recall), (0.05, 0.75, 1.0));
/// ```
#[must_use]
pub fn best_threshold(pairs: &[(f64, bool)]) -> Option<Threshold> {
    let all = pairs.iter().filter(|(_, truth)| *truth).count() as f64;
    if all == 0.0 || pairs.iter().any(|(probability, _)| probability.is_nan()) {
        return None;
    }
    let mut sorted = pairs.to_vec();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut right, mut best) = (0.0, None::<Threshold>);
    for (index, (probability, truth)) in sorted.iter().enumerate() {
        right += if *truth { 1.0 } else { 0.0 };
        let next = sorted.get(index + 1).map_or(0.0, |(next, _)| *next);
        if next == *probability {
            continue; // a threshold cannot part them
        }
        let predicted = (index + 1) as f64;
        let f1 = ratio(2.0 * right, predicted + all);
        if best.is_none_or(|best| f1 > best.f1) {
            let (precision, recall) = (right / predicted, right / all);
            best = Some(Threshold { probability: between(next, *probability), precision, recall, f1 });
        }
    }
    best
}

/// The number with the fewest digits above `low` and below `high` that the middle of both rounds to.
fn between(low: f64, high: f64) -> f64 {
    let middle = f64::midpoint(low, high);
    let rounded = |digits: i32| (middle * 10f64.powi(digits)).round() / 10f64.powi(digits);
    (1..=15).map(rounded).find(|number| *number > low && *number < high).unwrap_or(middle)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: F1 above each distinct probability is 2/4, 4/6, 4/7 and 6/9; the highest of the equals is taken.
    #[test]
    fn the_largest_f1_is_found_among_distinct_probabilities() {
        let pairs = [(0.3, false), (0.9, true), (0.5, true), (0.5, false), (0.1, false), (0.1, true)];
        let found = best_threshold(&pairs).unwrap();
        assert_eq!(
            (found.probability, found.f1, found.precision, found.recall),
            (0.4, 2.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0)
        );
    }

    #[test]
    fn it_is_at_least_as_good_as_any_other() {
        let pairs: Vec<(f64, bool)> =
            (0..97).map(|i| (f64::from(i * 37 % 89) / 89.0, (i * 53 + i * i) % 7 < 2)).collect();
        let found = best_threshold(&pairs).unwrap();
        let f1 = |least: f64| {
            let hits = pairs.iter().filter(|(p, truth)| *p > least && *truth).count() as f64;
            let predicted = pairs.iter().filter(|(p, _)| *p > least).count() as f64;
            ratio(2.0 * hits, predicted + pairs.iter().filter(|(_, truth)| *truth).count() as f64)
        };
        assert_eq!(f1(found.probability), found.f1);
        assert!((0..1000).all(|i| f1(f64::from(i) / 1000.0) <= found.f1));
    }

    #[test]
    fn what_cannot_be_separated_has_no_threshold() {
        assert_eq!(best_threshold(&[]), None);
        assert_eq!(best_threshold(&[(0.7, false)]), None);
        assert_eq!(best_threshold(&[(f64::NAN, true), (0.2, true)]), None);
        assert_eq!(best_threshold(&[(0.5, true), (0.5, false)]).unwrap().probability, 0.3);
        assert_eq!(
            [between(0.0312, 0.0329), between(0.4, 0.400_000_1), between(0.0, 0.04)],
            [0.032, 0.400_000_05, 0.02]
        );
    }
}
