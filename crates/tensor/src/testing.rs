//! Helpers of this crate's own tests.

use crate::{Scalar, Seed};
use ndarray::Array2;

/// An array of numbers in `[−1, 1)`, addressed by `seed`.
pub(crate) fn random<S: Scalar>(seed: u64, shape: (usize, usize)) -> Array2<S> {
    let seed = Seed::new(seed);
    Array2::from_shape_fn(shape, |(i, j)| S::from_f64(2.0 * seed.unit((i * shape.1 + j) as u64) - 1.0))
}
