//! Which of a base's own tensors are to be trained.

use crate::config::{Config, LinearShape, PartShape};
use adaptune_tensor::Kind;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// Which of a base's tensors are thawed: its layer norms, its biases, everything, or several of these.
///
/// | text | tensors | known as |
/// |---|---|---|
/// | `layer-norms` | weights and biases of all layer norms | |
/// | `biases` | biases of all linear layers and layer norms | BitFit (Ben Zaken, Ravfogel and Goldberg, 2022) |
/// | `all` | everything, embeddings included | full fine-tuning |
///
/// Several are joined by commas.
///
/// ```
/// use adaptune_transformer::Thaw;
/// let thaw: Thaw = "biases,layer-norms".parse()?;
/// assert_eq!(thaw, Thaw::LAYER_NORMS | Thaw::BIASES);
/// assert_eq!(thaw.to_string(), "layer-norms,biases");
/// # Ok::<(), adaptune_transformer::ParseThawError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Thaw {
    norms: bool,
    biases: bool,
    weights: bool,
}

/// A text that names nothing that can be thawed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "`{found}` is nothing that can be thawed: expected layer-norms, biases or all, several with commas between them"
)]
pub struct ParseThawError {
    /// What was found.
    pub found: String,
}

const NAMES: &[(&str, Thaw)] = &[("all", Thaw::ALL), ("layer-norms", Thaw::LAYER_NORMS), ("biases", Thaw::BIASES)];

impl Thaw {
    /// Weights and biases of all layer norms.
    pub const LAYER_NORMS: Self = Self { norms: true, biases: false, weights: false };
    /// Biases of all linear layers and layer norms.
    pub const BIASES: Self = Self { norms: false, biases: true, weights: false };
    /// Everything.
    pub const ALL: Self = Self { norms: true, biases: true, weights: true };

    /// True if a tensor of this name and kind is among them.
    #[must_use]
    pub fn includes(self, name: &str, kind: Kind) -> bool {
        match kind {
            Kind::Weight => self.weights,
            Kind::Bias => self.biases,
            Kind::Norm => self.norms || self.biases && name.ends_with(".bias"),
            // No base has such a tensor.
            Kind::Frame | Kind::NearIdentity => false,
        }
    }

    /// How many numbers of a model are thawed; the pooler is left out unless something reads it. Nothing is allocated; the count ends
    /// at the largest `u64`.
    #[must_use]
    pub fn parameter_count(self, model: &Config, with_pooler: bool) -> u64 {
        let parts = model.parts().into_iter().filter(|(part, _)| with_pooler || !part.is_pooler());
        parts.fold(0, |sum: u64, (_, shape)| sum.saturating_add(self.count(shape)))
    }

    fn count(self, shape: PartShape) -> u64 {
        let [weight, bias] = [".weight", ".bias"].map(|name| move |kind| self.includes(name, kind));
        let product = |a: usize, b: usize| (a as u64).saturating_mul(b as u64);
        let if_so = |wanted: bool, numbers: u64| if wanted { numbers } else { 0 };
        match shape {
            PartShape::Table { rows, width } => if_so(weight(Kind::Weight), product(rows, width)),
            PartShape::Linear(LinearShape { outputs, inputs, bias: has_bias }) => {
                let biases = if_so(has_bias && bias(Kind::Bias), outputs as u64);
                if_so(weight(Kind::Weight), product(outputs, inputs)).saturating_add(biases)
            }
            PartShape::Norm { width, kind } => {
                let biases = if_so(kind.has_bias() && bias(Kind::Norm), width as u64);
                if_so(weight(Kind::Norm), width as u64).saturating_add(biases)
            }
        }
    }

    /// True if all that `other` thaws is thawed.
    fn covers(self, other: Self) -> bool {
        self | other == self
    }
}

impl std::ops::BitOr for Thaw {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self {
            norms: self.norms || other.norms,
            biases: self.biases || other.biases,
            weights: self.weights || other.weights,
        }
    }
}

impl FromStr for Thaw {
    type Err = ParseThawError;

    fn from_str(text: &str) -> Result<Self, ParseThawError> {
        let one = |part: &str| {
            let known = NAMES.iter().find(|(name, _)| *name == part.trim());
            known.map(|(_, thaw)| *thaw).ok_or_else(|| ParseThawError { found: part.trim().to_owned() })
        };
        text.split(',').map(one).reduce(|a, b| Ok(a? | b?)).unwrap_or_else(|| one(""))
    }
}

impl fmt::Display for Thaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ALL {
            return f.write_str("all");
        }
        let named: Vec<&str> = NAMES.iter().filter(|(_, thaw)| self.covers(*thaw)).map(|(name, _)| *name).collect();
        f.write_str(&named.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_and_written() {
        for text in ["layer-norms", "biases", "all", "layer-norms,biases"] {
            assert_eq!(text.parse::<Thaw>().unwrap().to_string(), text);
        }
        assert_eq!("all, biases".parse::<Thaw>().unwrap(), Thaw::ALL);
        let error = "norms".parse::<Thaw>().unwrap_err().to_string();
        assert!(error.contains("`norms`") && error.contains("layer-norms"), "{error}");
        assert!("".parse::<Thaw>().is_err() && "all,".parse::<Thaw>().is_err());
    }

    #[test]
    fn a_norms_bias_is_a_bias_too() {
        let norm = |thaw: Thaw| ["n.weight", "n.bias"].map(|name| thaw.includes(name, Kind::Norm));
        assert_eq!(norm(Thaw::LAYER_NORMS), [true, true]);
        assert_eq!(norm(Thaw::BIASES), [false, true]);
        assert!(!Thaw::BIASES.includes("w.weight", Kind::Weight) && Thaw::BIASES.includes("w.bias", Kind::Bias));
        assert!(!Thaw::LAYER_NORMS.includes("w.bias", Kind::Bias) && Thaw::ALL.includes("w.weight", Kind::Weight));
    }
}
