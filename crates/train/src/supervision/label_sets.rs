//! Any number of labels for each sequence.

use super::contract::Supervision;
use crate::data::ExampleBatch;
use crate::example::Target;
use crate::metrics::Metrics;
use adaptune_adapters::Objective;
use adaptune_adapters::objective::MultiLabel;
use adaptune_tensor::Scalar;
use ndarray::ArrayView2;

/// Any number of labels for each sequence: binary cross-entropy, F1 and exact matches of those with a probability above a
/// threshold, a half by default.
#[derive(Clone, Copy, Debug)]
pub struct LabelSets {
    /// The logit above which a label holds.
    least: f64,
}

impl LabelSets {
    /// Labels hold with a probability above a half.
    pub const HALF: Self = Self { least: 0.0 };

    /// Labels hold with a probability above this threshold, for scores alone; what is learnt does not depend on it.
    #[must_use]
    pub fn above(threshold: f64) -> Self {
        Self { least: (threshold / (1.0 - threshold)).ln() }
    }
}

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
            .map(|(truths, row)| {
                truths.iter().zip(row).map(|(truth, logit)| self.holds(*truth, logit.to_f64())).collect()
            })
            .collect();
        Metrics::multi_label(&expected, &predicted)
    }
}

impl LabelSets {
    /// True of a logit that is high enough. One that is NaN is no prediction, and never the right one.
    fn holds(&self, truth: bool, logit: f64) -> bool {
        if logit.is_nan() { !truth } else { logit > self.least }
    }
}

fn targets(batch: &ExampleBatch<'_>) -> Vec<Vec<bool>> {
    let truths = |target: &Target| if let Target::Labels(truths) = target { Some(truths.clone()) } else { None };
    batch.examples.iter().filter_map(|example| truths(&example.target)).collect()
}
