//! `adaptune embed`.

mod model;
mod writer;

use super::args::EmbedArgs;
use super::misused::misuse;
use super::output;
use super::report::{counted, note, notes};
use adaptune_tensor::ndarray::ArrayView1;
use adaptune_text::{Embedder, Row, Table, TextError};
use anyhow::{Context, Result};
pub(crate) use model::Source;
use std::io::{self, BufWriter, Write};
use writer::Form;

/// Writes a vector for each text, in the order of the input.
pub(crate) fn run(args: &EmbedArgs) -> Result<()> {
    if args.out.is_none() && !args.json {
        misuse!("name a file for the embeddings, --out x.safetensors, x.npy or x.jsonl, or have them printed, --json");
    }
    args.out.as_deref().map_or(Ok(()), |out| output::check(out, &args.input, args.overwrite))?;
    let form = args.out.as_deref().map_or(Ok(Form::JsonLines), Form::of)?;
    let source = Source {
        model: args.model.as_deref(),
        adapter: args.adapter.as_ref(),
        max_length: args.max_length,
        base_dtype: args.base_dtype,
        form: &args.form,
        table: &args.table,
        compared: false,
    };
    let (embedder, options) = source.open()?;
    let table = Table::read_texts(&args.input, &options)?;
    Embedder::check(&table)?;
    notes(&table.name, &table.notes);
    let blank = table.rows.iter().filter(|row| row.text.is_blank()).count();
    form.check(&table)?;
    let Some(out) = &args.out else {
        return to_stream(args, form, &embedder, &table, &mut BufWriter::new(io::stdout().lock()));
    };
    output::replace(out, |file| to_stream(args, form, &embedder, &table, file))?;
    let vectors = counted(table.rows.len() - blank, "embedding");
    note(format_args!("{vectors} of {} numbers in {}", embedder.size(), out.display()));
    Ok(())
}

fn to_stream(args: &EmbedArgs, form: Form, embedder: &Embedder, table: &Table, to: &mut impl Write) -> Result<()> {
    let bar = output::bar(args.out.is_some(), table.rows.len());
    form.begin(to, table.rows.len(), embedder.size())?;
    let mut failed = None;
    let take = |row: &Row, vector: Option<ArrayView1<'_, f32>>| {
        bar.inc(1);
        form.record(to, row, vector).map_err(|error| {
            failed = Some(error);
            TextError::Stopped
        })
    };
    let ended = embedder.embed_rows(table, args.batch.size(), take);
    bar.finish_and_clear();
    if let Some(error) = failed {
        return Err(error.into());
    }
    notes(&table.name, &ended?);
    to.flush().context("cannot write the embeddings")
}
