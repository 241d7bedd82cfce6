//! Combining changes after most of their numbers are dropped: TIES and DARE.

use adaptune_tensor::Seed;
use ndarray::{Array2, Zip};

/// TIES (Yadav et al., 2023): of every `Δ_i` the largest numbers are kept; at each place the sign with the larger weighted
/// sum is elected; and those that have it are averaged, in the proportion of their weights.
pub(super) fn ties(deltas: &[Array2<f64>], weights: &[f64], density: f64) -> Array2<f64> {
    let trimmed: Vec<Array2<f64>> = deltas.iter().map(|delta| trim(delta, density)).collect();
    let mut elected = Array2::<f64>::zeros(deltas[0].dim());
    trimmed.iter().zip(weights).for_each(|(delta, weight)| elected.scaled_add(*weight, delta));
    let (mut sum, mut shares) = (Array2::zeros(elected.dim()), Array2::<f64>::zeros(elected.dim()));
    for (delta, weight) in trimmed.iter().zip(weights) {
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

/// The numbers of largest magnitude, a share of all; the others become zero.
fn trim(delta: &Array2<f64>, density: f64) -> Array2<f64> {
    let kept = ((density * delta.len() as f64).round() as usize).clamp(1, delta.len());
    let mut sizes: Vec<f64> = delta.iter().map(|d| d.abs()).collect();
    let (_, least, _) = sizes.select_nth_unstable_by(kept - 1, |a, b| b.total_cmp(a));
    let least = *least;
    delta.mapv(|d| if d.abs() >= least { d } else { 0.0 })
}

/// DARE (Yu et al., 2024): every number is kept with the probability `density` and then divided by it, so that the expected
/// change stays what it was; then the changes are added.
pub(super) fn dare(deltas: &[Array2<f64>], weights: &[f64], density: f64, seed: Seed) -> Array2<f64> {
    let mut sum = Array2::zeros(deltas[0].dim());
    for (i, (delta, weight)) in deltas.iter().zip(weights).enumerate() {
        let draws = seed.at(i as u64);
        for (place, (sum, d)) in sum.iter_mut().zip(delta).enumerate() {
            if draws.unit(place as u64) < density {
                *sum += weight * d / density;
            }
        }
    }
    sum
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
