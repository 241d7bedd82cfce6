//! Why examples cannot be trained on.

use adaptune_adapters::{TargetError, Task};
use thiserror::Error;

/// Examples that cannot be trained on.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum DataError {
    /// No examples.
    #[error("there are no examples: at least one is needed")]
    Empty,
    /// Groups of another number of examples.
    #[error("groups are given for {found} examples, but there are {examples}: give some for each")]
    Groups {
        /// For how many they are given.
        found: usize,
        /// How many examples there are.
        examples: usize,
    },
    /// Targets of several tasks.
    #[error("example {example} has a target of another kind than a {} head predicts", task.name())]
    Mixed {
        /// The example, from 0.
        example: usize,
        /// The task.
        task: Task,
    },
    /// Lengths that differ.
    #[error("example {example} has {tokens} tokens but {found} {what}: one is needed for each token")]
    Lengths {
        /// The example, from 0.
        example: usize,
        /// Its tokens.
        tokens: usize,
        /// How many of the other there are.
        found: usize,
        /// What does not fit.
        what: &'static str,
    },
    /// Not as many sequences as its target is for.
    #[error("example {example} has {found} sequences, but its target is for {expected}")]
    Sequences {
        /// The example, from 0.
        example: usize,
        /// Its sequences.
        found: usize,
        /// How many are needed.
        expected: &'static str,
    },
    /// A choice beyond those that there are.
    #[error("example {example} has choice {choice} as the right one, but {choices} choices, which count from 0")]
    Choice {
        /// The example, from 0.
        example: usize,
        /// The right choice.
        choice: usize,
        /// How many choices there are.
        choices: usize,
    },
    /// A class beyond those that there are said to be.
    #[error("example {example} has class {class}, but there are said to be {classes} classes, which count from 0")]
    Class {
        /// The example, from 0.
        example: usize,
        /// Its class.
        class: usize,
        /// How many classes there are said to be.
        classes: usize,
    },
    /// A target that the head cannot be held to.
    #[error("example {example} has {source}")]
    Target {
        /// The example, from 0.
        example: usize,
        /// What is wrong with its target.
        source: TargetError,
    },
    /// Masking for another vocabulary.
    #[error(
        "{what} goes beyond the base's vocabulary of {vocabulary}: \
         take mask token and vocabulary from the tokenizer of this base"
    )]
    Vocabulary {
        /// What does.
        what: String,
        /// Rows of the base's token embeddings.
        vocabulary: usize,
    },
    /// Texts for a language model of which nothing is hidden.
    #[error(
        "a language model learns to find hidden tokens, and this data set hides none: make it with Dataset::language"
    )]
    NothingHidden,
    /// A text of which nothing can be hidden.
    #[error("example {example} has only special tokens: there is nothing to hide")]
    NothingToHide {
        /// The example, from 0.
        example: usize,
    },
    /// Texts for a causal language model of which no token is learnt.
    #[error(
        "example {example} has no token that is learnt: one that counts and has another one before it in its sequence"
    )]
    NothingToLearn {
        /// The example, from 0.
        example: usize,
    },
    /// Tokens that the base cannot take.
    #[error("example {example}: {message}")]
    Tokens {
        /// The example, from 0.
        example: usize,
        /// What is wrong.
        message: String,
    },
}
