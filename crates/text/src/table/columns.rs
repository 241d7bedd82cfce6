//! Which columns hold text and label.

use super::content::{Columns, Row, Table, TableKind, Text};
use super::delimited::Records;
use super::missing::{LABEL_COLUMN, LABEL_COLUMNS, Needed, TEXT_B_COLUMN, TEXT_COLUMN, require};
use super::options::{Reading, TableOptions};
use crate::error::Result;
use serde_json::Value;

/// Names that a file turned out to have, chosen from its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) text: String,
    pub(super) text_b: Option<String>,
    pub(super) label: Option<String>,
}

/// Picks the columns out of a header: those that are named, or the usual ones.
pub(super) fn choose(reading: &Reading<'_>, header: &[String]) -> Result<Chosen> {
    let has = |name: &str| header.iter().any(|column| column == name);
    let named = reading.columns(has);
    let (text, text_b) = texts(reading, &named, has)?;
    let label = named.label.or_else(|| label_of_training(reading)).or_else(|| has("label").then(|| "label".to_owned()));
    let needed = [(Some(&text), TEXT_COLUMN), (text_b.as_ref(), TEXT_B_COLUMN)].into_iter();
    let needed = needed.filter_map(|(name, option)| Some(Needed { name: name?, option }));
    let needed: Vec<Needed<'_>> = needed.chain(needed_labels(reading, has, label.as_deref())).collect();
    // A file that lacks nothing but the usual label may have labels of another kind; whoever reads them says so.
    if label.is_some() || needed.iter().any(|column| !has(column.name) && column.option != LABEL_COLUMN) {
        require(reading, header, &needed)?;
    }
    let chosen = Chosen { text, text_b, label };
    chosen.check(reading)?;
    Ok(chosen)
}

/// The columns of the texts: those that are named, those of training, or the usual ones.
fn texts(reading: &Reading<'_>, named: &Columns, has: impl Fn(&str) -> bool) -> Result<(String, Option<String>)> {
    match (&named.text, &named.text_b) {
        (Some(text), text_b) => Ok((text.clone(), text_b.clone())),
        (None, Some(text_b)) => Ok((if has("text_a") { "text_a" } else { "text" }.to_owned(), Some(text_b.clone()))),
        (None, None) => match &reading.options.preferred.text {
            // Another column than that of training is not read without a word.
            Some(text) if are_named_otherwise(reading) => Ok((text.clone(), reading.options.preferred.text_b.clone())),
            _ => usual_texts(reading, has),
        },
    }
}

/// The rows of a file with a header.
pub(super) fn table(reading: &Reading<'_>, records: Records) -> Result<Table> {
    let Records { header, rows, dialect, notes, .. } = records;
    let chosen = choose(reading, &header)?;
    let place = |name: &String| header.iter().position(|column| column == name);
    let (text, text_b) = (place(&chosen.text), chosen.text_b.as_ref().and_then(place));
    let label = chosen.label.as_ref().and_then(place);
    let row = |(line, fields): (usize, Vec<String>)| {
        let field = |place: Option<usize>| place.map(|place| fields[place].as_str());
        let row = chosen.row(line, field(text).unwrap_or_default(), field(text_b), field(label));
        Row { fields: fields.into_iter().map(Value::String).collect(), ..row }
    };
    let rows = rows.into_iter().map(row).collect();
    let (name, kind, dialect) = (reading.source.name.clone(), chosen.kind(), Some(dialect));
    Ok(Table { rows, kind, name, header, columns: chosen.names(), dialect, notes })
}

impl Chosen {
    /// Refuses one column for two purposes.
    fn check(&self, reading: &Reading<'_>) -> Result<()> {
        let Self { text, text_b, label } = self;
        if let Some(label) = label.as_ref().filter(|label| *label == text || text_b.as_ref() == Some(*label)) {
            return Err(reading
                .source
                .whole(format!("`{label}` is given as a text and as the label; name two columns")));
        }
        if text_b.as_ref() == Some(text) {
            return Err(reading.source.whole(format!("`{text}` is given as both texts of a pair; name two columns")));
        }
        Ok(())
    }

    pub(super) fn kind(&self) -> TableKind {
        if self.text_b.is_some() { TableKind::Pair } else { TableKind::Single }
    }

    pub(super) fn names(self) -> Columns {
        Columns { text: Some(self.text), text_b: self.text_b, label: self.label, ..Columns::default() }
    }

    /// Builds a row without its fields; a blank label is no label.
    pub(super) fn row(&self, line: usize, text: &str, text_b: Option<&str>, label: Option<&str>) -> Row {
        let text = match text_b {
            Some(second) if self.text_b.is_some() => Text::Pair(text.to_owned(), second.to_owned()),
            _ => Text::Single(text.to_owned()),
        };
        let label = label.map(str::trim).filter(|label| !label.is_empty()).map(str::to_owned);
        Row { text, label, labels: None, answers: None, tags: Vec::new(), line, fields: Vec::new() }
    }
}

/// `text`, or `text_a` and `text_b`; not both, for a guess could be wrong.
fn usual_texts(reading: &Reading<'_>, has: impl Fn(&str) -> bool) -> Result<(String, Option<String>)> {
    match (has("text"), has("text_a"), has("text_b")) {
        (true, true, true) => Err(reading
            .source
            .whole("found `text` beside `text_a` and `text_b`; choose with --text-column (and --text-b-column)")),
        (_, true, true) => Ok(("text_a".to_owned(), Some("text_b".to_owned()))),
        (false, true, false) | (false, false, true) => {
            Err(reading.source.whole("found only one of `text_a` and `text_b`; choose with --text-column"))
        }
        (true, ..) | (false, false, false) => Ok(("text".to_owned(), None)),
    }
}

/// The columns of labels that have to be there: those that are named, or the usual one where labels are needed and none is.
fn needed_labels<'a>(
    reading: &Reading<'a>,
    has: impl Fn(&str) -> bool,
    label: Option<&'a str>,
) -> impl Iterator<Item = Needed<'a>> {
    let TableOptions { columns, preferred, .. } = reading.options;
    let one = match label {
        Some(name) => Some(name).filter(|name| reading.labels_needed || !has(name)),
        None => {
            Some("label").filter(|_| reading.labels_needed && columns.labels.is_empty() && preferred.labels.is_empty())
        }
    };
    let several = columns.labels.iter().map(|name| Needed { name, option: LABEL_COLUMNS });
    one.map(|name| Needed { name, option: LABEL_COLUMN }).into_iter().chain(several)
}

/// The column of the labels of the training data, where labels are needed; that of choices is none of single texts.
fn label_of_training(reading: &Reading<'_>) -> Option<String> {
    let preferred = &reading.options.preferred;
    preferred.label.clone().filter(|_| reading.labels_needed && preferred.choices.is_empty())
}

/// True if the texts of the training data stood in other columns than the usual ones, and were no choices. Those of taggers may be
/// words in training, and texts later.
fn are_named_otherwise(reading: &Reading<'_>) -> bool {
    let preferred = &reading.options.preferred;
    if !preferred.choices.is_empty() {
        return false;
    }
    let usual = [(Some("text"), None), (Some("text_a"), Some("text_b")), (Some("words"), None), (Some("tokens"), None)];
    !usual.contains(&(preferred.text.as_deref(), preferred.text_b.as_deref()))
}
