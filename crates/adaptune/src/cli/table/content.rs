//! What a data file holds, however it is written.

use std::fmt;

/// What one row gives the model to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    /// One text.
    Single(String),
    /// Two texts that are judged together.
    Pair(String, String),
    /// A sentence already split into words, each of which has a tag or gets one.
    Words(Vec<String>),
}

/// One example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// What the model reads.
    pub(crate) text: Text,
    /// The label as written, trimmed; `None` if the table has no labels or this one's is blank.
    pub(crate) label: Option<String>,
    /// The tag of each word; empty unless the text is [`Text::Words`] with tags.
    pub(crate) tags: Vec<String>,
    /// Line of the file where the example starts, from 1.
    pub(crate) line: usize,
}

/// Which [`Text`] all rows of a table hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TableKind {
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

/// A data file that has been read; it has at least one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    /// Examples in the order of the file.
    pub(crate) rows: Vec<Row>,
    /// What every row's text is.
    pub(crate) kind: TableKind,
    /// The file's name, for messages.
    pub(crate) name: String,
    /// Names of all columns in the file, also of those that are not used; empty for formats without names.
    pub(crate) header: Vec<String>,
}
