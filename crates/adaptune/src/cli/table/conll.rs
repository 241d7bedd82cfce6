//! `.conll`: a word and its tag a line, an empty line between sentences.

use super::content::{Row, Table, TableKind, Text};
use super::source::Source;
use anyhow::{Result, bail};

/// Reads sentences. Word and tag are parted by a tab (then the word may contain spaces) or by spaces.
/// Lines that start with `-DOCSTART-` are passed over. A file of single words has no tags.
pub(super) fn read(source: &Source) -> Result<Table> {
    let mut rows = Vec::new();
    let mut sentence = Sentence::default();
    for (line, text) in source.lines().filter(|(_, text)| !text.starts_with("-DOCSTART-")) {
        if text.trim().is_empty() {
            rows.extend(sentence.finish());
        } else {
            let (word, tag) = split(source, line, text)?;
            sentence.push(line, word, tag);
        }
    }
    rows.extend(sentence.finish());
    if rows.is_empty() {
        bail!("{}: found no sentence; expected a word and its tag on each line", source.name);
    }
    tags_on_all_or_none(source, &rows)?;
    Ok(Table { rows, kind: TableKind::Words, name: source.name.clone(), header: Vec::new() })
}

#[derive(Default)]
struct Sentence {
    line: usize,
    words: Vec<String>,
    tags: Vec<String>,
}

impl Sentence {
    fn push(&mut self, line: usize, word: &str, tag: Option<&str>) {
        if self.words.is_empty() {
            self.line = line;
        }
        self.words.push(word.to_owned());
        self.tags.extend(tag.map(str::to_owned));
    }

    fn finish(&mut self) -> Option<Row> {
        let Self { line, words, tags } = std::mem::take(self);
        (!words.is_empty()).then_some(Row { text: Text::Words(words), label: None, tags, line })
    }
}

fn split<'a>(source: &Source, line: usize, text: &'a str) -> Result<(&'a str, Option<&'a str>)> {
    let fields: Vec<&str> = match text.contains('\t') {
        true => text.split('\t').map(|field| field.trim_matches(' ')).collect(),
        false => text.split(' ').filter(|field| !field.is_empty()).collect(),
    };
    match fields[..] {
        ["", ..] => Err(source.error(line, "the word is blank; expected a word and its tag")),
        [_, ""] => Err(source.error(line, "the tag is blank; expected a word and its tag")),
        [word, tag] => Ok((word, Some(tag))),
        [word] => Ok((word, None)),
        _ => Err(source.error(
            line,
            format!(
                "expected a word and its tag, found {} columns; keep two of them (for CoNLL-2003: cut -d' ' -f1,4)",
                fields.len()
            ),
        )),
    }
}

/// A line without a tag among others that have one is a mistake, not a sentence to be judged.
fn tags_on_all_or_none(source: &Source, rows: &[Row]) -> Result<()> {
    let tagged = rows.iter().any(|row| !row.tags.is_empty());
    let words = |row: &Row| if let Text::Words(words) = &row.text { words.len() } else { 0 };
    match rows.iter().find(|row| tagged && row.tags.len() != words(row)) {
        Some(row) => Err(source.error(
            row.line,
            format!(
                "the sentence that starts here has {} words and {} tags; \
                 give every word a tag, or none in the whole file",
                words(row),
                row.tags.len()
            ),
        )),
        None => Ok(()),
    }
}
