//! `adaptune predict`.

mod answered;
mod predictor;
mod record;
mod writer;

use super::args::PredictArgs;
use super::misused::misuse;
use super::output;
use super::report::{counted, note, notes};
use adaptune_text::{Prediction, Row, Table, TextError};
use anyhow::{Context, Result};
use predictor::Predictor;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use writer::Writer;

/// Predicts and writes a record for each text, in the order of the input.
pub(crate) fn run(args: &PredictArgs) -> Result<()> {
    args.out.as_deref().map_or(Ok(()), |out| output::check(out, &args.input, args.overwrite))?;
    if args.table.names_labels() {
        misuse!(
            "--label-names says what numbers in labelled data stand for; predictions have the names of training: leave it away"
        );
    }
    let predictor = Predictor::open(args)?;
    let table = Table::read_texts(&args.input, &predictor.table_options(&args.table))?;
    let table = predictor.checked(table)?;
    notes(&table.name, &table.notes);
    let writer = Writer::new(args, &table, predictor.heads(args.probabilities), predictor.decimal_comma())?;
    match &args.out {
        Some(out) => to_file(args, out, &predictor, &table, &writer)?,
        None => to_stream(args, &predictor, &table, &writer, &mut BufWriter::new(io::stdout().lock()))?,
    }
    if let Some(altered) = writer.altered(&table) {
        note(format_args!("note: {}: {altered}", table.name));
    }
    if let Some(blank) = table.rows.iter().find(|row| row.text.is_blank()) {
        let count = table.rows.iter().filter(|row| row.text.is_blank()).count();
        note(format_args!(
            "note: {}: {count} of {} texts are blank (line {} first); they have no prediction",
            table.name,
            table.rows.len(),
            blank.line
        ));
    }
    Ok(())
}

/// Writes beside the file, and puts the whole in its place.
fn to_file(args: &PredictArgs, out: &Path, predictor: &Predictor, table: &Table, writer: &Writer<'_>) -> Result<()> {
    output::replace(out, |file| to_stream(args, predictor, table, writer, file))?;
    let blank = table.rows.iter().filter(|row| row.text.is_blank()).count();
    let predictions = counted(table.rows.len() - blank, "prediction");
    note(format_args!("{predictions} in {}", out.display()));
    Ok(())
}

fn to_stream(
    args: &PredictArgs,
    predictor: &Predictor,
    table: &Table,
    writer: &Writer<'_>,
    to: &mut impl Write,
) -> Result<()> {
    let bar = output::bar(args.out.is_some(), table.rows.len());
    writer.begin(to)?;
    let mut failed = None;
    let take = |row: &Row, predictions: &[Prediction]| {
        bar.inc(1);
        let written = writer.record(to, row, predictions);
        written.map_err(|error| {
            failed = Some(error);
            TextError::Stopped
        })
    };
    let ended = predictor.predict_rows(table, args.model.batch_size(), take);
    bar.finish_and_clear();
    if let Some(error) = failed {
        return Err(error.into());
    }
    notes(&table.name, &ended?);
    to.flush().context("cannot write the predictions")
}
