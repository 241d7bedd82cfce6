//! What a table holds, however its file is written.

use super::dialect::Dialect;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// What one example gives the model to read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Text {
    /// One text.
    Single(String),
    /// Two texts that are judged together.
    Pair(String, String),
    /// A sentence already split into words, each of which has a tag or gets one.
    Words(Vec<String>),
    /// Texts one of which is chosen, with what they are about.
    Choices(Choices),
    /// Texts that are compared with each other, each a sequence by itself: an anchor, what belongs to it, and perhaps what does not.
    Compared(Vec<String>),
}

/// Texts one of which is chosen, with what they are about.
///
/// ```
/// use adaptune_text::{Choices, Text};
/// let [context, question] = ["Ada wrote programs.", "Who wrote?"].map(str::to_owned);
/// let choices = Choices { context, question, choices: vec!["Ada.".into(), "Ben.".into()] };
/// assert_eq!(choices.texts()[1], Text::Pair("Ada wrote programs.".into(), "Who wrote? Ben.".into()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Choices {
    /// What the choices are about: a passage, a premise, how a story begins; blank if there is nothing.
    pub context: String,
    /// What is asked, or how every choice begins; blank if there is nothing.
    pub question: String,
    /// The choices, as many as the example has.
    pub choices: Vec<String>,
}

impl Choices {
    /// Returns what is read of each choice: the context as the first text of a pair, and question and choice with a space between as
    /// the second. Without a context the question is the first text, and without both a choice is a text by itself.
    #[must_use]
    pub fn texts(&self) -> Vec<Text> {
        let [context, question] = [&self.context, &self.question].map(|text| text.trim());
        let text = |choice: &String| match (context, question) {
            ("", "") => Text::Single(choice.clone()),
            ("", question) => Text::Pair(question.to_owned(), choice.clone()),
            (context, "") => Text::Pair(context.to_owned(), choice.clone()),
            (context, question) => Text::Pair(context.to_owned(), format!("{question} {choice}")),
        };
        self.choices.iter().map(text).collect()
    }
}

impl Text {
    /// Returns the texts that are sequences of their own: the text itself, one for each choice, or each of those that are compared.
    #[must_use]
    pub fn sequences(&self) -> Cow<'_, [Self]> {
        match self {
            Self::Choices(choices) => Cow::Owned(choices.texts()),
            Self::Compared(texts) => Cow::Owned(texts.iter().cloned().map(Self::Single).collect()),
            text => Cow::Borrowed(std::slice::from_ref(text)),
        }
    }

    /// How many [`sequences`](Self::sequences) there are.
    pub(crate) fn count(&self) -> usize {
        match self {
            Self::Choices(Choices { choices, .. }) => choices.len(),
            Self::Compared(texts) => texts.len(),
            _ => 1,
        }
    }

    /// The text, if it is a single one and not blank.
    #[must_use]
    pub fn single(&self) -> Option<&str> {
        match self {
            Self::Single(text) if !self.is_blank() => Some(text),
            _ => None,
        }
    }

    /// True if there is nothing to read, in one of two texts or in all words, or nothing to choose.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Single(text) => text.trim().is_empty(),
            Self::Pair(a, b) => a.trim().is_empty() || b.trim().is_empty(),
            Self::Words(words) => words.iter().all(|word| word.trim().is_empty()),
            Self::Choices(Choices { choices, .. }) => choices.iter().all(|choice| choice.trim().is_empty()),
            Self::Compared(texts) => texts.iter().any(|text| text.trim().is_empty()),
        }
    }
}

/// What stands for the tag of a word that has none, among others that have one; `predict` writes it so.
pub const NO_TAG: &str = "?";

/// How words with tags are written, for whoever has them in another form.
pub(crate) const WORDS_AND_TAGS: &str = "words with tags come as .conll (a word and its tag a line) or as .jsonl, a sentence a line:\n    \
     {\"words\": [\"Ada\", \"wrote\"], \"tags\": [\"B-PER\", \"O\"]}";

/// How pairs are given where a file holds one text a line.
pub(crate) fn pairs_in_a_table(columns: &[&str]) -> String {
    let [a, b] = columns[..] else { return pairs_in_a_table(&["text_a", "text_b"]) };
    format!(
        "found single texts, one a line, but the model was trained on pairs of texts (columns {a} and {b}); a table holds pairs, \
         whose first line names the columns; on standard input:\n    \
         printf '{a}\\t{b}\\nfirst text\\tsecond text\\n' | adaptune predict --adapter DIR --input - --format tsv"
    )
}

/// One example.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What the model reads.
    pub text: Text,
    /// The label as written, trimmed; `None` if the table has no labels or this one's is blank.
    pub label: Option<String>,
    /// The labels, as written and trimmed, where an example may have any number of them, even none; `None` where examples have
    /// one, or this one's are not known.
    pub labels: Option<Vec<String>>,
    /// All right answers to a question ([`Text::Pair`] of it and its context), none if the context has none; `None` where they are not
    /// known.
    pub answers: Option<Vec<GivenAnswer>>,
    /// The tag of each word, [`NO_TAG`] where it is not known; empty unless the text is [`Text::Words`] with tags.
    pub tags: Vec<String>,
    /// Line of the file where the example starts, from 1.
    pub line: usize,
    /// The value of every column, as many as [`Table::header`] has names: texts, or what stands in the JSON.
    pub fields: Vec<Value>,
}

/// An answer that a data set gives: a span of the context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenAnswer {
    /// Its text.
    pub text: String,
    /// Where it starts, in letters (Unicode scalar values) of the context, from 0.
    pub start: usize,
}

/// Which [`Text`] all rows of a table hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableKind {
    /// [`Text::Single`].
    Single,
    /// [`Text::Pair`].
    Pair,
    /// [`Text::Words`].
    Words,
    /// [`Text::Choices`].
    Choices,
    /// [`Text::Compared`].
    Compared,
}

impl fmt::Display for TableKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Single => "single texts",
            Self::Pair => "pairs of texts",
            Self::Words => "sentences split into words",
            Self::Choices => "texts to choose among",
            Self::Compared => "texts to be compared",
        })
    }
}

/// A data file that has been read; it has at least one row. A table [of texts in memory](Self::of_texts) may have none.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Examples in the order of the file.
    pub rows: Vec<Row>,
    /// What every row's text is.
    pub kind: TableKind,
    /// The file's name, for messages.
    pub name: String,
    /// Names of all columns in the file, also of those that are not used; empty for formats without names.
    pub header: Vec<String>,
    /// The columns that texts and labels come from, for formats with names.
    pub columns: Columns,
    /// How the file is written, if its columns stand between delimiters; tables that are put together have the one that all had.
    pub dialect: Option<Dialect>,
    /// What was noticed while reading: comments passed over, a separator found, quotes that were kept. Sentences to be
    /// shown to whoever gave the file.
    pub notes: Vec<String>,
}

/// Names of the columns of a table: those a user chooses, or those that a table turned out to have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// The text, or the first of two; by default `text`, or `text_a`.
    pub text: Option<String>,
    /// The second text of a pair; by default `text_b`.
    pub text_b: Option<String>,
    /// The label; by default `label`, and no labels if there is no such column.
    pub label: Option<String>,
    /// Columns that are labels, any number of which may hold, each with what says whether it does; see [`Table::with_label_columns`].
    pub labels: Vec<String>,
    /// What stands between the labels of an example that may have several; see [`Table::with_label_sets`].
    pub label_separator: Option<char>,
    /// The choices: a column for each, or the one column of JSON that holds them as a list; by default the usual ones, such as
    /// `choice0` and `choice1` or `options`, where there is no `text`.
    pub choices: Vec<String>,
    /// Texts that do not belong to the first one, where texts are compared; by default `negative`, `negative_1` and so on.
    pub negatives: Vec<String>,
    /// How labels name the right choice; see [`Table::with_numbered_choices`].
    pub choice_labels: Option<ChoiceLabels>,
    /// What whole numbers as labels or tags stand for, 0 being the first; see [`Table::with_label_names`].
    pub label_names: Vec<String>,
    /// Names by place, such as `column_1`, of columns that have none in the file.
    pub unnamed: Vec<String>,
}

/// How labels name the right choice of an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChoiceLabels {
    /// By its number, the first being 0.
    #[serde(rename = "0")]
    FromZero,
    /// By its number, the first being 1.
    #[serde(rename = "1")]
    FromOne,
    /// By a letter, the first being A.
    #[serde(rename = "letter")]
    Letter,
    /// By its text.
    #[serde(rename = "text")]
    Text,
}

impl ChoiceLabels {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::FromZero, Self::FromOne, Self::Letter, Self::Text];

    /// Its name, as [`ChoiceLabels::from_str`] takes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::FromZero => "0",
            Self::FromOne => "1",
            Self::Letter => "letter",
            Self::Text => "text",
        }
    }

    /// Returns what a choice is called, counted from 0. A choice beyond Z has its number for a letter.
    #[must_use]
    pub fn label(self, choice: usize, choices: &[String]) -> String {
        let letter = || u8::try_from(choice).ok().and_then(|n| b'A'.checked_add(n)).filter(u8::is_ascii_uppercase);
        match self {
            Self::FromOne => (choice + 1).to_string(),
            Self::Letter => letter().map_or(choice.to_string(), |letter| char::from(letter).to_string()),
            Self::Text => choices[choice].clone(),
            Self::FromZero => choice.to_string(),
        }
    }
}

impl FromStr for ChoiceLabels {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|labels| labels.name() == text);
        found.ok_or_else(|| "expected 0 or 1 (the number of the first choice), letter or text".to_owned())
    }
}
