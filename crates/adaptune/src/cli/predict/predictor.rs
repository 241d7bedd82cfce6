//! What answers texts: one adapter with its head, or several.

use super::super::args::{AdapterArg, PredictArgs, TableArgs};
use super::super::loaded::{Loaded, table_options};
use super::super::parallel::open_parallel;
use super::answered::Answered;
use adaptune_text::{
    InputForm, ParallelPredictor, Prediction, Row, Table, TableKind, TableOptions, Text, TextError, TextPredictor,
};
use anyhow::Result;

/// One adapter with its head, or several.
pub(super) enum Predictor {
    One(Box<TextPredictor>),
    Several(ParallelPredictor),
}

/// The table with its texts as a column where it has none, so that they stay as they are when they are cut into words.
fn with_texts_kept(mut table: Table) -> Table {
    if !table.header.is_empty() || table.kind != TableKind::Single {
        return table;
    }
    table.header = vec![TEXT.to_owned()];
    table.columns.text = Some(TEXT.to_owned());
    for row in &mut table.rows {
        let text = if let Text::Single(text) = &row.text { text.as_str() } else { "" };
        row.fields = vec![text.into()];
    }
    table
}

/// What the column of texts is called where it has no name.
const TEXT: &str = "text";

impl Predictor {
    /// What `--adapter` names.
    pub(super) fn open(args: &PredictArgs) -> Result<Self> {
        let parts = args.model.adapter.as_ref().map(AdapterArg::parallel).transpose()?.flatten();
        Ok(match parts {
            Some(parts) => Self::Several(open_parallel(&args.model, &args.table, &parts)?),
            None => Self::One(Box::new(Loaded::open(&args.model, &args.table)?.predictor)),
        })
    }

    /// The forms of the texts in training, as far as they are known.
    fn inputs(&self) -> Vec<&InputForm> {
        match self {
            Self::One(predictor) => predictor.input().into_iter().collect(),
            Self::Several(predictor) => predictor.inputs().flatten().collect(),
        }
    }

    /// How a table is read: of several adapters by the columns of the first that says which.
    pub(super) fn table_options(&self, args: &TableArgs) -> TableOptions {
        table_options(self.inputs().first().copied(), args)
    }

    /// The table, in the form that the head reads; several heads have each their own.
    pub(super) fn checked(&self, table: Table) -> Result<Table> {
        let Self::One(predictor) = self else { return Ok(table) };
        predictor.input().map_or(Ok(()), |input| input.check(&table))?;
        let task = predictor.model().head().config().task;
        let tags = task.reads_every_token() && !task.predicts_a_span();
        let table = if tags { with_texts_kept(table) } else { table };
        Ok(predictor.for_head(table)?)
    }

    /// The heads, of several with the names of their adapters.
    pub(super) fn heads(&self, probabilities: bool) -> Vec<Answered<'_>> {
        match self {
            Self::One(predictor) => {
                let marked = predictor.input().is_some_and(|input| !input.label_columns.is_empty());
                vec![Answered { name: None, head: predictor.model().head().config(), probabilities, marked }]
            }
            Self::Several(predictor) => {
                let answered = |(name, head)| Answered { name: Some(name), head, probabilities, marked: false };
                predictor.heads().map(answered).collect()
            }
        }
    }

    /// True if numbers had a decimal comma in training.
    pub(super) fn decimal_comma(&self) -> bool {
        self.inputs().iter().any(|input| input.decimal_comma)
    }

    /// Hands the predictions of every row to `take`; returns notes.
    pub(super) fn predict_rows(
        &self,
        table: &Table,
        batch_size: usize,
        mut take: impl FnMut(&Row, &[Prediction]) -> Result<(), TextError>,
    ) -> Result<Vec<String>, TextError> {
        match self {
            Self::One(predictor) => predictor.predict_rows(table, batch_size, |row, one| take(row, &[one])),
            Self::Several(predictor) => predictor.predict_rows(table, batch_size, take),
        }
    }
}
