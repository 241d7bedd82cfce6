//! From texts to vectors.

mod form;
mod pool;

pub use form::EmbeddingForm;

use crate::data::cut_note;
use crate::error::{Result, TextError};
use crate::sentence_transformers::{Step, TokenPooling};
use crate::table::{Row, Table, TableKind, Text};
use crate::tokenizer::{Encoded, Tokenizer};
use adaptune_adapters::Setup;
use adaptune_tensor::in_pool;
use adaptune_transformer::{Base, Batch, BatchError, Encoder, Pass, Selection, Thawed};
use ndarray::{Array2, ArrayView1, Axis, concatenate, s};
use pool::{normalized, pooled};
use std::sync::Arc;

/// A base, perhaps with adapters, that makes a vector of every text: a sentence embedding.
///
/// ```
/// use adaptune_text::{EmbeddingForm, TextModel, TokenPooling};
///
/// let model = TextModel::open("builtin")?; // or all-MiniLM-L6-v2, whose files say how it embeds
/// let form = EmbeddingForm::of(model.source())?.with_pooling(vec![TokenPooling::Mean]).with_normalization(true);
/// let embedder = model.embedder()?.with_form(form)?;
/// let vectors = embedder.embed(&["maria likes the warm soup", "the soup is warm", "no rain today"])?;
/// let cosine = |a: usize, b: usize| vectors.row(a).dot(&vectors.row(b));
/// assert!(cosine(0, 1) > cosine(0, 2));
/// assert_eq!(vectors.dim(), (3, embedder.size()));
/// # Ok::<(), adaptune_text::TextError>(())
/// ```
#[derive(Debug)]
pub struct Embedder {
    base: Arc<Encoder<f32>>,
    setup: Setup<f32>,
    thawed: Option<Thawed<f32>>,
    tokenizer: Tokenizer,
    form: EmbeddingForm,
}

impl Embedder {
    /// The most texts that [`Embedder::embed`] computes together.
    const BATCH: usize = 64;

    /// Puts a base and its tokenizer together.
    ///
    /// # Errors
    /// The form does not fit the base.
    pub fn new(base: Arc<Encoder<f32>>, tokenizer: Tokenizer, form: EmbeddingForm) -> Result<Self> {
        form.check(base.config().hidden)?;
        Ok(Self { base, setup: Setup::None, thawed: None, tokenizer, form })
    }

    /// The same with adapters in the base, and trainable copies of its tensors over it, as
    /// [`load_parts`](adaptune_adapters::format::load_parts) reads both. Heads have no part in embeddings.
    #[must_use]
    pub fn with_adapters(self, setup: Setup<f32>, thawed: Option<Thawed<f32>>) -> Self {
        Self { setup, thawed, ..self }
    }

    /// The same with another form.
    ///
    /// # Errors
    /// The form does not fit the base.
    pub fn with_form(self, form: EmbeddingForm) -> Result<Self> {
        form.check(self.base.config().hidden)?;
        Ok(Self { form, ..self })
    }

    /// What is made of the tokens of a text.
    #[must_use]
    pub fn form(&self) -> &EmbeddingForm {
        &self.form
    }

    /// The tokenizer.
    #[must_use]
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// How many numbers a vector has.
    #[must_use]
    pub fn size(&self) -> usize {
        self.form.size(self.base.config().hidden)
    }

    /// Returns the vector of each text, `[texts, size]`, in order. Ends of texts that are too long are left out.
    ///
    /// # Errors
    /// The tokenizer refuses a text or finds no token in it, or a vector is not finite; the message names the text, counted from 1.
    pub fn embed(&self, texts: &[impl AsRef<str>]) -> Result<Array2<f32>> {
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        let mut batches = vec![Array2::zeros((0, self.size()))];
        for (i, part) in texts.chunks(Self::BATCH).enumerate() {
            let at = |text: usize, message: String| TextError::line("texts", i * Self::BATCH + text + 1, message);
            batches.push(self.embed_some(part, at)?.0);
        }
        let views: Vec<_> = batches.iter().map(|batch| batch.view()).collect();
        concatenate(Axis(0), &views).map_err(|error| TextError::Model(error.to_string()))
    }

    /// Makes the vector of every row of a table, in order, and hands each to `take` with its row as soon as it is there; blank texts
    /// have none. `batch_size` texts are computed at a time. Returns notes: how many texts lost their ends.
    ///
    /// # Errors
    /// As [`Embedder::embed`], the table holds no [single texts](Embedder::check), or `take` fails.
    pub fn embed_rows(
        &self,
        table: &Table,
        batch_size: usize,
        mut take: impl FnMut(&Row, Option<ArrayView1<'_, f32>>) -> Result<()>,
    ) -> Result<Vec<String>> {
        Self::check(table)?;
        let mut cut = 0;
        for rows in table.rows.chunks(batch_size.max(1)) {
            let full: Vec<(&Row, &str)> = rows.iter().filter_map(|row| Some((row, row.text.single()?))).collect();
            let texts: Vec<&str> = full.iter().map(|(_, text)| *text).collect();
            let at = |text: usize, message: String| TextError::line(&table.name, full[text].0.line, message);
            let (vectors, truncated) = self.embed_some(&texts, at)?;
            let (mut found, none) = (vectors.rows().into_iter(), None);
            cut += truncated;
            for row in rows {
                take(row, if row.text.single().is_some() { found.next() } else { none })?;
            }
        }
        Ok(cut_note(cut, table.rows.len(), &self.tokenizer).into_iter().collect())
    }

    /// Checks that a table holds single texts.
    ///
    /// # Errors
    /// It holds pairs of texts, words or choices.
    pub fn check(table: &Table) -> Result<()> {
        match table.kind {
            TableKind::Single => Ok(()),
            kind => {
                let message =
                    format!("found {kind}, but a vector is made of one text: choose a column with --text-column");
                Err(TextError::table(&table.name, message))
            }
        }
    }

    /// The vectors of some texts, and how many of these lost their ends; `at` makes the error of one of them.
    fn embed_some(&self, texts: &[&str], at: impl Fn(usize, String) -> TextError) -> Result<(Array2<f32>, usize)> {
        if texts.is_empty() {
            return Ok((Array2::zeros((0, self.size())), 0));
        }
        let encode = |(i, text): (usize, &&str)| self.encode(text).map_err(|error| at(i, error.to_string()));
        let encoded = texts.iter().enumerate().map(encode).collect::<Result<Vec<Encoded>>>()?;
        let vectors = in_pool(|| self.vectors(&encoded))?;
        if let Some(text) = vectors.rows().into_iter().position(|row| row.iter().any(|value| !value.is_finite())) {
            let message = "its vector is not finite: a number of the base or the adapter is too large, or none";
            return Err(at(text, message.into()));
        }
        Ok((vectors, encoded.iter().filter(|encoded| encoded.truncated).count()))
    }

    fn encode(&self, text: &str) -> Result<Encoded> {
        let encoded = self.tokenizer.encode(&Text::Single(self.form.text(text)))?;
        if encoded.token_ids.is_empty() {
            let message = "the text yields no token; expected something that the tokenizer knows";
            return Err(TextError::Tokenizer(message.into()));
        }
        Ok(encoded)
    }

    /// From tokens to vectors, `[S, size]`.
    fn vectors(&self, encoded: &[Encoded]) -> Result<Array2<f32>> {
        let failed = |error: BatchError| TextError::Train(error.into());
        let batch = Batch::new(encoded.iter().map(|one| (&one.token_ids[..], &one.token_types[..]))).map_err(failed)?;
        let read = |selection: &Selection| -> Result<Array2<f32>> {
            let base = Base::new(&self.base, self.thawed.as_ref());
            Ok(base.read(&batch, &self.setup, Pass::evaluate(), selection).map_err(failed)?.hidden)
        };
        let mut x = match self.form.pooling[..] {
            [TokenPooling::First] => read(&Selection::First)?,
            [TokenPooling::Last] => read(&Selection::Last)?,
            ref poolings => pooled(poolings, read(&Selection::All)?.view(), batch.layout(), self.tokens_of_prompt()?),
        };
        // Beside other tokens the first one is still the first of what modules make of the text, as heads read it.
        if let (2.., Some(place)) = (self.form.pooling.len(), self.form.place_of_first()) {
            let first = read(&Selection::First)?;
            x.slice_mut(s![.., place * first.ncols()..(place + 1) * first.ncols()]).assign(&first);
        }
        for step in &self.form.steps {
            x = match step {
                Step::Dense(dense) => dense.forward(x.view()),
                Step::Normalize => normalized(x),
            };
        }
        Ok(x)
    }

    /// How many tokens at the beginning of every text are not pooled. A special token behind the prompt is none of them.
    fn tokens_of_prompt(&self) -> Result<usize> {
        if self.form.pools_prompt || self.form.prompt.is_empty() {
            return Ok(0);
        }
        let ids =
            |text: &str| Ok::<_, TextError>(self.tokenizer.encode(&Text::Single(self.form.text(text)))?.token_ids);
        let special = self.tokenizer.encode(&Text::Single(String::new()))?.token_ids;
        let prompt = ids("")?;
        let ends = prompt.last().is_some_and(|last| special.last() == Some(last));
        Ok(prompt.len() - usize::from(ends))
    }
}

#[cfg(test)]
mod tests;
