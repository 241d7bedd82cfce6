//! Adam with decoupled weight decay (Loshchilov and Hutter, *Decoupled weight decay regularization*, 2019).

use super::{FROM_ZERO_BELOW_ONE, NOT_NEGATIVE, OptimiserError, Rule, STEP, check_settings};
use adaptune_tensor::Scalar;
use std::slice;

/// Settings of AdamW, with the meaning and the defaults of `torch.optim.AdamW`.
///
/// Step `t` of a parameter `p` with gradient `g`, learning rate `η` and weight decay `λ` is
///
/// ```text
/// p ← (1 − η λ) p                                    only if p decays
/// m ← β₁ m + (1 − β₁) g          v ← β₂ v + (1 − β₂) g²
/// p ← p − η/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε)
/// ```
///
/// | setting | default | range |
/// |---|---|---|
/// | `beta1` | 0.9 | `[0, 1)` |
/// | `beta2` | 0.999 | `[0, 1)` |
/// | `epsilon` | 1e-8 | not negative |
/// | `weight_decay` | 0.01 | not negative |
///
/// `t` counts the steps in which this parameter had a gradient. The state is `exp_avg` (`m`),
/// `exp_avg_sq` (`v`) and `step` (`t`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    /// Decay of the mean of gradients, `β₁`.
    pub beta1: f64,
    /// Decay of the mean of squared gradients, `β₂`.
    pub beta2: f64,
    /// Keeps the quotient finite, `ε`.
    pub epsilon: f64,
    /// Decoupled weight decay, `λ`.
    pub weight_decay: f64,
}

impl Default for AdamW {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01 }
    }
}

impl AdamW {
    pub(super) fn check(&self) -> Result<(), OptimiserError> {
        let settings = [
            ("beta1", self.beta1, FROM_ZERO_BELOW_ONE),
            ("beta2", self.beta2, FROM_ZERO_BELOW_ONE),
            ("epsilon", self.epsilon, NOT_NEGATIVE),
            ("weight_decay", self.weight_decay, NOT_NEGATIVE),
        ];
        check_settings("AdamW", &settings)
    }
}

#[derive(Debug)]
pub(super) struct AdamWRule<S> {
    config: AdamW,
    exp_avg: Vec<S>,
    exp_avg_sq: Vec<S>,
    /// A scalar like the rest, so that a state is tensors of one type. `f32` counts to 2²⁴, where
    /// both bias corrections have long been 1.
    step: S,
}

impl<S: Scalar> AdamWRule<S> {
    pub(super) fn new(config: AdamW, len: usize) -> Self {
        Self { config, exp_avg: vec![S::zero(); len], exp_avg_sq: vec![S::zero(); len], step: S::zero() }
    }
}

impl<S: Scalar> Rule<S> for AdamWRule<S> {
    fn update(&mut self, values: &mut [S], gradient: &[S], learning_rate: f64, decays: bool) {
        let AdamW { beta1, beta2, epsilon, weight_decay } = self.config;
        self.step += S::one();
        let step = self.step.to_f64();
        let kept = S::from_f64(if decays { 1.0 - learning_rate * weight_decay } else { 1.0 });
        let rate = S::from_f64(learning_rate / (1.0 - beta1.powf(step)));
        let root_correction2 = S::from_f64((1.0 - beta2.powf(step)).sqrt());
        let (rest1, beta2, rest2) = (S::from_f64(1.0 - beta1), S::from_f64(beta2), S::from_f64(1.0 - beta2));
        let epsilon = S::from_f64(epsilon);
        let moments = self.exp_avg.iter_mut().zip(&mut self.exp_avg_sq);
        for ((p, g), (m, v)) in values.iter_mut().zip(gradient).zip(moments) {
            *m += rest1 * (*g - *m);
            *v = beta2 * *v + rest2 * *g * *g;
            *p = kept * *p - rate * (*m / (v.sqrt() / root_correction2 + epsilon));
        }
    }

    fn buffers(&self) -> Vec<(&'static str, &[S])> {
        vec![("exp_avg", &self.exp_avg), ("exp_avg_sq", &self.exp_avg_sq), (STEP, slice::from_ref(&self.step))]
    }

    fn buffers_mut(&mut self) -> Vec<&mut [S]> {
        vec![&mut self.exp_avg, &mut self.exp_avg_sq, slice::from_mut(&mut self.step)]
    }
}

#[cfg(test)]
mod tests {
    use super::super::OptimiserConfig;
    use super::super::tests::{assert_close, run};
    use super::*;

    /// torch 2.15, `AdamW` in float64, on the run that [`run`] describes.
    #[test]
    fn odd_settings_match_torch() {
        let config = AdamW { beta1: 0.83, beta2: 0.957, epsilon: 1e-3, weight_decay: 0.37 };
        let expected = [
            0.19715837396494082,
            -0.243427539444954,
            0.05040034189126105,
            0.3600461480566422,
            -0.3114746734279288,
            0.6503723290322341,
            0.008767547451692507,
            -0.39709967951139175,
            -0.006324548030240084,
        ];
        assert_close(&run::<f64>(OptimiserConfig::AdamW(config)), &expected, 1e-14);
        assert_close(&run::<f32>(OptimiserConfig::AdamW(config)), &expected, 3e-7);
    }

    /// The same with torch's own defaults.
    #[test]
    fn defaults_match_torch() {
        let expected = [
            0.2059610852892703,
            -0.25257600478982406,
            0.050076692230411696,
            0.37284119360948254,
            -0.3213469839737628,
            0.6753541176756448,
            0.009088897443214936,
            -0.40500573461992967,
            -0.01350958099571591,
        ];
        assert_close(&run::<f64>(OptimiserConfig::AdamW(AdamW::default())), &expected, 1e-14);
    }

    #[test]
    fn settings_outside_their_range_are_named() {
        let broken = |config: AdamW| config.check().expect_err("outside its range").to_string();
        let one = AdamW { beta2: 1.0, ..AdamW::default() };
        assert_eq!(broken(one), "beta2 of AdamW is 1, but must be at least 0 and below 1");
        let undefined = AdamW { weight_decay: f64::NAN, ..AdamW::default() };
        assert_eq!(broken(undefined), "weight_decay of AdamW is NaN, but must be a number that is not negative");
        assert!(AdamW { beta1: -0.1, ..AdamW::default() }.check().is_err());
        assert!(AdamW { epsilon: f64::INFINITY, ..AdamW::default() }.check().is_err());
        assert_eq!(AdamW { beta1: 0.0, epsilon: 0.0, ..AdamW::default() }.check(), Ok(()));
    }
}
