//! Bases with random weights: for tests, benches and estimates, and as pretraining starts from them.

use crate::block::Block;
use crate::embeddings::Embeddings;
use crate::feed_forward::FeedForward;
use crate::self_attention::SelfAttention;
use crate::{Config, Encoder, Family, LayerNorm, Linear};
use adaptune_tensor::{Activation, Precision, Scalar, Seed, init};
use ndarray::{Array1, Array2, Axis};
use std::sync::OnceLock;

impl Config {
    /// A BERT of given sizes with two token types and no dropout.
    ///
    /// ```
    /// use adaptune_transformer::Config;
    /// let mini_lm = Config { vocabulary: 30522, ..Config::bert(384, 6, 12, 1536) };
    /// assert_eq!(mini_lm.max_tokens(), 512);
    /// ```
    #[must_use]
    pub fn bert(hidden: usize, layers: usize, heads: usize, feed_forward: usize) -> Self {
        Self {
            family: Family::Bert,
            name: None,
            vocabulary: 1000,
            hidden,
            layers,
            heads,
            feed_forward,
            positions: 512,
            position_offset: 0,
            token_types: 2,
            norm_epsilon: 1e-12,
            activation: Activation::Gelu,
            hidden_dropout: 0.0,
            attention_output_dropout: 0.0,
            attention_dropout: 0.0,
            head_dropout: 0.0,
        }
    }
}

impl<S: Scalar> Encoder<S> {
    /// An encoder whose weights and biases are normal with this deviation; norms vary around 1.
    #[must_use]
    pub fn random(config: Config, deviation: f64, seed: Seed) -> Self {
        Draw { seed, next: 0, deviation, biases: deviation }.encoder(config)
    }

    /// An encoder as BERT's pretraining starts from (Devlin et al., 2019): weights normal with deviation 0.02, biases
    /// zero, norms the identity; without a pooler, which language modelling does not read.
    #[must_use]
    pub fn initial(config: Config, seed: Seed) -> Self {
        let encoder = Draw { seed, next: 0, deviation: 0.02, biases: 0.0 }.encoder(config);
        Self { pooler: None, ..encoder }
    }
}

/// A source of random arrays, each from a stream of its own.
struct Draw {
    seed: Seed,
    next: u64,
    /// Of matrices.
    deviation: f64,
    /// Of biases, and of norms around the identity.
    biases: f64,
}

impl Draw {
    fn normal<S: Scalar>(&mut self, rows: usize, columns: usize, deviation: f64) -> Array2<S> {
        self.next += 1;
        init::normal((rows, columns), deviation, self.seed.at(self.next))
    }

    fn matrix<S: Scalar>(&mut self, rows: usize, columns: usize) -> Array2<S> {
        self.normal(rows, columns, self.deviation)
    }

    fn vector<S: Scalar>(&mut self, length: usize) -> Array1<S> {
        self.normal(1, length, self.biases).index_axis_move(Axis(0), 0)
    }

    fn linear<S: Scalar>(&mut self, out: usize, input: usize) -> Linear<S> {
        Linear::new(self.matrix(out, input), self.vector(out))
    }

    fn norm<S: Scalar>(&mut self, width: usize, epsilon: f64) -> LayerNorm<S> {
        // The sum in double precision: the same base in another precision is then the same but for one rounding.
        let weight = self.vector::<f64>(width).mapv(|v| S::from_f64(1.0 + v));
        LayerNorm::new(weight, self.vector(width), epsilon)
    }

    fn encoder<S: Scalar>(&mut self, config: Config) -> Encoder<S> {
        let (d, epsilon) = (config.hidden, config.norm_epsilon);
        let embeddings = Embeddings {
            tokens: self.matrix(config.vocabulary, d),
            positions: self.matrix(config.positions, d),
            token_types: (config.token_types > 0).then(|| self.matrix(config.token_types, d)),
            norm: self.norm(d, epsilon),
        };
        let blocks = (0..config.layers).map(|_| self.block(&config)).collect();
        let pooler = (config.family != Family::DistilBert).then(|| self.linear(d, d));
        Encoder { config, embeddings, blocks, pooler, precision: Precision::Full, fingerprint: OnceLock::new() }
    }

    fn block<S: Scalar>(&mut self, config: &Config) -> Block<S> {
        let (d, f, epsilon) = (config.hidden, config.feed_forward, config.norm_epsilon);
        Block {
            attention: SelfAttention {
                query: self.linear(d, d),
                key: self.linear(d, d),
                value: self.linear(d, d),
                output: self.linear(d, d),
                norm: self.norm(d, epsilon),
            },
            feed_forward: FeedForward {
                input: self.linear(f, d),
                output: self.linear(d, f),
                norm: self.norm(d, epsilon),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_count_what_is_there() {
        for family in [Family::Bert, Family::DistilBert] {
            let token_types = if family == Family::Bert { 2 } else { 0 };
            let config = Config { family, vocabulary: 37, positions: 24, token_types, ..Config::bert(12, 3, 3, 20) };
            let model = Encoder::<f32>::random(config.clone(), 0.1, Seed::new(0));
            assert_eq!(config.parameter_count(), model.parameter_count());
        }
        // BERT-base with two token types and its pooler, as the field knows it.
        let base = Config { vocabulary: 30522, ..Config::bert(768, 12, 12, 3072) };
        assert_eq!(base.parameter_count(), 109_482_240);
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
