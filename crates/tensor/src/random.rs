//! Addressed randomness: every draw is a function of a seed and a place, never of history.
//!
//! A generator that is advanced by each draw ties results to the order of the work. Here a
//! [`Seed`] names a stream, [`Seed::at`] derives the stream of a place (a step, a layer, an
//! insertion point), and draw `i` of a stream is computed from `i` alone. So threads may take
//! draws in any order, a run that is resumed draws what it would have drawn, and backward repeats
//! a dropout mask instead of storing it.
//!
//! The mixing function is the finaliser of SplitMix64 (Steele, Lea and Flood, *Fast splittable
//! pseudorandom number generators*, 2014).

use rand::RngCore;

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The name of a stream of random draws.
///
/// ```
/// use adaptune_tensor::Seed;
/// let dropout = Seed::new(7).named("dropout");
/// assert_eq!(dropout.at(3).bits(10), dropout.at(3).bits(10));
/// assert_ne!(dropout.at(3).bits(10), dropout.at(4).bits(10));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(u64);

impl Seed {
    /// The root stream of a run.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(mix(seed.wrapping_add(GOLDEN)))
    }

    /// The stream of a numbered place within this one.
    #[must_use]
    pub fn at(self, place: u64) -> Self {
        Self(mix(self.0 ^ mix(place.wrapping_add(GOLDEN))))
    }

    /// The stream of a named place within this one.
    #[must_use]
    pub fn named(self, place: &str) -> Self {
        place.bytes().fold(self.at(place.len() as u64), |seed, byte| seed.at(u64::from(byte)))
    }

    /// Draw number `index`: 64 uniform bits.
    #[inline(always)]
    #[must_use]
    pub fn bits(self, index: u64) -> u64 {
        mix(self.0.wrapping_add(index.wrapping_mul(GOLDEN)))
    }

    /// Draw number `index`, uniform in `[0, 1)`.
    #[inline]
    #[must_use]
    pub fn unit(self, index: u64) -> f64 {
        (self.bits(index) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// The draws of this stream in order, for the distributions of `rand` and `ndarray-rand`.
    #[must_use]
    pub fn rng(self) -> SeedRng {
        SeedRng { seed: self, next: 0 }
    }
}

/// A generator that hands out the draws of one [`Seed`] in order.
#[derive(Clone, Debug)]
pub struct SeedRng {
    seed: Seed,
    next: u64,
}

impl RngCore for SeedRng {
    fn next_u32(&mut self) -> u32 {
        (self.next_u64() >> 32) as u32
    }
    fn next_u64(&mut self) -> u64 {
        let bits = self.seed.bits(self.next);
        self.next += 1;
        bits
    }
    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let word = self.next_u64().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }
}

#[inline(always)]
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_uniform_enough() {
        let seed = Seed::new(1).named("test");
        let n = 100_000;
        let mean = (0..n).map(|i| seed.unit(i)).sum::<f64>() / n as f64;
        let square = (0..n).map(|i| seed.unit(i).powi(2)).sum::<f64>() / n as f64;
        assert!((mean - 0.5).abs() < 4e-3, "mean {mean}");
        assert!((square - 1.0 / 3.0).abs() < 4e-3, "mean square {square}");
    }

    #[test]
    fn streams_of_neighbouring_places_differ() {
        let root = Seed::new(0);
        let same = (0..1000).filter(|&i| root.at(i).bits(0) >> 48 == root.at(i + 1).bits(0) >> 48).count();
        assert!(same < 3, "{same} of 1000 pairs share 16 bits");
    }

    #[test]
    fn the_generator_hands_out_the_stream() {
        let seed = Seed::new(5);
        let mut rng = seed.rng();
        assert_eq!([rng.next_u64(), rng.next_u64()], [seed.bits(0), seed.bits(1)]);
    }

    /// Files of earlier runs depend on these values.
    #[test]
    fn the_first_draws_are_pinned() {
        assert_eq!(Seed::new(42).at(1).bits(0), Seed::new(42).at(1).rng().next_u64());
        assert_eq!(Seed::new(0).bits(0), mix(mix(GOLDEN)));
    }
}
