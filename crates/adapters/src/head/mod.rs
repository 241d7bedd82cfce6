//! Prediction heads, laid out as AdapterHub's.
//!
//! | task | reads | layers |
//! |---|---|---|
//! | classification, regression | the first token's hidden state, or the base's pooler over it | a stack of linear layers, two by default |
//! | tagging | every token | the same, one by default |
//! | masked language modelling | the tokens that were hidden | a transformation and the base's token embeddings |

mod language;
mod stack;
mod targets;

pub use targets::Targets;

use crate::invertible::Invertible;
use adaptune_tensor::{Activation, Gradients, Layout, Named, NamedMut, Parameters, Scalar, Seed, gather, scatter};
use adaptune_transformer::{Base, BaseLinear, Config, Encoder, Pass, Reads};
use language::{Language, LanguageTrace};
use ndarray::{ArcArray2, Array2, ArrayView2};
use stack::{Stack, StackTrace};
use std::collections::HashMap;
use thiserror::Error;

/// What a head predicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// A class for each sequence.
    Classification,
    /// A number for each sequence.
    Regression,
    /// A class for each token.
    Tagging,
    /// The tokens that were hidden from the model.
    MaskedLanguage,
}

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
}

impl HeadConfig {
    /// A head of the default form: two layers with tanh, or one for tagging.
    #[must_use]
    pub fn new(task: Task, labels: Vec<String>) -> Self {
        let layers = if task == Task::Tagging { 1 } else { 2 };
        let labels = if task == Task::Regression { vec![String::new()] } else { labels };
        Self { task, labels, layers, activation: Some(Activation::Tanh), use_pooler: false, bias: true, dropout: None }
    }

    fn check(&self, has_pooler: bool, dropout: f64) -> Result<(), HeadError> {
        if !(0.0..1.0).contains(&dropout) {
            return Err(HeadError::Dropout { found: dropout });
        }
        let mut places = HashMap::new();
        for (second, label) in self.labels.iter().enumerate() {
            if let Some(first) = places.insert(label, second) {
                return Err(HeadError::SameLabel { label: label.clone(), first, second });
            }
        }
        let (task, least) = match self.task {
            Task::Classification => ("classification", 2),
            Task::Regression => ("regression", 1),
            Task::Tagging => ("tagging", 2),
            Task::MaskedLanguage => ("masked language", 0),
        };
        match self {
            Self { layers: 0, .. } => Err(HeadError::NoLayers),
            Self { labels, .. } if labels.len() < least => {
                Err(HeadError::TooFewLabels { task, least, found: labels.len() })
            }
            Self { task: Task::Regression, labels, .. } if labels.len() > 1 => {
                Err(HeadError::Outputs { found: labels.len() })
            }
            Self { use_pooler: true, .. } if !has_pooler => Err(HeadError::NoPooler),
            _ => Ok(()),
        }
    }
}

/// A trainable prediction head.
#[derive(Clone, Debug)]
pub struct Head<S> {
    name: String,
    config: HeadConfig,
    dropout: f64,
    body: Body<S>,
}

#[derive(Clone, Debug)]
enum Body<S> {
    Stack(Stack<S>),
    Language(Box<Language<S>>),
}

/// What the backward pass of a [`Head`] needs.
pub struct HeadTrace<S> {
    layout: Layout,
    pooler: Option<PoolerTrace<S>>,
    body: BodyTrace<S>,
}

enum BodyTrace<S> {
    Stack(StackTrace<S>),
    Language(Box<LanguageTrace<S>>),
}

/// The pooler's output, `[S, D]`, and its input if its weight trains.
struct PoolerTrace<S> {
    pooled: Array2<S>,
    first: Option<ArcArray2<S>>,
}

impl<S: Scalar> Head<S> {
    /// A new head: weights normal with deviation 0.02, biases zero.
    ///
    /// # Errors
    /// If the configuration does not fit the model.
    pub fn new(name: &str, config: &HeadConfig, model: &Encoder<S>, seed: Seed) -> Result<Self, HeadError> {
        let Config { hidden, head_dropout, .. } = *model.config();
        let dropout = config.dropout.unwrap_or(head_dropout);
        config.check(model.pooler().is_some(), dropout)?;
        let body = match config.task {
            Task::MaskedLanguage => Body::Language(Box::new(Language::new(model.config(), seed))),
            _ => Body::Stack(Stack::new(config, hidden, seed)),
        };
        Ok(Self { name: name.to_owned(), config: config.clone(), dropout, body })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same head under another name.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    /// Its configuration.
    #[must_use]
    pub fn config(&self) -> &HeadConfig {
        &self.config
    }

    /// Logits for a hidden state `[T, D]`: `[S, C]`, for tagging `[T, C]`, for language `[T, V]`. Heads for tokens take
    /// rows as they come, and may be given some of them alone. What an invertible adapter did behind the embeddings, the
    /// head of a language model undoes; no other asks for it.
    #[must_use]
    pub fn forward(
        &self,
        base: Base<'_, S>,
        invertible: Option<&Invertible<S>>,
        hidden: ArrayView2<'_, S>,
        layout: &Layout,
        pass: Pass,
    ) -> (Array2<S>, HeadTrace<S>) {
        let (rows, pooler) = self.rows(base, hidden, layout);
        let (logits, body) = match &self.body {
            Body::Stack(stack) => {
                let (logits, trace) = stack.forward(rows, self.dropout, pass);
                (logits, BodyTrace::Stack(trace))
            }
            Body::Language(language) => {
                let (logits, trace) = language.forward(rows, base.token_embeddings(), invertible);
                (logits, BodyTrace::Language(Box::new(trace)))
            }
        };
        (logits, HeadTrace { layout: layout.clone(), pooler, body })
    }

    /// Adds the gradients of the head's parameters, and of the base's layers that it reads through if they are thawed;
    /// gives `d_hidden`, `[T, D]`, if it is wanted.
    pub fn backward(
        &self,
        base: Base<'_, S>,
        invertible: Option<&Invertible<S>>,
        trace: HeadTrace<S>,
        d_logits: Array2<S>,
        wants_hidden: bool,
        gradients: &mut Gradients<S>,
    ) -> Option<Array2<S>> {
        let HeadTrace { layout, pooler, body } = trace;
        let pooler_trains = pooler.is_some() && base.pooler().is_some_and(BaseLinear::trains);
        let wants_rows = wants_hidden || pooler_trains;
        let d_rows = match (&self.body, body) {
            (Body::Stack(stack), BodyTrace::Stack(trace)) => stack.backward(trace, d_logits, wants_rows, gradients),
            (Body::Language(language), BodyTrace::Language(trace)) => {
                language.backward(*trace, base.token_embeddings(), invertible, d_logits, wants_rows, gradients)
            }
            _ => panic!("the trace is another head's"),
        }?;
        let d_first = match (base.pooler(), pooler) {
            (Some(layer), Some(trace)) => pooler_backward(layer, trace, d_rows, gradients),
            _ => d_rows,
        };
        wants_hidden.then(|| self.scatter(d_first, &layout))
    }

    /// The rows that the head reads, and what the pooler's backward needs if they went through it.
    fn rows(
        &self,
        base: Base<'_, S>,
        hidden: ArrayView2<'_, S>,
        layout: &Layout,
    ) -> (Array2<S>, Option<PoolerTrace<S>>) {
        if self.reads_every_token() {
            return (hidden.to_owned(), None);
        }
        let rows = gather(hidden, &layout.first_rows());
        let Some(pooler) = base.pooler().filter(|_| self.config.use_pooler) else { return (rows, None) };
        let rows = rows.into_shared();
        let pooled = Activation::Tanh.forward(pooler.forward(rows.view()));
        (pooled.clone(), Some(PoolerTrace { pooled, first: pooler.keep(&rows) }))
    }

    /// From the gradient of the rows to that of the hidden state.
    fn scatter(&self, d_rows: Array2<S>, layout: &Layout) -> Array2<S> {
        if self.reads_every_token() {
            return d_rows;
        }
        let mut d_hidden = Array2::zeros((layout.tokens(), d_rows.ncols()));
        scatter(d_rows.view(), &layout.first_rows(), &mut d_hidden);
        d_hidden
    }

    /// Which rows of the hidden state it reads.
    pub(crate) fn reads(&self) -> Reads {
        if self.reads_every_token() { Reads::EveryToken } else { Reads::FirstTokens }
    }

    /// True if it predicts for each token, not for each sequence.
    pub(crate) fn reads_every_token(&self) -> bool {
        matches!(self.config.task, Task::Tagging | Task::MaskedLanguage)
    }
}

/// Through the pooler `t = tanh(W h_0 + b)`: `d_z = d_t ∘ (1 − t²)`, `d_h_0 = d_z W`.
fn pooler_backward<S: Scalar>(
    pooler: BaseLinear<'_, S>,
    trace: PoolerTrace<S>,
    mut d: Array2<S>,
    gradients: &mut Gradients<S>,
) -> Array2<S> {
    d.zip_mut_with(&trace.pooled, |d, t| *d *= S::one() - *t * *t);
    pooler.parameters_backward(trace.first.as_ref(), d.view(), gradients);
    pooler.input_backward(d.view())
}

impl<S: Scalar> Parameters<S> for Head<S> {
    fn list<'a>(&'a self, name: &str, all: &mut Named<'a, S>) {
        match &self.body {
            Body::Stack(stack) => stack.list(name, all),
            Body::Language(language) => language.list(name, all),
        }
    }
    fn list_mut<'a>(&'a mut self, name: &str, all: &mut NamedMut<'a, S>) {
        match &mut self.body {
            Body::Stack(stack) => stack.list_mut(name, all),
            Body::Language(language) => language.list_mut(name, all),
        }
    }
}
