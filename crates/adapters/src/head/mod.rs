//! Prediction heads, laid out as AdapterHub's.
//!
//! A task is a [description](TaskDescription); these are the library's own:
//!
//! | task | reads | layers |
//! |---|---|---|
//! | classification, regression | the first token's hidden state, or another [`Pooling`] | a stack of linear layers, two by default |
//! | multi-label classification | as classification | the same |
//! | hierarchical classification, of a [`LabelTree`] | as classification | the same |
//! | tagging | every token | the same, one by default |
//! | question answering | every token | the same, with two outputs |
//! | multiple choice | as classification, of each sequence of an example | the same, with one output |
//! | embedding | the mean over the tokens, or another [`Pooling`] | none: what is read is the result |
//! | masked language modelling | the tokens that were hidden | a transformation and the base's token embeddings |
//! | causal language modelling | the tokens before those that are predicted | none: the base's own output layer |

pub(crate) mod config;
mod label_tree;
mod language;
mod output;
mod pooler;
mod pooling;
mod stack;
mod target_scale;
pub(crate) mod task;

pub use config::{HeadConfig, HeadError};
pub use label_tree::{LabelTree, NoParentLabel};
pub use pooling::Pooling;
pub use target_scale::TargetScale;
pub use task::{Outputs, Task, TaskDescription};

use crate::core::inverse::InverseModule;
use adaptune_tensor::{Gradients, Named, NamedMut, Parameters, Scalar, Seed};
use adaptune_transformer::{Base, Config, Encoder, Pass, Selection};
use language::{Language, LanguageTrace};
use ndarray::{Array2, ArrayView2};
use pooler::PoolerTrace;
use stack::{Stack, StackTrace};
use std::borrow::Cow;

/// A trainable prediction head.
#[derive(Clone, Debug)]
pub struct Head<S> {
    name: String,
    config: HeadConfig,
    dropout: f64,
    /// Of numbers that are far from zero.
    scale: Option<TargetScale>,
    body: Body<S>,
}

#[derive(Clone, Debug)]
enum Body<S> {
    Stack(Stack<S>),
    Language(Box<Language<S>>),
    /// The base's output layer.
    Output,
}

/// What the backward pass of a [`Head`] needs.
pub struct HeadTrace<'a, S> {
    pooler: Option<PoolerTrace<S>>,
    body: BodyTrace<'a, S>,
}

enum BodyTrace<'a, S> {
    Stack(StackTrace<S>),
    Language(Box<LanguageTrace<'a, S>>),
    /// What the output layer reads, `[N, D]`.
    Output(Array2<S>),
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
        check_direction(config, model)?;
        let body = if config.task.predicts_next_tokens() {
            Body::Output
        } else if config.task.predicts_tokens() {
            Body::Language(Box::new(Language::new(model.config(), seed)))
        } else {
            Body::Stack(Stack::new(config, hidden, seed))
        };
        Ok(Self { name: name.to_owned(), config: config.clone(), dropout, scale: None, body })
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

    /// The same head whose classes have these names, in the order of the logits, such as one from files that keep no names.
    ///
    /// # Errors
    /// If there are not as many names as classes, or two are the same.
    pub fn with_labels(self, labels: Vec<String>) -> Result<Self, HeadError> {
        if labels.len() != self.config.labels.len() {
            return Err(HeadError::LabelCount { expected: self.config.labels.len(), found: labels.len() });
        }
        let config = HeadConfig { labels, ..self.config };
        config.check_labels()?;
        Ok(Self { config, ..self })
    }

    /// The same head whose layers learn numbers on this scale, and answer in theirs. Heads that predict no number, or have no bias, stay as
    /// they are.
    #[must_use]
    pub fn with_scale(self, scale: Option<TargetScale>) -> Self {
        let fits = self.config.task.predicts_a_number() && self.config.bias && self.config.layers > 0;
        Self { scale: scale.filter(|_| fits), ..self }
    }

    /// A head that answers the same and goes on learning on another scale, which its last layer makes up for: `W' = W / deviation`,
    /// `b' = (b - mean) / deviation`. Heads that can have no [scale](Head::with_scale) stay as they are.
    #[must_use]
    pub fn rescaled(self, scale: Option<TargetScale>) -> Self {
        let plain = self.without_scale().into_owned();
        let fitting = plain.clone().with_scale(scale);
        match (fitting.scale, &plain.body) {
            (Some(scale), Body::Stack(stack)) => Self { body: Body::Stack(stack.scaled(scale.inverse())), ..fitting },
            _ => self,
        }
    }

    /// The scale on which its layers learn numbers; `None` for those they learn as they are.
    #[must_use]
    pub fn scale(&self) -> Option<TargetScale> {
        self.scale
    }

    /// The same head with its scale in its last layer, as files hold it.
    pub(crate) fn without_scale(&self) -> Cow<'_, Self> {
        let (Some(scale), Body::Stack(stack)) = (self.scale, &self.body) else { return Cow::Borrowed(self) };
        Cow::Owned(Self { scale: None, body: Body::Stack(stack.scaled(scale)), ..self.clone() })
    }

    /// Its configuration.
    #[must_use]
    pub fn config(&self) -> &HeadConfig {
        &self.config
    }

    /// Returns the logits, `[N, C]`, for language `[N, V]`, of the hidden states that the head [reads](Head::selection),
    /// `[N, D]`. The head of a language model undoes what an invertible adapter did behind the embeddings.
    #[must_use]
    pub fn forward<'a>(
        &self,
        base: Base<'_, S>,
        inverse: Option<&'a dyn InverseModule<S>>,
        hidden: ArrayView2<'_, S>,
        pass: Pass,
    ) -> (Array2<S>, HeadTrace<'a, S>) {
        let (rows, pooler) = self.pooled(base, hidden);
        let (logits, body) = match &self.body {
            Body::Stack(stack) => {
                let (z, trace) = stack.forward(rows, self.dropout, pass);
                let logits = if let Some(scale) = self.scale { scale.apply(z) } else { z };
                (logits, BodyTrace::Stack(trace))
            }
            Body::Language(language) => {
                let (logits, trace) = language.forward(rows, base.token_embeddings(), inverse);
                (logits, BodyTrace::Language(Box::new(trace)))
            }
            Body::Output => (output::forward(base, &rows), BodyTrace::Output(rows)),
        };
        (logits, HeadTrace { pooler, body })
    }

    /// Adds the gradients of the head's parameters, and of the base's layers that it reads through if they are thawed;
    /// returns `d_hidden`, `[N, D]`, if it is wanted.
    pub fn backward(
        &self,
        base: Base<'_, S>,
        trace: HeadTrace<'_, S>,
        d_logits: Array2<S>,
        wants_hidden: bool,
        gradients: &mut Gradients<S>,
    ) -> Option<Array2<S>> {
        let HeadTrace { pooler, body } = trace;
        let pooler_trains = pooler.is_some() && pooler::trains(base);
        let wants_rows = wants_hidden || pooler_trains;
        let d_logits = if let Some(scale) = self.scale { scale.backward(d_logits) } else { d_logits };
        let d_rows = match (&self.body, body) {
            (Body::Stack(stack), BodyTrace::Stack(trace)) => stack.backward(trace, d_logits, wants_rows, gradients),
            (Body::Language(language), BodyTrace::Language(trace)) => {
                language.backward(*trace, base.token_embeddings(), d_logits, wants_rows, gradients)
            }
            (Body::Output, BodyTrace::Output(x)) => output::backward(base, &x, &d_logits, wants_rows, gradients),
            _ => panic!("the trace is another head's"),
        }?;
        let d_hidden = match pooler {
            Some(trace) => trace.backward(base, d_rows, gradients),
            None => d_rows,
        };
        wants_hidden.then_some(d_hidden)
    }

    /// The hidden states, or what the pooler makes of them with what its backward pass needs.
    fn pooled(&self, base: Base<'_, S>, hidden: ArrayView2<'_, S>) -> (Array2<S>, Option<PoolerTrace<S>>) {
        let rows = hidden.to_owned();
        if !self.config.reads_pooler() {
            return (rows, None);
        }
        let (pooled, trace) = pooler::forward(base, rows);
        (pooled, Some(trace))
    }

    /// Which tokens of the last hidden state it reads.
    #[must_use]
    pub fn selection(&self) -> Selection {
        self.config.selection()
    }

    /// True if it predicts for each token, not for each sequence.
    pub(crate) fn reads_every_token(&self) -> bool {
        self.config.task.reads_every_token()
    }
}

/// What a decoder's tokens see is not what an encoder's see, so not every head stands on both.
fn check_direction<S: Scalar>(config: &HeadConfig, model: &Encoder<S>) -> Result<(), HeadError> {
    let causal = model.config().is_causal();
    match config.task {
        task if task.predicts_next_tokens() && !causal => Err(HeadError::NextOfEncoder),
        task if task.predicts_next_tokens() && Base::from(model).output().is_none() => Err(HeadError::NoOutputLayer),
        task if task.predicts_tokens() && causal => Err(HeadError::HiddenInDecoder),
        _ if causal && config.selection() == Selection::First => Err(HeadError::FirstOfDecoder),
        _ => Ok(()),
    }
}

impl<S: Scalar> Parameters<S> for Head<S> {
    fn list<'a>(&'a self, name: &str, all: &mut Named<'a, S>) {
        match &self.body {
            Body::Stack(stack) => stack.list(name, all),
            Body::Language(language) => language.list(name, all),
            Body::Output => {}
        }
    }
    fn list_mut<'a>(&'a mut self, name: &str, all: &mut NamedMut<'a, S>) {
        match &mut self.body {
            Body::Stack(stack) => stack.list_mut(name, all),
            Body::Language(language) => language.list_mut(name, all),
            Body::Output => {}
        }
    }
}
