//! How well documents are ranked for queries, as `trec_eval` measures it.
//!
//! A query has judged documents, each with a grade: relevant above 0, and the more so the higher. Functions take the grades of the
//! documents that were found, in their order (0 of one that is not judged), and the grades of all that are judged.

use std::cmp::Ordering;

/// Discounted cumulative gain of the first `k` documents over that of the best order (Järvelin and Kekäläinen, 2002), 0 to 1:
/// `Σ_i g_i / log2(i + 1)` with the grade itself as gain, `ndcg_cut` of `trec_eval`.
///
/// 0 if no document is relevant.
///
/// ```
/// use adaptune_train::metrics::ndcg;
/// // The document of grade 2 came second, behind one that is not relevant; another of grade 1 was not found.
/// let (found, best) = (2.0 / 3.0_f64.log2(), 2.0 + 1.0 / 3.0_f64.log2());
/// assert!((ndcg(&[0.0, 2.0], &[2.0, 0.0, 1.0], 10) - found / best).abs() < 1e-12);
/// ```
#[must_use]
pub fn ndcg(found: &[f64], judged: &[f64], k: usize) -> f64 {
    let gain = |grades: &[f64]| -> f64 {
        let discounted = |(i, grade): (usize, &f64)| grade.max(0.0) / (i as f64 + 2.0).log2();
        grades.iter().take(k).enumerate().map(discounted).sum()
    };
    let mut best = judged.to_vec();
    best.sort_by(|a, b| b.partial_cmp(a).unwrap_or(Ordering::Equal));
    let most = gain(&best);
    if most > 0.0 { gain(found) / most } else { 0.0 }
}

/// One over the place of the first relevant document among the first `k`, from 1; 0 if none is.
#[must_use]
pub fn reciprocal_rank(found: &[f64], k: usize) -> f64 {
    found.iter().take(k).position(|grade| *grade > 0.0).map_or(0.0, |place| 1.0 / (place as f64 + 1.0))
}

/// The share of all relevant documents that are among the first `k`; 0 if there are none.
#[must_use]
pub fn recall(found: &[f64], judged: &[f64], k: usize) -> f64 {
    let relevant = |grades: &[f64]| grades.iter().filter(|grade| **grade > 0.0).count() as f64;
    let all = relevant(judged);
    if all > 0.0 { relevant(&found[..k.min(found.len())]) / all } else { 0.0 }
}

/// The mean, over all relevant documents, of the share of relevant ones up to their place; one that was not found counts 0. 0 if there
/// are none.
#[must_use]
pub fn average_precision(found: &[f64], judged: &[f64]) -> f64 {
    let all = judged.iter().filter(|grade| **grade > 0.0).count();
    let (mut relevant, mut sum) = (0.0, 0.0);
    for (i, _) in found.iter().enumerate().filter(|(_, grade)| **grade > 0.0) {
        relevant += 1.0;
        sum += relevant / (i as f64 + 1.0);
    }
    if all > 0 { sum / all as f64 } else { 0.0 }
}

/// Returns the numbers of the first `k` documents, the nearest first. Of documents that are as near as each other the one with the
/// larger name comes first, byte by byte, as in `trec_eval`, so that an order does not depend on that of a file.
///
/// # Panics
/// If there are not as many names as scores.
#[must_use]
pub fn ranked(scores: &[f32], names: &[impl AsRef<str>], k: usize) -> Vec<usize> {
    assert_eq!(scores.len(), names.len(), "a name for each score");
    let name = |i: usize| names[i].as_ref();
    let order = |a: &usize, b: &usize| scores[*b].total_cmp(&scores[*a]).then_with(|| name(*b).cmp(name(*a)));
    let mut all: Vec<usize> = (0..scores.len()).collect();
    if k < all.len() && k > 0 {
        all.select_nth_unstable_by(k - 1, order);
    }
    all.truncate(k);
    all.sort_unstable_by(order);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-12, "{found} and {expected}");
    }

    /// By hand, as `trec_eval` defines them: grades 3, 2 and 1 are judged, and one of 0; found are 2, nothing, 0, 3.
    #[test]
    fn graded_documents() {
        let (found, judged) = ([2.0, 0.0, 0.0, 3.0], [3.0, 0.0, 1.0, 2.0]);
        let gain = 2.0 + 3.0 / 5.0_f64.log2();
        near(ndcg(&found, &judged, 10), gain / (3.0 + 2.0 / 3.0_f64.log2() + 1.0 / 2.0));
        near(ndcg(&found, &judged, 3), 2.0 / (3.0 + 2.0 / 3.0_f64.log2() + 1.0 / 2.0));
        near(ndcg(&found, &judged, 1), 2.0 / 3.0);
        near(average_precision(&found, &judged), (1.0 + 2.0 / 4.0) / 3.0);
        near(recall(&found, &judged, 10), 2.0 / 3.0);
        near(recall(&found, &judged, 3), 1.0 / 3.0);
        near(reciprocal_rank(&found, 10), 1.0);
    }

    #[test]
    fn binary_documents_and_cuts() {
        let (found, judged) = ([0.0, 0.0, 1.0, 1.0], [1.0, 1.0]);
        near(reciprocal_rank(&found, 10), 1.0 / 3.0);
        near(reciprocal_rank(&found, 2), 0.0);
        near(ndcg(&found, &judged, 10), (1.0 / 2.0 + 1.0 / 5.0_f64.log2()) / (1.0 + 1.0 / 3.0_f64.log2()));
        near(average_precision(&found, &judged), (1.0 / 3.0 + 2.0 / 4.0) / 2.0);
        // A negative grade is no gain, and nothing is relevant.
        for score in [ndcg(&[-1.0], &[-1.0, 0.0], 10), recall(&[0.0], &[0.0], 10), average_precision(&[0.0], &[])] {
            near(score, 0.0);
        }
    }

    #[test]
    fn ties_are_broken_by_name() {
        let (scores, names) = ([0.5, 0.9, 0.5, 0.5, 0.1], ["d10", "d1", "d9", "d2", "d5"]);
        assert_eq!(ranked(&scores, &names, 5), [1, 2, 3, 0, 4], "d9 before d2 before d10");
        assert_eq!(ranked(&scores, &names, 2), [1, 2]);
        assert_eq!(ranked(&scores, &names, 9).len(), 5);
        assert!(ranked(&scores, &names, 0).is_empty());
    }
}
