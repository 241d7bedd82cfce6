//! [`OptimiserConfig::AdamW`](super::OptimiserConfig::AdamW).

use super::rule::{Rule, SECOND_MOMENT, STEP};
use adaptune_tensor::Scalar;
use adaptune_tensor::kernel::AdamWStep;
use std::slice;

#[derive(Debug)]
pub(super) struct AdamW<S> {
    pub(super) beta1: f64,
    pub(super) beta2: f64,
    pub(super) epsilon: f64,
    pub(super) weight_decay: f64,
    /// Running mean of the gradients, `m`.
    pub(super) exp_avg: Vec<S>,
    /// Running mean of their squares, `v`.
    pub(super) exp_avg_sq: Vec<S>,
    /// A scalar like the rest, so that a state is arrays of one type. `f32` counts to 2²⁴, where
    /// both bias corrections have long been 1.
    pub(super) step: S,
}

impl<S: Scalar> Rule<S> for AdamW<S> {
    fn update(&mut self, values: &mut [S], gradient: &[S], learning_rate: f64, decays: bool) {
        self.step += S::one();
        let step = self.step.to_f64();
        let kept = S::from_f64(if decays { 1.0 - learning_rate * self.weight_decay } else { 1.0 });
        let rate = S::from_f64(learning_rate / (1.0 - self.beta1.powf(step)));
        let root_correction2 = S::from_f64((1.0 - self.beta2.powf(step)).sqrt());
        let [rest1, beta2, rest2, epsilon] =
            [1.0 - self.beta1, self.beta2, 1.0 - self.beta2, self.epsilon].map(S::from_f64);
        let step = AdamWStep { kept, rate, root_correction2, rest1, beta2, rest2, epsilon };
        S::adamw(values, gradient, &mut self.exp_avg, &mut self.exp_avg_sq, &step);
    }

    fn buffers(&self) -> Vec<(&'static str, &[S])> {
        vec![("exp_avg", &self.exp_avg), (SECOND_MOMENT, &self.exp_avg_sq), (STEP, slice::from_ref(&self.step))]
    }

    fn buffers_mut(&mut self) -> Vec<&mut [S]> {
        vec![&mut self.exp_avg, &mut self.exp_avg_sq, slice::from_mut(&mut self.step)]
    }
}

#[cfg(test)]
mod tests {
    use crate::optimiser::OptimiserConfig;
    use crate::optimiser::tests::{assert_close, run};

    /// torch 2.15, `AdamW` in float64, on the run that [`run`] describes.
    #[test]
    fn odd_settings_match_torch() {
        let config = OptimiserConfig::AdamW { beta1: 0.83, beta2: 0.957, epsilon: 1e-3, weight_decay: 0.37 };
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
        assert_close(&run::<f64>(config), &expected, 1e-14);
        assert_close(&run::<f32>(config), &expected, 3e-7);
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
        assert_close(&run::<f64>(OptimiserConfig::default()), &expected, 1e-14);
    }
}
