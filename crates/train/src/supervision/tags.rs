//! A class for each token.

use super::argmax::classes;
use super::contract::Supervision;
use crate::data::ExampleBatch;
use crate::example::Target;
use crate::metrics::Metrics;
use adaptune_adapters::Objective;
use adaptune_adapters::objective::Tagging;
use adaptune_tensor::Scalar;
use ndarray::ArrayView2;

/// A class for each token that counts: cross-entropy, and scores of spans or tokens.
#[derive(Clone, Copy, Debug)]
pub struct Tags;

impl<S: Scalar> Supervision<S> for Tags {
    fn name(&self) -> String {
        "tagging".into()
    }

    fn objective(&self, batch: &ExampleBatch<'_>) -> Box<dyn Objective<S>> {
        Box::new(Tagging(targets(batch).flatten().copied().collect()))
    }

    fn metrics(&self, all: &ExampleBatch<'_>, logits: ArrayView2<'_, S>, _: f64, labels: &[String]) -> Metrics {
        let (gold, predicted) = sentences(all, &classes(logits), labels);
        Metrics::tagging(labels, &gold, &predicted)
    }
}

/// The tags of each sequence.
fn targets<'b>(batch: &'b ExampleBatch<'_>) -> impl Iterator<Item = &'b Vec<Option<usize>>> {
    batch.examples.iter().filter_map(|e| if let Target::Tags(tags) = &e.target { Some(tags) } else { None })
}

type Sentences<'a> = Vec<Vec<&'a str>>;

/// Gold and predicted tags of each sequence, those that count. What is no prediction is an empty tag, which no label is.
fn sentences<'a>(
    all: &ExampleBatch<'_>,
    predicted: &[Option<usize>],
    labels: &'a [String],
) -> (Sentences<'a>, Sentences<'a>) {
    let (mut gold, mut found, mut first) = (Vec::new(), Vec::new(), 0);
    for tags in targets(all) {
        let counted = || tags.iter().enumerate().filter_map(|(i, tag)| Some((i, (*tag)?)));
        gold.push(counted().map(|(_, tag)| labels[tag].as_str()).collect());
        found.push(counted().map(|(i, _)| predicted[first + i].map_or("", |tag| labels[tag].as_str())).collect());
        first += tags.len();
    }
    (gold, found)
}
