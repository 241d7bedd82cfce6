//! `adaptune generate`.

use super::args::GenerateArgs;
use super::decoder::open;
use super::misused::misuse;
use super::report::{notes, print_json, print_line};
use super::streamed::Streamed;
use adaptune_text::{Generated, Generator, Table, TableKind};
use anyhow::{Result, bail};
use serde_json::json;

/// Writes on behind each prompt, or answers each question, in the order of the input.
pub(crate) fn run(args: &GenerateArgs) -> Result<()> {
    let decoder = open(&args.decoder)?;
    let template = args.chat.then(|| decoder.template(args.chat_template.as_deref())).transpose()?;
    let generator = decoder.generator()?;
    let generator = match template {
        Some(template) => generator.answering(template, args.system.as_deref())?,
        None => generator,
    };
    match &args.prompt {
        Some(prompt) => one(args, &generator, prompt),
        None => many(args, &generator),
    }
}

/// One prompt; what is written is shown as it comes.
fn one(args: &GenerateArgs, generator: &Generator, prompt: &str) -> Result<()> {
    let (options, mut out) = (args.writing.options(), (!args.json).then(Streamed::begin));
    let progress = |_: usize, text: &str| {
        if let Some(out) = &mut out {
            out.grow(text);
        }
    };
    let written = generator.generate_with(0, &[prompt], &options, progress)?;
    for generated in written {
        match out.take() {
            Some(out) => out.end(&generated.text)?,
            None => print_json_of(prompt, &generated)?,
        }
    }
    Ok(())
}

fn many(args: &GenerateArgs, generator: &Generator) -> Result<()> {
    let Some(input) = &args.input else { misuse!("name a --prompt, or a file of them, --input") };
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
                false if args.chat => print_line(generated.text)?,
                false => print_line(format_args!("{prompt}{}", generated.text))?,
            }
        }
    }
    Ok(())
}

fn print_json_of(prompt: &str, Generated { tokens, text }: &Generated) -> Result<()> {
    Ok(print_json(&json!({ "prompt": prompt, "tokens": tokens, "text": text }))?)
}
