//! The scale on which a head learns numbers that are far from zero.
//!
//! Training moves each weight by about the learning rate a step, so a head that begins at zero takes hundreds of thousands of steps to
//! answer in hundreds. It learns standard scores instead, and its answers are
//!
//! ```text
//! y = mean + deviation z,   d_z = deviation d_y
//! ```
//!
//! with `z` what its layers give. When it is saved, the last layer takes the scale in: `W' = deviation W`, `b' = deviation b + mean`, so
//! that a file holds a head as any other.

use adaptune_tensor::Scalar;
use ndarray::Array2;

/// Numbers up to this size are learnt as they are: so far a head comes by itself, and so far reach the scales of ratings.
const NEAR: f64 = 5.0;

/// The mean and the standard deviation of the numbers that a head learns.
///
/// ```
/// use adaptune_adapters::TargetScale;
/// assert_eq!(TargetScale::of([0.5, 4.8, -3.0]), None);
/// let prices = TargetScale::of([100.0, 300.0]).expect("far from zero");
/// assert_eq!((prices.mean, prices.deviation), (200.0, 100.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TargetScale {
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation, above zero.
    pub deviation: f64,
}

impl TargetScale {
    /// The scale of these numbers; `None` if they are near zero, none, or not all finite.
    #[must_use]
    pub fn of(numbers: impl IntoIterator<Item = f64>) -> Option<Self> {
        let numbers: Vec<f64> = numbers.into_iter().collect();
        if numbers.iter().all(|number| number.abs() <= NEAR) {
            return None;
        }
        let n = numbers.len() as f64;
        let mean = numbers.iter().sum::<f64>() / n;
        let variance = numbers.iter().map(|number| (number - mean) * (number - mean)).sum::<f64>() / n;
        let deviation = if variance > 0.0 { variance.sqrt() } else { 1.0 };
        (mean.is_finite() && deviation.is_finite()).then_some(Self { mean, deviation })
    }

    /// The scale that undoes this one: `z = y / deviation - mean / deviation`.
    pub(super) fn inverse(&self) -> Self {
        Self { mean: -self.mean / self.deviation, deviation: 1.0 / self.deviation }
    }

    /// `y = mean + deviation z`.
    pub(super) fn apply<S: Scalar>(&self, mut z: Array2<S>) -> Array2<S> {
        let (mean, deviation) = (S::from_f64(self.mean), S::from_f64(self.deviation));
        z.mapv_inplace(|z| mean + deviation * z);
        z
    }

    /// `d_z = deviation d_y`.
    pub(super) fn backward<S: Scalar>(&self, mut d: Array2<S>) -> Array2<S> {
        let deviation = S::from_f64(self.deviation);
        d.mapv_inplace(|d| deviation * d);
        d
    }
}
