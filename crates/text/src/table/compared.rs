//! Texts that are compared with each other, each a sequence by itself, as data sets of sentence-transformers have them: pairs, pairs
//! with a score, and triplets.

use super::content::{Columns, Row, Table, TableKind, Text};
use super::delimited::Records;
use super::missing::{LABEL_COLUMN, NEGATIVE_COLUMNS, Needed, TEXT_B_COLUMN, TEXT_COLUMN, require};
use super::objects::Object;
use super::options::Reading;
use super::values::{brief, scalar};
use crate::error::Result;
use serde_json::Value;
use std::collections::BTreeSet;

/// Usual names of the two texts.
const PAIRS: [[&str; 2]; 7] = [
    ["anchor", "positive"],
    ["query", "positive"],
    ["sentence1", "sentence2"],
    ["text_a", "text_b"],
    ["query", "answer"],
    ["question", "answer"],
    ["query", "document"],
];
/// What columns of negatives begin with; a number may follow. In JSON it may be a list.
const NEGATIVES: [&str; 2] = ["negatives", "negative"];
const SCORES: [&str; 3] = ["score", "similarity", "label"];

/// The columns of a file that hold texts to be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ComparedColumns {
    pair: [String; 2],
    negatives: Vec<String>,
    score: Option<String>,
}

/// The columns of a file, if it is to be read so.
pub(super) fn of_header(reading: &Reading<'_>, header: &[String]) -> Result<Option<ComparedColumns>> {
    if !reading.options.compared {
        return Ok(None);
    }
    let has = |name: &str| header.iter().any(|column| column == name);
    let named = reading.columns(has);
    let pair = match (&named.text, &named.text_b) {
        (None, None) => usual(reading, header)?,
        (text, text_b) => {
            let other = |name: &Option<String>, usual: &str| name.clone().unwrap_or_else(|| usual.to_owned());
            [other(text, PAIRS[0][0]), other(text_b, PAIRS[0][1])]
        }
    };
    let negatives = match &named.negatives[..] {
        [] => header.iter().filter(|name| is_negative(name)).cloned().collect(),
        named => named.to_vec(),
    };
    let score = match &named.label {
        Some(name) => Some(name.clone()),
        None if negatives.is_empty() => SCORES.into_iter().find(|name| has(name)).map(str::to_owned),
        None => None,
    };
    let texts = pair.iter().zip([TEXT_COLUMN, TEXT_B_COLUMN]);
    let texts = texts.chain(negatives.iter().map(|name| (name, NEGATIVE_COLUMNS)));
    let needed = texts.chain(score.iter().map(|name| (name, LABEL_COLUMN)));
    require(reading, header, &needed.map(|(name, option)| Needed { name, option }).collect::<Vec<_>>())?;
    if score.is_some() && !negatives.is_empty() {
        let message =
            "a score is of a pair, and negatives belong to an anchor; name either --label-column or --negative-columns";
        return Err(reading.source.whole(message));
    }
    Ok(Some(ComparedColumns { pair, negatives, score }))
}

/// The usual names of two texts that the file has.
fn usual(reading: &Reading<'_>, header: &[String]) -> Result<[String; 2]> {
    let is_there = |name: &str| header.iter().any(|column| column == name);
    match PAIRS.into_iter().find(|pair| pair.iter().all(|name| is_there(name))) {
        Some(pair) => Ok(pair.map(str::to_owned)),
        None => Err(reading.source.whole(format!(
            "expected two texts to compare, such as `anchor` and `positive` or `sentence1` and `sentence2`, found the columns {}; \
             choose with --text-column and --text-b-column",
            header.join(", ")
        ))),
    }
}

/// True of `negative`, `negative_2`, `negative2` and `negatives`.
fn is_negative(name: &str) -> bool {
    let rest = NEGATIVES.into_iter().find_map(|prefix| name.strip_prefix(prefix));
    rest.is_some_and(|rest| rest.trim_start_matches(['_', '-']).bytes().all(|byte| byte.is_ascii_digit()))
}

/// The rows of a file with a header.
pub(super) fn of_records(reading: &Reading<'_>, chosen: &ComparedColumns, records: Records) -> Result<Table> {
    let Records { header, rows, dialect, notes, .. } = records;
    let values = |fields: Vec<String>| fields.into_iter().map(Value::String).collect();
    let rows = rows.into_iter().map(|(line, fields)| (line, values(fields))).collect();
    Ok(Table { dialect: Some(dialect), notes, ..table(reading, chosen, header, rows)? })
}

/// Those of a file of JSON objects.
pub(super) fn of_objects(
    reading: &Reading<'_>,
    chosen: &ComparedColumns,
    objects: Vec<(usize, Object)>,
) -> Result<Table> {
    let header: BTreeSet<String> = objects.iter().flat_map(|(_, object)| object.keys().cloned()).collect();
    let header: Vec<String> = header.into_iter().collect();
    let values = |mut object: Object| header.iter().map(|name| object.remove(name).unwrap_or_default()).collect();
    let rows: Vec<(usize, Vec<Value>)> = objects.into_iter().map(|(line, object)| (line, values(object))).collect();
    table(reading, chosen, header, rows)
}

fn table(
    reading: &Reading<'_>,
    chosen: &ComparedColumns,
    header: Vec<String>,
    rows: Vec<(usize, Vec<Value>)>,
) -> Result<Table> {
    let row = |(line, fields): (usize, Vec<Value>)| {
        let field =
            |name: &String| header.iter().position(|column| column == name).map_or(&Value::Null, |i| &fields[i]);
        let row = chosen.row(reading, line, &field)?;
        Ok(Row { fields: fields.clone(), ..row })
    };
    let rows = rows.into_iter().map(row).collect::<Result<_>>()?;
    let ComparedColumns { pair: [text, text_b], negatives, score } = chosen.clone();
    let columns = Columns { text: Some(text), text_b: Some(text_b), label: score, negatives, ..Columns::default() };
    let (kind, name) = (TableKind::Compared, reading.source.name.clone());
    Ok(Table { rows, kind, name, header, columns, dialect: None, notes: Vec::new() })
}

impl ComparedColumns {
    /// Builds a row without its fields.
    fn row<'f>(&self, reading: &Reading<'_>, line: usize, field: &dyn Fn(&String) -> &'f Value) -> Result<Row> {
        let mut texts = Vec::with_capacity(2 + self.negatives.len());
        for name in &self.pair {
            texts.push(texts_of(reading, line, name, field(name))?.concat());
        }
        // An example may have fewer negatives than others.
        for name in &self.negatives {
            let found = texts_of(reading, line, name, field(name))?;
            texts.extend(found.into_iter().filter(|text| !text.trim().is_empty()));
        }
        let label = self.score.as_ref().and_then(|name| scalar(field(name))).filter(|label| !label.trim().is_empty());
        let text = Text::Compared(texts);
        Ok(Row { text, label, labels: None, answers: None, tags: Vec::new(), line, fields: Vec::new() })
    }
}

/// A text, or a list of them where there are negatives.
fn texts_of(reading: &Reading<'_>, line: usize, name: &str, value: &Value) -> Result<Vec<String>> {
    let found = match value {
        Value::Null => Some(Vec::new()),
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(items) if is_negative(name) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => None,
    };
    found.ok_or_else(|| {
        let what = if is_negative(name) { "a text or a list of texts" } else { "a text" };
        reading.source.error(line, format!("expected `{name}` to be {what}, found {}", brief(value)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::TableOptions;

    fn read_with(name: &str, content: &str, columns: Columns) -> Result<Table> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        Table::read_with(&path, &TableOptions { compared: true, columns, ..TableOptions::default() })
    }

    fn read(name: &str, content: &str) -> Result<Table> {
        read_with(name, content, Columns::default())
    }

    fn texts(row: &Row) -> Vec<&str> {
        let Text::Compared(texts) = &row.text else { panic!("{row:?}") };
        texts.iter().map(String::as_str).collect()
    }

    #[test]
    fn usual_forms_are_known() {
        for (name, content, expected, label) in [
            ("a.tsv", "anchor\tpositive\na\tb\n", vec!["a", "b"], None),
            ("a.csv", "id,anchor,positive,negative\n7,a,b,c\n", vec!["a", "b", "c"], None),
            ("a.tsv", "query\tanswer\tnegative_1\tnegative_2\na\tb\tc\td\n", vec!["a", "b", "c", "d"], None),
            ("a.tsv", "sentence1\tsentence2\tscore\na\tb\t3.5\n", vec!["a", "b"], Some("3.5")),
            ("a.tsv", "text_a\ttext_b\tlabel\na\tb\t0.25\n", vec!["a", "b"], Some("0.25")),
            ("a.jsonl", r#"{"anchor": "a", "positive": "b", "negatives": ["c", "d"]}"#, vec!["a", "b", "c", "d"], None),
            ("a.jsonl", r#"{"sentence1": "a", "sentence2": "b", "score": 1}"#, vec!["a", "b"], Some("1")),
        ] {
            let table = read(name, content).unwrap();
            assert_eq!((texts(&table.rows[0]), table.rows[0].label.as_deref()), (expected, label), "{content}");
            assert_eq!((table.kind, table.rows[0].fields.len()), (TableKind::Compared, table.header.len()));
        }
    }

    #[test]
    fn columns_may_be_named_and_negatives_may_be_few() {
        let content = "from\tto\tbad\tlabel\nx\ty\tz\tq\nx\ty\t\tq\n";
        let columns = Columns {
            text: Some("from".into()),
            text_b: Some("to".into()),
            negatives: vec!["bad".into()],
            ..Columns::default()
        };
        let table = read_with("a.tsv", content, columns.clone()).unwrap();
        assert_eq!((texts(&table.rows[0]), texts(&table.rows[1])), (vec!["x", "y", "z"], vec!["x", "y"]));
        assert_eq!(table.columns, columns);
        let both = Columns { label: Some("label".into()), ..columns };
        assert!(read_with("a.tsv", content, both).unwrap_err().to_string().contains("a score is of a pair"));
    }

    #[test]
    fn what_cannot_be_compared_is_named() {
        let refused = |name: &str, content: &str| read(name, content).unwrap_err().to_string();
        let none = refused("a.tsv", "text\tlabel\na\tb\n");
        assert!(
            none.contains("found the columns text, label; choose with --text-column and --text-b-column"),
            "{none}"
        );
        let blank = refused("a.tsv", "anchor\tpositive\na\t \n");
        assert!(blank.contains("line 2: the text in the column `anchor` or `positive` is blank"), "{blank}");
        let number = refused("a.jsonl", r#"{"anchor": "a", "positive": 3}"#);
        assert!(number.contains("expected `positive` to be a text, found 3"), "{number}");
    }
}
