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
#[derive(Clone, Debug)]
pub struct LabelSets {
    /// The logit above which a label holds.
    least: f64,
    /// The same of labels that have their own.
    own: Vec<(usize, f64)>,
}

impl LabelSets {
    /// Labels hold with a probability above a half.
    pub const HALF: Self = Self { least: 0.0, own: Vec::new() };

    /// Labels hold with a probability above this threshold, for scores alone; what is learnt does not depend on it.
    #[must_use]
    pub fn above(threshold: f64) -> Self {
        Self { least: logit(threshold), own: Vec::new() }
    }

    /// The same with another threshold for one label.
    #[must_use]
    pub fn with(mut self, label: usize, threshold: f64) -> Self {
        self.own.retain(|(other, _)| *other != label);
        self.own.push((label, logit(threshold)));
        self
    }

    /// The logit above which a label holds.
    fn least_of(&self, label: usize) -> f64 {
        self.own.iter().find(|(other, _)| *other == label).map_or(self.least, |(_, least)| *least)
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
                let pairs = truths.iter().zip(row).enumerate();
                pairs.map(|(label, (truth, logit))| holds(*truth, logit.to_f64(), self.least_of(label))).collect()
            })
            .collect();
        Metrics::multi_label(&expected, &predicted)
    }
}

/// The logit of a probability.
fn logit(probability: f64) -> f64 {
    (probability / (1.0 - probability)).ln()
}

/// True of a logit that is high enough. One that is NaN is no prediction, and never the right one.
fn holds(truth: bool, logit: f64, least: f64) -> bool {
    if logit.is_nan() { !truth } else { logit > least }
}

fn targets(batch: &ExampleBatch<'_>) -> Vec<Vec<bool>> {
    let truths = |target: &Target| if let Target::Labels(truths) = target { Some(truths.clone()) } else { None };
    batch.examples.iter().filter_map(|example| truths(&example.target)).collect()
}
