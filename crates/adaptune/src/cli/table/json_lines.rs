//! `.jsonl`: one object a line, whose keys are the columns.

use super::columns::{Chosen, Columns};
use super::content::{Row, Table, TableKind, Text};
use super::source::Source;
use anyhow::Result;
use serde_json::{Map, Value};

type Object = Map<String, Value>;

/// Reads the objects. The keys of the first decide what the file holds: `words` (and `tags`), or texts
/// (and labels); every other object must have the keys that are used.
pub(super) fn read(source: &Source, columns: &Columns) -> Result<Table> {
    let objects = source.lines().map(|(line, text)| Ok((line, object(source, line, text)?)));
    let objects = objects.collect::<Result<Vec<_>>>()?;
    let header: Vec<String> = objects[0].1.keys().cloned().collect();
    let (rows, kind): (Result<_>, _) = if *columns == Columns::default() && objects[0].1.contains_key("words") {
        columns.none_given(source)?;
        let tagged = objects[0].1.contains_key("tags");
        (objects.iter().map(|(line, object)| tagged_row(source, *line, object, tagged)).collect(), TableKind::Words)
    } else {
        let chosen = columns.choose(source, &header)?;
        (objects.iter().map(|(line, object)| text_row(source, *line, object, &chosen)).collect(), chosen.kind())
    };
    Ok(Table { rows: rows?, kind, name: source.name.clone(), header })
}

fn object(source: &Source, line: usize, text: &str) -> Result<Object> {
    if text.trim().is_empty() {
        return Err(source.error(line, "the line is blank; delete it"));
    }
    let wanted = "expected one JSON object a line, such as {\"text\": \"...\", \"label\": \"...\"}";
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(Value::Array(_)) => {
            Err(source.error(line, format!("{wanted}, found an array; write one object a line: jq -c '.[]'")))
        }
        Ok(_) => Err(source.error(line, format!("{wanted}, found another value"))),
        Err(error) if text.trim() == "[" || text.trim() == "{" => {
            Err(source.error(line, format!("{wanted}, found a value over several lines ({error}); compact it: jq -c")))
        }
        Err(error) => Err(source.error(line, format!("{wanted}: {error}"))),
    }
}

fn text_row(source: &Source, line: usize, object: &Object, chosen: &Chosen) -> Result<Row> {
    let text = string(source, line, object, &chosen.text)?;
    let text_b = chosen.text_b.as_ref().map(|name| string(source, line, object, name)).transpose()?;
    let label = match &chosen.label {
        Some(name) => scalar(source, line, object, name)?,
        None => None,
    };
    chosen.row(source, line, text, text_b, label.as_deref())
}

fn tagged_row(source: &Source, line: usize, object: &Object, tagged: bool) -> Result<Row> {
    let words = strings(source, line, object, "words")?;
    let tags = if tagged { strings(source, line, object, "tags")? } else { Vec::new() };
    if words.is_empty() {
        return Err(source.error(line, "`words` is empty; expected at least one word: delete the line"));
    }
    if tagged && tags.len() != words.len() {
        let message = format!("found {} words and {} tags; expected one tag for each word", words.len(), tags.len());
        return Err(source.error(line, message));
    }
    Ok(Row { text: Text::Words(words), label: None, tags, line })
}

fn value<'a>(source: &Source, line: usize, object: &'a Object, name: &str) -> Result<&'a Value> {
    object.get(name).ok_or_else(|| {
        let found: Vec<&str> = object.keys().map(String::as_str).collect();
        source.error(line, format!("expected the key `{name}` as on the first line, found {}", found.join(", ")))
    })
}

fn string<'a>(source: &Source, line: usize, object: &'a Object, name: &str) -> Result<&'a str> {
    let value = value(source, line, object, name)?;
    value.as_str().ok_or_else(|| source.error(line, format!("expected `{name}` to be a text in quotes, found {value}")))
}

/// A label: a text, a number or a truth value; `null` is no label.
fn scalar(source: &Source, line: usize, object: &Object, name: &str) -> Result<Option<String>> {
    match value(source, line, object, name)? {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        value @ (Value::Number(_) | Value::Bool(_)) => Ok(Some(value.to_string())),
        value => Err(source.error(line, format!("expected `{name}` to be a text or a number, found {value}"))),
    }
}

fn strings(source: &Source, line: usize, object: &Object, name: &str) -> Result<Vec<String>> {
    let wrong = |value: &Value| source.error(line, format!("expected `{name}` to be an array of texts, found {value}"));
    let value = value(source, line, object, name)?;
    let items = value.as_array().ok_or_else(|| wrong(value))?;
    items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(|| wrong(item))).collect()
}
