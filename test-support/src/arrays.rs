//! Arrays of random numbers.

use adaptune_tensor::{Scalar, Seed};
use ndarray::{Array, Dimension, IntoDimension};

/// An array of this shape with numbers in `[−1.5, 1.5)`, each addressed by `seed` and its place in row-major order.
///
/// ```
/// use adaptune_test_support::random;
/// let a = random::<f64, _>(1, (2, 3));
/// assert_eq!(a, random(1, (2, 3)));
/// assert_ne!(a, random(2, (2, 3)));
/// assert!(a.iter().all(|x| (-1.5..1.5).contains(x)));
/// ```
#[must_use]
pub fn random<S: Scalar, D: Dimension>(seed: u64, shape: impl IntoDimension<Dim = D>) -> Array<S, D> {
    let (seed, mut places) = (Seed::new(seed), 0..);
    Array::from_shape_simple_fn(shape.into_dimension(), || {
        let place = places.next().expect("there is no end of them");
        S::from_f64(3.0 * seed.unit(place) - 1.5)
    })
}
