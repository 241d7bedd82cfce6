//! A base with an adapter and a head: from texts to labels.

mod prediction;
mod reader;

pub use prediction::{Prediction, WordTag};
pub(crate) use reader::Reader;

use crate::data::cut_note;
use crate::error::Result;
use crate::labels::Labels;
use crate::run_file::InputForm;
use crate::table::{Columns, Row, Table, TableKind};
use crate::tokenizer::Tokenizer;
use adaptune_adapters::{AdapterModel, format};
use adaptune_train::supervision::LabelSets;
use adaptune_train::{Evaluation, evaluate, evaluate_by, predict};
use std::borrow::Cow;
use std::path::Path;

/// A base with an adapter and a head, and the tokenizer for it.
#[derive(Debug)]
pub struct TextPredictor {
    model: AdapterModel<f32>,
    tokenizer: Tokenizer,
    /// The form of the texts in training, if it is known.
    input: Option<InputForm>,
    /// Above which probability a label holds, where any number of them may.
    threshold: f32,
}

impl TextPredictor {
    /// Puts a model and its tokenizer together; `input` is the form of the texts in training, if it is known.
    #[must_use]
    pub fn new(model: AdapterModel<f32>, tokenizer: Tokenizer, input: Option<InputForm>) -> Self {
        Self { model, tokenizer, input, threshold: 0.5 }
    }

    /// The same with another threshold than 0.5 for heads of which any number of labels hold: those whose probability is above
    /// it.
    #[must_use]
    pub fn with_threshold(self, threshold: f32) -> Self {
        Self { threshold, ..self }
    }

    /// The base with adapter and head.
    #[must_use]
    pub fn model(&self) -> &AdapterModel<f32> {
        &self.model
    }

    /// Model, tokenizer, form of the texts and threshold.
    pub(crate) fn into_parts(self) -> (AdapterModel<f32>, Tokenizer, Option<InputForm>, f32) {
        (self.model, self.tokenizer, self.input, self.threshold)
    }

    /// The base with adapter and head, to be [watched](AdapterModel::watch_mixing).
    pub fn model_mut(&mut self) -> &mut AdapterModel<f32> {
        &mut self.model
    }

    /// The tokenizer.
    #[must_use]
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The form of the texts in training, if it is known.
    #[must_use]
    pub fn input(&self) -> Option<&InputForm> {
        self.input.as_ref()
    }

    /// How its head has texts, and what its logits mean.
    fn reader(&self) -> Reader<'_> {
        let (head, input) = (self.model.head().config(), self.input.as_ref());
        Reader { head, tokenizer: &self.tokenizer, input, threshold: self.threshold }
    }

    /// Refuses texts in another form than in training.
    fn check(&self, table: &Table) -> Result<()> {
        self.reader().check(table)
    }

    /// Names of the classes or tags, in the order of the logits.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.model.head().config().labels
    }

    /// Predicts the label of each text, in order; blank texts have none.
    ///
    /// # Errors
    /// The tokenizer refuses a text, or the logits of one are not finite.
    pub fn predict(&self, texts: &[impl AsRef<str>]) -> Result<Vec<Prediction>> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let table = Table::of_texts(texts);
        self.check(&table)?;
        let table = table.for_task(self.model.head().config().task)?;
        let mut predictions = Vec::with_capacity(texts.len());
        self.predict_rows(&table, 64, |_, prediction| {
            predictions.push(prediction);
            Ok(())
        })?;
        Ok(predictions)
    }

    /// Predicts the label of every row of a table, in order, and hands each to `take` with its row as soon as it is there;
    /// `batch_size` texts are computed at a time. Returns notes: how many texts lost their ends.
    ///
    /// # Errors
    /// As [`TextPredictor::predict`], the table is not in the form that [the head reads](Table::for_task), or `take` fails.
    pub fn predict_rows(
        &self,
        table: &Table,
        batch_size: usize,
        mut take: impl FnMut(&Row, Prediction) -> Result<()>,
    ) -> Result<Vec<String>> {
        self.check(table)?;
        let mut cut = 0;
        for rows in table.rows.chunks(batch_size.max(1)) {
            let (found, truncated) = self.predict_some(table, rows, batch_size.max(1))?;
            let mut found = found.into_iter();
            cut += truncated;
            for row in rows {
                let prediction = if row.text.is_blank() { None } else { found.next() };
                take(row, prediction.unwrap_or(Prediction::Blank))?;
            }
        }
        let texts = table.rows.iter().map(|row| row.text.count()).sum();
        Ok(cut_note(cut, texts, &self.tokenizer).into_iter().collect())
    }

    /// The predictions of those rows that are not blank, and how many of them lost their ends.
    fn predict_some(&self, table: &Table, rows: &[Row], batch_size: usize) -> Result<(Vec<Prediction>, usize)> {
        let Some(full) = table.of_rows_with_text(rows) else { return Ok((Vec::new(), 0)) };
        let reader = self.reader();
        let tokens = reader.tokens(&full)?;
        let logits = predict(&self.model, &tokens.dataset, batch_size)?;
        Ok(reader.predictions(&full, &tokens, logits.view()))
    }

    /// Measures the model on a labelled table.
    ///
    /// # Errors
    /// A label is missing or unknown, the tokenizer refuses a text, or the table is not of the head's task or of the form of training.
    pub fn evaluate(&self, table: &Table) -> Result<Evaluation> {
        self.check(table)?;
        let head = self.model.head().config();
        let table = self.with_labels_of_head(table, &table.columns)?;
        let data = self.tokenizer.tokenize(&table, &Labels::of_head(head.task, &head.labels))?;
        if head.task.predicts_any_labels() {
            return Ok(evaluate_by(&self.model, &LabelSets::above(self.threshold.into()), &data.dataset, 64)?);
        }
        Ok(evaluate(&self.model, &data.dataset, 64)?)
    }

    /// Returns the table with labels as the head has them: where any number of them hold, lists, read as these
    /// columns say or as in training; where one of several choices is right, its number; where labels were numbers with a decimal
    /// comma, these.
    ///
    /// # Errors
    /// As [`Table::with_label_sets`], [`Table::with_numbered_choices`] and [`Table::with_decimal_commas`].
    pub fn with_labels_of_head<'t>(&self, table: &'t Table, columns: &Columns) -> Result<Cow<'t, Table>> {
        if table.kind == TableKind::Choices {
            let in_training = self.input.as_ref().and_then(|input| input.choice_labels);
            return table.clone().with_numbered_choices(columns.choice_labels.or(in_training)).map(Cow::Owned);
        }
        if self.model.head().config().task.predicts_any_labels() {
            if table.has_label_sets() {
                return Ok(Cow::Borrowed(table));
            }
            let in_training = self.input.as_ref().and_then(|input| input.label_separator);
            return table.clone().with_label_sets(columns.label_separator.or(in_training)).map(Cow::Owned);
        }
        match self.has_decimal_commas(table) {
            true => table.clone().with_decimal_commas(true).map(Cow::Owned),
            false => Ok(Cow::Borrowed(table)),
        }
    }

    /// True if labels were numbers with a decimal comma in training. Where it is not known how they were, numbers themselves say it.
    fn has_decimal_commas(&self, table: &Table) -> bool {
        let number = self.model.head().config().task.predicts_a_number();
        let by_itself = || number && Table::decimal_commas([table]);
        self.input.as_ref().map_or_else(by_itself, |input| input.decimal_comma)
    }

    /// Saves adapter and head as an AdapterHub directory. The base is not saved.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn save(&self, folder: impl AsRef<Path>) -> Result<()> {
        Ok(format::save(&self.model, folder.as_ref())?)
    }
}
