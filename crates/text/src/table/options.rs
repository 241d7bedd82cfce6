//! How a data file is to be read.

use super::content::Columns;
use super::source::Source;
use crate::error::{Result, TextError};
use adaptune_adapters::did_you_mean;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::str::FromStr;

/// How a data file is to be read, where its name and its first line do not say it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableOptions {
    /// Names of columns in the place of the usual ones.
    pub columns: Columns,
    /// Names of columns that are taken where [`columns`](Self::columns) names none and the file has them: those of training.
    pub preferred: Columns,
    /// True if rows hold texts that are compared with each other, for embeddings: [`Text::Compared`](super::Text::Compared).
    pub compared: bool,
    /// How the file is written; by default its ending says so.
    pub format: Option<Format>,
    /// What stands between columns, for [`Format::Tsv`] and [`Format::Csv`]; by default what a first line `sep=` says, a tab or
    /// a comma, or what the header shows, which a note says.
    pub delimiter: Option<char>,
    /// True if fields between tabs may stand in quotes, as spreadsheets and pandas write them.
    pub quotes: bool,
    /// Names of the columns of a table whose first line is an example and names none; by default the first line names them.
    pub header: Vec<String>,
}

/// How a data file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A header, then columns between tabs; quotes are ordinary characters.
    Tsv,
    /// A header, then columns between commas, quoted as in RFC 4180.
    Csv,
    /// One JSON object a line.
    #[serde(rename = "jsonl")]
    JsonLines,
    /// A word and its tag a line, an empty line between sentences.
    Conll,
    /// Ten columns between tabs, as the Universal Dependencies have them.
    ConllU,
    /// One text a line.
    Txt,
}

const NAMES: &[(&str, Format)] = &[
    ("tsv", Format::Tsv),
    ("csv", Format::Csv),
    ("jsonl", Format::JsonLines),
    ("ndjson", Format::JsonLines),
    ("json", Format::JsonLines),
    ("conll", Format::Conll),
    ("bio", Format::Conll),
    ("iob", Format::Conll),
    ("conllu", Format::ConllU),
    ("txt", Format::Txt),
];

impl Format {
    /// Its name, as [`Format::from_str`] takes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, format)| *format == self).map_or("txt", |(name, _)| name)
    }

    /// The format that the ending of a file's name says.
    ///
    /// # Errors
    /// The name has no ending, or one that says nothing.
    pub fn of(path: &Path) -> Result<Self> {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        let known = extension.as_deref().and_then(|ending| NAMES.iter().find(|(name, _)| *name == ending));
        known.map(|(_, format)| *format).ok_or_else(|| unknown_ending(path, extension.as_deref()))
    }
}

fn unknown_ending(path: &Path, extension: Option<&str>) -> TextError {
    let shown = path.display().to_string();
    TextError::table(
        &shown,
        match extension {
            Some("gz" | "tgz") => format!("the file is compressed (gzip); unpack it first:\n    gunzip '{shown}'"),
            Some("bz2") => format!("the file is compressed (bzip2); unpack it first:\n    bunzip2 '{shown}'"),
            Some("zst") => format!("the file is compressed (zstd); unpack it first:\n    unzstd '{shown}'"),
            Some("parquet") => format!("the file is Parquet; {}", super::source::from_parquet(&shown)),
            Some(ending @ ("xlsx" | "xls" | "ods")) => {
                format!("a spreadsheet (.{ending}) is not read; save its sheet as CSV (UTF-8)")
            }
            found => format!(
                "{} does not say how the file is written; rename it to .tsv, .csv, .jsonl, .conll or .txt, or say it with \
             --format",
                found.map_or("a name without an ending".to_owned(), |ending| format!("the ending `.{ending}`"))
            ),
        },
    )
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let found = NAMES.iter().find(|(name, _)| *name == text);
        found.map(|(_, format)| *format).ok_or_else(|| {
            let hint = did_you_mean(text, NAMES.iter().map(|(name, _)| *name));
            format!("expected tsv, csv, jsonl, conll, conllu or txt{hint}")
        })
    }
}

/// A file that is being read.
pub(super) struct Reading<'a> {
    pub(super) source: &'a Source,
    pub(super) options: &'a TableOptions,
    /// True if examples are to be learnt or measured: then a row needs a label, and one with a blank text is left out.
    pub(super) labels_needed: bool,
}

impl<'a> Reading<'a> {
    /// The columns that are named; those of texts, and that of labels, are the preferred ones where none is, as far as the file has
    /// them.
    pub(super) fn columns(&self, has: impl Fn(&str) -> bool) -> Columns {
        let TableOptions { columns: named, preferred, .. } = self.options;
        let there = |name: &Option<String>| name.clone().filter(|name| has(name));
        let texts = [&preferred.text, &preferred.text_b].map(there);
        let all_there = texts == [preferred.text.clone(), preferred.text_b.clone()];
        let label = named.label.clone().or_else(|| there(&preferred.label));
        let [text, text_b] = match (&named.text, &named.text_b) {
            (None, None) if all_there => texts,
            (text, text_b) => [text.clone(), text_b.clone()],
        };
        Columns { text, text_b, label, ..named.clone() }
    }

    /// The names by which a header is known: those that are named, those of training and the usual ones.
    pub(super) fn wanted(&self) -> Vec<&'a str> {
        let TableOptions { columns, preferred, .. } = self.options;
        let named = [columns, preferred].into_iter().flat_map(|names| [&names.text, &names.text_b, &names.label]);
        named.flatten().map(String::as_str).chain(["text", "text_a", "text_b", "label"]).collect()
    }

    /// Refuses a header for a file that is no table.
    pub(super) fn no_header(&self) -> Result<()> {
        match self.options.header.is_empty() {
            true => Ok(()),
            false => Err(self.source.whole("only tables (.tsv, .csv) have a line of names; leave --header away")),
        }
    }

    /// Refuses names of columns for a file that has no names.
    pub(super) fn no_columns(&self) -> Result<()> {
        // What numbers stand for is no name of a column.
        let named = Columns { label_names: Vec::new(), ..self.options.columns.clone() };
        if named != Columns::default() {
            let message = "this kind of file has no named columns; leave the options for column names away";
            return Err(self.source.whole(message));
        }
        Ok(())
    }
}
