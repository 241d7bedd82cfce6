//! The data files of a run, and which of their examples were kept aside.

use crate::error::{Result, TextError};
use crate::split::Aside;
use crate::table::{Choices, Row, Table, Text};
use crate::tokenizer::sha256;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::Path;

/// A data file of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataFile {
    /// What it was for: `train`, `dev` or `test`.
    pub part: String,
    /// Its name, as it was given.
    pub path: String,
    /// How many examples were taken from it, those of training data that were then kept aside among them.
    pub examples: usize,
    /// Its SHA-256, in hexadecimal; nothing for what is built in or came through a pipe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// How it was kept aside from the training data, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aside: Option<Aside>,
    /// Which examples were kept aside: [`Table::examples_sha256`]; nothing in older files, and where there is no table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub examples_sha256: Option<String>,
}

impl DataFile {
    /// That of a file from which so many examples were taken.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn of(part: &str, path: &Path, examples: usize) -> Result<Self> {
        // What comes through a pipe was read once, and is not there a second time.
        let named = crate::builtin::name_in(path).is_some() || !path.is_file();
        let hash = || -> Result<String> { Ok(sha256(&std::fs::read(path).map_err(TextError::io("read", path))?)) };
        let sha256 = (!named).then(hash).transpose()?;
        let (part, path) = (part.to_owned(), path.display().to_string());
        Ok(Self { part, path, examples, sha256, aside: None, examples_sha256: None })
    }

    /// Development data of so many examples that are kept aside from the training data.
    #[must_use]
    pub fn kept_aside(aside: Aside, examples: usize) -> Self {
        let path = format!("{:.0} % of these, kept aside", 100.0 * aside.share);
        Self { part: "dev".to_owned(), path, examples, sha256: None, aside: Some(aside), examples_sha256: None }
    }

    /// The same, of the examples of this table.
    #[must_use]
    pub fn of_examples(self, table: &Table) -> Self {
        Self { examples_sha256: Some(table.examples_sha256()), ..self }
    }

    /// Refuses a file with another content; one whose content is not known is not refused.
    ///
    /// # Errors
    /// It cannot be read, or has changed.
    pub fn check(&self, path: &Path) -> Result<()> {
        let Some(known) = &self.sha256 else { return Ok(()) };
        let found = sha256(&std::fs::read(path).map_err(TextError::io("read", path))?);
        if found == *known {
            return Ok(());
        }
        let short = |hash: &str| hash.chars().take(12).collect::<String>();
        let message = format!(
            "the file has changed since the training began (SHA-256 {}…, and was {}…); put the old one back, or train anew",
            short(&found),
            short(known)
        );
        Err(TextError::table(&path.display().to_string(), message))
    }
}

impl Table {
    /// Returns which examples these are, as a SHA-256 of their lines and texts in hexadecimal: examples that were drawn from other ones,
    /// or by other labels, or that were read otherwise, are not the same.
    ///
    /// ```
    /// use adaptune_text::Table;
    /// let (a, b) = (Table::of_texts(&["a", "b"]), Table::of_texts(&["b", "a"]));
    /// assert_ne!(a.examples_sha256(), b.examples_sha256());
    /// ```
    #[must_use]
    pub fn examples_sha256(&self) -> String {
        let example = |row: &Row| format!("{}\n", json!([row.line, parts(&row.text)]));
        sha256(self.rows.iter().map(example).collect::<String>().as_bytes())
    }
}

/// All that is read of a text, in its order.
fn parts(text: &Text) -> Vec<&str> {
    match text {
        Text::Single(text) => vec![text],
        Text::Pair(first, second) => vec![first, second],
        Text::Words(texts) | Text::Compared(texts) => texts.iter().map(String::as_str).collect(),
        Text::Choices(Choices { context, question, choices }) => {
            [context, question].into_iter().chain(choices).map(String::as_str).collect()
        }
    }
}
