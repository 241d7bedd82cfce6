//! How queries and keys are rotated by their positions.

use adaptune_tensor::rotary_frequencies;
use std::f64::consts::TAU;

/// How queries and keys are rotated (Su et al., 2021).
#[derive(Clone, Debug, PartialEq)]
pub struct RotaryPositions {
    /// From what the frequencies come, `rope_theta` in Hugging Face configurations.
    pub base: f64,
    /// How they are slowed down, so that a model sees further than it was first trained for.
    pub scaling: Option<RotaryScaling>,
    /// The angle of each pair of a head's dimensions from one position to the next, `[R/2]`, with `R` at most the width of a
    /// head: [`rotary_frequencies`], perhaps scaled.
    pub frequencies: Vec<f64>,
}

/// How frequencies `f` are slowed down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RotaryScaling {
    /// `f / factor`: positions are interpolated (Chen et al., 2023).
    Linear {
        /// How much slower.
        factor: f64,
    },
    /// Llama 3.1's. With the wavelength `λ = 2π/f`: `f` stays where `λ < original/high`, is `f/factor` where `λ > original/low`, and
    /// between them is mixed of both, by `s = (original/λ − low)/(high − low)` of the first.
    Llama3 {
        /// How much slower the slow ones become.
        factor: f64,
        /// `low_freq_factor`.
        low: f64,
        /// `high_freq_factor`.
        high: f64,
        /// `original_max_position_embeddings`.
        original: usize,
    },
}

impl RotaryPositions {
    /// Frequencies that are not scaled, of the first `dimensions` of a head.
    ///
    /// # Panics
    /// If `dimensions` is odd.
    #[must_use]
    pub fn new(base: f64, dimensions: usize) -> Self {
        Self { base, scaling: None, frequencies: rotary_frequencies(base, dimensions) }
    }

    /// The same, slowed down.
    ///
    /// ```
    /// use adaptune_transformer::{RotaryPositions, RotaryScaling};
    /// let scaled = RotaryPositions::new(100.0, 4).scaled(RotaryScaling::Linear { factor: 4.0 });
    /// assert_eq!(scaled.frequencies, [0.25, 0.025]);
    /// ```
    #[must_use]
    pub fn scaled(self, scaling: RotaryScaling) -> Self {
        let frequencies = self.frequencies.into_iter().map(|f| scaling.of(f)).collect();
        Self { scaling: Some(scaling), frequencies, ..self }
    }
}

impl RotaryScaling {
    fn of(self, f: f64) -> f64 {
        match self {
            Self::Linear { factor } => f / factor,
            Self::Llama3 { factor, low, high, original } => {
                let turns = original as f64 * f / TAU;
                let kept = ((turns - low) / (high - low)).clamp(0.0, 1.0);
                (1.0 - kept) * f / factor + kept * f
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Llama 3.2's numbers: fast ones stay, slow ones are divided, those between are mixed.
    #[test]
    fn slow_frequencies_are_slowed_down_and_fast_ones_are_not() {
        let plain = RotaryPositions::new(500_000.0, 64);
        let scaling = RotaryScaling::Llama3 { factor: 32.0, low: 1.0, high: 4.0, original: 8192 };
        let scaled = plain.clone().scaled(scaling);
        let ratios: Vec<f64> = plain.frequencies.iter().zip(&scaled.frequencies).map(|(a, b)| a / b).collect();
        assert_eq!((ratios[0], ratios[31]), (1.0, 32.0));
        assert!(ratios.is_sorted() && ratios.iter().any(|ratio| *ratio > 1.5 && *ratio < 31.0), "{ratios:?}");
    }
}
