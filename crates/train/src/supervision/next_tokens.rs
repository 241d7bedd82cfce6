//! The tokens that come next.

use super::contract::Supervision;
use crate::data::ExampleBatch;
use crate::example::Target;
use crate::metrics::Metrics;
use adaptune_adapters::Objective;
use adaptune_adapters::objective::CausalLanguage;
use adaptune_tensor::Scalar;
use ndarray::{Array2, ArrayView2};

/// Each token that counts from those before it in its sequence: cross-entropy and perplexity.
#[derive(Clone, Copy, Debug)]
pub struct NextTokens;

impl<S: Scalar> Supervision<S> for NextTokens {
    fn name(&self) -> String {
        "causal language".into()
    }

    fn objective(&self, batch: &ExampleBatch<'_>) -> Box<dyn Objective<S>> {
        let (mut places, mut tokens, mut first) = (Vec::new(), Vec::new(), 0);
        for example in &batch.examples {
            let Target::Next(counts) = &example.target else { continue };
            let mut counts = counts.iter();
            for sequence in &example.sequences {
                for (place, (token, counts)) in sequence.token_ids.iter().zip(&mut counts).enumerate() {
                    // The first token of a sequence has none before it.
                    if *counts && place > 0 {
                        places.push(first + place - 1);
                        tokens.push(*token);
                    }
                }
                first += sequence.token_ids.len();
            }
        }
        Box::new(CausalLanguage { places, tokens })
    }

    fn metrics(&self, _: &ExampleBatch<'_>, _: ArrayView2<'_, S>, loss: f64, _: &[String]) -> Metrics {
        Metrics::next_tokens(loss)
    }

    /// They are over the whole vocabulary.
    fn keeps_logits(&self) -> bool {
        false
    }

    /// The loss says all that is scored, `[N, V]` to `[N, 0]`.
    fn condensed(&self, logits: Array2<S>) -> Array2<S> {
        Array2::zeros((logits.nrows(), 0))
    }
}
