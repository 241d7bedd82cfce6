//! Prompt tuning (Lester, Al-Rfou and Constant, 2021): trainable tokens among those of every sequence.
//!
//! For a prompt of `P` tokens `E: [P, D]` and a sequence `x: [n, D]` as the embeddings give it, after their norm:
//!
//! ```text
//! y = [E ; x]                          or [x_0 ; E ; x_1 …] behind the first token        [P + n, D]
//! y = [m ∘ norm(E + P[0..P] + T[0]) ; x]    as tokens like others, m the embeddings' dropout for each sequence
//! ```
//!
//! The sequence is longer from here on: its tokens attend to the prompt, and the prompt's tokens attend to them and to each
//! other. The layout remembers where the text lies
//! ([`Layout::text`](adaptune_tensor::Layout::text)), so tags and hidden words are predicted there alone. A head that reads
//! one token for each sequence reads the first one. That is the prompt's own if the prompt comes first: so it is in the
//! Python libraries, and a prompt that was trained to be read there must be read there.
//!
//! The two Python libraries compute different functions of the same numbers. In AdapterHub the prompt comes behind the
//! embeddings' norm, and positions of the text stay as they are. In PEFT it takes the place of token embeddings
//! ([`Combine::AsTokens`]): it has positions and a token type, goes through the norm, and the text's positions begin at `P`.
//!
//! # Gradients
//!
//! Every sequence has the same prompt: `d_E = Σ_s` the prompt's rows of `d_y`, through the norm if it went through it, and
//! `d_x` the other rows.

use super::config::{Combine, PromptConfig};
use crate::core::module::Module;
use crate::core::splice;
use adaptune_tensor::{AnyParameter, Dropout, Kind, Parameter, Scalar, Seed, parameters};
use adaptune_transformer::{
    Base, EmbeddedRows, Properties, SequenceBackward, SequenceInput, SequenceModule, SequenceOutput, SequencePoint,
};
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
            Combine::First | Combine::AsTokens => 0,
            Combine::AfterFirst => 1,
        };
        (at, self.embedding.view().nrows())
    }
}

impl<S: Scalar> PromptTuning<S> {
    /// The prompt as it stands in front of a text, `[P, D]`, and what backward needs if it went through the embeddings.
    fn rows<'a>(&self, base: Base<'a, S>, keep: bool) -> (Array2<S>, Option<EmbeddedRows<'a, S>>) {
        let rows = self.embedding.view().to_owned();
        match self.combine {
            Combine::AsTokens => base.embed(rows, keep),
            Combine::First | Combine::AfterFirst => (rows, None),
        }
    }
}

impl<S: Scalar> SequenceModule<S> for PromptTuning<S> {
    fn forward<'a>(&'a self, input: SequenceInput<'a, S>) -> SequenceOutput<'a, S> {
        let SequenceInput { base, tokens: x, layout, pass, wants_tokens, .. } = input;
        let (at, count) = self.place();
        let keep = pass.gradients() && (self.embedding.trains() || wants_tokens);
        let (rows, embedded) = self.rows(base, keep);
        let dropout = pass.dropout(base.config().hidden_dropout).filter(|_| self.combine == Combine::AsTokens);
        let tokens = splice::insert(x.view(), &layout, (at, count), |sequence, mut prompt| {
            prompt.assign(&dropped(rows.view(), dropout, sequence));
        });
        let longer = layout.insert(at, count);
        let backward = keep.then(|| -> SequenceBackward<'a, S> {
            Box::new(move |d_y, gradients| {
                let mut d_rows = Array2::zeros(self.embedding.view().dim());
                let d_x = splice::remove(d_y.view(), &layout, (at, count), |sequence, d| {
                    d_rows += &dropped(d, dropout, sequence);
                });
                let d_embedding = match embedded {
                    Some(embedded) => embedded.backward(d_rows, gradients),
                    None => d_rows,
                };
                gradients.add(&self.embedding, d_embedding);
                wants_tokens.then_some(d_x)
            })
        });
        SequenceOutput { tokens, layout: longer, backward }
    }

    /// A prompt lengthens the sequence, by tokens that depend on no others.
    fn properties(&self, _: SequencePoint) -> Properties {
        Properties { token_wise: false, causal: true, may_be_followed: true, needs_plain_weight: false }
    }
}

/// Rows as a sequence sees them: each has a dropout mask of its own. Given the gradient of that it gives theirs.
fn dropped<S: Scalar>(rows: ArrayView2<'_, S>, dropout: Option<Dropout>, sequence: usize) -> Array2<S> {
    let mut rows = rows.to_owned();
    dropout.into_iter().for_each(|dropout| dropout.at(sequence as u64).apply(&mut rows));
    rows
}

impl<S: Scalar> Module<S> for PromptTuning<S> {
    fn sequence(&self) -> Option<&dyn SequenceModule<S>> {
        Some(self)
    }
    fn position_shift(&self) -> usize {
        if self.combine == Combine::AsTokens { self.embedding.view().nrows() } else { 0 }
    }
    fn begin_as(&mut self, rows: ArrayView2<'_, S>) {
        let (n, width) = (rows.nrows(), rows.ncols());
        for (i, v) in self.embedding.values_mut().iter_mut().enumerate() {
            *v = rows[[i / width % n, i % width]];
        }
    }
}
