//! The configuration of a head, typed and checked.

use super::task::Task;
use crate::core::size::{linear, product, sum};
use adaptune_tensor::Activation;
use adaptune_transformer::{Config, Selection};
use std::collections::HashMap;
use thiserror::Error;

/// The configuration of a head; fields are AdapterHub's.
#[derive(Clone, Debug, PartialEq)]
pub struct HeadConfig {
    /// What it predicts.
    pub task: Task,
    /// The names of the classes, in the order of the logits; one nameless output for regression, none for language.
    pub labels: Vec<String>,
    /// How many linear layers: 2 for classification and regression, 1 for tagging, by default.
    pub layers: usize,
    /// The activation between them, if any.
    pub activation: Option<Activation>,
    /// Read the base's pooler rather than the first token's hidden state.
    pub use_pooler: bool,
    /// The last layer has a bias.
    pub bias: bool,
    /// Dropout rate; the model's own if not given.
    pub dropout: Option<f64>,
}

/// A head that does not fit the model or contradicts itself.
#[derive(Debug, Error, PartialEq)]
pub enum HeadError {
    /// The model has no pooler.
    #[error("the head reads the pooler, but this model has none: set use_pooler to false")]
    NoPooler,
    /// A head without layers.
    #[error("a head needs at least one layer")]
    NoLayers,
    /// Too few classes.
    #[error("a {task} head needs at least {least} labels, but has {found}")]
    TooFewLabels {
        /// What it predicts.
        task: &'static str,
        /// How many labels it needs.
        least: usize,
        /// How many it has.
        found: usize,
    },
    /// A regression head with several outputs.
    #[error("a regression head has one output, but {found} labels: give it one, or make it a classification head")]
    Outputs {
        /// How many labels it has.
        found: usize,
    },
    /// Two classes of one name.
    #[error("labels {first} and {second} are both called {label:?}: give each a name of its own")]
    SameLabel {
        /// The name.
        label: String,
        /// The first of the two classes, from 0.
        first: usize,
        /// The second.
        second: usize,
    },
    /// A dropout rate that is none.
    #[error("the dropout of the head is {found}, but must be from 0 up to, but not, 1")]
    Dropout {
        /// The head's own, or else the model's.
        found: f64,
    },
    /// The task names places of one batch.
    #[error("a {task} head cannot read the same places of every batch: places are for an objective to choose")]
    Places {
        /// What it predicts.
        task: &'static str,
    },
}

impl HeadConfig {
    /// A head of the task's default form: two layers with tanh, or one for tagging. Labels are for tasks that have some; a
    /// number's one output has no name.
    #[must_use]
    pub fn new(task: Task, labels: Vec<String>) -> Self {
        let labels = if task.predicts_a_number() { vec![String::new()] } else { labels };
        let layers = task.description().layers;
        Self { task, labels, layers, activation: Some(Activation::Tanh), use_pooler: false, bias: true, dropout: None }
    }

    /// Which tokens of the last hidden state the head reads.
    #[must_use]
    pub fn selection(&self) -> Selection {
        self.task.description().reads.clone()
    }

    /// How many numbers such a head has on a model. Nothing is allocated; the count ends at the largest `u64`.
    #[must_use]
    pub fn parameter_count(&self, model: &Config) -> u64 {
        let hidden = model.hidden;
        let square = linear(hidden, hidden, true);
        if self.task.predicts_tokens() {
            return sum([square, product(&[2, hidden]), model.vocabulary as u64]);
        }
        let between = square.saturating_mul(self.layers.saturating_sub(1) as u64);
        sum([between, linear(self.labels.len(), hidden, self.bias)])
    }

    pub(super) fn check(&self, has_pooler: bool, dropout: f64) -> Result<(), HeadError> {
        if !(0.0..1.0).contains(&dropout) {
            return Err(HeadError::Dropout { found: dropout });
        }
        let mut places = HashMap::new();
        for (second, label) in self.labels.iter().enumerate() {
            if let Some(first) = places.insert(label, second) {
                return Err(HeadError::SameLabel { label: label.clone(), first, second });
            }
        }
        let (task, least) = (self.task.name(), self.task.description().outputs.least_labels());
        match self {
            _ if matches!(self.selection(), Selection::Places(_)) => Err(HeadError::Places { task }),
            Self { layers: 0, .. } => Err(HeadError::NoLayers),
            Self { labels, .. } if labels.len() < least => {
                Err(HeadError::TooFewLabels { task, least, found: labels.len() })
            }
            Self { task, labels, .. } if task.predicts_a_number() && labels.len() > 1 => {
                Err(HeadError::Outputs { found: labels.len() })
            }
            Self { use_pooler: true, .. } if !has_pooler => Err(HeadError::NoPooler),
            _ => Ok(()),
        }
    }
}
