//! Bases with random weights: for tests, benches and estimates, and as pretraining starts from them.

use crate::config::{Config, LinearShape, NormKind};
use crate::encoder::Encoder;
use crate::layers::{Linear, Norm};
use crate::parts::{Make, Parts};
use crate::point::Part;
use adaptune_tensor::{Scalar, Seed, init};
use ndarray::{Array1, Array2, Axis};
use std::convert::Infallible;
use std::marker::PhantomData;

impl<S: Scalar> Encoder<S> {
    /// A model whose weights and biases are normal with this deviation; norms vary around 1.
    #[must_use]
    pub fn random(config: Config, deviation: f64, seed: Seed) -> Self {
        Self::drawn(config, deviation, deviation, seed)
    }

    /// A model as BERT's pretraining starts from (Devlin et al., 2019): weights normal with deviation 0.02, biases
    /// zero, norms the identity; without a pooler, which language modelling does not read.
    #[must_use]
    pub fn initial(config: Config, seed: Seed) -> Self {
        Self::drawn(config, 0.02, 0.0, seed).without_pooler()
    }

    fn drawn(config: Config, deviation: f64, biases: f64, seed: Seed) -> Self {
        let epsilon = config.norm_epsilon;
        let mut draw = Draw { seed, next: 0, deviation, biases, epsilon, scalar: PhantomData };
        let Ok(weights) = Parts::make(&config, &mut draw);
        Self::of_weights(config, weights)
    }
}

/// A source of random arrays, each from a stream of its own.
struct Draw<S> {
    seed: Seed,
    next: u64,
    /// Of matrices.
    deviation: f64,
    /// Of biases, and of norms around the identity.
    biases: f64,
    /// Of norms.
    epsilon: f64,
    scalar: PhantomData<S>,
}

impl<S: Scalar> Draw<S> {
    fn normal<T: Scalar>(&mut self, rows: usize, columns: usize, deviation: f64) -> Array2<T> {
        self.next += 1;
        init::normal((rows, columns), deviation, self.seed.at(self.next))
    }

    fn vector<T: Scalar>(&mut self, length: usize) -> Array1<T> {
        self.normal(1, length, self.biases).index_axis_move(Axis(0), 0)
    }
}

impl<S: Scalar> Make for Draw<S> {
    type Table = Array2<S>;
    type Linear = Linear<S>;
    type Norm = Norm<S>;
    type Error = Infallible;

    fn table(&mut self, _: Part, rows: usize, width: usize) -> Result<Array2<S>, Infallible> {
        Ok(self.normal(rows, width, self.deviation))
    }

    fn linear(&mut self, _: Part, shape: LinearShape) -> Result<Linear<S>, Infallible> {
        let weight = self.normal(shape.outputs, shape.inputs, self.deviation);
        Ok(Linear::new(weight, shape.bias.then(|| self.vector(shape.outputs))))
    }

    fn norm(&mut self, _: Part, width: usize, kind: NormKind) -> Result<Norm<S>, Infallible> {
        // The sum in double precision: the same base in another precision is then the same but for one rounding.
        let weight = self.vector::<f64>(width).mapv(|v| S::from_f64(kind.identity() + v));
        let bias = kind.has_bias().then(|| self.vector(width));
        Ok(Norm::new(kind, weight, bias, self.epsilon))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::samples::samples;

    #[test]
    fn sizes_count_what_is_there() {
        for config in samples() {
            let model = Encoder::<f32>::random(config.clone(), 0.1, Seed::new(0));
            assert_eq!(config.parameter_count(), model.parameter_count());
        }
        // BERT-base with two token types and its pooler, as the field knows it.
        let base = Config { vocabulary: 30522, ..Config::bert(768, 12, 12, 3072) };
        assert_eq!(base.parameter_count(), 109_482_240);
    }

    /// A base of 10^15 numbers, which no machine holds: they are counted from its sizes.
    #[test]
    fn counting_allocates_no_weight() {
        let (v, p, d, f, l) = (1 << 33, 1 << 20, 3 << 15, 5 << 16, 7);
        let config = Config { vocabulary: v, positions: p, ..Config::bert(d, l, 12, f) };
        let block = 4 * (d * d + d) + (2 * d * f + f + d) + 4 * d;
        assert_eq!(config.parameter_count(), (v + p + 2) * d + 2 * d + l * block + (d * d + d));
        assert!(config.parameter_count() > 800_000_000_000_000);
    }

    #[test]
    fn the_fingerprint_sees_every_weight() {
        let print = |deviation| Encoder::<f32>::random(Config::bert(4, 1, 1, 4), deviation, Seed::new(0)).fingerprint();
        assert_eq!(print(0.1), print(0.1));
        assert_ne!(print(0.1), print(0.100_001));
        let double = Encoder::<f64>::random(Config::bert(4, 1, 1, 4), 0.1, Seed::new(0)).fingerprint();
        assert_eq!(double, print(0.1), "the same base in another precision");
    }
}
