//! A class for each sequence.

use super::argmax::classes;
use super::contract::Supervision;
use crate::data::ExampleBatch;
use crate::example::Target;
use crate::metrics::Metrics;
use adaptune_adapters::Objective;
use adaptune_adapters::objective::Classification;
use adaptune_tensor::Scalar;
use ndarray::ArrayView2;

/// A class for each sequence: cross-entropy, accuracy and what goes with it.
#[derive(Clone, Copy, Debug)]
pub struct Classes;

impl<S: Scalar> Supervision<S> for Classes {
    fn name(&self) -> String {
        "classification".into()
    }

    fn objective(&self, batch: &ExampleBatch<'_>) -> Box<dyn Objective<S>> {
        Box::new(Classification(targets(batch)))
    }

    fn metrics(&self, all: &ExampleBatch<'_>, logits: ArrayView2<'_, S>, _: f64, _: &[String]) -> Metrics {
        // What is no prediction is a class of its own, and never the right one.
        let predicted: Vec<usize> = classes(logits).into_iter().map(|class| class.unwrap_or(usize::MAX)).collect();
        Metrics::classification(&targets(all), &predicted)
    }
}

fn targets(batch: &ExampleBatch<'_>) -> Vec<usize> {
    batch.examples.iter().filter_map(|e| if let Target::Class(class) = e.target { Some(class) } else { None }).collect()
}
