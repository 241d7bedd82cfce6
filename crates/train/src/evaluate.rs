//! Predicting and evaluating.

use crate::activations::{self, Activations, Numbered};
use crate::batching::in_order;
use crate::data::{Dataset, Target};
use crate::metrics::Metrics;
use adaptune_adapters::{AdapterModel, Targets, Task};
use adaptune_tensor::{Scalar, Seed};
use adaptune_transformer::BatchError;
use ndarray::{Array2, ArrayView1, Axis, concatenate};

/// Metrics and loss over a data set.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The metrics of the task.
    pub metrics: Metrics,
    /// Mean loss over all targets.
    pub loss: f64,
}

/// Logits for every example, in order: `[N, C]`, or for tagging a row for each token.
///
/// # Errors
/// If the base cannot take an example.
pub fn predict<S: Scalar>(model: &AdapterModel<S>, data: &Dataset, batch_size: usize) -> Result<Array2<S>, BatchError> {
    predict_from(model, Numbered { data, first: 0 }, batch_size, &mut None)
}

fn predict_from<S: Scalar>(
    model: &AdapterModel<S>,
    of: Numbered<'_>,
    batch_size: usize,
    activations: &mut Option<Activations<S>>,
) -> Result<Array2<S>, BatchError> {
    let mut logits = Vec::new();
    for examples in in_order(of.data.len(), batch_size) {
        let (batch, _) = of.data.batch(&examples, hidden_in_evaluations());
        logits.push(model.logits(activations::entry(activations, model, of, &examples, &batch)?)?);
    }
    let views: Vec<_> = logits.iter().map(|l| l.view()).collect();
    Ok(concatenate(Axis(0), &views).expect("all batches have as many classes"))
}

/// Where the tokens that evaluations hide are drawn: each time the same, so that evaluations can be compared.
fn hidden_in_evaluations() -> Seed {
    Seed::new(0).named("hidden in evaluations")
}

/// Evaluates a model on examples with known targets.
///
/// # Errors
/// If the base cannot take an example.
pub fn evaluate<S: Scalar>(
    model: &AdapterModel<S>,
    data: &Dataset,
    batch_size: usize,
) -> Result<Evaluation, BatchError> {
    evaluate_from(model, Numbered { data, first: 0 }, batch_size, &mut None)
}

/// The same, beginning at what is kept of the examples.
pub(crate) fn evaluate_from<S: Scalar>(
    model: &AdapterModel<S>,
    of: Numbered<'_>,
    batch_size: usize,
    activations: &mut Option<Activations<S>>,
) -> Result<Evaluation, BatchError> {
    let data = of.data;
    if data.task() == Task::MASKED_LANGUAGE {
        return evaluate_language(model, data, batch_size);
    }
    let logits = predict_from(model, of, batch_size, activations)?;
    let all: Vec<usize> = (0..data.len()).collect();
    let (_, targets) = data.batch(&all, hidden_in_evaluations());
    let weight = S::from_f64(1.0 / targets.count().max(1) as f64);
    let loss = targets.loss(logits.view(), weight).to_f64();
    Ok(Evaluation { metrics: metrics(data, &logits, &model.head().config().labels), loss })
}

/// Batch by batch, since logits over a vocabulary are too many to be kept.
fn evaluate_language<S: Scalar>(
    model: &AdapterModel<S>,
    data: &Dataset,
    batch_size: usize,
) -> Result<Evaluation, BatchError> {
    let (mut loss, mut right, mut count) = (0.0, 0, 0);
    for batch in in_order(data.len(), batch_size) {
        let (batch, targets) = data.batch(&batch, hidden_in_evaluations());
        let (logits, sum) = model.logits_and_loss(&batch, &targets, S::one())?;
        let MaskedLanguage { tokens, .. } = &targets else { continue };
        let found = logits.rows().into_iter().zip(tokens).filter(|(row, token)| argmax(row.view()) == **token).count();
        (loss, right, count) = (loss + sum.to_f64(), right + found, count + tokens.len());
    }
    let loss = loss / count.max(1) as f64;
    Ok(Evaluation { metrics: Metrics::language(right, count, loss), loss })
}

/// The class with the largest logit; the first of equals.
#[must_use]
pub fn argmax<S: Scalar>(logits: ArrayView1<'_, S>) -> usize {
    let better = |best: usize, (i, v): (usize, &S)| if *v > logits[best] { i } else { best };
    logits.iter().enumerate().fold(0, better)
}

fn metrics<S: Scalar>(data: &Dataset, logits: &Array2<S>, labels: &[String]) -> Metrics {
    let classes = || logits.rows().into_iter().map(argmax).collect::<Vec<_>>();
    match data.task() {
        Task::CLASSIFICATION => Metrics::classification(&class_targets(data), &classes()),
        Task::REGRESSION => {
            let predicted: Vec<f64> = logits.column(0).iter().map(|v| v.to_f64()).collect();
            Metrics::regression(&value_targets(data), &predicted)
        }
        Task::TAGGING => {
            let (gold, predicted) = tags(data, &classes(), labels);
            Metrics::tagging(labels, &gold, &predicted)
        }
        Task::MASKED_LANGUAGE => panic!("language is evaluated batch by batch"),
    }
}

fn class_targets(data: &Dataset) -> Vec<usize> {
    data.examples().iter().filter_map(|e| if let Target::Class(c) = e.target { Some(c) } else { None }).collect()
}

fn value_targets(data: &Dataset) -> Vec<f64> {
    data.examples().iter().filter_map(|e| if let Target::Value(v) = e.target { Some(v) } else { None }).collect()
}

type Sentences<'a> = Vec<Vec<&'a str>>;

/// Gold and predicted tags of each sentence, those that count.
fn tags<'a>(data: &Dataset, predicted: &[usize], labels: &'a [String]) -> (Sentences<'a>, Sentences<'a>) {
    let (mut gold, mut found, mut row) = (Vec::new(), Vec::new(), 0);
    for example in data.examples() {
        let Target::Tags(tags) = &example.target else { continue };
        let counted = || tags.iter().enumerate().filter_map(|(i, tag)| Some((i, (*tag)?)));
        gold.push(counted().map(|(_, tag)| labels[tag].as_str()).collect());
        found.push(counted().map(|(i, _)| labels[predicted[row + i]].as_str()).collect());
        row += tags.len();
    }
    (gold, found)
}
