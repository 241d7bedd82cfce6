//! The span of a context that answers a question.

use super::contract::Supervision;
use crate::answer::{AnswerWindow, answers};
use crate::data::ExampleBatch;
use crate::metrics::Metrics;
use adaptune_adapters::Objective;
use adaptune_adapters::objective::Spans;
use adaptune_tensor::Scalar;
use ndarray::ArrayView2;

/// The span of a context that answers a question: cross-entropy of its ends in every window, and SQuAD's scores of the best answer over
/// the windows of each question. Where some question of a data set has no answer, none is what may be found.
#[derive(Clone, Copy, Debug)]
pub struct Answers;

impl<S: Scalar> Supervision<S> for Answers {
    fn name(&self) -> String {
        "question answering".into()
    }

    fn objective(&self, batch: &ExampleBatch<'_>) -> Box<dyn Objective<S>> {
        let (lengths, spans) = windows(batch).iter().map(|window| (window.bytes.len(), window.span)).unzip();
        Box::new(Spans { lengths, spans })
    }

    fn metrics(&self, all: &ExampleBatch<'_>, logits: ArrayView2<'_, S>, _: f64, _: &[String]) -> Metrics {
        let windows = windows(all);
        let may_be_none = windows.iter().any(|window| window.question.answers.is_empty());
        let found = answers(&windows, logits, may_be_none);
        let pairs: Vec<(&[String], &str)> =
            found.iter().map(|(question, answer)| (&question.answers[..], answer.text(question))).collect();
        Metrics::answers(&pairs)
    }
}

fn windows<'b>(batch: &'b ExampleBatch<'_>) -> Vec<&'b AnswerWindow> {
    batch.examples.iter().filter_map(|example| example.target.window()).collect()
}
