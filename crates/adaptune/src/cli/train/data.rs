//! The data of a training: read, labelled, in tokens.

use super::super::args::{DevArg, TrainArgs};
use super::super::report::{note, notes, thousands};
use super::choices::Choices;
use adaptune_text::{DataFile, InputForm, Labels, Table, TableOptions, TaskChoice, Text, Tokenizer};
use adaptune_train::Dataset;
use anyhow::Result;
use std::path::Path;

pub(super) struct Data {
    pub(super) train: Dataset,
    pub(super) dev: Option<Dataset>,
    pub(super) test: Option<Dataset>,
    pub(super) labels: Labels,
    /// A text that can be put between quotation marks.
    pub(super) sample: Option<String>,
    pub(super) input: InputForm,
    pub(super) files: Vec<DataFile>,
}

impl Data {
    pub(super) fn read(choices: &Choices, args: &TrainArgs, tokenizer: &Tokenizer) -> Result<Self> {
        let mut options = args.table.options();
        let mut task = task(args, &options);
        let whole = read(&choices.train, &options, task)?;
        let (labels, decision) = Labels::decide(&whole, task)?;
        if whole.has_label_sets() {
            task = TaskChoice::MultiLabel;
            options.columns.label_separator = whole.columns.label_separator;
        }
        if !args.json {
            note(format_args!("{} examples, {decision}", thousands(whole.rows.len() as u64)));
        }
        let (train, dev) = match &choices.dev {
            None => (whole, None),
            Some(DevArg::File(path)) => {
                let dev = read(path, &options, task)?.like(&whole)?;
                (whole, Some((path.as_path(), dev)))
            }
            Some(DevArg::Share(share)) => {
                let (train, dev) = whole.split(*share, args.seed)?;
                (train, Some((choices.train.as_path(), dev)))
            }
        };
        let test = choices
            .test
            .as_ref()
            .map(|path| Ok::<_, anyhow::Error>((path.as_path(), read(path, &options, task)?.like(&train)?)));
        let parts = [("train", Some((choices.train.as_path(), train))), ("dev", dev), ("test", test.transpose()?)];
        Self::of(parts, labels, tokenizer)
    }

    fn of(parts: [(&str, Option<(&Path, Table)>); 3], labels: Labels, tokenizer: &Tokenizer) -> Result<Self> {
        let (mut sets, mut files, mut first) = (Vec::new(), Vec::new(), None);
        for (part, file) in parts {
            let Some((path, table)) = file else {
                sets.push(None);
                continue;
            };
            let data = dataset(&table, &labels, tokenizer)?;
            files.push(DataFile::of(part, path, data.len())?);
            sets.push(Some(data));
            first.get_or_insert(table);
        }
        let mut sets = sets.into_iter();
        let (train, dev, test) = (sets.next().flatten(), sets.next().flatten(), sets.next().flatten());
        let (Some(train), Some(table)) = (train, first) else { anyhow::bail!("there are no training data") };
        let input = InputForm::of(table.kind, &table.columns);
        Ok(Self { train, dev, test, labels, sample: sample(&table), input, files })
    }
}

/// A text to try the result with.
fn sample(table: &Table) -> Option<String> {
    table.rows.iter().find_map(|row| match &row.text {
        Text::Single(text) if !text.contains('\'') => Some(text.clone()),
        _ => None,
    })
}

/// What is to be predicted, as far as it is said: who names a sign between labels means several of them.
fn task(args: &TrainArgs, options: &TableOptions) -> TaskChoice {
    match args.task.kind() {
        TaskChoice::Auto if options.columns.label_separator.is_some() => TaskChoice::MultiLabel,
        task => task,
    }
}

/// Reads labelled examples, and says what was noticed.
fn read(path: &Path, options: &TableOptions, task: TaskChoice) -> Result<Table> {
    let table = Table::read_with(path, options)?;
    let table = match task {
        TaskChoice::MultiLabel => table.with_label_sets(options.columns.label_separator)?,
        _ => table,
    };
    let table = table.labelled()?;
    notes(&table.name, &table.notes);
    Ok(table)
}

/// Tokenizes labelled examples, and says what was lost.
fn dataset(table: &Table, labels: &Labels, tokenizer: &Tokenizer) -> Result<Dataset> {
    let tokenized = tokenizer.tokenize(table, labels)?;
    notes(&table.name, &tokenized.notes);
    Ok(tokenized.dataset)
}
