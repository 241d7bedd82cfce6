//! One of several sequences of each example.

use super::argmax::argmax;
use super::contract::Supervision;
use crate::data::ExampleBatch;
use crate::example::{Example, Target};
use crate::metrics::Metrics;
use adaptune_adapters::Objective;
use adaptune_adapters::objective::MultipleChoice;
use adaptune_tensor::Scalar;
use ndarray::{ArrayView1, ArrayView2, s};

/// One of several sequences of each example: cross-entropy over them, and how often the one with the largest logit is right.
#[derive(Clone, Copy, Debug)]
pub struct Choices;

impl<S: Scalar> Supervision<S> for Choices {
    fn name(&self) -> String {
        "multiple choice".into()
    }

    fn objective(&self, batch: &ExampleBatch<'_>) -> Box<dyn Objective<S>> {
        let (choices, right) = targets(batch).unzip();
        Box::new(MultipleChoice { choices, right })
    }

    fn metrics(&self, all: &ExampleBatch<'_>, logits: ArrayView2<'_, S>, _: f64, _: &[String]) -> Metrics {
        let (mut first, mut found) = (0, Vec::with_capacity(all.examples.len()));
        for (choices, right) in targets(all) {
            found.push((right, chosen(logits.slice(s![first..first + choices, 0]))));
            first += choices;
        }
        assert_eq!(logits.nrows(), first, "a logit for each choice");
        let right = found.iter().filter(|(right, chosen)| Some(*right) == *chosen).count();
        Metrics::choices(right, found.len())
    }
}

/// The choice with the largest logit, the first of equals; none if a logit is NaN, for that is no prediction.
fn chosen<S: Scalar>(logits: ArrayView1<'_, S>) -> Option<usize> {
    let is_nan = logits.iter().any(|logit| logit.to_f64().is_nan());
    (!is_nan).then(|| argmax(logits))
}

/// How many choices each example has, and which is right.
fn targets<'b>(batch: &'b ExampleBatch<'_>) -> impl Iterator<Item = (usize, usize)> + use<'b> {
    let of = |example: &&Example| match example.target {
        Target::Choice(right) => Some((example.sequences.len(), right)),
        _ => None,
    };
    batch.examples.iter().filter_map(of)
}
