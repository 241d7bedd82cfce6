//! From a table of texts to examples of tokens.

use crate::error::{Result, TextError};
use crate::labels::{Asked, Labels, Targets, asked};
use crate::table::{Row, Table, TableKind, Text};
use crate::tokenizer::{Encoded, EncodedTable, Tokenizer, Window};
use adaptune_adapters::Task;
use adaptune_train::{AnswerWindow, Dataset, Example, Question, Sequence, Target};
use std::sync::Arc;

/// A table as tokens.
#[derive(Clone, Debug)]
pub struct Tokenized {
    /// The examples, in the order of the rows; where a row is a question, one for each window of its context.
    pub dataset: Dataset,
    /// The tokens of each sequence of each example, and where its words begin.
    pub encoded: Vec<Encoded>,
    /// What was lost: texts that were cut, words without a token. Sentences to be shown to whoever gave the texts.
    pub notes: Vec<String>,
}

impl Tokenizer {
    /// Tokenizes a labelled table.
    ///
    /// ```
    /// use adaptune_text::{BUILTIN, BaseModel, Labels, Table, TaskChoice};
    ///
    /// let table = Table::read("builtin:sentiment@A:dev")?;
    /// let (labels, _) = Labels::decide(&table, TaskChoice::Auto)?;
    /// let tokenizer = BaseModel::find(BUILTIN, &mut ())?.tokenizer(None)?;
    /// let data = tokenizer.tokenize(&table, &labels)?;
    /// assert_eq!(data.dataset.len(), table.rows.len());
    /// # Ok::<(), adaptune_text::TextError>(())
    /// ```
    ///
    /// # Errors
    /// The tokenizer refuses a text, or a label is missing or unknown; the message names the line.
    pub fn tokenize(&self, table: &Table, labels: &Labels) -> Result<Tokenized> {
        if matches!(labels, Labels::Answers) {
            return self.tokenize_questions(table, &asked(table)?);
        }
        let encoded = self.encode_all(table)?;
        let notes = losses(&encoded, self, encoded.words_without_token);
        let targets = labels.targets(table)?;
        let target = |(row, encoded): (usize, &[Encoded])| target(&targets, row, &encoded[0]);
        let targets: Vec<Target> = by_row(table, &encoded.rows).enumerate().map(target).collect();
        let dataset = dataset(table, labels.task(), labels.names().len(), &encoded.rows, targets)?;
        Ok(Tokenized { dataset, encoded: encoded.rows, notes })
    }

    /// Tokenizes texts whose labels are to be predicted; the targets are of the head's kind and mean nothing.
    ///
    /// # Errors
    /// The tokenizer refuses a text; the message names the line.
    pub fn tokenize_unlabelled(&self, table: &Table, task: Task) -> Result<Tokenized> {
        if task.predicts_a_span() {
            let asked = |row: &Row| {
                let Text::Pair(_, context) = &row.text else { return Default::default() };
                (Arc::new(Question { context: context.clone(), answers: Vec::new() }), None)
            };
            return self.tokenize_questions(table, &table.rows.iter().map(asked).collect::<Vec<_>>());
        }
        let encoded = self.encode_all(table)?;
        // A word without a token is shown as one without a tag.
        let notes = losses(&encoded, self, 0);
        let target = |encoded: &[Encoded]| match Labels::of_head(task, &[]) {
            Labels::Classes(_) | Labels::Answers => Target::Class(0),
            Labels::Paths(_) => Target::Node { tree: Arc::default(), label: 0 },
            Labels::Choices(_) => Target::Choice(0),
            Labels::Sets(_) => Target::Labels(vec![false]),
            Labels::Numbers | Labels::Nearness => Target::Value(0.0),
            Labels::Related => Target::Related,
            Labels::NextTokens => Target::Next(vec![true; encoded[0].token_ids.len()]),
            Labels::Tags(_) => Target::Tags(vec![None; encoded[0].token_ids.len()]),
        };
        let targets = by_row(table, &encoded.rows).map(target).collect();
        let dataset = dataset(table, task, 1, &encoded.rows, targets)?;
        Ok(Tokenized { dataset, encoded: encoded.rows, notes })
    }
}

impl Tokenizer {
    /// An example for each window of each question's context.
    fn tokenize_questions(&self, table: &Table, asked: &[Asked]) -> Result<Tokenized> {
        let (mut examples, mut encoded, mut several) = (Vec::new(), Vec::new(), 0);
        for (row, (question, answer)) in table.rows.iter().zip(asked) {
            let Text::Pair(text, context) = &row.text else {
                let message = format!("found {}, but answers need a question and its context", table.kind);
                return Err(TextError::table(&table.name, message));
            };
            let at = |error: TextError| TextError::line(&table.name, row.line, error.to_string());
            let windows = self.windows(text, context).map_err(at)?;
            several += usize::from(windows.len() > 1);
            for window in windows {
                let span = answer.and_then(|(start, end)| window.span(start, end)).unwrap_or((0, 0));
                let Window { token_ids, token_types, bytes } = window;
                let target = Target::Answer(AnswerWindow { span, question: question.clone(), bytes });
                let (ids, types) = (token_ids.clone(), token_types.clone());
                encoded.push(Encoded { token_ids: ids, token_types: types, truncated: false, word_starts: None });
                examples.push(Example::new(token_ids, token_types, target));
            }
        }
        let note = self.note_of_windows(several, table.rows.len(), examples.len());
        let dataset = Dataset::new(Task::QUESTION_ANSWERING, 2, examples);
        let dataset = dataset.map_err(|source| TextError::Data { file: table.name.clone(), source })?;
        Ok(Tokenized { dataset, encoded, notes: (several > 0).then_some(note).into_iter().collect() })
    }

    fn note_of_windows(&self, several: usize, questions: usize, windows: usize) -> String {
        format!(
            "{several} of {questions} questions and contexts have more than {} tokens; all are read in {windows} windows, which \
             overlap by up to {} tokens of the context (--doc-stride)",
            self.max_length(),
            self.overlap(),
        )
    }
}

impl Table {
    /// Returns the table if it has the form of `train`. Data in another form say something else of a model than training data
    /// would.
    ///
    /// # Errors
    /// One holds pairs, say, and the other single texts.
    pub fn like(self, train: &Self) -> Result<Self> {
        if self.kind == train.kind {
            return Ok(self);
        }
        let message =
            format!("found {}, but {} holds {}; both must have the same columns", self.kind, train.name, train.kind);
        Err(TextError::table(&self.name, message))
    }

    /// Returns the examples of two tables of one form as one table, those of `other` behind. Lines count in their own files.
    ///
    /// # Errors
    /// One has single texts and the other pairs, or words.
    pub fn join(self, other: Self) -> Result<Self> {
        let other = other.like(&self)?;
        // Values stand in the order of a header; with another header they would stand below other names.
        let same = self.header == other.header;
        let without_fields = |row: Row| Row { fields: if same { row.fields } else { Vec::new() }, ..row };
        let (header, name) = (if same { self.header } else { Vec::new() }, format!("{} and {}", self.name, other.name));
        let rows = self.rows.into_iter().chain(other.rows).map(without_fields).collect();
        let notes = self.notes.into_iter().chain(other.notes).collect();
        let dialect = self.dialect.filter(|_| self.dialect == other.dialect);
        Ok(Self { rows, kind: self.kind, name, header, columns: self.columns, dialect, notes })
    }

    /// Returns the table in the form that a head of this task reads: sentences for a tagger are [cut into words](Self::cut_into_words),
    /// with punctuation apart if it stood so in training.
    ///
    /// # Errors
    /// The head judges whole texts and these are words, or it tags words and these are pairs.
    pub fn for_task(self, task: Task, punctuation_apart: bool) -> Result<Self> {
        use crate::table::TableKind::{Choices, Pair, Single, Words};
        let refused = |message: String| Err(TextError::table(&self.name, message));
        if self.kind == TableKind::Compared || task.predicts_a_vector() {
            return self.for_vectors(task);
        }
        match (task.reads_every_token(), self.kind) {
            (_, Choices) if task.predicts_a_choice() => Ok(self),
            (_, Choices) => refused(format!(
                "the head is for {}, found {}; choose columns with --text-column, or take a head for multiple choice",
                task.name(),
                self.kind
            )),
            (_, _) if task.predicts_a_choice() => refused(format!(
                "the head chooses among several texts of an example, found {}; name a column for each choice with --choice-columns",
                self.kind
            )),
            (_, Pair) if task.predicts_a_span() => Ok(self),
            (_, _) if task.predicts_a_span() => refused(format!(
                "the head answers questions about a context, found {}; name both columns with --text-column and --text-b-column",
                self.kind
            )),
            (true, Single) => Ok(self.cut_into_words(punctuation_apart)),
            (true, Pair) => refused(format!(
                "the head tags the words of one text, found {}; choose one column with --text-column",
                self.kind
            )),
            (false, Words) => refused(format!(
                "the head judges whole texts, found {}; give .txt, .tsv, .csv or .jsonl with texts",
                self.kind
            )),
            _ => Ok(self),
        }
    }

    /// The table, if its texts are to be compared and are, and neither or both is so.
    fn for_vectors(self, task: Task) -> Result<Self> {
        let message = match (self.kind == TableKind::Compared, task.predicts_a_vector()) {
            (true, true) => return Ok(self),
            (true, false) => format!("the head is for {}, found {}", task.name(), self.kind),
            (false, _) => format!(
                "vectors are compared, found {}; name two columns with --text-column and --text-b-column",
                self.kind
            ),
        };
        Err(TextError::table(&self.name, message))
    }
}

fn dataset(table: &Table, task: Task, classes: usize, rows: &[Encoded], targets: Vec<Target>) -> Result<Dataset> {
    let sequence = |encoded: &Encoded| {
        let Encoded { token_ids, token_types, .. } = encoded.clone();
        Sequence { token_ids, token_types }
    };
    let example =
        |(encoded, target): (&[Encoded], Target)| Example { sequences: encoded.iter().map(sequence).collect(), target };
    let examples = by_row(table, rows).zip(targets).map(example).collect();
    Dataset::new(task, classes, examples).map_err(|source| TextError::Data { file: table.name.clone(), source })
}

/// The sequences of each row, of those of all rows: one, or one for each choice.
pub(crate) fn by_row<'e>(table: &Table, mut all: &'e [Encoded]) -> impl Iterator<Item = &'e [Encoded]> {
    table.rows.iter().map(move |row| {
        let (its, rest) = all.split_at(row.text.count());
        all = rest;
        its
    })
}

/// The target of a row. A word's tag stands at its first token; its other tokens do not count.
fn target(targets: &Targets, row: usize, encoded: &Encoded) -> Target {
    match targets {
        Targets::Classes(classes) => Target::Class(classes[row]),
        Targets::Nodes(tree, labels) => Target::Node { tree: Arc::clone(tree), label: labels[row] },
        Targets::Sets(sets) => Target::Labels(sets[row].clone()),
        Targets::Choices(rights) => Target::Choice(rights[row]),
        Targets::Numbers(numbers) => Target::Value(numbers[row]),
        Targets::Related => Target::Related,
        Targets::Tags(tags) => {
            let mut by_token = vec![None; encoded.token_ids.len()];
            let starts = encoded.word_starts.iter().flatten();
            for (start, tag) in starts.zip(&tags[row]) {
                if let Some(start) = start {
                    by_token[*start] = *tag;
                }
            }
            Target::Tags(by_token)
        }
    }
}

/// What is said of so many texts that lost their ends.
pub(crate) fn cut_note(cut: usize, texts: usize, tokenizer: &Tokenizer) -> Option<String> {
    let most = tokenizer.max_length();
    (cut > 0).then(|| format!("{cut} of {texts} texts have more than {most} tokens; their ends were cut off"))
}

/// What was lost in turning texts into tokens.
fn losses(encoded: &EncodedTable, tokenizer: &Tokenizer, words: usize) -> Vec<String> {
    let cut = cut_note(encoded.truncated, encoded.rows.len(), tokenizer);
    let words = (words > 0).then(|| format!("{words} words have no token of their own, and do not count"));
    cut.into_iter().chain(words).collect()
}
