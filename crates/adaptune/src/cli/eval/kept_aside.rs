//! The examples that a training kept aside as development data, read once more.

use super::super::args::{AdapterArg, EvalArgs};
use super::super::folder::{RunFolder, TRAINED};
use super::super::relative::found;
use super::super::report::note;
use super::super::separation::Advice;
use adaptune_text::{Aside, Columns, DataFile, FileForm, RunFile, Table, TableOptions, TextPredictor};
use anyhow::{Context, Result, bail};
use std::path::Path;

/// Reads the training data as the training did, and returns what it kept aside.
///
/// # Errors
/// It kept nothing aside, or its data are not there any more, or have changed.
pub(super) fn read(adapter: &Path, options: &TableOptions, predictor: &TextPredictor) -> Result<Table> {
    let run = RunFolder::new(adapter, TRAINED).run_file()?.unwrap_or_default();
    let (drawn, kept) = aside(adapter, &run)?;
    let whole = whole(adapter, &run, options, predictor);
    let whole = whole
        .with_context(|| format!("--kept-aside: {} names the training data", adapter.join("run.json").display()))?;
    let (_, dev) = whole.split_as(drawn)?;
    check(&dev, kept)?;
    Ok(dev)
}

/// Reads the training data as the training did, and returns what it learnt from, without what it kept aside.
///
/// # Errors
/// They are not there any more, have changed, or cannot be read so.
pub(super) fn learnt(
    adapter: &Path,
    run: &RunFile,
    options: &TableOptions,
    predictor: &TextPredictor,
) -> Result<Table> {
    // What is named is for the data that are measured on; those of training have the columns and the form of training.
    let columns = Columns { text: None, text_b: None, label: None, ..options.columns.clone() };
    let options = TableOptions { columns, ..FileForm::default().again(options) };
    let whole = whole(adapter, run, &options, predictor)?;
    let Some((drawn, kept)) = run.data.iter().find_map(|file| Some((file.aside?, file))) else { return Ok(whole) };
    let (train, dev) = whole.split_as(drawn)?;
    match &kept.examples_sha256 {
        Some(known) if *known != dev.examples_sha256() => bail!("other examples would be kept aside"),
        _ => Ok(train),
    }
}

/// All training data, those that were kept aside among them; read in the form in which training read them, unless another one is named.
fn whole(adapter: &Path, run: &RunFile, options: &TableOptions, predictor: &TextPredictor) -> Result<Table> {
    let before = run.input.as_ref().filter(|_| FileForm::of(options).is_usual()).map(|input| &input.file);
    let again = before.map(|form| form.again(options));
    let options = again.as_ref().unwrap_or(options);
    let files = run.data.iter().filter(|file| file.part == "train");
    let tables = files.map(|file| labelled(adapter, file, options, predictor)).collect::<Result<Vec<_>>>()?;
    let mut tables = tables.into_iter();
    let first = tables.next().context("run.json names no training data")?;
    tables.try_fold(first, |whole, table| Ok(whole.join(table)?))
}

/// Refuses other examples than those that training kept aside: it may have learnt from them.
fn check(dev: &Table, kept: &DataFile) -> Result<()> {
    let as_in_training = "read the data as in training (--format, --delimiter, --quotes, --header)";
    let (found, expected) = (dev.rows.len(), kept.examples);
    if found != expected {
        bail!(
            "--kept-aside: {found} examples would be kept aside of {}, and in training it were {expected}; {as_in_training}",
            dev.name
        );
    }
    match &kept.examples_sha256 {
        Some(known) if *known != dev.examples_sha256() => bail!(
            "--kept-aside: of {} other examples would be kept aside than in training, which may have learnt from them; {as_in_training}",
            dev.name
        ),
        Some(_) => Ok(()),
        None => {
            note(
                "note: an older version trained this adapter and kept no record of which examples it kept aside: their number is right, \
                 and whether it is these is not known",
            );
            Ok(())
        }
    }
}

/// Where thresholds are to be chosen for this adapter.
pub(super) fn advice(args: &EvalArgs) -> Result<Advice> {
    if !args.model.threshold.is_empty() {
        return Ok(Advice::None);
    }
    if args.kept_aside {
        return Ok(Advice::OnThese);
    }
    let folder = args.model.adapter.as_ref().map(AdapterArg::leading);
    let run = folder.map(|folder| RunFolder::new(&folder, TRAINED).run_file()).transpose()?.flatten();
    let kept_aside = run.is_some_and(|run| run.data.iter().any(|file| file.aside.is_some()));
    Ok(if kept_aside { Advice::OnThoseKeptAside } else { Advice::OnDevelopmentData })
}

/// How examples were kept aside, and which.
fn aside<'r>(adapter: &Path, run: &'r RunFile) -> Result<(Aside, &'r DataFile)> {
    let adapter = adapter.display();
    match run.data.iter().find(|file| file.part == "dev") {
        Some(file @ DataFile { aside: Some(aside), .. }) => Ok((*aside, file)),
        Some(file) if file.sha256.is_some() => {
            bail!("--kept-aside: {adapter} was measured on a file of its own in training: --data {}", file.path)
        }
        _ => bail!(
            "--kept-aside: {adapter} does not say that examples were kept aside in training (--dev 10%); measure it on a file with \
             --data"
        ),
    }
}

fn labelled(adapter: &Path, file: &DataFile, options: &TableOptions, predictor: &TextPredictor) -> Result<Table> {
    let path = found(&file.path, adapter, Path::is_file);
    let there = path.is_file() || file.sha256.is_none();
    if !there {
        bail!(
            "{} is no file, here and above {}; put it back where it was in training",
            path.display(),
            adapter.display()
        );
    }
    file.check(&path)?;
    let table = Table::read_with(&path, options)?;
    let table = predictor.with_labels_of_head(&table, &options.columns)?.into_owned();
    Ok(table.labelled()?)
}
