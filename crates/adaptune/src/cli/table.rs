//! People's data files: texts, pairs of texts or tagged words, with labels or without.
//!
//! | ending | form |
//! |---|---|
//! | `.tsv` | a header, then columns between tabs; quotes are ordinary characters |
//! | `.csv` | a header, then columns between commas, quoted as in RFC 4180 |
//! | `.jsonl`, `.ndjson`, `.json` | one object a line |
//! | `.conll`, `.bio`, `.iob` | a word and its tag a line, an empty line between sentences |
//! | `.txt` | one text a line, no labels: [`read_lines`] only |
//!
//! The columns are `text` and `label`, or `text_a`, `text_b` and `label`; [`Columns`] names others. In JSON lines
//! `words` and `tags`, two arrays, give tagged words. Columns that nobody asked for are passed over. Files are UTF-8;
//! a byte order mark and Windows line ends do no harm.

mod columns;
mod conll;
mod delimited;
mod json_lines;
mod labels;
mod source;

pub(crate) use columns::Columns;
pub(crate) use labels::{Labels, Targets, TaskChoice};

use super::builtin::{self, Builtin};
use adaptune::world::Split;
use anyhow::{Result, bail};
use source::Source;
use std::fmt;
use std::path::Path;

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

/// Reads a data file; its ending says how it is written (see the [module](self)). A name such as
/// `builtin:sentiment@A:train` stands for a file of the micro-world.
///
/// # Errors
///
/// The file cannot be read, is empty, is not UTF-8, or is not what its ending says; the message names
/// file and line, what was expected, what was found and what to do. Nothing is ever skipped in silence.
pub(crate) fn read(path: &Path, columns: &Columns) -> Result<Table> {
    read_split(path, columns, None)
}

/// As [`read`]; `default` is the split of a built-in name that names none.
///
/// # Errors
///
/// As [`read`].
pub(crate) fn read_split(path: &Path, columns: &Columns, default: Option<Split>) -> Result<Table> {
    let (source, format) = open(path, default)?;
    if format == Format::Lines {
        bail!(
            "{}: a .txt file holds texts without labels; labelled data comes as .tsv or .csv (header `text`, `label`), \
             .jsonl or .conll",
            path.display()
        );
    }
    parse(&source, format, columns)
}

/// Reads texts to be judged: one a line from standard input if `path` is `-`, or from a `.txt` file;
/// otherwise a table as by [`read`], whose labels may be missing. Of built-in tasks it is the test split.
///
/// # Errors
///
/// As [`read`].
pub(crate) fn read_lines(path: &Path, columns: &Columns) -> Result<Table> {
    if path.as_os_str() == "-" {
        return parse(&Source::standard_input()?, Format::Lines, columns);
    }
    let (source, format) = open(path, Some(Split::Test))?;
    parse(&source, format, columns)
}

/// Opens a file, or what a built-in name stands for.
fn open(path: &Path, default: Option<Split>) -> Result<(Source, Format)> {
    let Some(name) = builtin::name_in(path) else {
        let format = Format::of(path)?;
        return Ok((Source::open(path)?, format));
    };
    let builtin = Builtin::parse(name, default)?;
    let format = Format::of(builtin.file_name().as_ref())?;
    Ok((Source::from_bytes(builtin.to_string(), builtin.content().into_bytes())?, format))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Tabs,
    Commas,
    JsonLines,
    Conll,
    Lines,
}

impl Format {
    fn of(path: &Path) -> Result<Self> {
        let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
        Ok(match extension.as_deref() {
            Some("tsv") => Self::Tabs,
            Some("csv") => Self::Commas,
            Some("jsonl" | "ndjson" | "json") => Self::JsonLines,
            Some("conll" | "bio" | "iob") => Self::Conll,
            Some("txt") => Self::Lines,
            found => bail!(
                "{}: {} does not say how the file is written; rename it to .tsv, .csv, .jsonl, .conll or .txt",
                path.display(),
                found.map_or("a name without an ending".to_owned(), |e| format!("the ending `.{e}`"))
            ),
        })
    }
}

fn parse(source: &Source, format: Format, columns: &Columns) -> Result<Table> {
    match format {
        Format::Tabs => columns.table(source, delimited::tabs(source)?),
        Format::Commas => columns.table(source, delimited::commas(source)?),
        Format::JsonLines => json_lines::read(source, columns),
        Format::Conll => {
            columns.none_given(source)?;
            conll::read(source)
        }
        Format::Lines => {
            columns.none_given(source)?;
            lines(source)
        }
    }
}

/// One text a line. A blank line would shift every later answer by one, so it is an error.
fn lines(source: &Source) -> Result<Table> {
    let row = |(line, text): (usize, &str)| {
        let text = source.full_text(line, "the line", text)?;
        Ok(Row { text: Text::Single(text), label: None, tags: Vec::new(), line })
    };
    let rows = source.lines().map(row).collect::<Result<Vec<_>>>()?;
    Ok(Table { rows, kind: TableKind::Single, name: source.name.clone(), header: Vec::new() })
}

#[cfg(test)]
mod tests;
