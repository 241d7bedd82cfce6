//! `adaptune generate`.

use super::args::GenerateArgs;
use super::decoder::{Decoder, open};
use super::report::{notes, print_json, print_line};
use adaptune_text::{Generated, Generator, Table, TableKind};
use anyhow::{Result, bail};
use serde_json::json;
use std::io::{self, Write};

/// Writes on behind each prompt, in the order of the input.
pub(crate) fn run(args: &GenerateArgs) -> Result<()> {
    let Decoder { base, tokenizer, adapters, ends } = open(&args.decoder)?;
    let generator = Generator::new(base, tokenizer, ends)?;
    let generator = match adapters {
        Some((setup, thawed)) => generator.with_adapters(setup, thawed)?,
        None => generator,
    };
    match &args.prompt {
        Some(prompt) => one(args, &generator, prompt),
        None => many(args, &generator),
    }
}

/// One prompt; what is written is shown as it comes.
fn one(args: &GenerateArgs, generator: &Generator, prompt: &str) -> Result<()> {
    let (options, mut shown, mut failed) = (args.writing.options(), 0, None);
    let mut out = io::stdout().lock();
    let progress = |_: usize, text: &str| {
        // The end of a text may change with the next token, as where a letter takes several of them.
        let stable = text.trim_end_matches(char::REPLACEMENT_CHARACTER).len();
        if !args.json && stable > shown && text.is_char_boundary(shown) {
            let written = write!(out, "{}", &text[shown..stable]).and_then(|()| out.flush());
            failed = failed.take().or(written.err());
            shown = stable;
        }
    };
    let written = generator.generate_with(0, &[prompt], &options, progress)?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    for generated in written {
        match args.json {
            true => print_json_of(prompt, &generated)?,
            false => writeln!(out, "{}", generated.text.get(shown..).unwrap_or_default())?,
        }
    }
    Ok(())
}

fn many(args: &GenerateArgs, generator: &Generator) -> Result<()> {
    let Some(input) = &args.input else { bail!("name a --prompt, or a file of them, --input") };
    let table = Table::read_texts(input, &args.table.options())?;
    if table.kind != TableKind::Single {
        bail!("{}: found {}, but a prompt is one text: choose a column with --text-column", table.name, table.kind);
    }
    notes(&table.name, &table.notes);
    let prompts: Vec<&str> = table.rows.iter().filter_map(|row| row.text.single()).collect();
    let (size, options) = (args.batch.size().max(1), args.writing.options());
    for (i, part) in prompts.chunks(size).enumerate() {
        let written = generator.generate_with(i * size, part, &options, |_, _| {})?;
        for (prompt, generated) in part.iter().zip(written) {
            match args.json {
                true => print_json_of(prompt, &generated)?,
                false => print_line(format_args!("{prompt}{}", generated.text))?,
            }
        }
    }
    Ok(())
}

fn print_json_of(prompt: &str, Generated { tokens, text }: &Generated) -> Result<()> {
    Ok(print_json(&json!({ "prompt": prompt, "tokens": tokens, "text": text }))?)
}
