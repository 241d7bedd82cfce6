//! Why an expression is none, or makes no setup.

use crate::compose::error::CompositionError;
use crate::compose::mixing::MixerKind;
use crate::core::nearest::did_you_mean;
use thiserror::Error;

/// Several answers.
pub(super) const PARALLEL: &str = "parallel";
/// More nodes within each other than anybody writes: reading a text must not need more stack than there is.
pub(super) const DEEPEST: usize = 32;

/// Why an expression is none, or makes no setup.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExpressionError {
    /// It cannot be read.
    #[error("`{text}` is no setup: {expected} was expected at `{at}`; write it as in stack(german, mood)")]
    Syntax {
        /// The whole text.
        text: String,
        /// What would have been right.
        expected: &'static str,
        /// What is there, to the end of the text.
        at: String,
    },
    /// Too many nodes within each other.
    #[error("a setup has at most {DEEPEST} nodes within each other")]
    TooDeep,
    /// There is no such node.
    #[error("there is no node `{name}`{suggestion} (there are: {known})")]
    UnknownNode {
        /// The name.
        name: String,
        /// The nearest one, as words.
        suggestion: String,
        /// All that there are.
        known: String,
    },
    /// Several answers where one hidden state is needed.
    #[error(
        "parallel(…) gives an answer of each adapter, and stands outside of all others, where texts are predicted: \
         parallel(stack(a, b), c)"
    )]
    Parallel,
    /// A node has not the lists of numbers that it needs.
    #[error("{node} has the options [{found}], but needs [{expected}], each once")]
    Options {
        /// What expressions call the node.
        node: String,
        /// The names given.
        found: String,
        /// The names that it has.
        expected: String,
    },
    /// One number where a node has a list of them.
    #[error("{option} of {node} is a list of numbers, such as {option}=[0, 1]")]
    NoList {
        /// What expressions call the node.
        node: String,
        /// The name of the list.
        option: String,
    },
    /// Weights where a node has none.
    #[error("{node} has no weights: leave out the numbers before `*`")]
    NoWeights {
        /// What expressions call the node.
        node: String,
    },
    /// Settings where a node has nothing to be set.
    #[error("{node} has no settings, but [{found}] are given: leave them out")]
    NoSettings {
        /// What expressions call the node.
        node: String,
        /// Their names.
        found: String,
    },
    /// Something of its own where a node has nothing.
    #[error("{node} has nothing of its own that could be called `{own}`: leave out what stands behind `;`")]
    NoOwn {
        /// What expressions call the node.
        node: String,
        /// What stands behind `;`.
        own: String,
    },
    /// There is no fusion, or no router, of a name.
    #[error(
        "no {kind} `{name}` is there to be put into the setup: give it, or name the right one, as in fuse(a, b; NAME)"
    )]
    UnknownMixer {
        /// Which of them.
        kind: MixerKind,
        /// The name.
        name: String,
    },
    /// Settings of a fusion or router that is there already.
    #[error("{node} has the settings [{found}] and names `{own}`, which has its own: leave one of them out")]
    SettingsOfNamed {
        /// What expressions call the node.
        node: String,
        /// The settings.
        found: String,
        /// The name of the fusion or router.
        own: String,
    },
    /// Nothing goes by a name.
    #[error("no adapter `{name}` is there to be put into the setup: give it, or correct the name")]
    UnknownAdapter {
        /// The name.
        name: String,
    },
    /// What was put together means nothing together.
    #[error(transparent)]
    Composition(#[from] CompositionError),
}

impl ExpressionError {
    pub(in crate::compose) fn unknown_node(name: &str, known: &[&str]) -> Self {
        if name == PARALLEL {
            return Self::Parallel;
        }
        Self::UnknownNode {
            name: name.to_owned(),
            suggestion: did_you_mean(name, known.iter().copied().chain([PARALLEL])),
            known: known.join(", "),
        }
    }
}
