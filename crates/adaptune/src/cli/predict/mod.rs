//! `adaptune predict`.

mod record;
mod writer;

use super::args::PredictArgs;
use super::loaded::Loaded;
use super::report::{counted, note, notes};
use adaptune_text::{Prediction, Row, Table, TextError};
use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use writer::Writer;

/// Predicts and writes a record for each text, in the order of the input.
pub(crate) fn run(args: &PredictArgs) -> Result<()> {
    args.out.as_deref().map_or(Ok(()), |out| check_out(args, out))?;
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

/// Refuses to write where somebody's data are, or where there is no folder, before anything is computed.
fn check_out(args: &PredictArgs, out: &Path) -> Result<()> {
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        bail!("--out {}: there is no folder {}; make it first", out.display(), folder.display());
    }
    let same = |a: &Path, b: &Path| matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b);
    if same(out, &args.input) {
        bail!("--out {} is the input itself; name another file", out.display());
    }
    if out.exists() && !args.overwrite {
        bail!("--out {} is there already; name another file, or add --overwrite", out.display());
    }
    Ok(())
}

/// Writes beside the file, and puts the whole in its place.
fn to_file(args: &PredictArgs, out: &Path, loaded: &Loaded, table: &Table, writer: &Writer<'_>) -> Result<()> {
    let mut failed = None;
    let written = adaptune_transformer::weights::replace_file(out, |file| {
        let mut file = BufWriter::new(file);
        if let Err(error) = to_stream(args, loaded, table, writer, &mut file) {
            failed = Some(error);
            return Err(io::Error::other("the predictions failed"));
        }
        file.flush()
    });
    if let Some(error) = failed {
        return Err(error);
    }
    written?;
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
    let bar = bar(args, table.rows.len());
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

/// A bar where predictions go to a file; on the terminal they show by themselves how far they are.
fn bar(args: &PredictArgs, rows: usize) -> ProgressBar {
    if args.out.is_none() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(rows as u64);
    match ProgressStyle::with_template("{bar:30} {pos}/{len} texts, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
