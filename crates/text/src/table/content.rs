//! What a table holds, however its file is written.

use super::dialect::Dialect;
use serde_json::Value;
use std::fmt;

/// What one example gives the model to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// One text.
    Single(String),
    /// Two texts that are judged together.
    Pair(String, String),
    /// A sentence already split into words, each of which has a tag or gets one.
    Words(Vec<String>),
}

impl Text {
    /// True if there is nothing to read, in one of two texts or in all words.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Single(text) => text.trim().is_empty(),
            Self::Pair(a, b) => a.trim().is_empty() || b.trim().is_empty(),
            Self::Words(words) => words.iter().all(|word| word.trim().is_empty()),
        }
    }
}

/// One example.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What the model reads.
    pub text: Text,
    /// The label as written, trimmed; `None` if the table has no labels or this one's is blank.
    pub label: Option<String>,
    /// The labels, as written and trimmed, where an example may have any number of them, even none; `None` where examples have
    /// one, or this one's are not known.
    pub labels: Option<Vec<String>>,
    /// All right answers to a question ([`Text::Pair`] of it and its context), none if the context has none; `None` where they are not
    /// known.
    pub answers: Option<Vec<GivenAnswer>>,
    /// The tag of each word; empty unless the text is [`Text::Words`] with tags.
    pub tags: Vec<String>,
    /// Line of the file where the example starts, from 1.
    pub line: usize,
    /// The value of every column, as many as [`Table::header`] has names: texts, or what stands in the JSON.
    pub fields: Vec<Value>,
}

/// An answer that a data set gives: a span of the context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenAnswer {
    /// Its text.
    pub text: String,
    /// Where it starts, in letters (Unicode scalar values) of the context, from 0.
    pub start: usize,
}

/// Which [`Text`] all rows of a table hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableKind {
    /// [`Text::Single`].
    Single,
    /// [`Text::Pair`].
    Pair,
    /// [`Text::Words`].
    Words,
}

impl fmt::Display for TableKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Single => "single texts",
            Self::Pair => "pairs of texts",
            Self::Words => "sentences split into words",
        })
    }
}

/// A data file that has been read; it has at least one row. A table [of texts in memory](Self::of_texts) may have none.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Examples in the order of the file.
    pub rows: Vec<Row>,
    /// What every row's text is.
    pub kind: TableKind,
    /// The file's name, for messages.
    pub name: String,
    /// Names of all columns in the file, also of those that are not used; empty for formats without names.
    pub header: Vec<String>,
    /// The columns that texts and labels come from, for formats with names.
    pub columns: Columns,
    /// How the file is written, if its columns stand between delimiters; tables that are put together have the one that all had.
    pub dialect: Option<Dialect>,
    /// What was noticed while reading: comments passed over, a separator found, quotes that were kept. Sentences to be
    /// shown to whoever gave the file.
    pub notes: Vec<String>,
}

/// Names of the columns of a table: those a user chooses, or those that a table turned out to have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// The text, or the first of two; by default `text`, or `text_a`.
    pub text: Option<String>,
    /// The second text of a pair; by default `text_b`.
    pub text_b: Option<String>,
    /// The label; by default `label`, and no labels if there is no such column.
    pub label: Option<String>,
    /// What stands between the labels of an example that may have several; see [`Table::with_label_sets`].
    pub label_separator: Option<char>,
}
