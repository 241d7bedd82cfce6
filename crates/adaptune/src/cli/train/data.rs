//! The data of a training: read, labelled, in tokens.

use super::super::args::{DevArg, TrainArgs};
use super::super::folder::{RunFolder, TRAINED};
use super::super::misused::misuse;
use super::super::questions::check_questions;
use super::super::report::{note, notes, thousands};
use super::choices::Choices;
use super::composed::Composed;
use super::earlier::Earlier;
use super::start::labels_of;
use super::{columns, command, overlap, rare};
use adaptune_adapters::AdapterModel;
use adaptune_text::{
    Aside, Columns, DataFile, Domains, Draw, EmbeddingForm, FileForm, InputForm, Labels, Table, TableOptions,
    TaskChoice, Text, Tokenizer,
};
use adaptune_train::Dataset;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

pub(super) struct Data {
    pub(super) train: Dataset,
    pub(super) dev: Option<Dataset>,
    pub(super) test: Option<Dataset>,
    pub(super) labels: Labels,
    /// The parts of the training data that are measured on in turn, if they are.
    pub(super) folds: Vec<Vec<usize>>,
    /// A text that can be put between quotation marks.
    pub(super) sample: Option<String>,
    /// The form of the texts, where they have labels.
    pub(super) input: Option<InputForm>,
    pub(super) files: Vec<DataFile>,
}

impl Data {
    /// Reads all files. The labels are those of the model that the training goes on from, if it does.
    pub(super) fn read(
        choices: &Choices,
        args: &TrainArgs,
        tokenizer: &Tokenizer,
        start: Option<&AdapterModel<f32>>,
        form: Option<&EmbeddingForm>,
    ) -> Result<Self> {
        let before = choices.start.as_ref().and_then(|start| start.run()?.input.as_ref());
        let mut reader = Reader::new(args, start, before, form);
        reader.draw = args.resume.then(|| command::draw(&RunFolder::new(&choices.out, TRAINED))).flatten();
        let (whole, mut files) = reader.read_all(&choices.train)?;
        if let Some(input) = before {
            input.check(&whole)?;
        }
        let (labels, decision) = match start {
            Some(model) => labels_of(model, &whole)?,
            None => Labels::decide(&whole, reader.task)?,
        };
        if whole.has_label_sets() {
            reader.task = TaskChoice::MultiLabel;
        }
        if !args.json {
            note(format_args!("{} examples, {decision}", thousands(whole.rows.len() as u64)));
            if let Some(said) = columns::read_of(&whole, args.table.domain_column()) {
                note(said);
            }
        }
        if args.folds.is_some() && labels == Labels::Answers {
            misuse!("--folds is not for questions, whose windows would be in several parts; give --dev");
        }
        let folds = args.folds.map_or(Ok(Vec::new()), |count| whole.folds(count.into(), args.seed))?;
        if !folds.is_empty() && !args.json {
            tell_learnt(choices, &files, args.seed);
        }
        let Parts { train, dev, test } = Parts::read(choices, whole, &reader, &mut files)?;
        if !reader.quiet {
            tell_doubts(&labels, &train, [&dev, &test])?;
        }
        let domains = domains(choices, args, before, &train)?;
        let set = |table: &Table| in_domains(dataset(table, &labels, tokenizer)?, domains.as_ref(), table);
        let (dev, test) = (dev.as_ref().map(set).transpose()?, test.as_ref().map(set).transpose()?);
        let domains = domains.clone();
        let (decimal_comma, file) = (reader.decimal_commas, FileForm::of(&reader.options));
        let input = InputForm { decimal_comma, domains, file, ..InputForm::of_table(&train) };
        Ok(Self { train: set(&train)?, dev, test, folds, sample: sample(&train), labels, input: Some(input), files })
    }
}

/// Says what in the data may not be as it is meant: rare labels, one text with two labels, texts both learnt and measured on.
fn tell_doubts(labels: &Labels, train: &Table, measured: [&Option<Table>; 2]) -> Result<()> {
    rare::tell(labels, train, measured[0].as_ref())?;
    if matches!(labels, Labels::Classes(_)) {
        overlap::tell_contradictions(train);
    }
    for measured in measured.into_iter().flatten() {
        overlap::tell(train, measured);
        overlap::tell_one_text(measured);
    }
    Ok(())
}

/// The tables of a run.
struct Parts {
    train: Table,
    dev: Option<Table>,
    test: Option<Table>,
}

impl Parts {
    /// Reads what is measured on, or keeps it aside from the training data.
    fn read(choices: &Choices, whole: Table, reader: &Reader<'_>, files: &mut Vec<DataFile>) -> Result<Self> {
        let (train, dev) = match &choices.dev {
            None => {
                if !reader.quiet {
                    note(
                        "note: without --dev nothing is measured while it trains, and what the last epoch leaves is kept; --dev 10% \
                         keeps a tenth aside",
                    );
                }
                (whole, None)
            }
            Some(DevArg::File(path)) => {
                let dev = reader.read(path)?.like(&whole)?;
                files.push(DataFile::of("dev", path, dev.rows.len())?);
                (whole, Some(dev))
            }
            Some(DevArg::Share(share)) => {
                let (train, dev) = kept_aside(choices, whole, *share, reader, files)?;
                (train, Some(dev))
            }
        };
        let test = match &choices.test {
            Some(path) => {
                let test = reader.read(path)?.like(&train)?;
                files.push(DataFile::of("test", path, test.rows.len())?);
                Some(test)
            }
            None => None,
        };
        Ok(Self { train, dev, test })
    }
}

/// Keeps a share of the training data aside: the others, and those.
fn kept_aside(
    choices: &Choices,
    whole: Table,
    share: f64,
    reader: &Reader<'_>,
    files: &mut Vec<DataFile>,
) -> Result<(Table, Table)> {
    let earlier = choices.start.as_ref().and_then(|start| Earlier::on_these(start, files));
    let aside = Earlier::aside(earlier.as_ref(), share, choices.options.seed);
    let aside = Aside { draw: reader.draw.unwrap_or(aside.draw), ..aside };
    let (train, dev) = whole.split_as(aside)?;
    reader.tell_aside(&train, &dev);
    if let Some(earlier) = earlier.filter(|_| !reader.quiet) {
        note(format_args!("note: {}", earlier.told(aside)));
    }
    files.push(DataFile::kept_aside(aside, dev.rows.len()).of_examples(&dev));
    Ok((train, dev))
}

/// How labelled examples are read, alike in all files of a run.
struct Reader<'a> {
    options: TableOptions,
    task: TaskChoice,
    /// What is made of the tokens of texts that are compared.
    form: Option<&'a EmbeddingForm>,
    /// The labels of the head that the training goes on from, if it does.
    known: Vec<String>,
    /// True if nothing but errors is said, or parts of the training data are measured on.
    quiet: bool,
    /// What was drawn when the run began, if one goes on: an older version may have begun it.
    draw: Option<Draw>,
    /// True if the labels of the training data are numbers with a decimal comma.
    decimal_commas: bool,
}

impl<'a> Reader<'a> {
    /// Labels name choices as in the training that this one goes on from, which was on data of the form `before`.
    fn new(
        args: &TrainArgs,
        start: Option<&AdapterModel<f32>>,
        before: Option<&InputForm>,
        form: Option<&'a EmbeddingForm>,
    ) -> Self {
        let mut options = args.table.options();
        let Columns { choice_labels, label_names, .. } = &mut options.columns;
        *choice_labels = choice_labels.or(before.and_then(|input| input.choice_labels));
        if label_names.is_empty() {
            *label_names = before.map(|input| input.label_names.clone()).unwrap_or_default();
        }
        let task = if form.is_some() { TaskChoice::Embedding } else { task(args, &options, start) };
        options.compared = form.is_some();
        // Columns need not be named again where a training goes on.
        options.preferred = before.map(InputForm::columns).unwrap_or_default();
        let known = start.map_or_else(Vec::new, |model| model.head().config().labels.clone());
        Self { options, task, form, known, quiet: args.json || args.folds.is_some(), draw: None, decimal_commas: false }
    }

    /// Reads the training data, as one table, and decides from all of them how the other files are read.
    fn read_all(&mut self, paths: &[PathBuf]) -> Result<(Table, Vec<DataFile>)> {
        let mut tables = Vec::new();
        for path in paths {
            let table = self.open(path)?;
            // What stands between labels in the first file stands there in all, and what they name choices by.
            let Columns { label_separator, choice_labels, .. } = &mut self.options.columns;
            *label_separator = label_separator.or(table.columns.label_separator);
            *choice_labels = choice_labels.or(table.columns.choice_labels);
            tables.push(table);
        }
        self.decimal_commas = Table::decimal_commas(&tables);
        let (mut whole, mut files): (Option<Table>, _) = (None, Vec::new());
        for (path, table) in paths.iter().zip(tables) {
            let table = self.labelled(table)?;
            files.push(DataFile::of("train", path, table.rows.len())?);
            whole = Some(match whole {
                Some(whole) => whole.join(table)?,
                None => table,
            });
        }
        Ok((whole.context("there are no training data")?, files))
    }

    /// Reads a file beside the training data.
    fn read(&self, path: &Path) -> Result<Table> {
        self.labelled(self.open(path)?)
    }

    fn open(&self, path: &Path) -> Result<Table> {
        if self.task == TaskChoice::QuestionAnswering {
            check_questions(path, &self.options)?;
        }
        let table = Table::read_with(path, &self.options)?;
        let table = if let Some(form) = self.form { form.read_by(table) } else { table };
        let columns = &self.options.columns;
        let in_training = &self.options.preferred.labels;
        let table = match &columns.labels[..] {
            [] if columns.label.is_none() && table.has_columns(in_training) => table.with_label_columns(in_training)?,
            named => table.with_label_columns(named)?,
        };
        let table = match self.task {
            TaskChoice::MultiLabel => table.with_label_sets(columns.label_separator)?,
            TaskChoice::Classification => table.with_single_labels(),
            _ => table.with_numbered_choices(columns.choice_labels)?,
        };
        let table = table.with_label_names(&columns.label_names)?;
        Ok(table.with_numbers_for_names(&columns.label_names, &self.known))
    }

    /// Says how many examples a share of the training data is.
    fn tell_aside(&self, train: &Table, dev: &Table) {
        if !self.quiet {
            let [aside, left] = [dev, train].map(|table| thousands(table.rows.len() as u64));
            note(format_args!("{aside} of them are kept aside as development data, {left} are trained on"));
        }
    }

    /// The examples that have a label; says what was noticed.
    fn labelled(&self, table: Table) -> Result<Table> {
        let table = table.with_decimal_commas(self.decimal_commas)?.labelled()?;
        notes(&table.name, &table.notes);
        Ok(table)
    }
}

/// Says that parts of the training data are measured on which the start has learnt already, if that is so.
fn tell_learnt(choices: &Choices, files: &[DataFile], seed: u64) {
    if let Some(earlier) = choices.start.as_ref().and_then(|start| Earlier::on_these(start, files)) {
        note(format_args!("note: {}", earlier.told(Aside::new(1.0, seed))));
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
fn task(args: &TrainArgs, options: &TableOptions, start: Option<&AdapterModel<f32>>) -> TaskChoice {
    match args.task.kind() {
        TaskChoice::Auto if start.is_some_and(|model| model.head().config().task.predicts_any_labels()) => {
            TaskChoice::MultiLabel
        }
        TaskChoice::Auto if options.columns.label_separator.is_some() || !options.columns.labels.is_empty() => {
            TaskChoice::MultiLabel
        }
        task => task,
    }
}

/// The domains of a tree of adapters, if that is trained: those of the data, or of the tree that they go on from.
fn domains(choices: &Choices, args: &TrainArgs, before: Option<&InputForm>, train: &Table) -> Result<Option<Domains>> {
    let column = args.table.domain_column();
    if let Some(domains) = before.and_then(|input| input.domains.clone()) {
        return Ok(Some(column.map_or(domains.clone(), |column| domains.in_column(column))));
    }
    match (choices.composed.as_ref().and_then(Composed::tree), column) {
        (None, None) => Ok(None),
        (None, Some(column)) => misuse!("--domain-column {column} is for a tree of adapters: --method 'tree(seq_bn)'"),
        (Some(tree), column) => match (tree.domains(), column) {
            (None, None) => misuse!(
                "--method {}: name the column that says the domain of each example, with --domain-column",
                choices.method
            ),
            (None, Some(column)) => Ok(Some(Domains::of(train, column)?)),
            (Some(there), column) => {
                let there = there.clone();
                let there = if let Some(column) = column { there.in_column(column) } else { there };
                let all = there.clone().with(train)?;
                if all == there {
                    bail!("--method {}: the data name no domain that is not in the tree already", choices.method);
                }
                Ok(Some(all))
            }
        },
    }
}

/// The examples with their places in a tree of adapters.
fn in_domains(data: Dataset, domains: Option<&Domains>, table: &Table) -> Result<Dataset> {
    let Some(domains) = domains else { return Ok(data) };
    let groups: Vec<_> = domains.all_groups(table)?.into_iter().map(|group| vec![(group, 1.0)]).collect();
    if groups.len() != data.len() {
        bail!("{}: questions have no place in a tree of adapters", table.name);
    }
    Ok(data.with_groups(groups)?)
}

/// Tokenizes labelled examples, and says what was lost.
fn dataset(table: &Table, labels: &Labels, tokenizer: &Tokenizer) -> Result<Dataset> {
    let tokenized = tokenizer.tokenize(table, labels)?;
    notes(&table.name, &tokenized.notes);
    Ok(tokenized.dataset)
}
