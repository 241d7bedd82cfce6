//! The form of the texts that a model was trained on, as `run.json` keeps it.

use crate::domains::Domains;
use crate::error::{Result, TextError};
use crate::table::{ChoiceLabels, Columns, Format, Table, TableKind, TableOptions, pairs_in_a_table};
use serde::{Deserialize, Serialize};

/// The form of the texts that a model was trained on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputForm {
    /// Single texts, pairs or words.
    pub kind: InputKind,
    /// The columns they came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_column: Option<String>,
    /// The column of the second text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_b_column: Option<String>,
    /// The column of the labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_column: Option<String>,
    /// The columns that were labels, each with what says whether it holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub label_columns: Vec<String>,
    /// What stood between the labels of an example that may have several; nothing where they were lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_separator: Option<char>,
    /// True if the labels were numbers with a decimal comma.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub decimal_comma: bool,
    /// The columns of the choices.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choice_columns: Vec<String>,
    /// The columns of texts that did not belong to the first one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub negative_columns: Vec<String>,
    /// How labels named the right choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice_labels: Option<ChoiceLabels>,
    /// What whole numbers as labels or tags stood for, 0 being the first; nothing where labels were names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub label_names: Vec<String>,
    /// True if punctuation stood apart from words, where these were tagged: texts are cut so too then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub punctuation_apart: bool,
    /// True if some questions had no answer, so that none may be found.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unanswerable: bool,
    /// The domains of a tree of adapters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domains: Option<Domains>,
    /// How the training data were written, where their names and first lines did not say it.
    #[serde(default, skip_serializing_if = "FileForm::is_usual")]
    pub file: FileForm,
}

/// How data files are written, where their names and first lines do not say it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileForm {
    /// Another form than that of the ending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// What stands between columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<char>,
    /// True if fields between tabs may stand in quotes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub quotes: bool,
    /// The names of the columns of a table whose first line names none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub header: Vec<String>,
}

impl FileForm {
    /// That of what is read with these options.
    #[must_use]
    pub fn of(options: &TableOptions) -> Self {
        let TableOptions { format, delimiter, quotes, ref header, .. } = *options;
        Self { format, delimiter, quotes, header: header.clone() }
    }

    /// The options to read the same files again.
    ///
    /// ```
    /// use adaptune_text::{FileForm, TableOptions};
    /// let options = TableOptions { header: vec!["text".into(), "label".into()], ..TableOptions::default() };
    /// assert_eq!(FileForm::of(&options).again(&TableOptions::default()), options);
    /// ```
    #[must_use]
    pub fn again(&self, options: &TableOptions) -> TableOptions {
        let Self { format, delimiter, quotes, header } = self.clone();
        TableOptions { format, delimiter, quotes, header, ..options.clone() }
    }

    /// True if names and first lines say it.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// [`TableKind`] as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputKind {
    /// Single texts.
    Single,
    /// Pairs of texts.
    Pair,
    /// Sentences split into words.
    Words,
    /// Texts to choose among.
    Choices,
    /// Texts that are compared.
    Compared,
}

impl From<TableKind> for InputKind {
    fn from(kind: TableKind) -> Self {
        match kind {
            TableKind::Single => Self::Single,
            TableKind::Pair => Self::Pair,
            TableKind::Words => Self::Words,
            TableKind::Choices => Self::Choices,
            TableKind::Compared => Self::Compared,
        }
    }
}

impl InputForm {
    /// Refuses texts in another form than in training: a pair is not a single text.
    ///
    /// # Errors
    /// The table holds pairs and training did not, or the other way round.
    pub fn check(&self, table: &Table) -> Result<()> {
        // A text by itself may be words between spaces.
        let form = |kind| if kind == InputKind::Words { InputKind::Single } else { kind };
        if form(self.kind) == form(table.kind.into()) {
            return Ok(());
        }
        let trained = match self.kind {
            InputKind::Pair => TableKind::Pair,
            InputKind::Single => TableKind::Single,
            InputKind::Words => TableKind::Words,
            InputKind::Choices => TableKind::Choices,
            InputKind::Compared => TableKind::Compared,
        };
        let columns: Vec<&str> =
            [&self.text_column, &self.text_b_column].into_iter().flatten().map(String::as_str).collect();
        if self.kind == InputKind::Pair && table.header.is_empty() {
            return Err(TextError::table(&table.name, pairs_in_a_table(&columns)));
        }
        let from = if columns.is_empty() { String::new() } else { format!(" (columns {})", columns.join(" and ")) };
        let message = format!(
            "found {}, but the model was trained on {trained}{from}; choose columns with --text-column{}",
            table.kind,
            if self.kind == InputKind::Choices { " and --choice-columns" } else { " and --text-b-column" }
        );
        Err(TextError::table(&table.name, message))
    }

    /// The form of a table.
    #[must_use]
    pub fn of(kind: TableKind, columns: &Columns) -> Self {
        let Columns { text, text_b, label, labels, label_separator, choices, negatives, choice_labels, .. } =
            columns.clone();
        Self {
            kind: kind.into(),
            text_column: text,
            text_b_column: text_b,
            label_column: label,
            label_columns: labels,
            label_separator,
            decimal_comma: false,
            choice_columns: choices,
            negative_columns: negatives,
            choice_labels,
            label_names: columns.label_names.clone(),
            punctuation_apart: false,
            unanswerable: false,
            domains: None,
            file: FileForm::default(),
        }
    }

    /// That of a table of training data.
    #[must_use]
    pub fn of_table(table: &Table) -> Self {
        let decimal_comma = table.dialect.is_some_and(|dialect| dialect.decimal_comma);
        let (unanswerable, punctuation_apart) = (table.has_unanswerable(), table.has_punctuation_apart());
        Self { decimal_comma, unanswerable, punctuation_apart, ..Self::of(table.kind, &table.columns) }
    }

    /// The columns, to be read again.
    #[must_use]
    pub fn columns(&self) -> Columns {
        let Self { text_column, text_b_column, label_column, label_columns, label_separator, .. } = self.clone();
        let Self { choice_columns, negative_columns, choice_labels, label_names, .. } = self.clone();
        Columns {
            text: text_column,
            text_b: text_b_column,
            label: label_column,
            labels: label_columns,
            label_separator,
            choices: choice_columns,
            negatives: negative_columns,
            choice_labels,
            label_names,
            unnamed: Vec::new(),
        }
    }
}
