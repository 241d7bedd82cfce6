//! `adaptune score`.

use super::args::ScoreArgs;
use super::decoder::{Decoder, open};
use super::report::{Cell, Report, counted, notes, one_line, print_line};
use adaptune_text::{Row, Scored, Scorer, Table, TextError};
use anyhow::{Context, Result};
use serde_json::json;
use std::io::{self, BufWriter, Write};

/// Letters of a text that the table shows.
const SHOWN: usize = 48;

/// Says how probable each text is, in the order of the input.
pub(crate) fn run(args: &ScoreArgs) -> Result<()> {
    let Decoder { base, tokenizer, adapters, .. } = open(&args.decoder)?;
    let scorer = Scorer::new(base, tokenizer)?;
    let scorer = match adapters {
        Some((setup, thawed)) => scorer.with_adapters(setup, thawed)?,
        None => scorer,
    };
    let table = Table::read_texts(&args.input, &args.table.options())?;
    notes(&table.name, &table.notes);
    if args.json { print_json(args, &scorer, &table) } else { print(args, &scorer, &table) }
}

fn print_json(args: &ScoreArgs, scorer: &Scorer, table: &Table) -> Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut failed = None;
    let take = |row: &Row, scored: Option<&Scored>| {
        let record = json!({
            "text": row.text.single().unwrap_or_default(),
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
        let shown: String = one_line(row.text.single().unwrap_or_default()).chars().take(SHOWN).collect();
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
