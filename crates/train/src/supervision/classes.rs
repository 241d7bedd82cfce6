//! A class for each sequence.

use super::argmax::classes;
use super::contract::Supervision;
use super::threshold::ClassThreshold;
use crate::data::ExampleBatch;
use crate::example::Target;
use crate::metrics::Metrics;
use adaptune_adapters::Objective;
use adaptune_adapters::objective::Classification;
use adaptune_tensor::Scalar;
use ndarray::{ArrayView1, ArrayView2};

/// A class for each sequence: cross-entropy, accuracy and what goes with it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Classes {
    threshold: Option<ClassThreshold>,
}

impl Classes {
    /// The most probable class is predicted.
    pub const MOST_PROBABLE: Self = Self { threshold: None };

    /// One class is predicted above a threshold, for scores alone; what is learnt does not depend on it.
    #[must_use]
    pub fn above(threshold: ClassThreshold) -> Self {
        Self { threshold: Some(threshold) }
    }
}

impl<S: Scalar> Supervision<S> for Classes {
    fn name(&self) -> String {
        "classification".into()
    }

    fn objective(&self, batch: &ExampleBatch<'_>) -> Box<dyn Objective<S>> {
        Box::new(Classification(targets(batch)))
    }

    fn metrics(&self, all: &ExampleBatch<'_>, logits: ArrayView2<'_, S>, _: f64, _: &[String]) -> Metrics {
        let chosen = |(row, class): (ArrayView1<'_, S>, Option<usize>)| match (class, self.threshold) {
            // What is no prediction is a class of its own, and never the right one.
            (None, _) => usize::MAX,
            (Some(class), None) => class,
            (Some(_), Some(threshold)) => threshold.predicted(row),
        };
        let predicted: Vec<usize> = logits.rows().into_iter().zip(classes(logits)).map(chosen).collect();
        Metrics::classification(&targets(all), &predicted)
    }
}

fn targets(batch: &ExampleBatch<'_>) -> Vec<usize> {
    batch.examples.iter().filter_map(|e| if let Target::Class(class) = e.target { Some(class) } else { None }).collect()
}
