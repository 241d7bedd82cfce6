//! Data that are measured on and were trained on.

use super::super::args::EvalArgs;
use super::super::folder::{RunFolder, TRAINED};
use super::super::report::{note, thousands};
use super::kept_aside;
use adaptune_text::{DataFile, Row, RunFile, Table, TableOptions, Text, TextPredictor};
use anyhow::Result;
use std::collections::HashSet;
use std::path::Path;

/// Of so many texts that are measured on, one that was trained on changes no score that could be seen.
const FEW: usize = 20;

/// Says that the adapter was trained on these very data, as far as what training wrote down says it. Returns whether it was said.
pub(super) fn tell(args: &EvalArgs) -> Result<bool> {
    let (Some(adapter), Some(data)) = (&args.model.adapter, args.data.as_deref().filter(|data| !data.is_dir())) else {
        return Ok(false);
    };
    let mut told = false;
    for folder in adapter.folders().iter().filter(|folder| folder.is_dir()) {
        let Some(run) = RunFolder::new(folder, TRAINED).run_file()? else { continue };
        if is_learnt(&run, data)? {
            told = true;
            let (data, folder, advice) = (data.display(), folder.display(), advice(&run));
            note(format_args!(
                "note: {folder} was trained on {data}, so its scores say nothing of other texts{advice}"
            ));
        }
    }
    Ok(told)
}

/// Says how many of these texts the adapter was trained on, unless they are few, as far as its training data are files that are still there
/// as they were.
pub(super) fn tell_texts(
    args: &EvalArgs,
    measured: &Table,
    options: &TableOptions,
    predictor: &TextPredictor,
) -> Result<()> {
    let (Some(adapter), Some(_)) = (&args.model.adapter, &args.data) else { return Ok(()) };
    for folder in adapter.folders().iter().filter(|folder| folder.is_dir()) {
        let Some(run) = RunFolder::new(folder, TRAINED).run_file()? else { continue };
        // What is built in is known, and what came through a pipe is gone.
        let are_files = run.data.iter().all(|file| file.part != "train" || file.sha256.is_some());
        let Some(learnt) = are_files.then(|| kept_aside::learnt(folder, &run, options, predictor).ok()).flatten()
        else {
            continue;
        };
        if let Some(said) = told(&learnt, measured) {
            note(format_args!("note: {} was trained on {said}{}", folder.display(), advice(&run)));
        }
    }
    Ok(())
}

fn told(learnt: &Table, measured: &Table) -> Option<String> {
    let learnt: HashSet<&Text> = learnt.rows.iter().map(|row| &row.text).collect();
    let both: Vec<&Row> = measured.rows.iter().filter(|row| learnt.contains(&row.text)).collect();
    let (first, all) = (both.first()?, measured.rows.len());
    (FEW * both.len() >= all).then(|| {
        format!(
            "{} of the {} texts in {} (line {} first), so its scores are too high",
            thousands(both.len() as u64),
            thousands(all as u64),
            measured.name,
            first.line
        )
    })
}

/// True if the content of the file is that of training data, or both are called alike and built in.
fn is_learnt(run: &RunFile, data: &Path) -> Result<bool> {
    let found = DataFile::of("", data, 0).map(|file| (file.path, file.sha256));
    // What cannot be read here is refused where it is read.
    let Ok((path, sha256)) = found else { return Ok(false) };
    let is_builtin = path.starts_with("builtin:");
    let is_same = |file: &DataFile| match &sha256 {
        Some(_) => file.sha256 == sha256,
        None => is_builtin && file.path == path,
    };
    Ok(run.data.iter().any(|file| file.part == "train" && is_same(file)))
}

fn advice(run: &RunFile) -> String {
    match run.data.iter().find(|file| file.aside.is_some()) {
        Some(aside) => {
            format!("; --kept-aside measures on the {} of its examples that training kept aside", aside.examples)
        }
        None => String::new(),
    }
}
