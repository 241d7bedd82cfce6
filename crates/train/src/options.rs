//! How a run trains.

use crate::activations::CacheLimits;
use crate::batching::Batching;
use crate::criterion::Criterion;
use crate::optimiser::OptimiserConfig;
use crate::schedule::{Schedule, Warmup};
use adaptune_tensor::Seed;
use serde::Serialize;

/// How a run trains.
///
/// | field | default | meaning |
/// |---|---|---|
/// | `epochs` | 3 | passes over the training data |
/// | `batch_size` | 32 | examples of a step |
/// | `accumulate` | 1 | micro-batches that a batch is cut into, to save memory |
/// | `learning_rate` | 1e-3 | peak learning rate of the adapter |
/// | `head_learning_rate` | the same | peak learning rate of the head |
/// | `thaw_learning_rate` | the same | peak learning rate of thawed tensors of the base |
/// | `schedule`, `warmup` | linear, 6 % | how the rate rises and falls |
/// | `optimiser` | AdamW, decay 0.01 | biases and norms never decay |
/// | `clip` | 1 | largest norm of all gradients together |
/// | `batching` | shuffled | how examples come together |
/// | `metric` | the task's first | which score, or `loss`, decides which epoch is best |
/// | `patience` | none | epochs without improvement after which the run ends |
/// | `eval_batch_size` | 64 | examples of a batch in evaluations |
/// | `gradient_checkpointing` | false | less memory, more time |
/// | `cache` | none | room for what lies below the lowest point that trains |
/// | `layer_drop` | 0 | the adapters of at most so many of the lowest layers are left out of a step |
/// | `seed` | 0 | of order, dropout and depth |
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrainOptions {
    /// Passes over the training data.
    pub epochs: usize,
    /// Examples of a step.
    pub batch_size: usize,
    /// Micro-batches that a batch is cut into.
    pub accumulate: usize,
    /// Peak learning rate of the adapter.
    pub learning_rate: f64,
    /// Peak learning rate of the head, if it is another.
    pub head_learning_rate: Option<f64>,
    /// Peak learning rate of thawed tensors of the base, if it is another; they bear far smaller ones than adapters.
    pub thaw_learning_rate: Option<f64>,
    /// How the rate falls.
    pub schedule: Schedule,
    /// How long it rises first.
    pub warmup: Warmup,
    /// The update rule.
    pub optimiser: OptimiserConfig,
    /// Largest norm of all gradients together; none is no limit.
    pub clip: Option<f64>,
    /// How examples come together in batches.
    pub batching: Batching,
    /// The score of the development data that decides which epoch is best, by its name, or `loss`; the first one of the task if
    /// none is named. Where scores are equal the smaller loss decides.
    pub metric: Option<String>,
    /// Epochs without improvement on the development data after which the run ends.
    pub patience: Option<usize>,
    /// Examples of a batch in evaluations.
    pub eval_batch_size: usize,
    /// Keep only the inputs of blocks for backward, and run them again: less memory, more time, the same bits.
    pub gradient_checkpointing: bool,
    /// Room for what the blocks below the lowest point that trains make of each example, so that later epochs begin there.
    /// Those blocks then run without dropout, in the first epoch too: the run is another than without this, but the room
    /// changes no bit of it.
    pub cache: Option<CacheLimits>,
    /// In each step the adapters of the lowest layers are left out, of none to so many of them by chance, so that they can be left out
    /// afterwards with little loss (AdapterDrop; Rücklé et al., 2021). All examples of a step have the same layers.
    pub layer_drop: usize,
    /// Seed of order, dropout and depth.
    pub seed: u64,
}

impl Default for TrainOptions {
    fn default() -> Self {
        Self {
            epochs: 3,
            batch_size: 32,
            accumulate: 1,
            learning_rate: 1e-3,
            head_learning_rate: None,
            thaw_learning_rate: None,
            schedule: Schedule::Linear,
            warmup: Warmup::Fraction(0.06),
            optimiser: OptimiserConfig::default(),
            clip: Some(1.0),
            batching: Batching::Shuffled,
            metric: None,
            patience: None,
            eval_batch_size: 64,
            gradient_checkpointing: false,
            cache: None,
            layer_drop: 0,
            seed: 0,
        }
    }
}

impl TrainOptions {
    /// The options as text: two runs with the same text, data and model are the same run.
    #[must_use]
    pub fn describe(&self) -> String {
        format!("{self:?}")
    }

    /// What decides which epoch is best.
    pub(crate) fn criterion(&self) -> Criterion {
        Criterion::of(self.metric.as_deref())
    }

    /// Where the draws of a run come from.
    pub(crate) fn run_seed(&self) -> Seed {
        Seed::new(self.seed).named("run")
    }

    /// How many of the lowest layers are without adapters in a step.
    pub(crate) fn left_out(&self, step: usize) -> usize {
        let draw = self.run_seed().named("layer drop").at(step as u64).unit(0);
        ((draw * (self.layer_drop + 1) as f64) as usize).min(self.layer_drop)
    }

    /// Checks that the options do not contradict themselves; the error says which do.
    pub(crate) fn check(&self) -> Result<(), String> {
        let positive = [
            ("epochs", self.epochs),
            ("batch size", self.batch_size),
            ("accumulate", self.accumulate),
            ("evaluation batch size", self.eval_batch_size),
        ];
        if let Some((name, _)) = positive.into_iter().find(|(_, n)| *n == 0) {
            return Err(format!("{name} is 0, but must be at least 1"));
        }
        if self.accumulate > self.batch_size {
            return Err(format!("a batch of {} cannot be cut into {} parts", self.batch_size, self.accumulate));
        }
        if self.layer_drop > 0 && self.cache.is_some() {
            return Err("layer drop leaves adapters out of other layers in each step, so their outputs for an example cannot be \
                        kept: choose layer drop or the cache"
                .into());
        }
        let rates = [
            ("learning rate", Some(self.learning_rate)),
            ("head learning rate", self.head_learning_rate),
            ("learning rate of what is thawed", self.thaw_learning_rate),
            ("clipping norm", self.clip),
        ];
        match rates.into_iter().find(|(_, rate)| rate.is_some_and(|r| !(r.is_finite() && r > 0.0))) {
            Some((name, rate)) => Err(format!("{name} is {}, but must be a positive number", rate.unwrap_or_default())),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_depth_is_equally_likely_and_known_by_its_step() {
        let options = TrainOptions { layer_drop: 3, seed: 9, ..TrainOptions::default() };
        let mut counts = [0; 4];
        (0..6000).for_each(|step| counts[options.left_out(step)] += 1);
        // Five standard deviations of a binomial count: 5 √(6000 · 1/4 · 3/4) = 168.
        assert!(counts.iter().all(|count| (1332..=1668).contains(count)), "{counts:?}");
        assert_eq!(options.left_out(17), options.clone().left_out(17));
        let other = TrainOptions { seed: 10, ..options.clone() };
        assert!((0..20).any(|step| options.left_out(step) != other.left_out(step)));
        assert!((0..20).all(|step| TrainOptions::default().left_out(step) == 0));
    }
}
