//! From labels as written to what training aims at: classes, numbers or tags.

use super::content::{Row, Table, TableKind, Text};
use adaptune_adapters::did_you_mean;
use anyhow::{Result, anyhow, bail};
use std::collections::BTreeSet;

/// What the user says about the task (`--task`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum TaskChoice {
    /// Look at the labels: tagged words mean tagging, numbers mean regression, anything else means classification.
    #[default]
    Auto,
    /// Each different label is a class, also where labels are numbers.
    Classification,
    /// Labels are numbers to be predicted.
    Regression,
    /// Each word of a sentence has a tag.
    Tagging,
}

/// The task that a table of training data sets, with the names of its classes or tags in a fixed order.
///
/// Names are sorted by their letters, or as numbers if all are whole numbers, so that the order does not depend on
/// the order of the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Labels {
    /// Classification among these.
    Classes(Vec<String>),
    /// Regression.
    Numbers,
    /// Tagging with these.
    Tags(Vec<String>),
}

/// The labels of a table's rows, in order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Targets {
    /// The index of each row's class.
    Classes(Vec<usize>),
    /// Each row's number, finite.
    Numbers(Vec<f64>),
    /// The index of the tag of each word of each row.
    Tags(Vec<Vec<usize>>),
}

impl Labels {
    /// Decides the task from training data. Returns it with a sentence that tells the user what was decided and why.
    ///
    /// # Errors
    ///
    /// A row has no label, the choice does not fit the table, or there is nothing to learn because all
    /// labels are alike.
    pub(crate) fn decide(table: &Table, choice: TaskChoice) -> Result<(Self, String)> {
        match (choice, table.kind) {
            (TaskChoice::Auto | TaskChoice::Tagging, TableKind::Words) => tagging(table),
            (TaskChoice::Tagging, kind) => {
                bail!("{}: tagging needs a tag for each word (.conll), found {kind}", table.name)
            }
            (_, TableKind::Words) => bail!("{}: words with tags are for tagging; leave --task away", table.name),
            (TaskChoice::Classification, _) => classification(table),
            (TaskChoice::Regression, _) => regression(table, "labels are to be numbers: regression"),
            (TaskChoice::Auto, _) => match table.rows.iter().find(|row| !is_number(row)) {
                None => regression(
                    table,
                    "labels are numbers: regression; use --task classification if they stand for classes",
                ),
                Some(_) => classification(table),
            },
        }
    }

    /// Names of the classes or tags; none for regression.
    pub(crate) fn names(&self) -> &[String] {
        match self {
            Self::Classes(names) | Self::Tags(names) => names,
            Self::Numbers => &[],
        }
    }

    /// The labels of any table that belongs to the same task, such as development data.
    ///
    /// # Errors
    ///
    /// A row has no label or one that training does not know; the message names the line and the known ones.
    pub(crate) fn targets(&self, table: &Table) -> Result<Targets> {
        if matches!(self, Self::Tags(_)) != (table.kind == TableKind::Words) {
            bail!("{}: training and this file do not fit together; found {} here", table.name, table.kind);
        }
        let rows = table.rows.iter();
        Ok(match self {
            Self::Classes(names) => {
                let class = |row| find(table, row, "label", names, label(table, row)?);
                Targets::Classes(rows.map(class).collect::<Result<_>>()?)
            }
            Self::Numbers => Targets::Numbers(rows.map(|row| number(table, row)).collect::<Result<_>>()?),
            Self::Tags(names) => Targets::Tags(rows.map(|row| tag_indices(table, row, names)).collect::<Result<_>>()?),
        })
    }
}

fn classification(table: &Table) -> Result<(Labels, String)> {
    let labels = table.rows.iter().map(|row| label(table, row)).collect::<Result<Vec<_>>>()?;
    let classes = sorted(labels.iter().copied());
    if let [only] = &classes[..] {
        bail!("{}: every label is `{only}`; classification needs at least two classes", table.name);
    }
    let note = format!("{} classes: {}{}", classes.len(), listed(&classes), odd_one_out(table));
    Ok((Labels::Classes(classes), note))
}

fn regression(table: &Table, note: &str) -> Result<(Labels, String)> {
    let numbers = table.rows.iter().map(|row| number(table, row)).collect::<Result<Vec<_>>>()?;
    if numbers.iter().all(|&number| number == numbers[0]) {
        bail!("{}: every label is {}; there is nothing to learn", table.name, numbers[0]);
    }
    Ok((Labels::Numbers, note.to_owned()))
}

fn tagging(table: &Table) -> Result<(Labels, String)> {
    for row in &table.rows {
        tags(table, row)?;
    }
    let names = sorted(table.rows.iter().flat_map(|row| &row.tags).map(String::as_str));
    if let [only] = &names[..] {
        bail!("{}: every tag is `{only}`; tagging needs at least two tags", table.name);
    }
    let note = format!("{} tags: {}", names.len(), listed(&names));
    Ok((Labels::Tags(names), note))
}

/// When nearly all labels are numbers, the few that are not are more likely mistakes than classes: says so.
fn odd_one_out(table: &Table) -> String {
    let odd: Vec<&Row> = table.rows.iter().filter(|row| !is_number(row)).collect();
    match odd[..] {
        [first, ..] if odd.len() * 10 <= table.rows.len() => format!(
            "; most labels are numbers, but not `{}` on line {}: mend it if you meant regression",
            first.label.as_deref().unwrap_or_default(),
            first.line
        ),
        _ => String::new(),
    }
}

fn is_number(row: &Row) -> bool {
    row.label.as_deref().is_some_and(|label| label.parse::<f64>().is_ok())
}

fn label<'a>(table: &Table, row: &'a Row) -> Result<&'a str> {
    row.label.as_deref().ok_or_else(|| {
        if table.rows.iter().all(|row| row.label.is_none()) {
            return no_labels(table);
        }
        at(table, row, "the label is blank; every row needs one: fill it in or delete the row")
    })
}

fn no_labels(table: &Table) -> anyhow::Error {
    if table.header.is_empty() {
        return anyhow!("{}: this kind of file has no labels; use .tsv, .csv, .jsonl or .conll", table.name);
    }
    let hint = did_you_mean("label", table.header.iter().map(String::as_str));
    anyhow!(
        "{}: found no labels; its columns are {}{hint} Name the column of labels with --label-column",
        table.name,
        table.header.join(", "),
        hint = if hint.is_empty() { "." } else { &hint }
    )
}

fn number(table: &Table, row: &Row) -> Result<f64> {
    let label = label(table, row)?;
    match label.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => {
            let message =
                format!("expected a finite number, found the label `{label}`; mend it, or use --task classification");
            Err(at(table, row, &message))
        }
    }
}

fn tags<'a>(table: &Table, row: &'a Row) -> Result<&'a [String]> {
    match (&row.text, row.tags.len()) {
        (Text::Words(words), tags) if words.len() == tags => Ok(&row.tags),
        _ => Err(at(table, row, "found words without tags; expected a word and its tag on each line")),
    }
}

fn tag_indices(table: &Table, row: &Row, names: &[String]) -> Result<Vec<usize>> {
    tags(table, row)?.iter().map(|tag| find(table, row, "tag", names, tag)).collect()
}

fn find(table: &Table, row: &Row, what: &str, names: &[String], name: &str) -> Result<usize> {
    names.iter().position(|known| known == name).ok_or_else(|| {
        let hint = did_you_mean(name, names.iter().map(String::as_str));
        at(table, row, &format!("the {what} `{name}` is not in the training data, which has {}{hint}", listed(names)))
    })
}

fn at(table: &Table, row: &Row, message: &str) -> anyhow::Error {
    anyhow!("{}, line {}: {message}", table.name, row.line)
}

fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<String> = names.collect::<BTreeSet<_>>().into_iter().map(str::to_owned).collect();
    if names.iter().all(|name| name.parse::<i64>().is_ok()) {
        names.sort_by_key(|name| name.parse::<i64>().unwrap_or_default());
    }
    names
}

/// At most twelve names, for a line that can be read.
fn listed(names: &[String]) -> String {
    match names.len() {
        0..=12 => names.join(", "),
        count => format!("{}, ... ({} more)", names[..10].join(", "), count - 10),
    }
}

#[cfg(test)]
mod tests;
