//! The tokens that were hidden from the model.

use super::argmax::classes;
use super::contract::Supervision;
use crate::data::ExampleBatch;
use crate::metrics::Metrics;
use adaptune_adapters::Objective;
use adaptune_adapters::objective::MaskedLanguage;
use adaptune_tensor::Scalar;
use ndarray::{Array2, ArrayView2, Axis};

/// The tokens that a data set hides: cross-entropy, how many are found, and perplexity.
#[derive(Clone, Copy, Debug)]
pub struct HiddenTokens;

impl<S: Scalar> Supervision<S> for HiddenTokens {
    fn name(&self) -> String {
        "masked language".into()
    }

    fn objective(&self, batch: &ExampleBatch<'_>) -> Box<dyn Objective<S>> {
        Box::new(MaskedLanguage { places: batch.places.clone(), tokens: batch.tokens.clone() })
    }

    fn metrics(&self, all: &ExampleBatch<'_>, found: ArrayView2<'_, S>, loss: f64, _: &[String]) -> Metrics {
        let right = found.iter().zip(&all.tokens).filter(|(found, token)| found.to_f64() == **token as f64).count();
        Metrics::language(right, all.tokens.len(), loss)
    }

    /// They are over the whole vocabulary.
    fn keeps_logits(&self) -> bool {
        false
    }

    /// The token that is found at each place, `[N, V]` to `[N, 1]`, NaN where a logit is. Every number of a vocabulary is exact in
    /// `f32`.
    fn condensed(&self, logits: Array2<S>) -> Array2<S> {
        let found =
            classes(logits.view()).into_iter().map(|token| S::from_f64(token.map_or(f64::NAN, |token| token as f64)));
        ndarray::Array1::from_iter(found).insert_axis(Axis(1))
    }
}
