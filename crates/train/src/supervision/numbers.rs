//! A number for each sequence.

use super::contract::Supervision;
use crate::data::ExampleBatch;
use crate::example::Target;
use crate::metrics::Metrics;
use adaptune_adapters::Objective;
use adaptune_adapters::objective::Regression;
use adaptune_tensor::Scalar;
use ndarray::ArrayView2;

/// A number for each sequence: squared error and correlations.
#[derive(Clone, Copy, Debug)]
pub struct Numbers;

impl<S: Scalar> Supervision<S> for Numbers {
    fn name(&self) -> String {
        "regression".into()
    }

    fn objective(&self, batch: &ExampleBatch<'_>) -> Box<dyn Objective<S>> {
        Box::new(Regression(targets(batch)))
    }

    fn metrics(&self, all: &ExampleBatch<'_>, logits: ArrayView2<'_, S>, _: f64, _: &[String]) -> Metrics {
        let predicted: Vec<f64> = logits.column(0).iter().map(|v| v.to_f64()).collect();
        Metrics::regression(&targets(all), &predicted)
    }
}

fn targets(batch: &ExampleBatch<'_>) -> Vec<f64> {
    batch.examples.iter().filter_map(|e| if let Target::Value(value) = e.target { Some(value) } else { None }).collect()
}
