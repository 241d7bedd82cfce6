//! Gradient descent with momentum (Polyak, *Some methods of speeding up the convergence of iteration methods*, 1964).

use super::{NOT_NEGATIVE, OptimiserError, Rule, check_settings};
use adaptune_tensor::Scalar;

/// Settings of gradient descent, with the meaning and the defaults of `torch.optim.SGD`.
///
/// A step of a parameter `p` with gradient `g`, learning rate `η`, momentum `μ` and weight decay `λ` is
///
/// ```text
/// g ← g + λ p                    only if p decays
/// b ← μ b + g
/// p ← p − η b
/// ```
///
/// The decay is coupled, an L2 penalty: it goes through the momentum, unlike that of
/// [`AdamW`](super::AdamW). There is no dampening. The state is `momentum` (`b`), and nothing
/// without momentum.
///
/// | setting | default | range |
/// |---|---|---|
/// | `momentum` | 0 | not negative |
/// | `weight_decay` | 0 | not negative |
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sgd {
    /// How much of the last step's direction stays, `μ`.
    pub momentum: f64,
    /// L2 penalty, `λ`.
    pub weight_decay: f64,
}

impl Sgd {
    pub(super) fn check(&self) -> Result<(), OptimiserError> {
        let settings = [("momentum", self.momentum, NOT_NEGATIVE), ("weight_decay", self.weight_decay, NOT_NEGATIVE)];
        check_settings("SGD", &settings)
    }
}

#[derive(Debug)]
pub(super) struct SgdRule<S> {
    config: Sgd,
    /// `None` without momentum, which needs no memory.
    momentum: Option<Vec<S>>,
}

impl<S: Scalar> SgdRule<S> {
    pub(super) fn new(config: Sgd, len: usize) -> Self {
        Self { config, momentum: (config.momentum > 0.0).then(|| vec![S::zero(); len]) }
    }
}

impl<S: Scalar> Rule<S> for SgdRule<S> {
    fn update(&mut self, values: &mut [S], gradient: &[S], learning_rate: f64, decays: bool) {
        let decay = S::from_f64(if decays { self.config.weight_decay } else { 0.0 });
        let (kept, rate) = (S::from_f64(self.config.momentum), S::from_f64(learning_rate));
        let pairs = values.iter_mut().zip(gradient);
        match &mut self.momentum {
            None => pairs.for_each(|(p, g)| *p -= rate * (*g + decay * *p)),
            Some(momentum) => pairs.zip(momentum).for_each(|((p, g), b)| {
                *b = kept * *b + (*g + decay * *p);
                *p -= rate * *b;
            }),
        }
    }

    fn buffers(&self) -> Vec<(&'static str, &[S])> {
        self.momentum.iter().map(|b| ("momentum", b.as_slice())).collect()
    }

    fn buffers_mut(&mut self) -> Vec<&mut [S]> {
        self.momentum.iter_mut().map(Vec::as_mut_slice).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::OptimiserConfig;
    use super::super::tests::{assert_close, run};
    use super::*;

    /// torch 2.15, `SGD` in float64, on the run that [`run`] describes.
    #[test]
    fn momentum_matches_torch() {
        let config = Sgd { momentum: 0.73, weight_decay: 0.29 };
        let expected = [
            0.1799040996874822,
            -0.2279239410752722,
            0.014840850227558766,
            0.3540763407597563,
            -0.3369768538066151,
            0.5886613379274725,
            -0.087083808487198,
            -0.3989371039762096,
            0.14074903742981026,
        ];
        assert_close(&run::<f64>(OptimiserConfig::Sgd(config)), &expected, 1e-14);
        assert_close(&run::<f32>(OptimiserConfig::Sgd(config)), &expected, 3e-7);
    }

    /// The same without momentum.
    #[test]
    fn plain_descent_matches_torch() {
        let config = Sgd { momentum: 0.0, weight_decay: 0.29 };
        let expected = [
            0.22386829376575956,
            -0.20716062539856797,
            -0.004179103760640677,
            0.3283021029526346,
            -0.3540963806451195,
            0.6543414015782152,
            0.08212552749400158,
            -0.27085666897982463,
            0.07968913485382122,
        ];
        assert_close(&run::<f64>(OptimiserConfig::Sgd(config)), &expected, 1e-14);
    }

    #[test]
    fn settings_outside_their_range_are_named() {
        let config = Sgd { momentum: -0.5, weight_decay: 0.0 };
        let message = config.check().expect_err("outside its range").to_string();
        assert_eq!(message, "momentum of SGD is -0.5, but must be a number that is not negative");
        assert!(Sgd { momentum: 0.0, weight_decay: f64::INFINITY }.check().is_err());
    }
}
