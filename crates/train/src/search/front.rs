//! Which adapters no smaller one equals: the Pareto front of parameters against score.

use super::score::Score;
use std::cmp::Ordering;

/// Returns the places of the points on the front, the smallest first: those of which no other is at most as large and better, or
/// smaller and as good. Of points that are the same the first is on it.
///
/// ```
/// use adaptune_train::search::{Score, front};
/// let points = [(900, 0.91), (100, 0.85), (300, 0.85), (300, 0.88), (2_000, 0.90)];
/// let points = points.map(|(parameters, merit)| (parameters, Score { merit, loss: 0.0 }));
/// assert_eq!(front(&points), [1, 3, 0]);
/// ```
#[must_use]
pub fn front(points: &[(u64, Score)]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..points.len()).filter(|place| points[*place].1.merit.is_finite()).collect();
    order.sort_by(|one, other| {
        let [(size, score), (other_size, other_score)] = [points[*one], points[*other]];
        size.cmp(&other_size).then(score.order(&other_score)).then(one.cmp(other))
    });
    let mut found: Vec<usize> = Vec::new();
    for place in order {
        let is_better = |best: &usize| points[place].1.merit.total_cmp(&points[*best].1.merit) == Ordering::Greater;
        if found.last().is_none_or(is_better) {
            found.push(place);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use adaptune_tensor::Seed;

    #[test]
    fn exactly_those_that_nothing_dominates_are_on_it() {
        for seed in 0..50 {
            let draw = |n: u64| Seed::new(seed).unit(n);
            let point = |n: u64| {
                ((draw(3 * n) * 8.0) as u64, Score { merit: (draw(3 * n + 1) * 8.0).floor(), loss: draw(3 * n + 2) })
            };
            let points: Vec<_> = (0..40).map(point).collect();
            let found = front(&points);
            let dominates = |a: &(u64, Score), b: &(u64, Score)| {
                a.0 <= b.0 && a.1.merit >= b.1.merit && (a.0 < b.0 || a.1.merit > b.1.merit)
            };
            for (place, point) in points.iter().enumerate() {
                let dominated = points.iter().any(|other| dominates(other, point));
                let same = found.iter().any(|on| (points[*on].0, points[*on].1.merit) == (point.0, point.1.merit));
                assert_eq!(same, !dominated, "{seed}: {place}");
            }
        }
    }

    #[test]
    fn what_came_to_nothing_is_not_on_it() {
        assert!(front(&[(3, Score::DIVERGED), (4, Score { merit: f64::NAN, loss: 1.0 })]).is_empty());
    }
}
