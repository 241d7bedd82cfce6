//! The text of one data file, with errors that name file and line.

use anyhow::{Context, Result, anyhow, bail};
use std::fmt::Display;
use std::io::Read;
use std::path::Path;

/// A whole file as text, without its byte order mark.
#[derive(Debug)]
pub(super) struct Source {
    /// How messages call it.
    pub(super) name: String,
    /// What it says; never blank.
    pub(super) text: String,
}

impl Source {
    /// Reads a file.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {name}"))?;
        Self::from_bytes(name, bytes)
    }

    /// Reads standard input to its end.
    pub(super) fn standard_input() -> Result<Self> {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).context("cannot read standard input")?;
        Self::from_bytes("standard input".to_owned(), bytes)
    }

    /// Checks that `bytes` are UTF-8 and say something.
    pub(super) fn from_bytes(name: String, bytes: Vec<u8>) -> Result<Self> {
        let text = String::from_utf8(bytes).map_err(|error| not_utf8(&name, error.as_bytes(), error.utf8_error()))?;
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        if text.trim().is_empty() {
            bail!("{name} is empty; expected at least one example");
        }
        Ok(Self { name, text })
    }

    /// Lines with their numbers, from 1, without line ends; blank lines at the end of the file are left out.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.trim_end_matches(['\n', '\r']).lines().enumerate().map(|(i, line)| (i + 1, line))
    }

    /// An error about one line.
    pub(super) fn error(&self, line: usize, message: impl Display) -> anyhow::Error {
        anyhow!("{}, line {line}: {message}", self.name)
    }

    /// `text` unless it is blank, for then there is nothing to learn from or to judge.
    pub(super) fn full_text(&self, line: usize, what: &str, text: &str) -> Result<String> {
        if text.trim().is_empty() {
            return Err(self.error(line, format!("{what} is blank; expected a text: fill it in or delete the line")));
        }
        Ok(text.to_owned())
    }
}

fn not_utf8(name: &str, bytes: &[u8], error: std::str::Utf8Error) -> anyhow::Error {
    let before = &bytes[..error.valid_up_to()];
    let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return anyhow!("{name}: expected UTF-8, found UTF-16; convert it: iconv -f UTF-16 -t UTF-8");
    }
    anyhow!(
        "{name}, line {line}: expected UTF-8, found the byte 0x{:02X}; if the file is Latin-1, convert it: \
         iconv -f LATIN1 -t UTF-8",
        bytes[error.valid_up_to()]
    )
}
