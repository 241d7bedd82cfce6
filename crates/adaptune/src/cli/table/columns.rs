//! Which columns hold text and label.

use super::content::{Row, Table, TableKind, Text};
use super::delimited::Records;
use super::source::Source;
use adaptune_adapters::did_you_mean;
use anyhow::{Result, bail};

/// Column names that the user gives in place of the usual ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Columns {
    /// `--text-column`: the text, or the first of two; by default `text`, or `text_a`.
    pub(crate) text: Option<String>,
    /// `--text-b-column`: the second text of a pair; by default `text_b`.
    pub(crate) text_b: Option<String>,
    /// `--label-column`: by default `label`, and no labels if there is no such column.
    pub(crate) label: Option<String>,
}

/// Names that a file turned out to have, chosen from its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) text: String,
    pub(super) text_b: Option<String>,
    pub(super) label: Option<String>,
}

impl Columns {
    /// Picks the columns out of a header.
    pub(super) fn choose(&self, source: &Source, header: &[String]) -> Result<Chosen> {
        let has = |name: &str| header.iter().any(|column| column == name);
        let (text, text_b) = match (&self.text, &self.text_b) {
            (Some(text), text_b) => (text.clone(), text_b.clone()),
            (None, Some(text_b)) => (if has("text_a") { "text_a" } else { "text" }.to_owned(), Some(text_b.clone())),
            (None, None) => usual_texts(source, has)?,
        };
        let label = self.label.clone().or_else(|| has("label").then(|| "label".to_owned()));
        for name in [Some(&text), text_b.as_ref(), label.as_ref()].into_iter().flatten() {
            require(source, header, name)?;
        }
        if text_b.as_ref() == Some(&text) {
            bail!("{}: `{text}` is given as both texts of a pair; name two columns", source.name);
        }
        Ok(Chosen { text, text_b, label })
    }

    /// The rows of a file with a header.
    pub(super) fn table(&self, source: &Source, records: Records) -> Result<Table> {
        let chosen = self.choose(source, &records.header)?;
        let place = |name: &String| records.header.iter().position(|column| column == name);
        let (text, text_b) = (place(&chosen.text), chosen.text_b.as_ref().and_then(place));
        let label = chosen.label.as_ref().and_then(place);
        let row = |(line, fields): &(usize, Vec<String>)| {
            let field = |place: Option<usize>| place.map(|place| fields[place].as_str());
            chosen.row(source, *line, field(text).unwrap_or_default(), field(text_b), field(label))
        };
        let rows = records.rows.iter().map(row).collect::<Result<_>>()?;
        Ok(Table { rows, kind: chosen.kind(), name: source.name.clone(), header: records.header })
    }

    /// Refuses names of columns for a file that has no names.
    pub(super) fn none_given(&self, source: &Source) -> Result<()> {
        if *self != Self::default() {
            bail!("{}: this kind of file has no named columns; leave the options for column names away", source.name);
        }
        Ok(())
    }
}

impl Chosen {
    pub(super) fn kind(&self) -> TableKind {
        if self.text_b.is_some() { TableKind::Pair } else { TableKind::Single }
    }

    /// Builds a row; texts must not be blank, a blank label is no label.
    pub(super) fn row(
        &self,
        source: &Source,
        line: usize,
        text: &str,
        text_b: Option<&str>,
        label: Option<&str>,
    ) -> Result<Row> {
        let checked = |name: &str, text| source.full_text(line, &format!("the column `{name}`"), text);
        let first = checked(&self.text, text)?;
        let text = match (&self.text_b, text_b) {
            (Some(name), Some(second)) => Text::Pair(first, checked(name, second)?),
            _ => Text::Single(first),
        };
        let label = label.map(str::trim).filter(|label| !label.is_empty()).map(str::to_owned);
        Ok(Row { text, label, tags: Vec::new(), line })
    }
}

/// `text`, or `text_a` and `text_b`; not both, for a guess could be wrong.
fn usual_texts(source: &Source, has: impl Fn(&str) -> bool) -> Result<(String, Option<String>)> {
    match (has("text"), has("text_a"), has("text_b")) {
        (true, true, true) => {
            bail!(
                "{}: found `text` beside `text_a` and `text_b`; choose with --text-column (and --text-b-column)",
                source.name
            )
        }
        (_, true, true) => Ok(("text_a".to_owned(), Some("text_b".to_owned()))),
        (false, true, false) | (false, false, true) => {
            bail!("{}: found only one of `text_a` and `text_b`; choose with --text-column", source.name)
        }
        _ => Ok(("text".to_owned(), None)),
    }
}

fn require(source: &Source, header: &[String], name: &str) -> Result<()> {
    if header.iter().any(|column| column == name) {
        return Ok(());
    }
    let hint = did_you_mean(name, header.iter().map(String::as_str));
    let found = header.iter().map(|column| format!("`{}`", shortened(column))).collect::<Vec<_>>().join(", ");
    bail!(
        "{}: expected a column `{name}`, found {found}{hint} The first line names the columns; --text-column, \
         --text-b-column and --label-column choose among them",
        source.name,
        hint = if hint.is_empty() { "." } else { &hint }
    )
}

/// A file without a header shows its first example here; a few words of it are enough.
fn shortened(name: &str) -> String {
    match name.char_indices().nth(40) {
        Some((end, _)) => format!("{}...", &name[..end]),
        None => name.to_owned(),
    }
}
