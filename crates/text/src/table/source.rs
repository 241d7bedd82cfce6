//! The text of one data file, with errors that name file and line.

use super::encoding::{self, STANDARD_INPUT};
use crate::error::{Result, TextError};
use adaptune_adapters::nearest;
use adaptune_transformer::weights::open_stream;
use std::fmt::Display;
use std::io::{ErrorKind, Read};
use std::path::Path;

/// A whole file as text, without its byte order mark.
#[derive(Debug)]
pub(crate) struct Source {
    /// How messages name it.
    pub(crate) name: String,
    /// What it says; never blank.
    pub(crate) text: String,
    /// True if it begins with a byte order mark.
    pub(crate) byte_order_mark: bool,
}

impl Source {
    /// Reads a file, or a pipe that somebody writes into (`<(zcat data.tsv.gz)` of a shell). A device, which may have no end, is refused.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let mut bytes = Vec::new();
        let read = open_stream(path).and_then(|mut file| file.read_to_end(&mut bytes));
        read.map_err(|error| {
            if error.kind() == ErrorKind::NotFound { gone(path) } else { TextError::io("read", path)(error) }
        })?;
        Self::from_bytes(path.display().to_string(), bytes)
    }

    /// Reads standard input to its end.
    pub(crate) fn standard_input() -> Result<Self> {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map_err(TextError::io("read", Path::new(STANDARD_INPUT)))?;
        Self::from_bytes(STANDARD_INPUT.to_owned(), bytes)
    }

    /// Checks that `bytes` are UTF-8 and say something.
    pub(crate) fn from_bytes(name: String, bytes: Vec<u8>) -> Result<Self> {
        if let Some(message) = not_text(&name, &bytes) {
            return Err(TextError::table(&name, message));
        }
        let text = encoding::utf8_text(&name, bytes)?;
        let unmarked = text.strip_prefix('\u{feff}').map(str::to_owned);
        let (byte_order_mark, text) = (unmarked.is_some(), unmarked.unwrap_or(text));
        if text.trim().is_empty() {
            return Err(TextError::table(&name, "nothing is in it; expected at least one example"));
        }
        Ok(Self { name, text, byte_order_mark })
    }

    /// Lines with their numbers, from 1, without line ends; blank lines at the end of the file are left out.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.trim_end_matches(['\n', '\r']).lines().enumerate().map(|(i, line)| (i + 1, line))
    }

    /// The first line that is not blank.
    pub(crate) fn first_line(&self) -> &str {
        self.text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default()
    }

    /// An error about one line.
    pub(crate) fn error(&self, line: usize, message: impl Display) -> TextError {
        TextError::line(&self.name, line, message)
    }

    /// An error about the whole file.
    pub(crate) fn whole(&self, message: impl Display) -> TextError {
        TextError::table(&self.name, message)
    }
}

/// A file that is not there, with the one beside it that may be meant.
fn gone(path: &Path) -> TextError {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let files = folder.read_dir().into_iter().flatten().flatten().filter(|entry| entry.path().is_file());
    let names: Vec<String> = files.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let meant = nearest(&name, names.iter().map(String::as_str));
    let meant = meant.map_or(String::new(), |name| format!("; did you mean {}?", path.with_file_name(name).display()));
    TextError::Missing { path: path.to_owned(), meant }
}

/// What other programs' files begin with, and the command that makes text of them.
fn not_text(name: &str, bytes: &[u8]) -> Option<String> {
    let quoted = name.replace('\'', "");
    match bytes {
        [0x1F, 0x8B, ..] => Some(format!("the file is compressed (gzip); unpack it first:\n    gunzip '{quoted}'")),
        [b'B', b'Z', b'h', ..] => Some(format!("the file is compressed (bzip2); unpack it first:\n    bunzip2 '{quoted}'")),
        [0x28, 0xB5, 0x2F, 0xFD, ..] => {
            Some(format!("the file is compressed (zstd); unpack it first:\n    unzstd '{quoted}'"))
        }
        [b'P', b'A', b'R', b'1', ..] => Some(format!("the file is Parquet; {}", from_parquet(&quoted))),
        [b'P', b'K', 3, 4, ..] => Some(
            "the file is a zip archive, as spreadsheets are inside (.xlsx); save the sheet as CSV (UTF-8), or unpack it \
             first"
                .to_owned(),
        ),
        _ => None,
    }
}

/// The command that writes a Parquet file as JSON Lines.
pub(crate) fn from_parquet(name: &str) -> String {
    format!(
        "Python writes it as JSON Lines:\n    python -c \"import pandas; \
         pandas.read_parquet('{name}').to_json('data.jsonl', orient='records', lines=True)\""
    )
}

/// A folder in the place of a file.
pub(crate) fn folder(path: &Path) -> TextError {
    let shown = path.display().to_string();
    let has = |name: &str| path.join(name).is_file();
    let message = if has("dataset_dict.json") || has("dataset_info.json") || has("state.json") {
        format!(
            "this is a folder of a Hugging Face data set; Python writes one of its parts as JSON Lines (without ['train'] if \
             it has none):\n    python -c \"import datasets; \
             datasets.load_from_disk('{shown}')['train'].to_json('train.jsonl')\""
        )
    } else {
        "this is a folder; name one file of examples in it".to_owned()
    };
    TextError::table(&shown, message)
}
