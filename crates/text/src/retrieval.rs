//! Documents, queries, and which document is right for which query, in BEIR's layout.
//!
//! ```text
//! corpus.jsonl      {"_id": "d1", "title": "…", "text": "…"}        a document a line; a title is optional
//! queries.jsonl     {"_id": "q1", "text": "…"}
//! qrels/test.tsv    query-id    corpus-id    score                  a grade, 0 for documents that are judged and not relevant
//! ```

use crate::error::{Result, TextError};
use crate::table::{Columns, Row, Table, TableOptions, Text};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Documents, queries, and which document is right for which query.
#[derive(Clone, Debug, PartialEq)]
pub struct Retrieval {
    /// Names and texts of all documents; a title stands before its text.
    pub documents: Vec<(String, String)>,
    /// Names and texts of the queries that are judged, in the order of their file.
    pub queries: Vec<(String, String)>,
    /// For each of these queries the grades of its judged documents by their names; above 0 for relevant ones.
    pub judgements: Vec<BTreeMap<String, f64>>,
    /// What was noticed. Sentences to be shown to whoever gave the files.
    pub notes: Vec<String>,
}

const CORPUS: &str = "corpus.jsonl";
const QUERIES: &str = "queries.jsonl";
/// The parts of a data set, in the order in which one is taken.
const PARTS: [&str; 3] = ["test", "dev", "train"];

impl Retrieval {
    /// True of a folder in this layout.
    #[must_use]
    pub fn is_in(folder: &Path) -> bool {
        folder.join(CORPUS).is_file()
    }

    /// Reads a folder. Judgements are those of its part `test`, or else `dev` or `train`.
    ///
    /// # Errors
    /// A file is missing or is not what it should be, a query that is judged is not there, or two documents have one name.
    pub fn read(folder: &Path) -> Result<Self> {
        let documents = named_texts(&folder.join(CORPUS))?;
        check_names(&folder.join(CORPUS), &documents)?;
        let path = judgements_of(folder)?;
        let mut judged = judgements(&path)?;
        let all = named_texts(&folder.join(QUERIES))?;
        let (mut queries, mut judgements) = (Vec::new(), Vec::new());
        for (name, text) in all {
            if let Some(grades) = judged.remove(&name) {
                queries.push((name, text));
                judgements.push(grades);
            }
        }
        if let Some(name) = judged.keys().next() {
            let message = format!(
                "the query {name} is judged, but it is not in {QUERIES}: put it there, or take its judgements out"
            );
            return Err(TextError::table(&path.display().to_string(), message));
        }
        let notes = notes(&documents, &judgements, &path);
        Ok(Self { documents, queries, judgements, notes })
    }
}

/// The file of judgements.
fn judgements_of(folder: &Path) -> Result<PathBuf> {
    let paths = PARTS.map(|part| folder.join("qrels").join(format!("{part}.tsv")));
    paths.iter().find(|path| path.is_file()).cloned().ok_or_else(|| {
        let message = format!("expected judgements in {}, found none", paths[0].display());
        TextError::table(&folder.display().to_string(), message)
    })
}

/// A value of a row by the name of its column.
fn field<'r>(table: &Table, row: &'r Row, name: &str) -> Option<&'r Value> {
    let place = table.header.iter().position(|column| column == name)?;
    row.fields.get(place)
}

/// A name or a title.
fn word(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Names and texts of a file of objects.
fn named_texts(path: &Path) -> Result<Vec<(String, String)>> {
    let columns = Columns { text: Some("text".into()), ..Columns::default() };
    let table = Table::read_texts(path, &TableOptions { columns, ..TableOptions::default() })?;
    let named = |row: &Row| {
        let Some(name) = word(field(&table, row, "_id")) else {
            return Err(TextError::line(&table.name, row.line, "expected the key `_id` with a name, found none"));
        };
        let Text::Single(text) = &row.text else {
            return Err(TextError::line(&table.name, row.line, format!("expected a text, found {}", table.kind)));
        };
        let title = word(field(&table, row, "title")).unwrap_or_default();
        Ok((name, format!("{title} {text}").trim().to_owned()))
    };
    table.rows.iter().map(named).collect()
}

fn check_names(path: &Path, documents: &[(String, String)]) -> Result<()> {
    let mut names: Vec<&str> = documents.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => {
            let message = format!("two documents are called {}: give each a name of its own", pair[0]);
            Err(TextError::table(&path.display().to_string(), message))
        }
        None => Ok(()),
    }
}

/// Grades by query and document.
fn judgements(path: &Path) -> Result<BTreeMap<String, BTreeMap<String, f64>>> {
    let [text, text_b, label] = ["query-id", "corpus-id", "score"].map(|name| Some(name.to_owned()));
    let columns = Columns { text, text_b, label, ..Columns::default() };
    let table = Table::read_with(path, &TableOptions { columns, ..TableOptions::default() })?;
    let mut all: BTreeMap<String, BTreeMap<String, f64>> = BTreeMap::new();
    for row in &table.rows {
        let Text::Pair(query, document) = &row.text else { continue };
        let grade = row.label.as_deref().and_then(|label| label.parse().ok()).filter(|grade: &f64| grade.is_finite());
        let grade = grade.ok_or_else(|| {
            let found = row.label.as_deref().unwrap_or("nothing");
            TextError::line(&table.name, row.line, format!("expected a number as `score`, found {found}"))
        })?;
        all.entry(query.clone()).or_default().insert(document.clone(), grade);
    }
    Ok(all)
}

/// What is there and has no part in scores, or lowers them whatever is found.
fn notes(documents: &[(String, String)], judgements: &[BTreeMap<String, f64>], path: &Path) -> Vec<String> {
    let names: std::collections::HashSet<&str> = documents.iter().map(|(name, _)| name.as_str()).collect();
    let relevant = |grades: &&BTreeMap<String, f64>| grades.values().any(|grade| *grade > 0.0);
    let without = judgements.len() - judgements.iter().filter(relevant).count();
    let missing =
        judgements.iter().flatten().filter(|(name, grade)| **grade > 0.0 && !names.contains(name.as_str())).count();
    let path = path.display();
    let said = [
        (without, format!("{path}: {without} of {} queries have no relevant document, and count 0", judgements.len())),
        (missing, format!("{path}: {missing} relevant documents are not in {CORPUS}, and count as not found")),
    ];
    said.into_iter().filter(|(count, _)| *count > 0).map(|(_, sentence)| sentence).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn folder(corpus: &str, queries: &str, judgements: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(CORPUS), corpus).unwrap();
        fs::write(folder.path().join(QUERIES), queries).unwrap();
        fs::create_dir(folder.path().join("qrels")).unwrap();
        fs::write(folder.path().join("qrels/test.tsv"), judgements).unwrap();
        folder
    }

    const DOCUMENTS: &str = "{\"_id\": \"d1\", \"title\": \"Soup\", \"text\": \"It was warm.\", \"metadata\": {}}\n{\"_id\": \"d2\", \"title\": \"\", \"text\": \"No rain.\"}\n";
    const ASKED: &str = "{\"_id\": \"q1\", \"text\": \"rain?\"}\n{\"_id\": \"q2\", \"text\": \"soup?\"}\n{\"_id\": \"q3\", \"text\": \"sun?\"}\n";

    #[test]
    fn a_folder_is_read() {
        let judged = "query-id\tcorpus-id\tscore\nq2\td1\t2\nq2\td2\t0\nq1\td9\t1\nq3\td1\t0\n";
        let folder = folder(DOCUMENTS, ASKED, judged);
        assert!(Retrieval::is_in(folder.path()));
        let read = Retrieval::read(folder.path()).unwrap();
        assert_eq!(read.documents, [("d1".into(), "Soup It was warm.".into()), ("d2".into(), "No rain.".into())]);
        assert_eq!(read.queries.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["q1", "q2", "q3"]);
        assert_eq!(read.judgements[1], [("d1".into(), 2.0), ("d2".into(), 0.0)].into());
        assert!(
            read.notes[0].contains("1 of 3 queries") && read.notes[1].contains("1 relevant documents"),
            "{:?}",
            read.notes
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        let refused = |corpus: &str, judged: &str| {
            Retrieval::read(folder(corpus, ASKED, &format!("query-id\tcorpus-id\tscore\n{judged}")).path())
                .unwrap_err()
                .to_string()
        };
        assert!(refused(DOCUMENTS, "q9\td1\t1\n").contains("the query q9 is judged"));
        assert!(refused(DOCUMENTS, "q1\td1\tx\n").contains("line 2: expected a number as `score`, found x"));
        assert!(refused(&DOCUMENTS.replace("d2", "d1"), "q1\td1\t1\n").contains("two documents are called d1"));
        assert!(refused("{\"text\": \"a\"}\n", "q1\td1\t1\n").contains("line 1: expected the key `_id`"));
        let folder = folder(DOCUMENTS, ASKED, "");
        fs::remove_file(folder.path().join("qrels/test.tsv")).unwrap();
        assert!(Retrieval::read(folder.path()).unwrap_err().to_string().contains("expected judgements in"));
    }
}
