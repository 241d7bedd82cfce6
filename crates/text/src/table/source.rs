//! The text of one data file, with errors that name file and line.

use crate::error::{Result, TextError};
use adaptune_transformer::weights::open_stream;
use std::fmt::Display;
use std::io::Read;
use std::path::Path;

/// A whole file as text, without its byte order mark.
#[derive(Debug)]
pub(super) struct Source {
    /// How messages name it.
    pub(super) name: String,
    /// What it says; never blank.
    pub(super) text: String,
}

impl Source {
    /// Reads a file, or a pipe that somebody writes into (`<(zcat data.tsv.gz)` of a shell). A device, which may have no end, is refused.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let mut bytes = Vec::new();
        let read = open_stream(path).and_then(|mut file| file.read_to_end(&mut bytes));
        read.map_err(TextError::io("read", path))?;
        Self::from_bytes(path.display().to_string(), bytes)
    }

    /// Reads standard input to its end.
    pub(super) fn standard_input() -> Result<Self> {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map_err(TextError::io("read", Path::new("standard input")))?;
        Self::from_bytes("standard input".to_owned(), bytes)
    }

    /// Checks that `bytes` are UTF-8 and say something.
    pub(super) fn from_bytes(name: String, bytes: Vec<u8>) -> Result<Self> {
        if let Some(message) = not_text(&name, &bytes) {
            return Err(TextError::table(&name, message));
        }
        let text = String::from_utf8(bytes).map_err(|error| not_utf8(&name, error.as_bytes(), error.utf8_error()))?;
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        if text.trim().is_empty() {
            return Err(TextError::table(&name, "nothing is in it; expected at least one example"));
        }
        Ok(Self { name, text })
    }

    /// Lines with their numbers, from 1, without line ends; blank lines at the end of the file are left out.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.trim_end_matches(['\n', '\r']).lines().enumerate().map(|(i, line)| (i + 1, line))
    }

    /// The first line that is not blank.
    pub(super) fn first_line(&self) -> &str {
        self.text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default()
    }

    /// An error about one line.
    pub(super) fn error(&self, line: usize, message: impl Display) -> TextError {
        TextError::line(&self.name, line, message)
    }

    /// An error about the whole file.
    pub(super) fn whole(&self, message: impl Display) -> TextError {
        TextError::table(&self.name, message)
    }
}

/// What other programs' files begin with, and the command that makes text of them.
fn not_text(name: &str, bytes: &[u8]) -> Option<String> {
    let quoted = name.replace('\'', "");
    match bytes {
        [0x1F, 0x8B, ..] => Some(format!("the file is compressed (gzip); unpack it first: gunzip '{quoted}'")),
        [b'B', b'Z', b'h', ..] => Some(format!("the file is compressed (bzip2); unpack it first: bunzip2 '{quoted}'")),
        [0x28, 0xB5, 0x2F, 0xFD, ..] => {
            Some(format!("the file is compressed (zstd); unpack it first: unzstd '{quoted}'"))
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
pub(super) fn from_parquet(name: &str) -> String {
    format!(
        "Python writes it as JSON Lines: python -c \"import pandas; \
         pandas.read_parquet('{name}').to_json('data.jsonl', orient='records', lines=True)\""
    )
}

/// A folder in the place of a file.
pub(super) fn folder(path: &Path) -> TextError {
    let shown = path.display().to_string();
    let has = |name: &str| path.join(name).is_file();
    let message = if has("dataset_dict.json") || has("dataset_info.json") || has("state.json") {
        format!(
            "this is a folder of a Hugging Face data set; Python writes one of its parts as JSON Lines: python -c \
             \"import datasets; datasets.load_from_disk('{shown}')['train'].to_json('train.jsonl')\" (without \
             ['train'] if it has no parts)"
        )
    } else {
        "this is a folder; name one file of examples in it".to_owned()
    };
    TextError::table(&shown, message)
}

fn not_utf8(name: &str, bytes: &[u8], error: std::str::Utf8Error) -> TextError {
    let before = &bytes[..error.valid_up_to()];
    let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return TextError::table(name, "expected UTF-8, found UTF-16; convert it: iconv -f UTF-16 -t UTF-8");
    }
    let byte = bytes[error.valid_up_to()];
    TextError::line(
        name,
        line,
        format!(
            "expected UTF-8, found the byte 0x{byte:02X}; if the file is Latin-1, convert it: iconv -f LATIN1 -t UTF-8"
        ),
    )
}
