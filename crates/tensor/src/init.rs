//! Initial values of parameters, from addressed randomness.

use crate::{Scalar, Seed};
use ndarray::Array2;
use ndarray_rand::RandomExt;
use ndarray_rand::rand_distr::{Normal, Uniform};
use rand::distr::Distribution;

/// Normal numbers with mean 0, `[rows, columns]`.
///
/// # Panics
/// If the deviation is negative or not finite.
#[must_use]
pub fn normal<S: Scalar>(shape: (usize, usize), deviation: f64, seed: Seed) -> Array2<S> {
    let distribution = Normal::new(0.0, deviation).expect("a deviation is not negative");
    Array2::random_using(shape, distribution, &mut seed.rng()).mapv(S::from_f64)
}

/// Normal numbers with mean 0, drawn again until they lie within `±limit`.
///
/// # Panics
/// If the deviation is negative or not finite, or the limit is not positive.
#[must_use]
pub fn truncated_normal<S: Scalar>(shape: (usize, usize), deviation: f64, limit: f64, seed: Seed) -> Array2<S> {
    assert!(limit > 0.0, "a limit of {limit} leaves no numbers to draw");
    let distribution = Normal::new(0.0, deviation).expect("a deviation is not negative");
    let mut rng = seed.rng();
    Array2::from_shape_simple_fn(shape, || {
        let draws = std::iter::repeat_with(|| distribution.sample(&mut rng));
        S::from_f64(draws.take(1000).find(|v: &f64| v.abs() <= limit).unwrap_or(0.0))
    })
}

/// Uniform numbers in `±1/√In` for a weight `[Out, In]`: Kaiming's rule (He et al., 2015) with
/// slope `√5`, which is how PyTorch starts a linear layer.
#[must_use]
pub fn kaiming_uniform<S: Scalar>(shape: (usize, usize), seed: Seed) -> Array2<S> {
    uniform(shape, 1.0 / (shape.1.max(1) as f64).sqrt(), seed)
}

/// Uniform numbers in `±√(6/(In + Out))` for a weight `[Out, In]` (Glorot and Bengio, 2010).
#[must_use]
pub fn xavier_uniform<S: Scalar>(shape: (usize, usize), seed: Seed) -> Array2<S> {
    uniform(shape, (6.0 / (shape.0 + shape.1).max(1) as f64).sqrt(), seed)
}

fn uniform<S: Scalar>(shape: (usize, usize), limit: f64, seed: Seed) -> Array2<S> {
    let distribution = Uniform::new(-limit, limit).expect("a positive limit");
    Array2::random_using(shape, distribution, &mut seed.rng()).mapv(S::from_f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deviation(x: &Array2<f64>) -> f64 {
        (x.mapv(|v| v * v).sum() / x.len() as f64).sqrt()
    }

    #[test]
    fn deviations_are_what_the_rules_say() {
        let (shape, seed) = ((150, 301), Seed::new(11));
        assert!((deviation(&normal(shape, 0.02, seed)) / 0.02 - 1.0).abs() < 0.02);
        assert!((deviation(&kaiming_uniform(shape, seed)) / (1.0 / (3.0 * 301.0f64)).sqrt() - 1.0).abs() < 0.02);
        assert!((deviation(&xavier_uniform(shape, seed)) / (2.0 / 451.0f64).sqrt() - 1.0).abs() < 0.02);
        let cut: Array2<f64> = truncated_normal(shape, 0.01, 0.02, seed);
        assert!(cut.iter().all(|v| v.abs() <= 0.02) && (deviation(&cut) / 0.0088 - 1.0).abs() < 0.02);
    }

    #[test]
    fn the_same_seed_gives_the_same_numbers_in_both_precisions() {
        let (single, double): (Array2<f32>, Array2<f64>) =
            (normal((3, 5), 1.5, Seed::new(2)), normal((3, 5), 1.5, Seed::new(2)));
        assert_eq!(single, double.mapv(|v| v as f32));
        assert_ne!(double, normal((3, 5), 1.5, Seed::new(3)));
    }
}
