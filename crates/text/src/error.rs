//! Why texts cannot be read, tokenised, labelled or judged.

use adaptune_adapters::format::FormatError;
use adaptune_train::{DataError, TrainError};
use adaptune_transformer::weights::WeightError;
use adaptune_transformer::{ConfigError, LoadError};
use std::fmt::{self, Display};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// What can fail in this crate.
pub(crate) type Result<T, E = TextError> = std::result::Result<T, E>;

/// Why texts cannot be read, tokenised, labelled or judged.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TextError {
    /// A file cannot be read or written.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A file is not there.
    #[error("cannot read {}: No such file{meant}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The one that may be meant, to be put behind a message.
        meant: String,
    },
    /// A table is not what it was expected to be.
    #[error("{place}: {message}")]
    Table {
        /// The file and, if it is known, the line.
        place: Place,
        /// What was expected, what was found, and what to do.
        message: String,
    },
    /// One of several adapters cannot take what the others are given too.
    #[error("adapter `{name}`: {source}")]
    OfAdapter {
        /// The adapter.
        name: String,
        /// Why not.
        source: Box<TextError>,
    },
    /// A tokenizer that cannot be used, or a text that it refuses.
    #[error("{0}")]
    Tokenizer(String),
    /// No base model of this name, or one that cannot be used.
    #[error("{0}")]
    Model(String),
    /// The hub, or the cache that is shared with Python.
    #[error("{0}")]
    Hub(String),
    /// No built-in data set of this name.
    #[error("{0}")]
    Builtin(String),
    /// What an adapter was trained with is there, and cannot be read.
    #[error(
        "{} is damaged ({message}), so it is not known how texts were read in training; put the file back, or remove it and name \
         --model and --max-length",
        path.display()
    )]
    RunFile {
        /// The file.
        path: PathBuf,
        /// Why it cannot be read.
        message: String,
    },
    /// A threshold for what has none.
    #[error("{0}")]
    Threshold(String),
    /// A method that there is not, or that does not fit the base.
    #[error("{0}")]
    Method(String),
    /// Whoever took the predictions wanted no more of them.
    #[error("stopped")]
    Stopped,
    /// The base's configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The base's weights.
    #[error(transparent)]
    Weights(#[from] WeightError),
    /// A base that cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// An adapter directory.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// Examples that cannot be trained on.
    #[error("{file}: {source}")]
    Data {
        /// The table they come from.
        file: String,
        /// Why.
        source: DataError,
    },
    /// A training or an evaluation.
    #[error(transparent)]
    Train(#[from] TrainError),
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// How messages name the file.
    pub file: String,
    /// The line, from 1.
    pub line: Option<usize>,
}

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}, line {line}", self.file),
            None => f.write_str(&self.file),
        }
    }
}

impl TextError {
    /// An error about a whole table.
    pub(crate) fn table(file: &str, message: impl Display) -> Self {
        Self::Table { place: Place { file: file.to_owned(), line: None }, message: message.to_string() }
    }

    /// An error about a line of a table.
    pub(crate) fn line(file: &str, line: usize, message: impl Display) -> Self {
        Self::Table { place: Place { file: file.to_owned(), line: Some(line) }, message: message.to_string() }
    }

    /// That a model has no template for conversations, and what helps.
    #[must_use]
    pub fn no_chat_template() -> Self {
        Self::Model(
            "the model has no chat template (chat_template.jinja, or chat_template in tokenizer_config.json), so it is not known how it \
             writes conversations: give one with --chat-template FILE, or the form of most small models with --chat-template chatml"
                .into(),
        )
    }

    /// A failed operation on a file, for `map_err`.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }
}

/// At most so many letters of something that a message shows.
pub(crate) fn shortened(text: &str, letters: usize) -> String {
    match text.char_indices().nth(letters) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
