//! Dropout (Srivastava et al., 2014) from addressed randomness.

use crate::profile;
use crate::rows::for_each_row;
use crate::{Scalar, Seed};
use ndarray::Array2;

/// A dropout mask that is not stored: element `i` is kept or dropped by draw `i` of a stream, so
/// forward and backward, which are the same function, see the same mask.
///
/// ```
/// use adaptune_tensor::{Dropout, Seed};
/// let dropout = Dropout::new(0.25, Seed::new(1).named("example"));
/// let kept = (0..1000).filter(|&i| dropout.keeps(i)).count();
/// assert!((700..800).contains(&kept));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Dropout {
    seed: Seed,
    /// An element is dropped if the upper half of its draw is below this: `rate · 2³²`.
    threshold: u64,
    rate: f64,
}

impl Dropout {
    /// Dropout with probability `rate`, which is clamped to `[0, 1]`.
    #[must_use]
    pub fn new(rate: f64, seed: Seed) -> Self {
        let rate = rate.clamp(0.0, 1.0);
        let all = 1 << 32;
        let threshold = if rate < 1.0 { (rate * f64::from(u32::MAX)) as u64 } else { all };
        Self { seed, threshold, rate }
    }

    /// The mask of a numbered place within this one, at the same rate.
    #[must_use]
    pub fn at(self, place: u64) -> Self {
        Self { seed: self.seed.at(place), ..self }
    }

    /// True if element `index` is kept.
    #[inline(always)]
    #[must_use]
    pub fn keeps(&self, index: u64) -> bool {
        self.seed.bits(index) >> 32 >= self.threshold
    }

    /// `1/(1 − rate)`, by which kept elements grow so that the expectation stays.
    #[inline(always)]
    #[must_use]
    pub fn growth<S: Scalar>(&self) -> S {
        S::from_f64(if self.rate < 1.0 { 1.0 / (1.0 - self.rate) } else { 0.0 })
    }

    /// `y = m ∘ x / (1 − rate)`, in place; given `d_y` it gives `d_x`. Elements count row by row.
    pub fn apply<S: Scalar>(&self, x: &mut Array2<S>) {
        let _span = profile::moving::<S>("dropout", x.shape(), 2);
        for_each_row(x, |t, row| {
            let first = (t * row.len()) as u64;
            self.apply_to_row(row, first);
        });
    }

    /// The same for elements that lie next to each other; the first is element `first` of the mask.
    pub fn apply_to_row<S: Scalar>(&self, row: &mut [S], first: u64) {
        S::drop_out(row, self.seed, self.threshold, self.growth(), first);
    }
}
