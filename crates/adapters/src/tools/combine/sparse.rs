//! Combining changes after most of their numbers are dropped: the small ones or any, and then by a sum or an election.

use adaptune_tensor::Seed;
use ndarray::{Array2, Zip};

/// TIES (Yadav et al., 2023): of every `Δ_i` the largest numbers are kept; at each place the sign with the larger weighted
/// sum is elected; and those that have it are averaged, in the proportion of their weights.
pub(super) fn ties(deltas: &[Array2<f64>], weights: &[f64], density: f64) -> Array2<f64> {
    elect(&trimmed(deltas, density), weights)
}

/// The sum of what is left of every `Δ_i` when only the largest numbers are kept; PEFT's `magnitude_prune`.
pub(super) fn prune(deltas: &[Array2<f64>], weights: &[f64], density: f64) -> Array2<f64> {
    sum(&trimmed(deltas, density), weights)
}

/// DARE (Yu et al., 2024): every number is kept with the probability `density` and then divided by it, so that the expected
/// change stays what it was; then the changes are added.
pub(super) fn dare(deltas: &[Array2<f64>], weights: &[f64], density: f64, seed: Seed) -> Array2<f64> {
    sum(&dropped(deltas, density, seed), weights)
}

/// The same, but signs are elected and numbers averaged as in TIES; PEFT's `dare_ties`.
pub(super) fn dare_ties(deltas: &[Array2<f64>], weights: &[f64], density: f64, seed: Seed) -> Array2<f64> {
    elect(&dropped(deltas, density, seed), weights)
}

/// `Σ w_i Δ_i`.
fn sum(deltas: &[Array2<f64>], weights: &[f64]) -> Array2<f64> {
    let mut sum = Array2::zeros(deltas[0].dim());
    deltas.iter().zip(weights).for_each(|(delta, weight)| sum.scaled_add(*weight, delta));
    sum
}

/// At each place the average, in the proportion of the weights, of the numbers that have the sign of the weighted sum.
fn elect(deltas: &[Array2<f64>], weights: &[f64]) -> Array2<f64> {
    let elected = sum(deltas, weights);
    let (mut sum, mut shares) = (Array2::zeros(elected.dim()), Array2::<f64>::zeros(elected.dim()));
    for (delta, weight) in deltas.iter().zip(weights) {
        Zip::from(&mut sum).and(&mut shares).and(delta).and(&elected).for_each(|sum, share, d, sign| {
            if d * sign > 0.0 {
                *sum += weight * d;
                *share += weight;
            }
        });
    }
    Zip::from(&mut sum).and(&shares).for_each(|sum, share| *sum /= if *share > 0.0 { *share } else { 1.0 });
    sum
}

fn trimmed(deltas: &[Array2<f64>], density: f64) -> Vec<Array2<f64>> {
    deltas.iter().map(|delta| trim(delta, density)).collect()
}

/// The numbers of largest magnitude, a share of all; the others become zero. Of equal magnitudes at the cut the first are kept, row
/// by row, so that it is exactly that share: the paper takes the top numbers, and PEFT `torch.topk`, which keeps as many but does
/// not say which of equal ones. (The paper's own program keeps all that are at least as large as the last, which of a matrix of
/// equal magnitudes is everything.)
fn trim(delta: &Array2<f64>, density: f64) -> Array2<f64> {
    let kept = ((density * delta.len() as f64).round() as usize).clamp(1, delta.len());
    let mut sizes: Vec<f64> = delta.iter().map(|d| d.abs()).collect();
    let (_, least, _) = sizes.select_nth_unstable_by(kept - 1, |a, b| b.total_cmp(a));
    let least = *least;
    let mut room = kept - delta.iter().filter(|d| d.abs() > least).count();
    let mut trimmed = delta.clone();
    for d in &mut trimmed {
        let last = d.abs() == least && room > 0;
        room -= usize::from(last);
        *d = if d.abs() > least || last { *d } else { 0.0 };
    }
    trimmed
}

/// Every number with the probability `density`, divided by it; the others become zero.
fn dropped(deltas: &[Array2<f64>], density: f64, seed: Seed) -> Vec<Array2<f64>> {
    let drop = |(i, delta): (usize, &Array2<f64>)| {
        let (draws, mut delta) = (seed.at(i as u64), delta.clone());
        let keeps = |place: usize| draws.unit(place as u64) < density;
        delta.iter_mut().enumerate().for_each(|(place, d)| *d = if keeps(place) { *d / density } else { 0.0 });
        delta
    };
    deltas.iter().enumerate().map(drop).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr2;

    /// By hand: of each the two largest are kept; at place 0 the sign of 5 wins over −3, at place 1 only −4 is left.
    #[test]
    fn ties_trims_elects_and_averages() {
        let (a, b) = (arr2(&[[5.0, 1.0, 2.0, 0.5]]), arr2(&[[-3.0, -4.0, 1.0, 0.5]]));
        assert_eq!(ties(&[a.clone(), b.clone()], &[1.0, 1.0], 0.5), arr2(&[[5.0, -4.0, 2.0, 0.0]]));
        let c = arr2(&[[1.0, -2.0, 8.0, 0.0]]);
        let merged = ties(&[a.clone(), c], &[1.0, 3.0], 0.5);
        assert_eq!(merged, arr2(&[[5.0, -2.0, (2.0 + 3.0 * 8.0) / 4.0, 0.0]]));
        assert_eq!(ties(&[a.clone(), a.clone()], &[0.5, 0.5], 1.0), a);
    }

    /// What PEFT's `ties` (all weights 1) and `magnitude_prune` (of 0.7, −0.2 and 1.6) give for these three in f64.
    #[test]
    fn pefts_numbers() {
        let deltas = [
            arr2(&[[5.0, 1.0, -2.0, 0.5], [-0.75, 3.5, 0.25, -4.0], [1.5, -6.0, 2.25, 0.125]]),
            arr2(&[[-3.0, -4.5, 1.25, 0.375], [-2.5, 1.75, -0.625, 6.5], [-1.0, -7.0, 0.0625, 3.0]]),
            arr2(&[[2.0, 0.25, -3.25, -1.0], [4.0, -5.5, 0.875, -0.5], [2.75, 7.5, -1.125, 1.375]]),
        ];
        let same = |found: Array2<f64>, expected| {
            assert!((&found - &arr2(expected)).iter().all(|d| d.abs() < 1e-12), "{found}");
        };
        let (equal, unequal) = ([1.0; 3], [0.7, -0.2, 1.6]);
        let half = [[3.5, -4.5, -2.625, 0.0], [4.0, -5.5, 0.0, 6.5], [2.75, -6.5, 2.25, 3.0]];
        let all = [[3.5, -4.5, -2.625, -1.0], [4.0, -5.5, 0.5625, 6.5], [2.125, -6.5, 1.15625, 1.5]];
        same(ties(&deltas, &equal, 0.25), &[[5.0, -4.5, 0.0, 0.0], [4.0, -5.5, 0.0, 6.5], [0.0, -6.5, 0.0, 0.0]]);
        same(ties(&deltas, &equal, 0.5), &half);
        same(ties(&deltas, &equal, 1.0), &all);
        same(dare_ties(&deltas, &equal, 1.0, Seed::new(1)), &all);
        let quarter = [[3.5, 0.9, 0.0, 0.0], [6.4, -8.8, 0.0, -4.1], [0.0, 9.2, 0.0, 0.0]];
        let half = [[7.3, 0.9, -6.6, 0.0], [6.9, -6.35, 0.0, -4.1], [4.4, 9.2, 1.575, -0.6]];
        same(prune(&deltas, &unequal, 0.25), &quarter);
        same(prune(&deltas, &unequal, 0.5), &half);
    }

    /// Exactly as many are kept as the share says, also where many have the same magnitude: the first of those.
    #[test]
    fn of_equal_magnitudes_the_first_are_kept() {
        let delta = arr2(&[[1.0, -2.0, 2.0, 0.5, -2.0], [2.0, 3.0, -2.0, 1.0, 2.0]]);
        let kept = |density| prune(std::slice::from_ref(&delta), &[1.0], density);
        assert_eq!(kept(0.1), arr2(&[[0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 3.0, 0.0, 0.0, 0.0]]));
        assert_eq!(kept(0.3), arr2(&[[0.0, -2.0, 2.0, 0.0, 0.0], [0.0, 3.0, 0.0, 0.0, 0.0]]));
        assert_eq!(kept(0.6), arr2(&[[0.0, -2.0, 2.0, 0.0, -2.0], [2.0, 3.0, -2.0, 0.0, 0.0]]));
        assert_eq!(kept(0.8), arr2(&[[1.0, -2.0, 2.0, 0.0, -2.0], [2.0, 3.0, -2.0, 0.0, 2.0]]));
        let same = Array2::from_elem((7, 10), -0.25);
        let halves = ties(&[same.clone(), same.clone()], &[1.0, 1.0], 0.5);
        assert_eq!(halves.iter().filter(|v| **v != 0.0).count(), 35);
    }

    /// By hand from what DARE itself has kept: of two ones of different sizes and signs, the larger wins where both are.
    #[test]
    fn dare_ties_elects_among_what_dare_keeps() {
        let (size, density, seed) = ((40, 30), 0.4, Seed::new(5));
        let deltas = [Array2::from_elem(size, 2.0), Array2::from_elem(size, -3.0), Array2::from_elem(size, 4.0)];
        let kept = |i: usize| {
            let weights: Vec<f64> = (0..3).map(|k| f64::from(u8::from(k == i))).collect();
            dare(&deltas, &weights, density, seed).mapv(|v| v != 0.0)
        };
        let kept = [kept(0), kept(1), kept(2)];
        let found = dare_ties(&deltas, &[1.0, 2.5, 0.5], density, seed);
        for (at, found) in found.indexed_iter() {
            // Weighted: 2, −7.5 and 2.
            let expected = match (kept[0][at], kept[1][at], kept[2][at]) {
                (_, true, _) => -3.0,
                (true, false, true) => (2.0 + 0.5 * 4.0) / 1.5,
                (true, false, false) => 2.0,
                (false, false, true) => 4.0,
                (false, false, false) => 0.0,
            };
            assert!((found - expected / density).abs() < 1e-12, "{at:?}: {found}, {expected}");
        }
        assert!(kept.iter().all(|kept| (400..560).contains(&kept.iter().filter(|k| **k).count())));
    }

    #[test]
    fn what_dare_drops_is_made_up_for() {
        let ones = [Array2::<f64>::ones((60, 50))];
        let sparse = dare(&ones, &[2.0], 0.3, Seed::new(1));
        let kept = sparse.iter().filter(|v| **v != 0.0).count();
        assert!((800..1000).contains(&kept), "{kept} of 3000");
        assert!(sparse.iter().all(|v| *v == 0.0 || (*v - 2.0 / 0.3).abs() < 1e-12));
        assert_eq!(sparse, dare(&ones, &[2.0], 0.3, Seed::new(1)));
        assert_ne!(sparse, dare(&ones, &[2.0], 0.3, Seed::new(2)));
        assert_eq!(dare(&ones, &[2.0], 1.0, Seed::new(1)), &ones[0] * 2.0);
    }
}
