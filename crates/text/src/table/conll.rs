//! `.conll`: a word and its tag a line, an empty line between sentences; `.conllu`: the ten columns of the Universal
//! Dependencies.

use super::content::{Columns, Row, Table, TableKind, Text};
use super::options::Reading;
use crate::error::Result;
use std::collections::HashSet;

/// Reads sentences. Word and tag are parted by a tab (then the word may contain spaces) or by spaces.
/// Lines that start with `-DOCSTART-` and comments are passed over. A file of single words has no tags.
pub(super) fn read(reading: &Reading<'_>) -> Result<Table> {
    let known = known_tags(reading);
    sentences(
        reading,
        |line, text, begins| {
            if begins && is_comment(text, &known) { Ok(Line::Comment) } else { split(reading, line, text) }
        },
    )
}

/// Reads sentences in the format of the Universal Dependencies: the word is FORM, its tag UPOS or the column that is named.
/// Comments, words that only stand for several (`1-2`) and empty nodes (`8.1`) are passed over.
pub(super) fn read_universal(reading: &Reading<'_>) -> Result<Table> {
    let name = reading.options.columns.label.as_deref().unwrap_or("upos").to_ascii_lowercase();
    let Some(column) = UNIVERSAL.iter().position(|known| *known == name) else {
        let message = format!("expected one of the columns {}, found `{name}`", UNIVERSAL.join(", "));
        return Err(reading.source.whole(message));
    };
    let mut table = sentences(reading, |line, text, _| match text {
        comment if comment.starts_with('#') => Ok(Line::Comment),
        text => universal_word(reading, line, text, column),
    })?;
    table.notes.push(format!("words are FORM, tags are {}; --label-column names another", name.to_uppercase()));
    Ok(table)
}

/// The columns of the Universal Dependencies.
const UNIVERSAL: [&str; 10] = ["id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc"];

/// What a line of a sentence is.
enum Line<'a> {
    Comment,
    Word(&'a str, Option<&'a str>),
    /// Nothing to be tagged, and nothing to be said about it.
    Passed,
}

fn sentences<'a>(reading: &Reading<'a>, line_of: impl Fn(usize, &'a str, bool) -> Result<Line<'a>>) -> Result<Table> {
    let source = reading.source;
    let mut rows = Vec::new();
    let mut sentence = Sentence::default();
    let mut comments = 0;
    for (line, text) in source.lines().filter(|(_, text)| !text.starts_with("-DOCSTART-")) {
        if text.trim().is_empty() {
            rows.extend(sentence.finish());
            continue;
        }
        match line_of(line, text, sentence.words.is_empty())? {
            Line::Comment => comments += 1,
            Line::Word(word, tag) => sentence.push(line, word, tag),
            Line::Passed => {}
        }
    }
    rows.extend(sentence.finish());
    if rows.is_empty() {
        return Err(source.whole("found no sentence; expected a word and its tag on each line"));
    }
    tags_on_all_or_none(reading, &rows)?;
    let notes = (comments > 0).then(|| format!("{comments} comment lines (# ...) passed over"));
    let (name, notes) = (source.name.clone(), notes.into_iter().collect());
    Ok(Table {
        rows,
        kind: TableKind::Words,
        name,
        header: Vec::new(),
        columns: Columns::default(),
        dialect: None,
        notes,
    })
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
        let row =
            Row { text: Text::Words(words), label: None, labels: None, answers: None, tags, line, fields: Vec::new() };
        (!row.text.is_blank() || line > 0).then_some(row)
    }
}

/// The tags of words that are no comment in any case.
fn known_tags<'a>(reading: &Reading<'a>) -> HashSet<&'a str> {
    let lines = reading.source.lines().map(|(_, text)| text).filter(|text| !text.starts_with('#'));
    lines.filter_map(|text| fields(text).get(1).copied()).collect()
}

/// True for `# sent_id = 1` before a sentence, and not for the word `#` with a tag that other words have too.
fn is_comment(text: &str, known: &HashSet<&str>) -> bool {
    let is_word = match fields(text)[..] {
        [_, tag] => text.contains('\t') || known.contains(tag),
        [_] => true,
        _ => false,
    };
    text.starts_with('#') && !is_word
}

/// The fields of a line; blank ones at its end are none.
fn fields(text: &str) -> Vec<&str> {
    let mut fields: Vec<&str> = match text.contains('\t') {
        true => text.split('\t').map(|field| field.trim_matches(' ')).collect(),
        false => text.split(' ').filter(|field| !field.is_empty()).collect(),
    };
    while fields.len() > 2 && fields.last().is_some_and(|field| field.is_empty()) {
        fields.pop();
    }
    fields
}

fn split<'a>(reading: &Reading<'_>, line: usize, text: &'a str) -> Result<Line<'a>> {
    let fields = fields(text);
    let message = match fields[..] {
        ["", ..] => "the word is blank; expected a word and its tag".to_owned(),
        [_, ""] => "the tag is blank; expected a word and its tag".to_owned(),
        [word, tag] => return Ok(Line::Word(word, Some(tag))),
        [word] => return Ok(Line::Word(word, None)),
        _ if fields.len() == UNIVERSAL.len() => {
            "found 10 columns, as the Universal Dependencies have them: rename the file to .conllu, or add --format conllu"
                .to_owned()
        }
        _ => format!(
            "expected a word and its tag, found {} columns; keep two of them (for CoNLL-2003: cut -d' ' -f1,4)",
            fields.len()
        ),
    };
    Err(reading.source.error(line, message))
}

fn universal_word<'a>(reading: &Reading<'_>, line: usize, text: &'a str, column: usize) -> Result<Line<'a>> {
    let fields: Vec<&str> = text.split('\t').collect();
    match fields[..] {
        [id, ..] if id.contains(['-', '.']) => Ok(Line::Passed),
        [_, form, ..] if fields.len() == UNIVERSAL.len() => Ok(Line::Word(form, Some(fields[column]))),
        _ => {
            let message = format!("expected ten columns between tabs, found {}", fields.len());
            Err(reading.source.error(line, message))
        }
    }
}

/// A line without a tag among others that have one is a mistake, not a sentence to be judged.
fn tags_on_all_or_none(reading: &Reading<'_>, rows: &[Row]) -> Result<()> {
    let tagged = rows.iter().any(|row| !row.tags.is_empty());
    let words = |row: &Row| if let Text::Words(words) = &row.text { words.len() } else { 0 };
    match rows.iter().find(|row| tagged && row.tags.len() != words(row)) {
        Some(row) => Err(reading.source.error(
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
