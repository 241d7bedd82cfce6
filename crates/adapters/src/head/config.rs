//! The configuration of a head, typed and checked.

use super::label_tree::{LabelTree, NoParentLabel};
use super::pooling::Pooling;
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
    /// The names of the classes, in the order of the logits; one nameless output for regression, two for spans, none for
    /// language. For multiple choice names of the choices, as many as an example has, or the example that has most.
    pub labels: Vec<String>,
    /// How many linear layers: 2 for classification and regression, 1 for tagging, by default; none for embeddings.
    pub layers: usize,
    /// The activation between them, if any.
    pub activation: Option<Activation>,
    /// What it reads of each sequence; as the [task](crate::TaskDescription::reads) says, the first token for those of the
    /// library, if not given. Heads that read every token have none.
    pub pooling: Option<Pooling>,
    /// The last layer has a bias.
    pub bias: bool,
    /// Dropout rate; the model's own if not given.
    pub dropout: Option<f64>,
}

/// A head that does not fit the model or contradicts itself.
#[derive(Debug, Error, PartialEq)]
pub enum HeadError {
    /// The model has no pooler.
    #[error(
        "the head reads the pooler, but this model has none: take a base whose weights have it (pooler.dense.weight in BERT), or train a \
         head that reads the first token or the mean"
    )]
    NoPooler,
    /// The first token of a decoder.
    #[error(
        "the head reads the first token, which in a decoder sees nothing but itself, so that all texts look alike: let it read the \
         last one (pooling last) or the mean"
    )]
    FirstOfDecoder,
    /// The next token in an encoder.
    #[error(
        "the task causal language is to say which token comes next, but this base is an encoder, whose tokens see those behind them: take \
         a decoder, such as llama or qwen2; an encoder finds hidden tokens (masked language)"
    )]
    NextOfEncoder,
    /// The next token in a decoder without an output layer.
    #[error(
        "the checkpoint holds the blocks without the output layer, lm_head.weight, by which the task causal language says which token comes next: \
         take that of the whole language model"
    )]
    NoOutputLayer,
    /// Hidden tokens in a decoder.
    #[error(
        "the task masked language is to find hidden tokens by those on both sides, but this base is a decoder, whose tokens do not see those \
         behind them: take an encoder; a decoder says which token comes next (causal language)"
    )]
    HiddenInDecoder,
    /// The head reads every token, and is to read one vector for each sequence too.
    #[error("a {task} head predicts for every token: it has no pooling, but {pooling} was given; leave it out")]
    Pooling {
        /// What it predicts.
        task: &'static str,
        /// What was given.
        pooling: &'static str,
    },
    /// A head with layers or labels for a task that has none.
    #[error(
        "the head of the task {task} has no layers and no labels, but {layers} layers and {labels} labels were given"
    )]
    Layers {
        /// What it predicts.
        task: &'static str,
        /// How many layers it has.
        layers: usize,
        /// How many labels it has.
        labels: usize,
    },
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
    /// A head for spans that has not two outputs.
    #[error("a head for spans has two outputs, where they start and where they end, but {found} labels: give it two")]
    SpanOutputs {
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
    /// A label of a tree whose parent is not among the labels.
    #[error(transparent)]
    NoParentLabel(#[from] NoParentLabel),
    /// Not as many names as classes.
    #[error("the head has {expected} labels, but {found} names were given: give one for each")]
    LabelCount {
        /// How many labels the head has.
        expected: usize,
        /// How many names were given.
        found: usize,
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
        let labels = match task {
            _ if task.predicts_a_number() => vec![String::new()],
            // As in Python's files.
            _ if (task.predicts_a_span() || task.predicts_a_choice()) && labels.is_empty() => {
                vec!["LABEL_0".to_owned(), "LABEL_1".to_owned()]
            }
            _ => labels,
        };
        let layers = task.description().layers;
        Self { task, labels, layers, activation: Some(Activation::Tanh), pooling: None, bias: true, dropout: None }
    }

    /// Which tokens of the last hidden state the head reads.
    #[must_use]
    pub fn selection(&self) -> Selection {
        match self.pooling {
            Some(pooling) => pooling.selection(),
            None => self.task.description().reads.clone(),
        }
    }

    /// True if it reads the base's pooler.
    #[must_use]
    pub fn reads_pooler(&self) -> bool {
        self.pooling.is_some_and(Pooling::is_pooler)
    }

    /// How many logits it gives for each token or sequence that it reads: one for each label, or a single one where sequences
    /// are chosen among. The head of a language model gives one for each token of the vocabulary, that of embeddings what it reads;
    /// they have no labels.
    #[must_use]
    pub fn outputs(&self) -> usize {
        if self.task.predicts_a_choice() { 1 } else { self.labels.len() }
    }

    /// How many numbers such a head has on a model. Nothing is allocated; the count ends at the largest `u64`.
    #[must_use]
    pub fn parameter_count(&self, model: &Config) -> u64 {
        if self.task.has_no_layers() {
            return 0;
        }
        let hidden = model.hidden;
        let square = linear(hidden, hidden, true);
        if self.task.predicts_tokens() {
            let width = model.embedding_width();
            return sum([linear(width, hidden, true), product(&[2, width]), model.vocabulary as u64]);
        }
        let between = square.saturating_mul(self.layers.saturating_sub(1) as u64);
        sum([between, linear(self.outputs(), hidden, self.bias)])
    }

    /// True if no class has a name of its own: they are called `LABEL_0` and so on, as in files that keep no names, such as PEFT's.
    #[must_use]
    pub fn labels_are_placeholders(&self) -> bool {
        !self.labels.is_empty() && self.labels.iter().enumerate().all(|(i, label)| *label == format!("LABEL_{i}"))
    }

    /// Returns the class of a label, from 0. Where classes have no names of their own, `0` and so on are as good as `LABEL_0`.
    ///
    /// ```
    /// use adaptune_adapters::{HeadConfig, Task};
    /// let nameless = HeadConfig::new(Task::CLASSIFICATION, vec!["LABEL_0".into(), "LABEL_1".into()]);
    /// assert_eq!((nameless.class_of("LABEL_1"), nameless.class_of("1"), nameless.class_of("2")), (Some(1), Some(1), None));
    /// let named = HeadConfig::new(Task::CLASSIFICATION, vec!["good".into(), "bad".into()]);
    /// assert_eq!((named.class_of("bad"), named.class_of("1")), (Some(1), None));
    /// ```
    #[must_use]
    pub fn class_of(&self, label: &str) -> Option<usize> {
        let named = self.labels.iter().position(|name| name == label);
        named.or_else(|| {
            let class = label.parse().ok().filter(|class| *class < self.labels.len());
            // `+1` and `01` are other labels than `1`.
            class.filter(|class: &usize| self.labels_are_placeholders() && class.to_string() == label)
        })
    }

    /// Each label is there once.
    pub(super) fn check_labels(&self) -> Result<(), HeadError> {
        let mut places = HashMap::new();
        for (second, label) in self.labels.iter().enumerate() {
            if let Some(first) = places.insert(label, second) {
                return Err(HeadError::SameLabel { label: label.clone(), first, second });
            }
        }
        Ok(())
    }

    pub(super) fn check(&self, has_pooler: bool, dropout: f64) -> Result<(), HeadError> {
        if !(0.0..1.0).contains(&dropout) {
            return Err(HeadError::Dropout { found: dropout });
        }
        self.check_labels()?;
        if self.task.predicts_a_path() {
            LabelTree::of(&self.labels)?;
        }
        let (task, least) = (self.task.name(), self.task.description().outputs.least_labels());
        match self {
            _ if matches!(self.selection(), Selection::Places(_)) => Err(HeadError::Places { task }),
            Self { layers, labels, .. } if self.task.has_no_layers() => match (*layers, labels.len()) {
                (0, 0) if self.reads_pooler() && !has_pooler => Err(HeadError::NoPooler),
                (0, 0) => self.check_pooling(),
                (layers, labels) => Err(HeadError::Layers { task, layers, labels }),
            },
            Self { layers: 0, .. } => Err(HeadError::NoLayers),
            Self { labels, .. } if labels.len() < least => {
                Err(HeadError::TooFewLabels { task, least, found: labels.len() })
            }
            Self { task, labels, .. } if task.predicts_a_span() && labels.len() > 2 => {
                Err(HeadError::SpanOutputs { found: labels.len() })
            }
            Self { task, labels, .. } if task.predicts_a_number() && labels.len() > 1 => {
                Err(HeadError::Outputs { found: labels.len() })
            }
            _ if self.reads_pooler() && !has_pooler && !self.task.reads_every_token() => Err(HeadError::NoPooler),
            _ => self.check_pooling(),
        }
    }

    /// Heads that read every token have no pooling.
    fn check_pooling(&self) -> Result<(), HeadError> {
        match self.pooling.filter(|_| self.task.reads_every_token()) {
            Some(pooling) => Err(HeadError::Pooling { task: self.task.name(), pooling: pooling.name() }),
            None => Ok(()),
        }
    }
}
