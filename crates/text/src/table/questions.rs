//! Questions about a context, with their answers: nested as in the files of SQuAD 1.1 and 2, or flat, one object each, as Hugging
//! Face's data sets have them.

use super::content::{Columns, GivenAnswer, Row, Table, TableKind, Text};
use super::objects::Object;
use super::options::Reading;
use crate::error::Result;
use serde_json::Value;

const QUESTION: &str = "question";
const CONTEXT: &str = "context";
const ANSWERS: &str = "answers";

/// True if an object has a question about a context, and no other columns are named.
pub(super) fn are_in(reading: &Reading<'_>, first: &Object) -> bool {
    let named = &reading.options.columns;
    let is_text = |name: &str| first.get(name).is_some_and(Value::is_string);
    named.text.is_none() && named.text_b.is_none() && named.label.is_none() && is_text(QUESTION) && is_text(CONTEXT)
}

/// The rows of flat objects, each with its line.
pub(super) fn flat(reading: &Reading<'_>, objects: Vec<(usize, Object)>) -> Result<Table> {
    let mut header: Vec<String> = objects.iter().flat_map(|(_, object)| object.keys().cloned()).collect();
    header.sort_unstable();
    header.dedup();
    let row = |(line, object): (usize, Object)| row(reading, line, &header, &object);
    let rows = objects.into_iter().map(row).collect::<Result<Vec<_>>>()?;
    Ok(table(reading, rows, header))
}

/// The questions of a file that is one object with `data`; `None` of any other file.
pub(super) fn nested(reading: &Reading<'_>) -> Result<Option<Table>> {
    let text = reading.source.text.trim_start();
    if !text.starts_with('{') {
        return Ok(None);
    }
    let Ok(Value::Object(mut file)) = serde_json::from_str(text) else { return Ok(None) };
    let Some(Value::Array(articles)) = file.remove("data") else { return Ok(None) };
    let named = &reading.options.columns;
    if [&named.text, &named.text_b, &named.label].into_iter().any(Option::is_some) {
        let message =
            "the file has articles with questions, as SQuAD, and no columns; leave the options for column names away";
        return Err(reading.source.whole(message));
    }
    let mut objects = Vec::new();
    for (i, article) in articles.into_iter().enumerate() {
        let found = questions_of(article);
        let message = || {
            format!("article {} of `data` is not one of SQuAD: expected `paragraphs` with `context` and `qas`", i + 1)
        };
        objects.extend(found.ok_or_else(|| reading.source.whole(message()))?.into_iter().map(|object| (1, object)));
    }
    if objects.is_empty() {
        return Err(reading.source.whole("`data` holds no question"));
    }
    flat(reading, objects).map(Some)
}

/// The questions of an article as flat objects; an object that is flat already is one.
fn questions_of(article: Value) -> Option<Vec<Object>> {
    let Value::Object(article) = article else { return None };
    if article.contains_key(QUESTION) {
        return Some(vec![article]);
    }
    let mut all = Vec::new();
    for paragraph in article.get("paragraphs")?.as_array()? {
        let context = paragraph.get(CONTEXT)?;
        for question in paragraph.get("qas")?.as_array()? {
            let mut object = question.as_object()?.clone();
            object.insert(CONTEXT.to_owned(), context.clone());
            if let Some(title) = article.get("title") {
                object.insert("title".to_owned(), title.clone());
            }
            all.push(object);
        }
    }
    Some(all)
}

fn table(reading: &Reading<'_>, rows: Vec<Row>, header: Vec<String>) -> Table {
    let [text, text_b, label] = [QUESTION, CONTEXT, ANSWERS].map(|name| Some(name.to_owned()));
    let columns = Columns { text, text_b, label, ..Columns::default() };
    Table {
        rows,
        kind: TableKind::Pair,
        name: reading.source.name.clone(),
        header,
        columns,
        dialect: None,
        notes: Vec::new(),
    }
}

fn row(reading: &Reading<'_>, line: usize, header: &[String], object: &Object) -> Result<Row> {
    let text = |name: &str| {
        let text = match object.get(name) {
            Some(Value::String(text)) => text.as_str(),
            Some(Value::Null) | None if !reading.labels_needed => "",
            _ => return Err(reading.source.error(line, format!("expected `{name}` to be a text{}", of(object)))),
        };
        Ok(text.to_owned())
    };
    let (question, context) = (text(QUESTION)?, text(CONTEXT)?);
    let answers = answers(object.get(ANSWERS)).ok_or_else(|| {
        let message = format!(
            "expected `{ANSWERS}` to be {{\"text\": [...], \"answer_start\": [...]}}, or a list of {{\"text\": ..., \
             \"answer_start\": ...}}{}",
            of(object)
        );
        reading.source.error(line, message)
    })?;
    let fields = header.iter().map(|name| object.get(name).cloned().unwrap_or_default()).collect();
    Ok(Row { text: Text::Pair(question, context), label: None, labels: None, answers, tags: Vec::new(), line, fields })
}

/// Which question it is, where the file says it.
fn of(object: &Object) -> String {
    object.get("id").map_or(String::new(), |id| format!(" (in the question of id {id})"))
}

/// The answers, or that they are not known; `None` if they are something else.
#[allow(clippy::option_option)] // malformed, absent, and there
fn answers(value: Option<&Value>) -> Option<Option<Vec<GivenAnswer>>> {
    let given = |text: &Value, start: &Value| {
        let start = usize::try_from(start.as_u64()?).ok()?;
        Some(GivenAnswer { text: text.as_str()?.to_owned(), start })
    };
    match value {
        None | Some(Value::Null) => Some(None),
        Some(Value::Array(list)) => list
            .iter()
            .map(|one| given(one.get("text")?, one.get("answer_start")?))
            .collect::<Option<Vec<_>>>()
            .map(Some),
        Some(columns) => {
            let (texts, starts) = (columns.get("text")?.as_array()?, columns.get("answer_start")?.as_array()?);
            let all = texts.iter().zip(starts).map(|(text, start)| given(text, start)).collect::<Option<Vec<_>>>()?;
            (texts.len() == starts.len()).then_some(Some(all))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, content: &str) -> Result<Table> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        Table::read(&path)
    }

    fn nested(answers: &str) -> String {
        let question = format!(r#"{{"id": "q1", "question": "who?", "answers": {answers}, "is_impossible": false}}"#);
        format!(
            r#"{{"version": "v2.0", "data": [{{"title": "t", "paragraphs": [{{"context": "Ada wrote.", "qas": [{question}]}}]}}]}}"#
        )
    }

    #[test]
    fn both_forms_of_squad_are_one() {
        let table = read("a.json", &nested(r#"[{"text": "Ada", "answer_start": 0}]"#)).unwrap();
        let line = r#"{"id": "q1", "title": "t", "context": "Ada wrote.", "question": "who?", "answers": {"text": ["Ada"], "answer_start": [0]}}"#;
        let flat = read("a.jsonl", line).unwrap();
        for table in [&table, &flat] {
            let row = &table.rows[0];
            assert_eq!(row.text, Text::Pair("who?".into(), "Ada wrote.".into()));
            assert_eq!(row.answers.as_deref(), Some(&[GivenAnswer { text: "Ada".into(), start: 0 }][..]));
            assert_eq!((table.kind, table.columns.text_b.as_deref()), (TableKind::Pair, Some("context")));
            let id = table.header.iter().position(|name| name == "id").unwrap();
            assert_eq!(row.fields[id], "q1");
        }
        assert_eq!(read("a.json", &nested("[]")).unwrap().rows[0].answers.as_deref(), Some(&[][..]));
        assert_eq!(read("a.json", &nested("null")).unwrap().rows[0].answers, None);
    }

    #[test]
    fn what_is_malformed_is_named() {
        for answers in [
            r#"[{"text": "Ada"}]"#,
            "3",
            r#"{"text": ["a"], "answer_start": []}"#,
            r#"[{"text": "a", "answer_start": -1}]"#,
        ] {
            let message = read("a.json", &nested(answers)).unwrap_err().to_string();
            assert!(message.contains("answer_start") && message.contains("q1"), "{message}");
        }
        for file in [r#"{"data": [{"paragraphs": [{"qas": []}]}]}"#, r#"{"data": [3]}"#] {
            let message = read("a.json", file).unwrap_err().to_string();
            assert!(message.contains("article 1 of `data`"), "{message}");
        }
        assert!(read("a.json", r#"{"data": []}"#).unwrap_err().to_string().contains("no question"));
    }
}
