//! Files of documents by their endings.

use super::documents::{Corpus, CorpusKind, Document, Words};
use super::json;
use crate::builtin::Builtin;
use crate::error::{Result, TextError};
use crate::table::{Format, Source, Table, TableKind, TableOptions};
use std::path::Path;

impl Corpus {
    /// Reads a file: `.txt` as one running text, `.jsonl` by the keys of its objects, a table or the texts of a built-in task as a text a
    /// row.
    ///
    /// # Errors
    /// The file cannot be read or holds something else, an answer is empty or follows another one, or a conversation has none: names the
    /// line and what helps.
    pub fn read(path: &Path) -> Result<Self> {
        Self::read_with(path, &TableOptions::default())
    }

    /// The same with another format than the ending of the file says, such as for a pipe, and other columns of a table.
    ///
    /// # Errors
    /// As [`Corpus::read`].
    pub fn read_with(path: &Path, options: &TableOptions) -> Result<Self> {
        match options.format.or_else(|| Format::of(path).ok()) {
            Some(Format::Txt) => {
                let source = Source::open(path)?;
                let documents = vec![Document { line: 1, words: Words::Text(source.text) }];
                Ok(Self { name: source.name, kind: CorpusKind::Texts, documents, notes: Vec::new() })
            }
            Some(Format::JsonLines) => json::read(&Source::open(path)?),
            _ => Self::of_table(&Table::read_texts(path, options)?),
        }
    }

    fn of_table(table: &Table) -> Result<Self> {
        if table.kind != TableKind::Single {
            let message = format!("found {}, but a language model learns from texts by themselves", table.kind);
            return Err(TextError::table(&table.name, message));
        }
        let texts = table.rows.iter().filter_map(|row| Some((row.line, row.text.single()?.to_owned())));
        let documents = texts.map(|(line, text)| Document { line, words: Words::Text(text) }).collect();
        let (name, notes) = (table.name.clone(), table.notes.clone());
        Ok(Self { name, kind: CorpusKind::Texts, documents, notes })
    }

    /// True if the first line of a file says that a language model is to learn from it: an object with `messages`, or with `prompt` and
    /// `completion`; or the name of built-in stories. A pipe, which can be read once, says nothing.
    #[must_use]
    pub fn is_meant_by(path: &Path) -> bool {
        Builtin::is_story(path) || json::says_language(path)
    }
}
