//! `adaptune chat`.

use super::args::ChatArgs;
use super::decoder::open;
use super::report::{note, print_json};
use super::streamed::Streamed;
use adaptune_text::{ChatSession, GenerateOptions};
use anyhow::{Context, Result};
use serde_json::json;
use std::io::{self, BufRead, IsTerminal, Write};

/// Answers what standard input says, a turn a line, until it ends.
pub(crate) fn run(args: &ChatArgs) -> Result<()> {
    let decoder = open(&args.decoder)?;
    let template = decoder.template(args.chat_template.as_deref())?;
    let session = ChatSession::new(decoder.generator()?, template)?;
    let mut session = match &args.system {
        Some(text) => session.with_system(text),
        None => session,
    };
    let options = args.writing.options();
    let by_hand = io::stdin().is_terminal() && !args.json;
    if by_hand {
        note("/reset begins a new conversation, /exit or the end of input ends this one");
    }
    let mut lines = io::stdin().lock().lines();
    loop {
        if by_hand {
            let mut out = io::stdout();
            write!(out, "> ").and_then(|()| out.flush())?;
        }
        let Some(line) = lines.next() else { return Ok(()) };
        let line = line.context("cannot read standard input, which must be UTF-8")?;
        match line.trim() {
            "" => {}
            "/exit" => return Ok(()),
            "/reset" => session.reset(),
            text if args.json => answer_in_json(&mut session, text, &options)?,
            text => answer(&mut session, text, &options, by_hand)?,
        }
    }
}

/// Shows the answer as it comes. Who sits there may shorten what has no room, or begin anew.
fn answer(session: &mut ChatSession, text: &str, options: &GenerateOptions, by_hand: bool) -> Result<()> {
    let mut out = Streamed::begin();
    match session.say(text, options, |written| out.grow(written)) {
        Ok(answer) => Ok(out.end(&answer.text)?),
        Err(error) if by_hand => {
            note(format_args!("error: {error}"));
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

fn answer_in_json(session: &mut ChatSession, text: &str, options: &GenerateOptions) -> Result<()> {
    let answer = session.say(text, options, |_| {})?;
    Ok(print_json(&json!({ "prompt": text, "tokens": answer.tokens, "text": answer.text }))?)
}
