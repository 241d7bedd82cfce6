//! People's data files: texts, pairs of texts or tagged words, with labels or without.
//!
//! | ending | form |
//! |---|---|
//! | `.tsv` | a header, then columns between tabs; quotes are ordinary characters unless [`TableOptions::quotes`] is set |
//! | `.csv` | a header, then columns between commas, quoted as in RFC 4180 |
//! | `.jsonl`, `.ndjson`, `.json` | objects, one a line, or in one list |
//! | `.conll`, `.bio`, `.iob` | a word and its tag a line, an empty line between sentences |
//! | `.conllu` | the ten columns of the Universal Dependencies |
//! | `.txt` | one text a line, no labels: [`Table::read_texts`] only |
//!
//! Where the header shows semicolons, vertical bars or another delimiter of these, that one parts the columns, and a first line `sep=;`
//! is a setting and no row; [`Table::dialect`] says what was found.
//!
//! The columns are `text` and `label`, or `text_a`, `text_b` and `label`; [`Columns`] names others. In JSON lines
//! `question`, `context` and `answers` are those of SQuAD, which may also come nested as SQuAD has them (`.json`);
//! where there is no `text`, a column for each choice (`choice0`, `choice1`, ...; `ending`, `option`, `answer` and letters do too), or in
//! JSON a list of them (`choices`, `options`, `endings`), makes [`Text::Choices`], with a context (`context`, `premise`, `passage`,
//! `article`, `sent1`) and a question (`question`, `sent2`) if there are some;
//! With [`TableOptions::compared`] the columns are those of sentence-transformers, `anchor`, `positive` and `negative`, or `sentence1`,
//! `sentence2` and `score`: [`Text::Compared`];
//! a `label` that is a list is any number of labels, and `words` and `tags` (or `tokens` and `ner_tags`), two arrays, give tagged words. All columns,
//! the others too, are kept in [`Row::fields`]. Files are UTF-8; a byte order mark and Windows line ends do no harm.

mod blank;
mod choices;
mod columns;
mod compared;
mod conll;
mod content;
mod delimited;
mod delimiter;
mod dialect;
mod encoding;
mod first_line;
mod json_lines;
mod missing;
mod objects;
mod options;
mod questions;
mod source;
mod values;
mod words;

pub use content::{ChoiceLabels, Choices, Columns, GivenAnswer, NO_TAG, Row, Table, TableKind, Text};
pub(crate) use content::{WORDS_AND_TAGS, pairs_in_a_table};
pub use dialect::Dialect;
pub use encoding::utf8_text;
pub(crate) use objects::{Object, objects};
pub use options::{Format, TableOptions};
pub(crate) use source::Source;

use crate::builtin::{self, Builtin};
use crate::error::Result;
use crate::world::Split;
use delimited::Records;
use options::Reading;
use std::path::Path;

impl Table {
    /// Returns a table of those of its rows that are not blank; nothing if all are.
    pub(crate) fn of_rows_with_text(&self, rows: &[Row]) -> Option<Self> {
        let rows: Vec<Row> = rows.iter().filter(|row| !row.text.is_blank()).cloned().collect();
        let Self { kind, name, header, columns, dialect, notes, .. } = self;
        let (name, header, columns, notes) = (name.clone(), header.clone(), columns.clone(), notes.clone());
        (!rows.is_empty()).then_some(Self { rows, kind: *kind, name, header, columns, dialect: *dialect, notes })
    }

    /// Reads a file of labelled examples; its ending says how it is written. A name such as
    /// `builtin:sentiment@A:train` stands for a file of the built-in world.
    ///
    /// ```
    /// use adaptune_text::Table;
    ///
    /// let file = tempfile::Builder::new().suffix(".csv").tempfile()?;
    /// std::fs::write(&file, "id,text,label\n7,The soup was warm,good\n8,The soup was cold,bad\n")?;
    /// let table = Table::read(file.path())?;
    /// assert_eq!(table.rows[1].label.as_deref(), Some("bad"));
    /// assert_eq!(table.rows[1].fields[0], "8");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The file cannot be read, is empty, is not UTF-8, or is not what its ending says; the message names
    /// file and line, what was expected, what was found and what to do. Nothing is skipped without a note.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        Self::read_with(path, &TableOptions::default())
    }

    /// As [`Table::read`], where name and first line do not say how to read the file.
    ///
    /// # Errors
    /// As [`Table::read`].
    pub fn read_with(path: impl AsRef<Path>, options: &TableOptions) -> Result<Self> {
        let path = path.as_ref();
        let (source, format) = open(path, options, None)?;
        if format == Format::Txt {
            return Err(source.whole(
                "a .txt file holds texts without labels; labelled data comes as .tsv or .csv (header `text`, `label`), .jsonl \
                 or .conll; if it is such a file by another name, say so with --format tsv",
            ));
        }
        parse(&Reading { source: &source, options, labels_needed: true }, format)?.without_blank_texts()
    }

    /// Reads texts whose labels are to be predicted: from standard input if the path is `-`, one text a line unless the options
    /// name a format; otherwise from a file of any form, whose labels may be missing and whose texts may be blank. Of
    /// built-in tasks it is the test split.
    ///
    /// # Errors
    /// As [`Table::read`], or standard input looks like a table and no format is named.
    pub fn read_texts(path: impl AsRef<Path>, options: &TableOptions) -> Result<Self> {
        let path = path.as_ref();
        let (source, format) = match path.as_os_str() == "-" {
            true => standard_input(options)?,
            false => open(path, options, Some(Split::Test))?,
        };
        parse(&Reading { source: &source, options, labels_needed: false }, format)
    }

    /// Returns a table of texts that are in memory, one row each, counted from 1.
    #[must_use]
    pub fn of_texts(texts: &[impl AsRef<str>]) -> Self {
        let row = |(i, text): (usize, &_)| Row {
            text: Text::Single(AsRef::<str>::as_ref(text).to_owned()),
            label: None,
            labels: None,
            answers: None,
            tags: Vec::new(),
            line: i + 1,
            fields: Vec::new(),
        };
        Self {
            rows: texts.iter().enumerate().map(row).collect(),
            kind: TableKind::Single,
            name: "texts".into(),
            header: Vec::new(),
            columns: Columns::default(),
            dialect: None,
            notes: Vec::new(),
        }
    }
}

/// Opens a file, or what a built-in name stands for; `default` is the split of a built-in name that names none.
fn open(path: &Path, options: &TableOptions, default: Option<Split>) -> Result<(Source, Format)> {
    let Some(name) = builtin::name_in(path) else {
        if path.is_dir() {
            return Err(source::folder(path));
        }
        let format = options.format.map_or_else(|| Format::of(path), Ok)?;
        return Ok((Source::open(path)?, format));
    };
    let builtin = Builtin::parse(name, default)?;
    let format = Format::of(builtin.file_name().as_ref())?;
    Ok((Source::from_bytes(builtin.to_string(), builtin.content().into_bytes())?, format))
}

/// Standard input has no ending. A first line that looks like that of a table is not taken for a text.
fn standard_input(options: &TableOptions) -> Result<(Source, Format)> {
    let source = Source::standard_input()?;
    if let Some(format) = options.format {
        return Ok((source, format));
    }
    let wanted = Reading { source: &source, options, labels_needed: false }.wanted();
    match looks_like(source.first_line(), &wanted) {
        Some(format) => Err(source.whole(format!(
            "the first line looks like that of a .{format} file; add --format {format}, or --format txt if every line is a text"
        ))),
        None => Ok((source, Format::Txt)),
    }
}

/// The ending of the file whose first line this could be, if it is no plain text. `wanted` are names of columns.
fn looks_like(line: &str, wanted: &[&str]) -> Option<&'static str> {
    let names = |separator: char| {
        let fields: Vec<&str> = line.split(separator).map(|name| name.trim().trim_matches('"')).collect();
        fields.len() > 1 && fields.iter().any(|name| wanted.contains(name) || *name == "sentence")
    };
    match line.trim_start() {
        text if text.starts_with('{') && serde_json::from_str::<serde_json::Value>(text).is_ok() => Some("jsonl"),
        _ if names('\t') => Some("tsv"),
        _ if names(',') || names(';') || names('|') || line.to_ascii_lowercase().starts_with("sep=") => Some("csv"),
        _ => None,
    }
}

fn parse(reading: &Reading<'_>, format: Format) -> Result<Table> {
    if !matches!(format, Format::Tsv | Format::Csv) {
        reading.no_header()?;
    }
    match format {
        Format::Tsv => records(reading, delimited::tabs(reading)?),
        Format::Csv => records(reading, delimited::commas(reading)?),
        Format::JsonLines => match questions::nested(reading)? {
            Some(table) => Ok(table),
            None => json_lines::read(reading),
        },
        Format::ConllU => conll::read_universal(reading),
        Format::Conll => {
            reading.no_columns()?;
            conll::read(reading)
        }
        Format::Txt => {
            reading.no_columns()?;
            lines(reading)
        }
    }
}

/// The rows of a file with a header.
fn records(reading: &Reading<'_>, mut records: Records) -> Result<Table> {
    let unnamed = std::mem::take(&mut records.unnamed);
    let mut table = if let Some(chosen) = compared::of_header(reading, &records.header)? {
        compared::of_records(reading, &chosen, records)?
    } else if let Some(chosen) = choices::of_header(reading, &records.header)? {
        choices::of_records(reading, &chosen, records)?
    } else {
        columns::table(reading, records)?
    };
    table.columns.unnamed = unnamed;
    Ok(table)
}

/// One text a line. A blank line keeps its place, so that no later prediction is shifted by one.
fn lines(reading: &Reading<'_>) -> Result<Table> {
    let row = |(line, text): (usize, &str)| {
        let text = Text::Single(text.to_owned());
        Row { text, label: None, labels: None, answers: None, tags: Vec::new(), line, fields: Vec::new() }
    };
    let rows = reading.source.lines().map(row).collect();
    let (name, columns) = (reading.source.name.clone(), Columns::default());
    Ok(Table { rows, kind: TableKind::Single, name, header: Vec::new(), columns, dialect: None, notes: Vec::new() })
}

#[cfg(test)]
mod tests;
