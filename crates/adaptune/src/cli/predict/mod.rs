//! `adaptune predict`.

mod record;
mod writer;

use super::args::PredictArgs;
use super::loaded::Loaded;
use super::output;
use super::report::{counted, note, notes};
use adaptune_text::{Prediction, Row, Table, TextError};
use anyhow::{Context, Result};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use writer::Writer;

/// Predicts and writes a record for each text, in the order of the input.
pub(crate) fn run(args: &PredictArgs) -> Result<()> {
    args.out.as_deref().map_or(Ok(()), |out| output::check(out, &args.input, args.overwrite))?;
    let loaded = Loaded::open(&args.model, &args.table)?;
    let table = Table::read_texts(&args.input, &loaded.table_options(&args.table))?;
    if let Some(input) = loaded.predictor.input() {
        input.check(&table)?;
    }
    notes(&table.name, &table.notes);
    let head = loaded.predictor.model().head().config();
    let table = table.for_task(head.task)?;
    let decimal_comma = loaded.predictor.input().is_some_and(|input| input.decimal_comma);
    let writer = Writer::new(args, &table, head, decimal_comma)?;
    match &args.out {
        Some(out) => to_file(args, out, &loaded, &table, &writer)?,
        None => to_stream(args, &loaded, &table, &writer, &mut BufWriter::new(io::stdout().lock()))?,
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
fn to_file(args: &PredictArgs, out: &Path, loaded: &Loaded, table: &Table, writer: &Writer<'_>) -> Result<()> {
    output::replace(out, |file| to_stream(args, loaded, table, writer, file))?;
    let blank = table.rows.iter().filter(|row| row.text.is_blank()).count();
    let predictions = counted(table.rows.len() - blank, "prediction");
    note(format_args!("{predictions} in {}", out.display()));
    Ok(())
}

fn to_stream(
    args: &PredictArgs,
    loaded: &Loaded,
    table: &Table,
    writer: &Writer<'_>,
    to: &mut impl Write,
) -> Result<()> {
    let bar = output::bar(args.out.is_some(), table.rows.len());
    writer.begin(to)?;
    let mut failed = None;
    let take = |row: &Row, prediction: Prediction| {
        bar.inc(1);
        let written = writer.record(to, row, &prediction);
        written.map_err(|error| {
            failed = Some(error);
            TextError::Stopped
        })
    };
    let ended = loaded.predictor.predict_rows(table, args.model.batch_size(), take);
    bar.finish_and_clear();
    if let Some(error) = failed {
        return Err(error.into());
    }
    notes(&table.name, &ended?);
    to.flush().context("cannot write the predictions")
}
