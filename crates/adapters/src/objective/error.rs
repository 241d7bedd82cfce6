//! Targets that do not fit a head.

use crate::head::HeadConfig;
use thiserror::Error;

/// A target that does not fit the head. Messages go on from "example 3 has".
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TargetError {
    /// A class that the head has no label for.
    #[error(
        "class {class} (they count from 0), but the head has {}: \
         give the head a label for each class, or take the example out",
        count(labels)
    )]
    Label {
        /// The class.
        class: usize,
        /// The labels of the head.
        labels: Vec<String>,
    },
    /// Not a truth for each label.
    #[error("{found} truths, but the head has {labels} labels: give one truth for each label")]
    Truths {
        /// How many truths there are.
        found: usize,
        /// How many labels the head has.
        labels: usize,
    },
    /// A number that is none.
    #[error("the target {found}, but it must be a finite number: correct it, or take it out")]
    NotFinite {
        /// The target.
        found: String,
    },
    /// A number that the model's numbers do not reach.
    #[error("the target {found}, which {scalar} cannot hold: scale the targets")]
    TooLarge {
        /// The target.
        found: String,
        /// The type of the model's numbers.
        scalar: &'static str,
    },
    /// A token that the base does not have.
    #[error("the token {token} as a target, which is not below the base's vocabulary of {vocabulary}")]
    Token {
        /// The token.
        token: usize,
        /// Rows of the base's token embeddings.
        vocabulary: usize,
    },
    /// The head is for something else.
    #[error("a target for {expected}, but the head is one for {task} with {labels} labels")]
    Head {
        /// What the objective needs.
        expected: &'static str,
        /// What the head predicts.
        task: &'static str,
        /// How many labels it has.
        labels: usize,
    },
    /// What a user-defined objective finds wrong.
    #[error("{0}")]
    Other(String),
}

/// How many labels there are, and the first of them.
fn count(labels: &[String]) -> String {
    let more = if labels.len() > 8 { ", ..." } else { "" };
    format!("{} labels ({}{more})", labels.len(), labels[..labels.len().min(8)].join(", "))
}

impl TargetError {
    /// A head that an objective for `expected` has no use for.
    pub(super) fn head(expected: &'static str, head: &HeadConfig) -> Self {
        Self::Head { expected, task: head.task.name(), labels: head.labels.len() }
    }

    /// Checks that a head has a label for the highest of some classes.
    ///
    /// # Errors
    /// If it has not.
    pub fn check_classes(classes: impl IntoIterator<Item = usize>, head: &HeadConfig) -> Result<(), Self> {
        match classes.into_iter().max().filter(|class| *class >= head.labels.len()) {
            Some(class) => Err(Self::Label { class, labels: head.labels.clone() }),
            None => Ok(()),
        }
    }
}
