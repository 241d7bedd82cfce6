//! A base with an adapter and a head: from texts to labels.

mod prediction;
mod reader;

pub use prediction::{Entity, Prediction, WordTag};
pub(crate) use reader::Reader;

use crate::data::cut_note;
use crate::domains::Domains;
use crate::error::{Result, TextError};
use crate::input_form::InputForm;
use crate::labels::{Labels, canonical};
use crate::table::{Columns, Row, Table, TableKind};
use crate::thresholds::Thresholds;
use crate::tokenizer::Tokenizer;
use adaptune_adapters::{AdapterModel, format};
use adaptune_train::{Dataset, Evaluation, GroupRouter, predict};
use adaptune_transformer::Insertions;
use ndarray::{ArrayView1, ArrayView2};
use std::borrow::Cow;
use std::path::Path;

/// A base with an adapter and a head, and the tokenizer for it.
#[derive(Debug)]
pub struct TextPredictor {
    model: AdapterModel<f32>,
    tokenizer: Tokenizer,
    /// The form of the texts in training, if it is known.
    input: Option<InputForm>,
    thresholds: Thresholds,
    /// Where texts belong that name no domain of a tree.
    router: Option<GroupRouter>,
}

impl TextPredictor {
    /// Puts a model and its tokenizer together; `input` is the form of the texts in training, if it is known.
    #[must_use]
    pub fn new(model: AdapterModel<f32>, tokenizer: Tokenizer, input: Option<InputForm>) -> Self {
        Self { model, tokenizer, input, thresholds: Thresholds::default(), router: None }
    }

    /// The same with another threshold than 0.5 for heads of which any number of labels hold: those whose probability is above
    /// it.
    #[must_use]
    pub fn with_threshold(self, threshold: f32) -> Self {
        Self { thresholds: self.thresholds.with_all(threshold), ..self }
    }

    /// The same with a threshold for one class: it is predicted wherever its probability is above that, and the most probable
    /// of the others elsewhere. Where any number of labels hold, the threshold of one of them.
    ///
    /// # Errors
    /// The head has no such class, has no classes, or another of its classes has a threshold.
    pub fn with_threshold_of(self, label: &str, threshold: f32) -> Result<Self> {
        let head = self.model.head().config();
        let label = head.labels.iter().find(|known| canonical(known) == canonical(label)).map_or(label, String::as_str);
        let thresholds = self.thresholds.clone().with(head, label, threshold)?;
        Ok(Self { thresholds, ..self })
    }

    /// The same with what says where texts belong that name no domain of a [tree](adaptune_adapters::Tree) of adapters.
    #[must_use]
    pub fn with_router(self, router: Option<GroupRouter>) -> Self {
        Self { router, ..self }
    }

    /// The same with domains read from another column of tables.
    #[must_use]
    pub fn with_domain_column(mut self, column: &str) -> Self {
        if let Some(input) = &mut self.input {
            input.domains = input.domains.take().map(|domains| domains.in_column(column));
        }
        self
    }

    /// The examples of a table's rows with their places in the [tree](adaptune_adapters::Tree) of adapters, if the model has one: those that
    /// the table names, and of rows that name none those that are likely. Anything else it returns as it is.
    ///
    /// # Errors
    /// A row names a domain that is not in the tree, the rows are questions with windows, or a row names none and there is nothing
    /// that says where it belongs.
    pub fn in_domains(&self, data: Dataset, table: &Table) -> Result<Dataset> {
        let Some(groups) = self.model.setup().groups() else { return Ok(data) };
        let domains = self.input.as_ref().and_then(|input| input.domains.as_ref());
        let domains = domains.filter(|domains| domains.paths().len() == groups).ok_or_else(|| {
            TextError::Method(
                "the adapters are a tree, and run.json beside them does not say its domains; put it back".into(),
            )
        })?;
        let named = domains.groups(table)?;
        if named.len() != data.len() {
            return Err(TextError::table(&table.name, "questions have no place in a tree of adapters"));
        }
        let unnamed: Vec<usize> = (0..named.len()).filter(|row| named[*row].is_none()).collect();
        let mut likely = self.likely(domains, &data, table, &unnamed)?.into_iter();
        let groups = named.into_iter().map(|group| match group {
            Some(group) => vec![(group, 1.0)],
            None => likely.next().unwrap_or_default(),
        });
        let groups = groups.collect();
        data.with_groups(groups).map_err(|source| TextError::Data { file: table.name.clone(), source })
    }

    /// Where these rows are likely to belong.
    fn likely(
        &self,
        domains: &Domains,
        data: &Dataset,
        table: &Table,
        rows: &[usize],
    ) -> Result<Vec<Vec<(usize, f64)>>> {
        let Some(first) = rows.first() else { return Ok(Vec::new()) };
        let router = self.router.as_ref().ok_or_else(|| {
            let message = format!(
                "it names no domain in column {}, and there is no domains.safetensors beside the adapters, which says where texts are likely \
                 to belong",
                domains.column()
            );
            TextError::line(&table.name, table.rows[*first].line, message)
        })?;
        let data = data.select(rows).map_err(|source| TextError::Data { file: table.name.clone(), source })?;
        router.groups(self.model.base(), &data, 64).map_err(|error| TextError::Method(error.to_string()))
    }

    /// The base with adapter and head.
    #[must_use]
    pub fn model(&self) -> &AdapterModel<f32> {
        &self.model
    }

    /// Model, tokenizer, form of the texts and thresholds.
    pub(crate) fn into_parts(self) -> (AdapterModel<f32>, Tokenizer, Option<InputForm>, Thresholds) {
        (self.model, self.tokenizer, self.input, self.thresholds)
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
        Reader { head, tokenizer: &self.tokenizer, input, thresholds: &self.thresholds }
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

    /// Returns the table in the form that the head reads ([`Table::for_task`]), with words cut as in training.
    ///
    /// # Errors
    /// As [`Table::for_task`].
    pub fn for_head(&self, table: Table) -> Result<Table> {
        let reader = self.reader();
        table.for_task(reader.head.task, reader.has_punctuation_apart())
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
        let table = self.for_head(table)?;
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
        let (mut cut, mut untagged) = (0, 0);
        for rows in table.rows.chunks(batch_size.max(1)) {
            let (found, truncated) = self.predict_some(table, rows, batch_size.max(1))?;
            let mut found = found.into_iter();
            cut += truncated;
            for row in rows {
                let prediction = if row.text.is_blank() { None } else { found.next() };
                let prediction = prediction.unwrap_or(Prediction::Blank);
                untagged += prediction.words_without_tag();
                take(row, prediction)?;
            }
        }
        let texts = table.rows.iter().map(|row| row.text.count()).sum();
        let untagged = (untagged > 0).then(|| {
            format!("{untagged} words have no tag, for they were cut off or the tokenizer has no token for them; they are null, or `?`")
        });
        Ok(cut_note(cut, texts, &self.tokenizer).into_iter().chain(untagged).collect())
    }

    /// The predictions of those rows that are not blank, and how many of them lost their ends.
    fn predict_some(&self, table: &Table, rows: &[Row], batch_size: usize) -> Result<(Vec<Prediction>, usize)> {
        let Some(full) = table.of_rows_with_text(rows) else { return Ok((Vec::new(), 0)) };
        let reader = self.reader();
        let mut tokens = reader.tokens(&full)?;
        tokens.dataset = self.in_domains(tokens.dataset, &full)?;
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
        let data = self.in_domains(data.dataset, &table)?;
        let logits = predict(&self.model, &data, 64)?;
        self.evaluate_logits(&data, logits.view())
    }

    /// Loss and metrics of a data set, from [its logits](adaptune_train::predict), with what is predicted by the thresholds.
    ///
    /// # Errors
    /// The data set is not of the head's task, or the loss is not finite.
    pub fn evaluate_logits(&self, data: &Dataset, logits: ArrayView2<'_, f32>) -> Result<Evaluation> {
        self.thresholds.evaluate(&self.model, data, logits)
    }

    /// The class that logits, `[C]`, are for, by the thresholds.
    #[must_use]
    pub fn class_of(&self, logits: ArrayView1<'_, f32>) -> usize {
        self.thresholds.class(logits)
    }

    /// Above which probability a label, by its number, holds, where any number of them may.
    #[must_use]
    pub fn threshold(&self, label: usize) -> f32 {
        self.thresholds.of(label)
    }

    /// Returns the table with labels as the head has them: where any number of them hold, lists, read as these
    /// columns say or as in training; where one of several choices is right, its number; where labels were numbers with a decimal
    /// comma, these; where numbers stood for names, the names.
    ///
    /// # Errors
    /// As [`Table::with_label_sets`], [`Table::with_numbered_choices`], [`Table::with_decimal_commas`] and [`Table::with_label_names`].
    pub fn with_labels_of_head<'t>(&self, table: &'t Table, columns: &Columns) -> Result<Cow<'t, Table>> {
        let in_training = self.input.as_ref().map_or(&[][..], |input| &input.label_names);
        let table = self.with_kind_of_labels(table, columns)?;
        Ok(match &columns.label_names[..] {
            [] if in_training.is_empty() => table,
            [] => {
                let table = table.into_owned().with_label_names_of_training(in_training)?;
                Cow::Owned(table.with_numbers_for_names(in_training, self.labels()))
            }
            given => {
                let table = table.into_owned().with_label_names(given)?;
                Cow::Owned(table.with_numbers_for_names(given, self.labels()))
            }
        })
    }

    /// The table with lists, numbers of choices or numbers, as the head has them.
    fn with_kind_of_labels<'t>(&self, table: &'t Table, columns: &Columns) -> Result<Cow<'t, Table>> {
        if table.kind == TableKind::Choices {
            let in_training = self.input.as_ref().and_then(|input| input.choice_labels);
            return table.clone().with_numbered_choices(columns.choice_labels.or(in_training)).map(Cow::Owned);
        }
        if !columns.labels.is_empty() {
            return table.clone().with_label_columns(&columns.labels).map(Cow::Owned);
        }
        if self.model.head().config().task.predicts_any_labels() {
            if table.has_label_sets() {
                return Ok(Cow::Borrowed(table));
            }
            let in_training = self.input.as_ref().map_or(&[][..], |input| &input.label_columns);
            if columns.label.is_none() && table.has_columns(in_training) {
                return table.clone().with_label_columns(in_training).map(Cow::Owned);
            }
            let in_training = self.input.as_ref().and_then(|input| input.label_separator);
            return table.clone().with_label_sets(columns.label_separator.or(in_training)).map(Cow::Owned);
        }
        if table.has_label_sets() {
            return Ok(Cow::Owned(table.clone().with_single_labels()));
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
