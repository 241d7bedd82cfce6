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
mod content;
mod delimited;
mod json_lines;
mod labels;
mod source;

pub(crate) use columns::Columns;
pub(crate) use content::{Row, Table, TableKind, Text};
pub(crate) use labels::{Labels, Targets, TaskChoice};

use super::builtin::{self, Builtin};
use adaptune::world::Split;
use anyhow::{Result, bail};
use source::Source;
use std::path::Path;

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
