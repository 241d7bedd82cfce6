//! Rotary position embedding (Su et al., 2021).

use crate::Scalar;
use crate::profile;
use crate::rows::{for_each_row, standard};
use ndarray::Array2;

/// The frequencies `θ_i = base^(−2i/R)` of the `R` dimensions of a head that are rotated, `[R/2]`; `base` is 10 000 in the paper.
///
/// ```
/// assert_eq!(adaptune_tensor::rotary_frequencies(10_000.0, 4), [1.0, 0.01]);
/// ```
///
/// # Panics
/// If `dimensions` is odd.
#[must_use]
pub fn rotary_frequencies(base: f64, dimensions: usize) -> Vec<f64> {
    assert!(dimensions.is_multiple_of(2), "dimensions are rotated in pairs, and {dimensions} is odd");
    (0..dimensions / 2).map(|i| base.powf(-2.0 * i as f64 / dimensions as f64)).collect()
}

/// Cosines and sines of the angles by which the pairs of a head are turned at each position.
///
/// Pair `i` of a head is made of its dimensions `i` and `i + R/2`, as in Llama (`rotate_half` of Hugging Face), and at position `p`
/// it is turned by the angle `p θ_i`. So the product of a query and a key depends on their distance alone. With fewer frequencies
/// than `K/2` only the first `R` dimensions of a head are turned, and the others stay as they are.
///
/// ```
/// use adaptune_tensor::{Rotary, rotary_frequencies};
/// use ndarray::arr2;
/// let rotary = Rotary::<f64>::new(&rotary_frequencies(10_000.0, 2), 2);
/// let y = rotary.rotate(arr2(&[[1.0, 0.0], [1.0, 0.0]]), 2, &[0, 1]);
/// assert_eq!(y, arr2(&[[1.0, 0.0], [1.0_f64.cos(), 1.0_f64.sin()]]));
/// ```
#[derive(Clone, Debug)]
pub struct Rotary<S> {
    /// `[P, R/2]`.
    cos: Array2<S>,
    /// `[P, R/2]`.
    sin: Array2<S>,
}

impl<S: Scalar> Rotary<S> {
    /// The tables of the positions `0..positions`, computed in f64 and rounded once.
    #[must_use]
    pub fn new(frequencies: &[f64], positions: usize) -> Self {
        let table = |f: fn(f64) -> f64| {
            Array2::from_shape_fn((positions, frequencies.len()), |(p, i)| S::from_f64(f(p as f64 * frequencies[i])))
        };
        Self { cos: table(f64::cos), sin: table(f64::sin) }
    }

    /// `P`, how many positions have angles.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.cos.nrows()
    }

    /// Turns each head of queries or keys `x: [T, H·K]` by the angles of its token's position, in place.
    ///
    /// # Panics
    /// If there is not a position for each token, a position has no angles, heads of this size do not cover the width, or more
    /// dimensions are to be turned than a head has.
    #[must_use]
    pub fn rotate(&self, x: Array2<S>, head_size: usize, positions: &[usize]) -> Array2<S> {
        self.turn(x, head_size, positions, S::one())
    }

    /// Gradient of [`Rotary::rotate`] with respect to its input, `[T, H·K]`: turned by the negative angles.
    ///
    /// # Panics
    /// As [`Rotary::rotate`].
    #[must_use]
    pub fn rotate_backward(&self, d_y: Array2<S>, head_size: usize, positions: &[usize]) -> Array2<S> {
        self.turn(d_y, head_size, positions, -S::one())
    }

    fn turn(&self, x: Array2<S>, head_size: usize, positions: &[usize], sign: S) -> Array2<S> {
        self.check(&x, head_size, positions);
        let _span = profile::moving::<S>("rotary", x.shape(), 2);
        let mut x = standard(x);
        let pairs = self.cos.ncols();
        let (cos, sin) = (self.cos.as_slice().expect("standard layout"), self.sin.as_slice().expect("standard layout"));
        for_each_row(&mut x, |t, row| {
            let angles = positions[t] * pairs..(positions[t] + 1) * pairs;
            for head in row.chunks_mut(head_size) {
                let (a, b) = head[..2 * pairs].split_at_mut(pairs);
                S::rotate(a, b, &cos[angles.clone()], &sin[angles.clone()], sign);
            }
        });
        x
    }

    fn check(&self, x: &Array2<S>, head_size: usize, positions: &[usize]) {
        assert_eq!(x.nrows(), positions.len(), "each token has a position");
        assert!(
            head_size > 0 && x.ncols().is_multiple_of(head_size),
            "heads of {head_size} cover {} columns",
            x.ncols()
        );
        let turned = 2 * self.cos.ncols();
        assert!(turned <= head_size, "{turned} dimensions of a head are turned, which has {head_size}");
        let most = positions.iter().max();
        assert!(most.is_none_or(|p| *p < self.positions()), "position {most:?} of {} with angles", self.positions());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::random;
    use adaptune_test_support::on_threads;
    use approx::assert_abs_diff_eq;

    /// By complex numbers: `(a + ib) e^(ipθ)`; what is not turned keeps its bits.
    #[test]
    fn pairs_are_turned_by_the_angles_of_their_positions() {
        let (heads, size, turned, base) = (3, 7, 4, 50.0);
        let (x, positions) = (random::<f64>(1, (5, heads * size)), [4, 0, 9, 9, 1]);
        let y = Rotary::new(&rotary_frequencies(base, turned), 10).rotate(x.clone(), size, &positions);
        let expected = Array2::from_shape_fn(x.dim(), |(t, c)| {
            let (head, d) = (c / size * size, c % size);
            if d >= turned {
                return x[[t, c]];
            }
            let (pair, half) = (d % (turned / 2), turned / 2);
            let angle = positions[t] as f64 / base.powf(2.0 * pair as f64 / turned as f64);
            let (a, b) = (x[[t, head + pair]], x[[t, head + pair + half]]);
            if d < half { a * angle.cos() - b * angle.sin() } else { a * angle.sin() + b * angle.cos() }
        });
        assert_abs_diff_eq!(y, expected, epsilon = 1e-14);
        assert!(y.indexed_iter().filter(|((_, c), _)| c % size >= turned).all(|(place, y)| *y == x[place]));
    }

    /// A query and a key at other positions, equally far apart.
    #[test]
    fn products_depend_on_distance_alone() {
        let rotary = Rotary::<f64>::new(&rotary_frequencies(10_000.0, 8), 40);
        let (q, k) = (random::<f64>(1, (1, 8)), random::<f64>(2, (1, 8)));
        let product = |i, j| (rotary.rotate(q.clone(), 8, &[i]) * rotary.rotate(k.clone(), 8, &[j])).sum();
        assert_abs_diff_eq!(product(3, 9), product(33, 39), epsilon = 1e-12);
        assert!((product(3, 9) - product(3, 10)).abs() > 1e-3);
    }

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        let rotary = Rotary::<f32>::new(&rotary_frequencies(10_000.0, 16), 1000);
        let (x, positions) = (random::<f32>(1, (1000, 64)), (0..1000).collect::<Vec<_>>());
        let run = |threads| on_threads(threads, || rotary.rotate(x.clone(), 16, &positions));
        assert!(run(1) == run(2) && run(1) == run(3));
    }
}
