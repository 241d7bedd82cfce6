//! The settings of optimisers and their formulas.

use super::adamw::AdamW;
use super::error::OptimiserError;
use super::rule::Rule;
use super::sgd::Sgd;
use adaptune_tensor::Scalar;
use serde::Serialize;

/// Which optimiser, with its settings. Learning rates are given at each step instead.
///
/// In the formulas `p` is a parameter, `g` its gradient and `η` its learning rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimiserConfig {
    /// Adam with decoupled weight decay (Loshchilov and Hutter, *Decoupled weight decay
    /// regularization*, 2019), as `torch.optim.AdamW`. In the `t`-th step in which `p` has a gradient
    ///
    /// ```text
    /// p ← (1 − η λ) p                                    only if p decays
    /// m ← β₁ m + (1 − β₁) g          v ← β₂ v + (1 − β₂) g²
    /// p ← p − η/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε)
    /// ```
    ///
    /// Its state is `exp_avg` (`m`), `exp_avg_sq` (`v`) and `step` (`t`).
    AdamW {
        /// Decay of the mean of gradients, `β₁`, in `[0, 1)`.
        beta1: f64,
        /// Decay of the mean of squared gradients, `β₂`, in `[0, 1)`.
        beta2: f64,
        /// Keeps the quotient finite, `ε`; not negative.
        epsilon: f64,
        /// Decoupled weight decay, `λ`; not negative.
        weight_decay: f64,
    },
    /// Gradient descent with momentum (Polyak, *Some methods of speeding up the convergence of
    /// iteration methods*, 1964), as `torch.optim.SGD` without dampening:
    ///
    /// ```text
    /// g ← g + λ p                    only if p decays
    /// b ← μ b + g
    /// p ← p − η b
    /// ```
    ///
    /// The decay is an L2 penalty: unlike that of AdamW it goes through the momentum. Its state is
    /// `momentum` (`b`), or nothing where `μ` is 0.
    Sgd {
        /// How much of the last step's direction stays, `μ`; not negative.
        momentum: f64,
        /// L2 penalty, `λ`; not negative.
        weight_decay: f64,
    },
}

impl OptimiserConfig {
    /// AdamW with `β₁` 0.9, `β₂` 0.999 and `ε` 1e-8.
    #[must_use]
    pub fn adamw(weight_decay: f64) -> Self {
        Self::AdamW { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay }
    }

    /// Checks that every setting lies in its range.
    ///
    /// # Errors
    /// [`OptimiserError::Setting`] for the first that does not.
    pub fn check(&self) -> Result<(), OptimiserError> {
        match *self {
            Self::AdamW { beta1, beta2, epsilon, weight_decay } => {
                let not_negative = [("epsilon", epsilon), ("weight_decay", weight_decay)];
                check_settings("AdamW", BELOW_ONE, &[("beta1", beta1), ("beta2", beta2)])?;
                check_settings("AdamW", NOT_NEGATIVE, &not_negative)
            }
            Self::Sgd { momentum, weight_decay } => {
                check_settings("SGD", NOT_NEGATIVE, &[("momentum", momentum), ("weight_decay", weight_decay)])
            }
        }
    }

    /// The rule for a parameter of `len` numbers.
    pub(super) fn rule<S: Scalar>(self, len: usize) -> Box<dyn Rule<S>> {
        match self {
            Self::AdamW { beta1, beta2, epsilon, weight_decay } => {
                let (exp_avg, exp_avg_sq) = (vec![S::zero(); len], vec![S::zero(); len]);
                Box::new(AdamW { beta1, beta2, epsilon, weight_decay, exp_avg, exp_avg_sq, step: S::zero() })
            }
            Self::Sgd { momentum, weight_decay } => {
                let direction = (momentum > 0.0).then(|| vec![S::zero(); len]);
                Box::new(Sgd { momentum, weight_decay, direction })
            }
        }
    }
}

impl Default for OptimiserConfig {
    /// AdamW with PyTorch's default weight decay, 0.01.
    fn default() -> Self {
        Self::adamw(0.01)
    }
}

/// Whether a setting lies in its range, and the words that messages use for the range.
type Range = (fn(f64) -> bool, &'static str);
const BELOW_ONE: Range = (|x| (0.0..1.0).contains(&x), "at least 0 and below 1");
const NOT_NEGATIVE: Range = (|x| x >= 0.0 && x.is_finite(), "a number that is not negative");

fn check_settings(
    optimiser: &'static str,
    (holds, expected): Range,
    settings: &[(&'static str, f64)],
) -> Result<(), OptimiserError> {
    match settings.iter().find(|(_, found)| !holds(*found)) {
        Some(&(setting, found)) => Err(OptimiserError::Setting { optimiser, setting, expected, found }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_outside_their_range_are_named() {
        let adamw = |beta1, beta2, epsilon, weight_decay| {
            OptimiserConfig::AdamW { beta1, beta2, epsilon, weight_decay }.check().map_err(|e| e.to_string())
        };
        assert_eq!(adamw(0.0, 0.0, 0.0, 0.0), Ok(()));
        assert_eq!(adamw(0.9, 1.0, 1e-8, 0.0), Err("beta2 of AdamW is 1, but must be at least 0 and below 1".into()));
        let message = "weight_decay of AdamW is NaN, but must be a number that is not negative";
        assert_eq!(adamw(0.9, 0.9, 1e-8, f64::NAN), Err(message.into()));
        assert!(adamw(-0.1, 0.9, 1e-8, 0.0).is_err() && adamw(0.9, 0.9, f64::INFINITY, 0.0).is_err());
        let sgd = OptimiserConfig::Sgd { momentum: -0.5, weight_decay: 0.0 };
        let message = "momentum of SGD is -0.5, but must be a number that is not negative";
        assert_eq!(sgd.check().map_err(|e| e.to_string()), Err(message.into()));
    }
}
