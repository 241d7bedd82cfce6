//! `--task`: the kind of a task, or a built-in one.

use adaptune_text::TaskChoice;
use anyhow::{Result, bail};
use std::path::PathBuf;
use std::str::FromStr;

/// What `--task` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TaskArg {
    /// The kind of the task that files hold.
    Kind(TaskChoice),
    /// A task of the built-in world, as it was named (`builtin:topic@B`).
    Builtin(String),
}

const KINDS: &[(&str, TaskChoice)] = &[
    ("auto", TaskChoice::Auto),
    ("causal-language", TaskChoice::CausalLanguage),
    ("classification", TaskChoice::Classification),
    ("embedding", TaskChoice::Embedding),
    ("hierarchical", TaskChoice::Hierarchical),
    ("multi-label", TaskChoice::MultiLabel),
    ("multiple-choice", TaskChoice::MultipleChoice),
    ("question-answering", TaskChoice::QuestionAnswering),
    ("regression", TaskChoice::Regression),
    ("tagging", TaskChoice::Tagging),
];

impl TaskArg {
    /// The kind; that of a built-in task is seen in its data.
    pub(crate) fn kind(&self) -> TaskChoice {
        match self {
            Self::Kind(kind) => *kind,
            Self::Builtin(_) => TaskChoice::Auto,
        }
    }

    /// The name of a part of a built-in task, which stands for a file.
    pub(crate) fn split(&self, split: &str) -> Option<PathBuf> {
        match self {
            Self::Kind(_) => None,
            Self::Builtin(name) => Some(format!("{name}:{split}").into()),
        }
    }
}

impl FromStr for TaskArg {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.starts_with("builtin:") {
            return Ok(Self::Builtin(text.to_owned()));
        }
        match KINDS.iter().find(|(name, _)| *name == text) {
            Some((_, kind)) => Ok(Self::Kind(*kind)),
            None => {
                let names: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
                let hint = adaptune_adapters::did_you_mean(text, names.iter().copied());
                bail!("expected {}, or a built-in task such as builtin:sentiment@A{hint}", names.join(", "))
            }
        }
    }
}
