//! Prompt tuning (Lester, Al-Rfou and Constant, 2021): trainable tokens among those of every sequence.
//!
//! For a prompt of `P` tokens `E: [P, D]` and a sequence `x: [n, D]` as the embeddings give it, after their norm:
//!
//! ```text
//! y = [E ; x]                          or [x_0 ; E ; x_1 …] behind the first token        [P + n, D]
//! ```
//!
//! The sequence is longer from here on: its tokens attend to the prompt, and the prompt's tokens attend to them and to each
//! other. Positions of the text stay as they are. The layout remembers where the text lies
//! ([`Layout::text`](adaptune_tensor::Layout::text)), so tags and hidden words are predicted there alone. A head that reads
//! one token for each sequence reads the first one. That is the prompt's own if the prompt comes first: so it is in the
//! Python libraries, and a prompt that was trained to be read there must be read there.
//!
//! # Gradients
//!
//! Every sequence has the same prompt: `d_E = Σ_s` the prompt's rows of `d_y`, and `d_x` the other rows.

mod config;

pub use config::{Combine, PromptConfig, PromptInit};

use crate::modules::Module;
use crate::splice;
use adaptune_tensor::{AnyParameter, Kind, Parameter, Scalar, Seed, parameters};
use adaptune_transformer::{SequenceBackward, SequenceInput, SequenceModule, SequenceOutput};
use ndarray::{Array2, ArrayView2, Ix2};

/// The prompt: a module behind the embeddings.
#[derive(Clone, Debug)]
pub struct PromptTuning<S> {
    /// `E`, `[P, D]`.
    embedding: Parameter<S, Ix2>,
    combine: Combine,
}

parameters!(PromptTuning { "embedding" => embedding });

impl<S: Scalar> PromptTuning<S> {
    /// A prompt of random numbers, uniform in ±0.5.
    #[must_use]
    pub fn new(config: &PromptConfig, hidden: usize, seed: Seed) -> Self {
        let draw = |(i, j): (usize, usize)| S::from_f64(seed.unit((i * hidden + j) as u64) - 0.5);
        let embedding = Array2::from_shape_fn((config.prompt_length, hidden), draw);
        Self { embedding: Parameter::new(Kind::Weight, embedding), combine: config.combine }
    }

    /// Before which token of a sequence it stands, and how many rows it has.
    fn place(&self) -> (usize, usize) {
        let at = match self.combine {
            Combine::First => 0,
            Combine::AfterFirst => 1,
        };
        (at, self.embedding.view().nrows())
    }
}

impl<S: Scalar> SequenceModule<S> for PromptTuning<S> {
    fn forward<'a>(&'a self, input: SequenceInput<S>) -> SequenceOutput<'a, S> {
        let SequenceInput { tokens: x, layout, pass, wants_tokens, .. } = input;
        let (at, rows) = self.place();
        let tokens =
            splice::insert(x.view(), &layout, (at, rows), |_, mut prompt| prompt.assign(&self.embedding.view()));
        let longer = layout.insert(at, rows);
        let keep = pass.gradients() && (self.embedding.trains() || wants_tokens);
        let backward = keep.then(|| -> SequenceBackward<'a, S> {
            Box::new(move |d_y, gradients| {
                let mut d_embedding = Array2::zeros(self.embedding.view().dim());
                let d_x = splice::remove(d_y.view(), &layout, (at, rows), |_, d| d_embedding += &d);
                gradients.add(&self.embedding, d_embedding);
                wants_tokens.then_some(d_x)
            })
        });
        SequenceOutput { tokens, layout: longer, backward }
    }
}

impl<S: Scalar> Module<S> for PromptTuning<S> {
    fn sequence(&self) -> Option<&dyn SequenceModule<S>> {
        Some(self)
    }
    fn begin_as(&mut self, rows: ArrayView2<'_, S>) {
        let (n, width) = (rows.nrows(), rows.ncols());
        for (i, v) in self.embedding.values_mut().iter_mut().enumerate() {
            *v = rows[[i / width % n, i % width]];
        }
    }
}
