//! A label of a tree for each sequence.

use super::contract::Supervision;
use crate::data::ExampleBatch;
use crate::example::Target;
use crate::metrics::Metrics;
use adaptune_adapters::objective::Hierarchical;
use adaptune_adapters::{LabelTree, Objective};
use adaptune_tensor::Scalar;
use ndarray::{ArrayView1, ArrayView2};
use std::sync::Arc;

/// A label of a tree for each sequence: the probability of its path; accuracy of every level. The most probable leaf is predicted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Paths;

impl<S: Scalar> Supervision<S> for Paths {
    fn name(&self) -> String {
        "hierarchical".into()
    }

    fn objective(&self, batch: &ExampleBatch<'_>) -> Box<dyn Objective<S>> {
        let (tree, labels) = targets(batch);
        Box::new(Hierarchical { tree, labels })
    }

    fn metrics(&self, all: &ExampleBatch<'_>, logits: ArrayView2<'_, S>, _: f64, _: &[String]) -> Metrics {
        let (tree, labels) = targets(all);
        let predicted = |row: ArrayView1<'_, S>| match row.iter().any(|logit| logit.to_f64().is_nan()) {
            // What is no prediction is the path of no label.
            true => Vec::new(),
            false => tree.path(tree.most_probable(row)),
        };
        let expected: Vec<Vec<usize>> = labels.iter().map(|label| tree.path(*label)).collect();
        let predicted: Vec<Vec<usize>> = logits.rows().into_iter().map(predicted).collect();
        Metrics::paths(&expected, &predicted)
    }
}

/// The tree of all targets, and the label of each.
fn targets(batch: &ExampleBatch<'_>) -> (Arc<LabelTree>, Vec<usize>) {
    let mut found: (Arc<LabelTree>, Vec<usize>) = Default::default();
    for example in &batch.examples {
        if let Target::Node { tree, label } = &example.target {
            found.0 = Arc::clone(tree);
            found.1.push(*label);
        }
    }
    found
}
