//! `adaptune score`.

use super::args::{AdapterArg, ScoreArgs};
use super::download::find_base;
use super::finished::Finished;
use super::loaded::{check_adapters, check_others};
use super::report::{Cell, Report, counted, notes, one_line, print_line};
use adaptune_adapters::format::{load_composed, load_parts};
use adaptune_text::{BaseDtype, Row, Scored, Scorer, Table, Text, TextError};
use anyhow::{Context, Result};
use serde_json::json;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;

/// Letters of a text that the table shows.
const SHOWN: usize = 48;

/// Says how probable each text is, in the order of the input.
pub(crate) fn run(args: &ScoreArgs) -> Result<()> {
    let scorer = open(args)?;
    let table = Table::read_texts(&args.input, &args.table.options())?;
    notes(&table.name, &table.notes);
    if args.json { print_json(args, &scorer, &table) } else { print(args, &scorer, &table) }
}

fn open(args: &ScoreArgs) -> Result<Scorer> {
    let Some(adapter) = &args.adapter else {
        let model = find_base(args.model.as_deref().unwrap_or_default()).context("--model")?;
        let tokenizer = model.tokenizer(args.max_length)?;
        let base = Arc::new(model.load(args.base_dtype.map(BaseDtype::from).unwrap_or_default().into())?);
        return Ok(Scorer::new(base, tokenizer)?);
    };
    let leading = adapter.leading();
    check_adapters(adapter)?;
    let finished = Finished::open(args.model.as_deref(), args.base_dtype, &leading)?;
    let tokenizer = finished.tokenizer(args.max_length)?;
    check_others(adapter, &leading, &tokenizer)?;
    let parts = match adapter {
        AdapterArg::Folder(folder) => {
            load_parts(folder, &finished.base).with_context(|| folder.display().to_string())?
        }
        AdapterArg::Composed(expression) => load_composed(expression, &finished.base, None)?,
    };
    Ok(Scorer::new(finished.base, tokenizer)?.with_adapters(parts.setup, parts.thawed)?)
}

fn print_json(args: &ScoreArgs, scorer: &Scorer, table: &Table) -> Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut failed = None;
    let take = |row: &Row, scored: Option<&Scored>| {
        let record = json!({
            "text": text(row),
            "tokens": scored.map(|scored| &scored.tokens),
            "logprobs": scored.map(|scored| &scored.log_probabilities),
            "perplexity": scored.and_then(Scored::perplexity),
        });
        writeln!(out, "{record}").map_err(|error| {
            failed = Some(error);
            TextError::Stopped
        })
    };
    let ended = scorer.score_rows(table, args.batch.size(), take);
    if let Some(error) = failed {
        return Err(error.into());
    }
    notes(&table.name, &ended?);
    out.flush().context("cannot write the scores")
}

/// A table of texts with their perplexities, and that of all tokens together.
fn print(args: &ScoreArgs, scorer: &Scorer, table: &Table) -> Result<()> {
    let mut report = Report::with_header(&["text", "tokens", "perplexity"]);
    let (mut sum, mut count, mut rows) = (0.0, 0, 0_usize);
    let take = |row: &Row, scored: Option<&Scored>| {
        let Some(scored) = scored else { return Ok(()) };
        sum += scored.log_probabilities.iter().sum::<f64>();
        count += scored.log_probabilities.len();
        rows += 1;
        let perplexity = scored.perplexity().map_or("–".to_owned(), |perplexity| format!("{perplexity:.2}"));
        let shown: String = one_line(text(row)).chars().take(SHOWN).collect();
        report.row(vec![shown.into(), Cell::number(scored.tokens.len().to_string()), Cell::number(perplexity)]);
        Ok(())
    };
    let ended = scorer.score_rows(table, args.batch.size(), take)?;
    report.print()?;
    if count > 0 {
        let all = f64::exp(-sum / f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
        print_line(format_args!("\nperplexity of {}: {all:.2} ({count} tokens)", counted(rows, "text")))?;
    }
    notes(&table.name, &ended);
    Ok(())
}

fn text(row: &Row) -> &str {
    match &row.text {
        Text::Single(text) => text,
        _ => "",
    }
}
