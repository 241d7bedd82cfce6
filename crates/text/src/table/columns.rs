//! Which columns hold text and label.

use super::content::{Columns, Row, Table, TableKind, Text, WORDS_AND_TAGS};
use super::delimited::Records;
use super::options::Reading;
use crate::error::{Result, shortened};
use adaptune_adapters::did_you_mean;
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
    let (text, text_b) = match (&named.text, &named.text_b) {
        (Some(text), text_b) => (text.clone(), text_b.clone()),
        (None, Some(text_b)) => (if has("text_a") { "text_a" } else { "text" }.to_owned(), Some(text_b.clone())),
        (None, None) => match &reading.options.preferred.text {
            // Another column than that of training is not read without a word.
            Some(text) if are_named_otherwise(reading) => (text.clone(), reading.options.preferred.text_b.clone()),
            _ => usual_texts(reading, has)?,
        },
    };
    let label =
        named.label.clone().or_else(|| label_of_training(reading)).or_else(|| has("label").then(|| "label".to_owned()));
    for name in [Some(&text), text_b.as_ref()].into_iter().flatten() {
        require(reading, header, name)?;
    }
    if let Some(name) = &label
        && (reading.labels_needed || !has(name))
    {
        require(reading, header, name)?;
    }
    if let Some(label) = label.as_ref().filter(|label| **label == text || text_b.as_ref() == Some(*label)) {
        return Err(reading.source.whole(format!("`{label}` is given as a text and as the label; name two columns")));
    }
    if text_b.as_ref() == Some(&text) {
        return Err(reading.source.whole(format!("`{text}` is given as both texts of a pair; name two columns")));
    }
    Ok(Chosen { text, text_b, label })
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
        let row = chosen.row(reading, line, field(text).unwrap_or_default(), field(text_b), field(label))?;
        Ok(Row { fields: fields.into_iter().map(Value::String).collect(), ..row })
    };
    let rows = rows.into_iter().map(row).collect::<Result<_>>()?;
    let (name, kind, dialect) = (reading.source.name.clone(), chosen.kind(), Some(dialect));
    Ok(Table { rows, kind, name, header, columns: chosen.names(), dialect, notes })
}

impl Chosen {
    pub(super) fn kind(&self) -> TableKind {
        if self.text_b.is_some() { TableKind::Pair } else { TableKind::Single }
    }

    pub(super) fn names(self) -> Columns {
        Columns { text: Some(self.text), text_b: self.text_b, label: self.label, ..Columns::default() }
    }

    /// Builds a row without its fields; a blank label is no label.
    pub(super) fn row(
        &self,
        reading: &Reading<'_>,
        line: usize,
        text: &str,
        text_b: Option<&str>,
        label: Option<&str>,
    ) -> Result<Row> {
        let checked = |name: &str, text| reading.full_text(line, &format!("the column `{name}`"), text);
        let first = checked(&self.text, text)?;
        let text = match (&self.text_b, text_b) {
            (Some(name), Some(second)) => Text::Pair(first, checked(name, second)?),
            _ => Text::Single(first),
        };
        let label = label.map(str::trim).filter(|label| !label.is_empty()).map(str::to_owned);
        Ok(Row { text, label, labels: None, answers: None, tags: Vec::new(), line, fields: Vec::new() })
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

/// Names under which data sets often have their texts, the second ones of pairs.
const OFTEN: [(&str, Option<&str>); 9] = [
    ("sentence1", Some("sentence2")),
    ("premise", Some("hypothesis")),
    ("question1", Some("question2")),
    ("question", Some("sentence")),
    ("sentence", None),
    ("content", None),
    ("body", None),
    ("review", None),
    ("message", None),
];

/// The options that would do, if the columns have such names.
fn often(header: &[String]) -> Option<String> {
    let has = |name: &str| header.iter().any(|column| column == name);
    if has("annotations") && has("data") {
        return Some(
            " (Label Studio's whole export, in which texts lie deeper; its exports JSON-MIN and CSV are read)."
                .to_owned(),
        );
    }
    if has("question") && has("context") {
        let message = " (perhaps --text-column question --text-b-column context; to answer questions is learnt from JSON, as SQuAD has \
                       it).";
        return Some(message.to_owned());
    }
    let (text, text_b) = OFTEN.into_iter().find(|(text, text_b)| has(text) && text_b.is_none_or(has))?;
    let second = text_b.map(|text_b| format!(" --text-b-column {text_b}")).unwrap_or_default();
    Some(format!(" (perhaps --text-column {text}{second})."))
}

/// The option that would do, if columns are called A, B and so on, as choices are in spreadsheets.
fn lettered(header: &[String]) -> Option<String> {
    let choice =
        |letter: char| header.iter().find(|name| name.len() == 1 && name.eq_ignore_ascii_case(&letter.to_string()));
    let choices: Vec<&str> = ('a'..='z').map_while(choice).map(String::as_str).collect();
    (choices.len() > 1).then(|| format!(" (perhaps --choice-columns {}, if one of them is right).", choices.join(",")))
}

/// True if the columns have the names of words and their tags.
fn are_words(header: &[String]) -> bool {
    let has = |names: &[&str]| header.iter().any(|column| names.iter().any(|name| column.eq_ignore_ascii_case(name)));
    let are_words = has(&["word", "words", "token", "tokens"]);
    let are_tagged = has(&["tag", "tags", "ner", "ner_tag", "ner_tags", "pos", "bio", "label", "labels"]);
    are_words && are_tagged
}

pub(super) fn require(reading: &Reading<'_>, header: &[String], name: &str) -> Result<()> {
    if header.iter().any(|column| column == name) {
        return Ok(());
    }
    let found = header.iter().map(|column| format!("`{}`", shortened(column, 40))).collect::<Vec<_>>().join(", ");
    let is_text = ["text", "text_a"].contains(&name);
    if is_text && are_words(header) {
        return Err(reading.source.whole(format!("expected a column `{name}`, found {found}; {WORDS_AND_TAGS}")));
    }
    let similar = did_you_mean(name, header.iter().map(String::as_str));
    let usual = (is_text && similar.is_empty()).then(|| lettered(header).or_else(|| often(header))).flatten();

    let preferred = &reading.options.preferred;
    let before = [&preferred.text, &preferred.text_b, &preferred.label]
        .into_iter()
        .any(|before| before.as_deref() == Some(name));
    let before = if before { ", as in training" } else { "" };
    let hint = usual.unwrap_or(if similar.is_empty() { ".".to_owned() } else { similar });
    Err(reading.source.whole(format!(
        "expected a column `{name}`{before}, found {found}{hint} The first line names the columns; --text-column, \
         --text-b-column and --label-column choose among them"
    )))
}
