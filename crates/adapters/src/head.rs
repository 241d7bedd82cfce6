//! Prediction heads: classification, regression and tagging, laid out as AdapterHub's.
//!
//! A head is a stack of linear layers over one row for each sequence (the first token's hidden
//! state, or the base's pooler over it) or, for tagging, over every token:
//!
//! ```text
//! x_0 = dropout(rows)                                       [N, D]
//! z_i = x_{i-1} W_iᵀ + b_i,   x_i = dropout(φ(z_i))         [N, D]   for all layers but the last
//! logits = x_{k-1} W_kᵀ + b_k                               [N, C]
//! ```
//!
//! Gradients follow the same lines backwards: `d_W_i = d_z_iᵀ x_{i-1}`, `d_b_i = Σ d_z_i`,
//! `d_x_{i-1} = d_z_i W_i`, `d_z_i = m ∘ d_x_i ∘ φ'(z_i)` with the dropout mask `m`.

use crate::layers::TrainableLinear;
use adaptune_tensor::{
    Activation, Dropout, Gradients, Layout, Scalar, Seed, cross_entropy, cross_entropy_backward, init, parameters,
    squared_error, squared_error_backward,
};
use adaptune_transformer::{Config, Encoder, Pass};
use ndarray::{Array2, ArrayView2, Axis, s};
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
}

/// The configuration of a head; fields are AdapterHub's.
#[derive(Clone, Debug, PartialEq)]
pub struct HeadConfig {
    /// What it predicts.
    pub task: Task,
    /// The names of the classes, in the order of the logits; one nameless output for regression.
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
#[derive(Debug, Error, PartialEq, Eq)]
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
}

impl HeadConfig {
    /// A head of the default form: two layers with tanh, or one for tagging.
    #[must_use]
    pub fn new(task: Task, labels: Vec<String>) -> Self {
        let layers = if task == Task::Tagging { 1 } else { 2 };
        let labels = if task == Task::Regression { vec![String::new()] } else { labels };
        Self { task, labels, layers, activation: Some(Activation::Tanh), use_pooler: false, bias: true, dropout: None }
    }

    fn check(&self, has_pooler: bool) -> Result<(), HeadError> {
        let (task, least) = match self.task {
            Task::Classification => ("classification", 2),
            Task::Regression => ("regression", 1),
            Task::Tagging => ("tagging", 2),
        };
        match self {
            Self { layers: 0, .. } => Err(HeadError::NoLayers),
            Self { labels, .. } if labels.len() < least => {
                Err(HeadError::TooFewLabels { task, least, found: labels.len() })
            }
            Self { use_pooler: true, .. } if !has_pooler => Err(HeadError::NoPooler),
            _ => Ok(()),
        }
    }
}

/// What the rows of a batch should be predicted as.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// A class for each sequence.
    Classes(Vec<usize>),
    /// A number for each sequence.
    Values(Vec<f64>),
    /// A class for each token; `None` where a token does not count.
    Tags(Vec<Option<usize>>),
}

impl Targets {
    /// How many targets count: the divisor of a mean loss.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::Classes(classes) => classes.len(),
            Self::Values(values) => values.len(),
            Self::Tags(tags) => tags.iter().flatten().count(),
        }
    }
}

/// A trainable prediction head.
#[derive(Clone, Debug)]
pub struct Head<S> {
    name: String,
    config: HeadConfig,
    dropout: f64,
    layers: Vec<TrainableLinear<S>>,
}

parameters!(Head { "layer" => layers });

/// What the backward pass of a [`Head`] needs.
pub struct HeadTrace<S> {
    layout: Layout,
    /// The pooler's output, `[S, D]`, if the head reads it.
    pooled: Option<Array2<S>>,
    /// For each layer: its input after dropout, the mask, and for all but the last its output `z`.
    layers: Vec<LayerTrace<S>>,
}

struct LayerTrace<S> {
    x: Array2<S>,
    dropout: Option<Dropout>,
    z: Option<Array2<S>>,
}

impl<S: Scalar> Head<S> {
    /// A new head: weights normal with deviation 0.02, biases zero.
    ///
    /// # Errors
    /// If the configuration does not fit the model.
    pub fn new(name: &str, config: &HeadConfig, model: &Encoder<S>, seed: Seed) -> Result<Self, HeadError> {
        config.check(model.pooler().is_some())?;
        let Config { hidden, head_dropout, .. } = *model.config();
        let layer = |i: usize| {
            let last = i + 1 == config.layers;
            let out = if last { config.labels.len() } else { hidden };
            TrainableLinear::new(init::normal((out, hidden), 0.02, seed.at(i as u64)), !last || config.bias)
        };
        Ok(Self {
            name: name.to_owned(),
            config: config.clone(),
            dropout: config.dropout.unwrap_or(head_dropout),
            layers: (0..config.layers).map(layer).collect(),
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its configuration.
    #[must_use]
    pub fn config(&self) -> &HeadConfig {
        &self.config
    }

    /// Logits for a hidden state `[T, D]`: `[S, C]`, or `[T, C]` for tagging.
    #[must_use]
    pub fn forward(
        &self,
        base: &Encoder<S>,
        hidden: ArrayView2<'_, S>,
        layout: &Layout,
        pass: Pass,
    ) -> (Array2<S>, HeadTrace<S>) {
        let (mut x, pooled) = self.rows(base, hidden, layout);
        let mut traces = Vec::with_capacity(self.layers.len());
        for (i, layer) in self.layers.iter().enumerate() {
            let dropout = pass.at(i as u64).dropout(self.dropout);
            if let Some(dropout) = dropout {
                dropout.apply(&mut x);
            }
            let z = layer.forward(x.view());
            let last = i + 1 == self.layers.len();
            let next = if last { z.clone() } else { self.activation().forward(z.clone()) };
            traces.push(LayerTrace { x, dropout, z: (!last).then_some(z) });
            x = next;
        }
        (x, HeadTrace { layout: layout.clone(), pooled, layers: traces })
    }

    /// Adds the gradients of the head's parameters; gives `d_hidden`, `[T, D]`, if it is wanted.
    pub fn backward(
        &self,
        base: &Encoder<S>,
        trace: HeadTrace<S>,
        d_logits: Array2<S>,
        wants_hidden: bool,
        gradients: &mut Gradients<S>,
    ) -> Option<Array2<S>> {
        let HeadTrace { layout, pooled, layers } = trace;
        let mut d = d_logits;
        for (i, (layer, trace)) in self.layers.iter().zip(layers).enumerate().rev() {
            if let Some(z) = trace.z {
                d = self.activation().backward(z.view(), d);
            }
            layer.parameters_backward(trace.x.view(), d.view(), gradients);
            if i == 0 && !wants_hidden {
                return None;
            }
            d = layer.input_backward(d.view());
            if let Some(dropout) = trace.dropout {
                dropout.apply(&mut d);
            }
        }
        Some(self.rows_backward(base, pooled, d, &layout))
    }

    /// The loss, each target weighing `weight`: cross-entropy, or squared error for regression.
    ///
    /// # Panics
    /// If the targets are not of the head's task, or not as many as rows of logits.
    #[must_use]
    pub fn loss(&self, logits: ArrayView2<'_, S>, targets: &Targets, weight: S) -> S {
        match targets {
            Targets::Classes(classes) => cross_entropy(logits, &some(classes), weight),
            Targets::Tags(tags) => cross_entropy(logits, tags, weight),
            Targets::Values(values) => squared_error(logits, &scalars(values), weight),
        }
    }

    /// The gradient of [`Head::loss`] with respect to the logits.
    ///
    /// # Panics
    /// As [`Head::loss`].
    #[must_use]
    pub fn loss_backward(&self, logits: Array2<S>, targets: &Targets, weight: S) -> Array2<S> {
        match targets {
            Targets::Classes(classes) => cross_entropy_backward(logits, &some(classes), weight),
            Targets::Tags(tags) => cross_entropy_backward(logits, tags, weight),
            Targets::Values(values) => squared_error_backward(logits.view(), &scalars(values), weight),
        }
    }

    fn activation(&self) -> Activation {
        self.config.activation.unwrap_or(Activation::Identity)
    }

    /// The rows that the head reads, and the pooler's output if it is among them.
    fn rows(&self, base: &Encoder<S>, hidden: ArrayView2<'_, S>, layout: &Layout) -> (Array2<S>, Option<Array2<S>>) {
        if self.config.task == Task::Tagging {
            return (hidden.to_owned(), None);
        }
        let first: Vec<usize> = layout.ranges().map(|range| range.start).collect();
        let rows = hidden.select(Axis(0), &first);
        match base.pooler().filter(|_| self.config.use_pooler) {
            None => (rows, None),
            Some(pooler) => {
                let pooled = Activation::Tanh.forward(pooler.forward(rows.view()));
                (pooled.clone(), Some(pooled))
            }
        }
    }

    /// From the gradient of the rows to that of the hidden state. The pooler's `t = tanh(z)` has
    /// `d_z = d_t ∘ (1 − t²)`.
    fn rows_backward(
        &self,
        base: &Encoder<S>,
        pooled: Option<Array2<S>>,
        mut d: Array2<S>,
        layout: &Layout,
    ) -> Array2<S> {
        if self.config.task == Task::Tagging {
            return d;
        }
        if let (Some(pooler), Some(pooled)) = (base.pooler(), pooled) {
            d.zip_mut_with(&pooled, |d, t| *d *= S::one() - *t * *t);
            d = pooler.backward(d.view());
        }
        let mut d_hidden = Array2::zeros((layout.tokens(), d.ncols()));
        for (range, row) in layout.ranges().zip(d.rows()) {
            d_hidden.slice_mut(s![range.start, ..]).assign(&row);
        }
        d_hidden
    }
}

fn some(classes: &[usize]) -> Vec<Option<usize>> {
    classes.iter().copied().map(Some).collect()
}

fn scalars<S: Scalar>(values: &[f64]) -> Vec<S> {
    values.iter().copied().map(S::from_f64).collect()
}
