//! The frozen model: its configuration and its weights.

use crate::config::Config;
use crate::layers::{Linear, Norm};
use crate::parts::{Parts, Value};
use crate::point::{BlockPart, LinearPoint, Part, Projection};
use adaptune_tensor::{Precision, Scalar, Seed};
use ndarray::{Array2, ArrayView2, Axis};
use std::sync::OnceLock;

/// Every table, linear layer and norm of a model.
pub(crate) type Weights<S> = Parts<Array2<S>, Linear<S>, Norm<S>>;

/// A pretrained transformer whose weights never change.
///
/// Load one with [`Encoder::load`] and share it in an [`Arc`](std::sync::Arc): passes take `&self`,
/// so it serves many threads at once. Nothing hands out a mutable view of a weight, and there is no
/// buffer that could hold the gradient of one.
#[derive(Debug)]
pub struct Encoder<S> {
    config: Config,
    pub(crate) weights: Weights<S>,
    precision: Precision,
    /// Of a base that was rounded to less, that of before.
    fingerprint: OnceLock<u64>,
}

impl<S: Scalar> Encoder<S> {
    pub(crate) fn of_weights(config: Config, weights: Weights<S>) -> Self {
        Self { config, weights, precision: Precision::Full, fingerprint: OnceLock::new() }
    }

    /// Sizes and constants of the model.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The same base with other dropout rates, of hidden states and of attention probabilities.
    /// The weights are moved, not copied.
    #[must_use]
    pub fn with_dropout(self, hidden: f64, attention: f64) -> Self {
        Self { config: self.config.with_dropout(hidden, attention), ..self }
    }

    /// The linear layer of the pooler, if the model has one. [`Architecture::pooler`](crate::Architecture::pooler) says what is
    /// computed with it.
    #[must_use]
    pub fn pooler(&self) -> Option<&Linear<S>> {
        self.weights.linear(Part::Pooler)
    }

    /// The same model without its pooler.
    #[must_use]
    pub fn without_pooler(mut self) -> Self {
        self.weights.remove(Part::Pooler);
        self.weights.remove(Part::PoolerNorm);
        Self::of_weights(self.config, self.weights)
    }

    /// A linear layer of a block; `None` if there is no such block or its blocks have no such layer.
    #[must_use]
    pub fn linear(&self, point: LinearPoint) -> Option<&Linear<S>> {
        self.weights.linear(point.into())
    }

    /// A copy of the model with other linear layers where `other` gives one, as merging an adapter does.
    ///
    /// # Panics
    /// If a layer has another shape than the one in whose place it comes.
    #[must_use]
    pub fn with_linears(&self, other: impl Fn(LinearPoint, &Linear<S>) -> Option<Linear<S>>) -> Self {
        let replaced = |layer, projection, linear: &Linear<S>| {
            let new = other(LinearPoint { layer, projection }, linear).unwrap_or_else(|| linear.clone());
            assert_eq!(new.dim(), linear.dim(), "shape of a layer in another's place");
            new
        };
        Self::of_weights(self.config.clone(), map_linears(&self.weights, replaced))
    }

    /// The same base with the linear layers of its blocks in another precision. In bf16 they take half the memory and
    /// less time where the processor has AVX-512 for it, elsewhere neither; embeddings, norms, biases and the pooler stay as
    /// they are. It is a way to compute with the same base: adapters of one fit the other. What was rounded stays so. Modules
    /// are told ([`Pass::precision`](crate::Pass::precision)), and bottlenecks of at least 128 compute their products in bf16 too, as do heads that are at
    /// least 64 wide in sequences of at least 64 tokens, a prefix included.
    ///
    /// ```
    /// use adaptune_tensor::{Precision, Seed};
    /// use adaptune_transformer::{Batch, Config, Encoder, Pass};
    /// let base = |precision| Encoder::<f32>::random(Config::bert(16, 2, 2, 32), 0.1, Seed::new(1)).with_precision(precision);
    /// let hidden = |base: Encoder<f32>| base.forward(&Batch::from_ids(&[&[1, 2, 3]]), &(), Pass::evaluate()).map(|e| e.hidden);
    /// let difference = hidden(base(Precision::Full))? - hidden(base(Precision::Bf16))?;
    /// assert!(difference.iter().all(|d| d.abs() < 0.05) && difference.iter().any(|d| *d != 0.0));
    /// assert_eq!(base(Precision::Full).fingerprint(), base(Precision::Bf16).fingerprint());
    /// # Ok::<(), adaptune_transformer::BatchError>(())
    /// ```
    #[must_use]
    pub fn with_precision(mut self, precision: Precision) -> Self {
        if precision == Precision::Full || self.precision != Precision::Full {
            return self;
        }
        let _ = self.fingerprint(); // from now on it is known, and stays what it is
        self.precision = precision;
        // One by one, so that a layer is never there twice but for the one that is being rounded.
        for (part, value) in self.weights.iter_mut() {
            if let (Part::Block(_, BlockPart::Linear(_)), Value::Linear(linear)) = (part, value) {
                *linear = linear.with_precision(precision);
            }
        }
        self
    }

    /// The same layers, said to be held in another precision than they are.
    #[cfg(test)]
    pub(crate) fn said_to_be(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// How exactly the linear layers of the blocks are held.
    #[must_use]
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// A number that tells the weights of this base from others: it is computed from every weight, rounded to
    /// f32, and from nothing else. Of a base that was rounded to less it is that of before. The first call computes it.
    /// What the base computes depends on its configuration too: [`Encoder::identity`] is both.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        *self.fingerprint.get_or_init(|| self.digests().into_iter().fold(Seed::new(0), Seed::at).bits(0))
    }

    /// How many numbers the base holds, all of them frozen; the pooler is counted.
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        // From shapes alone: a weight is laid out for products, and to see it plainly is to copy it. No test sees a copy that is
        // made and dropped; that the sizes suffice is tested with a base too large to be allocated.
        let count = |value: &Value<Array2<S>, Linear<S>, Norm<S>>| match value {
            Value::Table(table) => table.len(),
            Value::Linear(linear) => linear.dim().0 * linear.dim().1 + linear.bias().map_or(0, |bias| bias.len()),
            Value::Norm(norm) => norm.weight().len() + norm.bias().map_or(0, |bias| bias.len()),
        };
        self.weights.iter().map(|(_, value)| count(value)).sum()
    }

    /// A digest of every weight: of all tables, then of all linear layers, then of all norms.
    fn digests(&self) -> Vec<u64> {
        let [mut tables, mut linears, mut norms] = [const { Vec::new() }; 3];
        let row = |values: ndarray::ArrayView1<'_, S>| digest(values.insert_axis(Axis(0)));
        for (_, value) in self.weights.iter() {
            match value {
                Value::Table(table) => tables.push(digest(table.view())),
                Value::Linear(linear) => {
                    linears.push(digest(linear.to_weight().view()));
                    linears.extend(linear.bias().map(row));
                }
                Value::Norm(norm) => {
                    norms.push(row(norm.weight()));
                    norms.extend(norm.bias().map(row));
                }
            }
        }
        [tables, linears, norms].concat()
    }
}

/// The weights with other linear layers in the blocks; everything else is copied.
fn map_linears<S: Scalar>(
    weights: &Weights<S>,
    other: impl Fn(usize, Projection, &Linear<S>) -> Linear<S>,
) -> Weights<S> {
    let linear = |part, linear: &Linear<S>| match part {
        Part::Block(layer, BlockPart::Linear(projection)) => other(layer, projection, linear),
        _ => linear.clone(),
    };
    weights.map(|_, table| table.clone(), linear, |_, norm| norm.clone())
}

fn digest<S: Scalar>(weight: ArrayView2<'_, S>) -> u64 {
    let bits = |v: &S| u64::from((v.to_f64() as f32).to_bits());
    // An odd multiplier makes each step invertible, so no change of a single weight goes unseen.
    weight
        .iter()
        .fold(weight.nrows() as u64, |sum, v| (sum.rotate_left(5) ^ bits(v)).wrapping_mul(0x9E37_79B9_7F4A_7C15))
}
