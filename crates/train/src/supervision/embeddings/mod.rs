//! Texts whose vectors are compared.

mod loss;

pub use loss::EmbeddingLoss;

use super::contract::Supervision;
use crate::data::ExampleBatch;
use crate::example::{Example, Sequence, Target};
use crate::metrics::{Metrics, Neighbours};
use adaptune_adapters::Objective;
use adaptune_adapters::objective::{CoSent, CosineSimilarity, Matryoshka, MultipleNegatives, Triplets, UnitRows};
use adaptune_tensor::Scalar;
use ndarray::ArrayView2;
use std::collections::HashMap;

/// Texts whose vectors are compared, by one of the losses of sentence embeddings.
///
/// Scored pairs ([`Target::Value`]) are scored by the correlations of cosines with scores, texts that belong together
/// ([`Target::Related`]) by how many anchors find their positive among all other texts of the data set.
#[derive(Clone, Debug, PartialEq)]
pub struct Embeddings {
    /// The loss; without one CoSENT for scored pairs, and multiple negatives for others.
    pub loss: Option<EmbeddingLoss>,
    /// How many of the first numbers of a vector are compared too, each below its size: see [`Matryoshka`].
    pub beginnings: Vec<usize>,
}

impl Embeddings {
    /// The usual loss, of whole vectors.
    pub const USUAL: Self = Self { loss: None, beginnings: Vec::new() };

    /// The loss for targets of this kind.
    fn loss_for(&self, scored: bool) -> EmbeddingLoss {
        let [related, scores, ..] = EmbeddingLoss::ALL;
        self.loss.unwrap_or(if scored { scores } else { related })
    }

    fn of_loss<S: Scalar>(&self, batch: &ExampleBatch<'_>) -> Box<dyn Objective<S>> {
        let scored = batch.examples.iter().any(|example| score(example).is_some());
        // What is no example of the loss has no sequences, or no number: its check says so.
        let sizes = || {
            batch
                .examples
                .iter()
                .map(|example| if score(example).is_some() { 0 } else { example.sequences.len() })
                .collect()
        };
        let scores = || batch.examples.iter().map(|example| score(example).unwrap_or(f64::NAN)).collect();
        match self.loss_for(scored) {
            EmbeddingLoss::MultipleNegatives { scale, symmetric } => {
                Box::new(MultipleNegatives { sizes: sizes(), texts: texts(batch), scale, symmetric })
            }
            EmbeddingLoss::CoSent { scale } => Box::new(CoSent { scores: scores(), scale }),
            EmbeddingLoss::Cosine => Box::new(CosineSimilarity(scores())),
            EmbeddingLoss::Triplet { margin, distance } => Box::new(Triplets { sizes: sizes(), margin, distance }),
        }
    }
}

impl<S: Scalar> Supervision<S> for Embeddings {
    fn name(&self) -> String {
        let loss = self.loss.map_or("the usual loss".to_owned(), |loss| loss.to_string());
        format!("embeddings by {loss}, beginnings {:?}", self.beginnings)
    }

    fn objective(&self, batch: &ExampleBatch<'_>) -> Box<dyn Objective<S>> {
        let objective = self.of_loss(batch);
        match &self.beginnings[..] {
            [] => objective,
            beginnings => Box::new(Matryoshka { objective, sizes: [&[usize::MAX], beginnings].concat() }),
        }
    }

    fn metrics(&self, all: &ExampleBatch<'_>, vectors: ArrayView2<'_, S>, _: f64, _: &[String]) -> Metrics {
        let unit = UnitRows::of(vectors).unit;
        let scores: Option<Vec<f64>> = all.examples.iter().map(|example| score(example)).collect();
        if let Some(scores) = scores {
            let cosine = |i: usize| unit.row(2 * i).dot(&unit.row(2 * i + 1)).to_f64();
            return Metrics::similarity(&scores, &(0..scores.len()).map(cosine).collect::<Vec<_>>());
        }
        let sizes: Vec<usize> = all.examples.iter().map(|example| example.sequences.len()).collect();
        Metrics::places(&Neighbours { sizes: &sizes, texts: &texts(all), unit: unit.view() }.places())
    }

    /// The loss of a batch depends on what is in it, so that of a data set is the mean over batches.
    fn keeps_logits(&self) -> bool {
        false
    }
}

/// The score of a pair.
fn score(example: &Example) -> Option<f64> {
    if let Target::Value(score) = example.target { Some(score) } else { None }
}

/// A number for each sequence of a batch, the same for the same tokens.
fn texts(batch: &ExampleBatch<'_>) -> Vec<usize> {
    let mut known: HashMap<&Sequence, usize> = HashMap::new();
    let sequences = batch.examples.iter().flat_map(|example| &example.sequences);
    sequences
        .map(|sequence| {
            let next = known.len();
            *known.entry(sequence).or_insert(next)
        })
        .collect()
}
