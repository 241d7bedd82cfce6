//! `adaptune convert`.

use super::args::{ConvertArgs, FormatArg};
use super::finished::{Finished, LoadedAdapter};
use super::folder::{RunFolder, TRAINED};
use super::report::{print_json, print_line};
use adaptune_adapters::{Method, format};
use anyhow::{Context, Result, anyhow};
use serde_json::json;
use std::path::Path;

/// Reads an adapter in one library's files and writes it in the other's.
pub(crate) fn run(args: &ConvertArgs) -> Result<()> {
    let (folder, out) = (RunFolder::at_once(&args.out.out, TRAINED), &args.out.out);
    folder.check(false, args.out.overwrite)?;
    let finished = Finished::open(args.model.as_deref(), None, &args.adapter)?;
    let LoadedAdapter { adapter, head } = finished.load(&args.adapter)?;
    // Whether it can be written is found out in a folder that is thrown away, before anything is replaced.
    let trial = tempfile::tempdir().context("cannot make a temporary folder")?;
    let base = &finished.base;
    let in_no_file = finished.head_in_no_file()?;
    let write = |to: &Path| match (args.to, head.as_ref().or(in_no_file.as_ref())) {
        (FormatArg::Adapterhub, Some(_)) if head.is_none() => format::save_adapterhub(&adapter, base, to),
        (FormatArg::Adapterhub, None) => format::save_adapterhub(&adapter, base, to),
        (FormatArg::Adapterhub, Some(head)) => {
            format::save_adapterhub(&adapter, base, to).and_then(|()| format::save_head(head, base, to))
        }
        (FormatArg::Peft, None) => format::save_peft(&adapter, base, to),
        (FormatArg::Peft, Some(head)) => format::save_peft_with_head(&adapter, head, base, to),
    };
    let kind = adapter.method().map_or("", Method::kind);
    let tried = write(trial.path()).map_err(|error| anyhow!(said_of(out, &error.to_string(), trial.path())));
    tried.with_context(|| format!("this {kind} adapter cannot be converted exactly"))?;
    folder.prepare(false, args.out.overwrite)?;
    write(folder.work())?;
    finished.complete(&folder, &finished.name, kind.to_owned())?;
    let to = match args.to {
        FormatArg::Adapterhub => "AdapterHub",
        FormatArg::Peft => "PEFT",
    };
    if args.out.json {
        return Ok(print_json(&json!({ "out": out, "format": to, "name": adapter.name() }))?);
    }
    Ok(print_line(format_args!("saved in {} in the files of {to}", out.display()))?)
}

/// What was said of files in the folder of the trial, as said of those that were to be written.
fn said_of(out: &Path, message: &str, trial: &Path) -> String {
    message.replace(&trial.display().to_string(), &out.display().to_string())
}
