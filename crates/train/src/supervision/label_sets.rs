//! Any number of labels for each sequence.

use super::contract::Supervision;
use crate::data::{ExampleBatch, Target};
use crate::metrics::Metrics;
use adaptune_adapters::Objective;
use adaptune_adapters::objective::MultiLabel;
use adaptune_tensor::Scalar;
use ndarray::ArrayView2;

/// Any number of labels for each sequence: binary cross-entropy, F1 and exact matches of those with a probability above a half.
#[derive(Clone, Copy, Debug)]
pub struct LabelSets;

impl<S: Scalar> Supervision<S> for LabelSets {
    fn name(&self) -> String {
        "multi-label".into()
    }

    fn objective(&self, batch: &ExampleBatch<'_>) -> Box<dyn Objective<S>> {
        Box::new(MultiLabel(targets(batch)))
    }

    fn metrics(&self, all: &ExampleBatch<'_>, logits: ArrayView2<'_, S>, _: f64, _: &[String]) -> Metrics {
        let expected = targets(all);
        assert_eq!(logits.nrows(), expected.len(), "each expected set has one prediction");
        let predicted: Vec<Vec<bool>> = expected
            .iter()
            .zip(logits.rows())
            .map(|(truths, row)| truths.iter().zip(row).map(|(truth, logit)| holds(*truth, *logit)).collect())
            .collect();
        Metrics::multi_label(&expected, &predicted)
    }
}

/// True of a logit above 0. One that is NaN is no prediction, and never the right one.
fn holds<S: Scalar>(truth: bool, logit: S) -> bool {
    if logit.to_f64().is_nan() { !truth } else { logit > S::zero() }
}

fn targets(batch: &ExampleBatch<'_>) -> Vec<Vec<bool>> {
    let truths = |target: &Target| if let Target::Labels(truths) = target { Some(truths.clone()) } else { None };
    batch.examples.iter().filter_map(|example| truths(&example.target)).collect()
}
