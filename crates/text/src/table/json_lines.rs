//! `.jsonl`: objects, one a line or in one list, whose keys are the columns.

use super::choices;
use super::columns::{self, Chosen};
use super::compared;
use super::content::{Columns, NO_TAG, Row, Table, TableKind, Text, WORDS_AND_TAGS};
use super::objects::{Object, objects};
use super::options::Reading;
use super::questions;
use super::values::{brief, scalar};
use crate::error::{Result, TextError};
use serde_json::Value;
use std::collections::BTreeSet;

/// Names for the words of a sentence, and for their tags: ours, then those of Hugging Face's data sets.
const WORDS: [&str; 2] = ["words", "tokens"];
const TAGS: [&str; 2] = ["tags", "ner_tags"];

/// Reads the objects. The keys of the first decide what the file holds: arrays of words (and tags), or texts
/// (and labels); every other object must have the keys that are used.
pub(super) fn read(reading: &Reading<'_>) -> Result<Table> {
    let objects = objects(reading.source, "{\"text\": \"...\", \"label\": \"...\"}")?;
    let first = &objects[0].1;
    let keys: Vec<String> = first.keys().cloned().collect();
    if let Some(chosen) = compared::of_header(reading, &keys)? {
        return compared::of_objects(reading, &chosen, objects);
    }
    if let Some(chosen) = choices::of_object(reading, first)? {
        return choices::of_objects(reading, &chosen, objects);
    }
    if questions::are_in(reading, first) {
        return questions::flat(reading, objects);
    }
    let (mut rows, kind, columns) = match words_and_tags(reading, first)? {
        Some((words, tags)) => {
            let row = |(line, object): &(usize, Object)| tagged_row(reading, *line, object, &words, tags.as_deref());
            let rows = objects.iter().map(row).collect::<Result<Vec<Row>>>()?;
            (rows, TableKind::Words, Columns { text: Some(words), label: tags, ..Columns::default() })
        }
        None => {
            let names: Vec<String> = first.keys().cloned().collect();
            let chosen = columns::choose(reading, &names)?;
            let row = |(line, object): &(usize, Object)| text_row(reading, *line, object, &chosen);
            let rows = objects.iter().map(row).collect::<Result<Vec<Row>>>()?;
            (rows, chosen.kind(), chosen.names())
        }
    };
    // Beside lists a single label is a list of one.
    if rows.iter().any(|row| row.labels.is_some()) {
        rows.iter_mut().for_each(|row| row.labels = row.labels.take().or_else(|| Some(vec![row.label.take()?])));
    }
    let header: BTreeSet<&String> = objects.iter().flat_map(|(_, object)| object.keys()).collect();
    let header: Vec<String> = header.into_iter().cloned().collect();
    for (row, (_, mut object)) in rows.iter_mut().zip(objects) {
        row.fields = header.iter().map(|name| object.remove(name).unwrap_or_default()).collect();
    }
    Ok(Table { rows, kind, name: reading.source.name.clone(), header, columns, dialect: None, notes: Vec::new() })
}

/// The keys of words and tags, if the file holds tagged words: named ones, or the usual ones.
fn words_and_tags(reading: &Reading<'_>, first: &Object) -> Result<Option<(String, Option<String>)>> {
    let named = reading.columns(|name| first.contains_key(name));
    let is_array = |name: &&str| first.get(*name).is_some_and(Value::is_array);
    let words = match &named.text {
        Some(name) => Some(name.as_str()).filter(is_array),
        None if named.text_b.is_some() => None,
        None => WORDS.into_iter().find(|name| first.contains_key(*name)),
    };
    let Some(words) = words else { return Ok(None) };
    if named.text_b.is_some() {
        let message =
            format!("`{words}` holds words that are tagged, and pairs of texts are not; leave out the second");
        return Err(reading.source.whole(message));
    }
    let tags = match &named.label {
        Some(name) => Some(name.clone()),
        None => TAGS.into_iter().find(|name| first.contains_key(*name)).map(str::to_owned),
    };
    Ok(Some((words.to_owned(), tags)))
}

fn text_row(reading: &Reading<'_>, line: usize, object: &Object, chosen: &Chosen) -> Result<Row> {
    let text = string(reading, line, object, &chosen.text)?;
    let text_b = chosen.text_b.as_ref().map(|name| string(reading, line, object, name)).transpose()?;
    let (label, labels) = match &chosen.label {
        Some(name) => label(reading, line, object, name)?,
        None => (None, None),
    };
    Ok(Row { labels, ..chosen.row(line, text, text_b, label.as_deref()) })
}

fn tagged_row(reading: &Reading<'_>, line: usize, object: &Object, words: &str, tags: Option<&str>) -> Result<Row> {
    let source = reading.source;
    let texts = strings(reading, line, object, words)?;
    // Where nothing is learnt or measured, tags are a column like any other.
    let tags = tags.filter(|_| reading.labels_needed).map(|name| tag_names(reading, line, object, name)).transpose()?;
    if let Some(tags) = tags.as_ref().filter(|tags| tags.len() != texts.len()) {
        let message = format!("found {} words and {} tags; expected one tag for each word", texts.len(), tags.len());
        return Err(source.error(line, message));
    }
    let (text, tags) = (Text::Words(texts), tags.unwrap_or_default());
    Ok(Row { text, label: None, labels: None, answers: None, tags, line, fields: Vec::new() })
}

/// Tags as texts; Hugging Face's data sets hold numbers, [which have names](Table::with_label_names) in the data set's description.
fn tag_names(reading: &Reading<'_>, line: usize, object: &Object, name: &str) -> Result<Vec<String>> {
    let value = value(reading, line, object, name)?;
    match value.as_array() {
        Some(tags) if !tags.is_empty() && tags.iter().all(Value::is_number) => {
            Ok(tags.iter().filter_map(scalar).collect())
        }
        // So predict writes words without a tag.
        Some(tags) if tags.iter().any(Value::is_string) && tags.iter().all(|tag| tag.is_string() || tag.is_null()) => {
            Ok(tags.iter().map(|tag| tag.as_str().unwrap_or(NO_TAG).to_owned()).collect())
        }
        _ => strings(reading, line, object, name),
    }
}

fn value<'a>(reading: &Reading<'_>, line: usize, object: &'a Object, name: &str) -> Result<&'a Value> {
    object.get(name).ok_or_else(|| {
        let found: Vec<&str> = object.keys().map(String::as_str).collect();
        let before = if line > 1 { " as on the first line" } else { "" };
        let message = format!("expected the key `{name}`{before}, found {}", found.join(", "));
        reading.source.error(line, message)
    })
}

fn string<'a>(reading: &Reading<'_>, line: usize, object: &'a Object, name: &str) -> Result<&'a str> {
    match value(reading, line, object, name)? {
        Value::String(text) => Ok(text),
        Value::Null => Ok(""),
        Value::Object(_) if object.values().all(Value::is_object) => Err(reading.source.error(
            line,
            format!(
                "expected `{name}` to be a text, found a column of them, as pandas writes them by itself; write one object a \
                 line:\n    df.to_json('data.jsonl', orient='records', lines=True)"
            ),
        )),
        found => {
            Err(reading.source.error(line, format!("expected `{name}` to be a text in quotes, found {}", brief(found))))
        }
    }
}

/// One label: a text, a number or a truth value; `null` is no label. Or a list of labels, which may be empty.
fn label(
    reading: &Reading<'_>,
    line: usize,
    object: &Object,
    name: &str,
) -> Result<(Option<String>, Option<Vec<String>>)> {
    let value = value(reading, line, object, name)?;
    let found = match value {
        Value::Null => Some((None, None)),
        Value::Array(items) => items.iter().map(scalar).collect::<Option<Vec<_>>>().map(|mut items| {
            items.retain(|item| !item.is_empty());
            (None, Some(items))
        }),
        one => scalar(one).map(|label| (Some(label), None)),
    };
    found.ok_or_else(|| {
        let are_spans =
            value.as_array().is_some_and(|items| items.iter().all(|item| item.is_array() || item.is_object()));
        let advice =
            if are_spans { format!("; if they mark parts of the text, {WORDS_AND_TAGS}") } else { String::new() };
        let message =
            format!("expected `{name}` to be a text, a number or a list of them, found {}{advice}", brief(value));
        reading.source.error(line, message)
    })
}

fn strings(reading: &Reading<'_>, line: usize, object: &Object, name: &str) -> Result<Vec<String>> {
    let wrong = |value: &Value| -> TextError {
        let by_columns = value.as_array().is_some_and(|items| !items.is_empty() && items.iter().all(Value::is_array));
        let advice = match by_columns {
            true => {
                "; if this is a list for each column, as Dataset.to_dict() makes it, write one object for each example (in Python: \
                 Dataset.to_json)"
            }
            false => "",
        };
        let message = format!("expected `{name}` to be an array of texts, found {}{advice}", brief(value));
        reading.source.error(line, message)
    };
    let value = value(reading, line, object, name)?;
    let items = value.as_array().ok_or_else(|| wrong(value))?;
    items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(|| wrong(item))).collect()
}
