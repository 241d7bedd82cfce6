//! How embeddings are written: as JSON Lines, or as one array.

use super::super::misused::misuse;
use adaptune_tensor::ndarray::ArrayView1;
use adaptune_text::{Row, Table, Text};
use anyhow::{Result, bail};
use serde_json::json;
use std::io::{self, Write};
use std::path::Path;

/// How embeddings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    JsonLines,
    Npy,
    Safetensors,
}

/// The name of the one tensor.
const TENSOR: &str = "embeddings";

impl Form {
    /// That of the ending of a file's name.
    pub(super) fn of(out: &Path) -> Result<Self> {
        match out.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase()).as_deref() {
            Some("jsonl" | "ndjson") => Ok(Self::JsonLines),
            Some("npy") => Ok(Self::Npy),
            Some("safetensors") => Ok(Self::Safetensors),
            _ => misuse!("--out {}: expected a name that ends in .safetensors, .npy or .jsonl", out.display()),
        }
    }

    /// Refuses blank texts where every row has to be a vector.
    pub(super) fn check(self, table: &Table) -> Result<()> {
        let blank = table.rows.iter().find(|row| row.text.is_blank());
        match blank.filter(|_| self != Self::JsonLines) {
            Some(row) => bail!(
                "{}, line {}: the text is blank, and a row of an array is a vector: fill it in, delete the line, or write .jsonl, \
                 in which it has none",
                table.name,
                row.line
            ),
            None => Ok(()),
        }
    }

    /// What stands before the first of so many vectors.
    pub(super) fn begin(self, to: &mut impl Write, texts: usize, size: usize) -> io::Result<()> {
        match self {
            Self::JsonLines => Ok(()),
            Self::Npy => to.write_all(&npy_header(texts, size)),
            Self::Safetensors => to.write_all(&safetensors_header(texts, size)),
        }
    }

    /// One vector; none is that of a blank text.
    pub(super) fn record(self, to: &mut impl Write, row: &Row, vector: Option<ArrayView1<'_, f32>>) -> io::Result<()> {
        if self == Self::JsonLines {
            let text = if let Text::Single(text) = &row.text { text } else { "" };
            let (text, vector) = (json!(text), serde_json::to_string(&vector.map(|vector| vector.to_vec()))?);
            return writeln!(to, "{{\"text\":{text},\"embedding\":{vector}}}");
        }
        vector.into_iter().flatten().try_for_each(|x| to.write_all(&x.to_le_bytes()))
    }
}

/// NumPy's format, version 1.0: the numbers begin at a multiple of 64.
fn npy_header(texts: usize, size: usize) -> Vec<u8> {
    const BEFORE: usize = 10;
    let mut text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({texts}, {size}), }}");
    let padding = (64 - (BEFORE + text.len() + 1) % 64) % 64;
    text.push_str(&" ".repeat(padding));
    text.push('\n');
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX).to_le_bytes();
    [&b"\x93NUMPY\x01\x00"[..], &length, text.as_bytes()].concat()
}

/// The numbers begin at a multiple of 8.
fn safetensors_header(texts: usize, size: usize) -> Vec<u8> {
    let bytes = texts as u64 * size as u64 * 4;
    let tensor = json!({ "dtype": "F32", "shape": [texts, size], "data_offsets": [0, bytes] });
    let mut text = json!({ "__metadata__": { "format": "pt" }, TENSOR: tensor }).to_string();
    text.push_str(&" ".repeat(text.len().next_multiple_of(8) - text.len()));
    [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `numpy.lib.format` writes it.
    #[test]
    fn numbers_begin_where_readers_expect_them() {
        for texts in [1, 3, 1_000_000] {
            let header = npy_header(texts, 384);
            assert_eq!((header.len() % 64, header.last()), (0, Some(&b'\n')));
            assert_eq!(usize::from(u16::from_le_bytes([header[8], header[9]])), header.len() - 10);
            assert_eq!(safetensors_header(texts, 384).len() % 8, 0);
        }
        assert!(Form::of("a.csv".as_ref()).is_err());
    }
}
