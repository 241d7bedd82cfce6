//! [`OptimiserConfig::Sgd`](super::OptimiserConfig::Sgd).

use super::rule::Rule;
use adaptune_tensor::Scalar;

#[derive(Debug)]
pub(super) struct Sgd<S> {
    pub(super) momentum: f64,
    pub(super) weight_decay: f64,
    /// The running direction `b`; `None` without momentum, which needs no memory.
    pub(super) direction: Option<Vec<S>>,
}

impl<S: Scalar> Rule<S> for Sgd<S> {
    fn update(&mut self, values: &mut [S], gradient: &[S], learning_rate: f64, decays: bool) {
        let decay = S::from_f64(if decays { self.weight_decay } else { 0.0 });
        let (momentum, rate) = (S::from_f64(self.momentum), S::from_f64(learning_rate));
        let pairs = values.iter_mut().zip(gradient);
        match &mut self.direction {
            None => pairs.for_each(|(p, g)| *p -= rate * (*g + decay * *p)),
            Some(direction) => pairs.zip(direction).for_each(|((p, g), b)| {
                *b = momentum * *b + (*g + decay * *p);
                *p -= rate * *b;
            }),
        }
    }

    fn buffers(&self) -> Vec<(&'static str, &[S])> {
        self.direction.iter().map(|b| ("momentum", b.as_slice())).collect()
    }

    fn buffers_mut(&mut self) -> Vec<&mut [S]> {
        self.direction.iter_mut().map(Vec::as_mut_slice).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::optimiser::OptimiserConfig;
    use crate::optimiser::tests::{assert_close, run};

    /// torch 2.15, `SGD` in float64, on the run that [`run`] describes.
    #[test]
    fn momentum_matches_torch() {
        let config = OptimiserConfig::Sgd { momentum: 0.73, weight_decay: 0.29 };
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
        assert_close(&run::<f64>(config), &expected, 1e-14);
        assert_close(&run::<f32>(config), &expected, 3e-7);
    }

    /// The same without momentum.
    #[test]
    fn plain_descent_matches_torch() {
        let config = OptimiserConfig::Sgd { momentum: 0.0, weight_decay: 0.29 };
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
        assert_close(&run::<f64>(config), &expected, 1e-14);
    }
}
