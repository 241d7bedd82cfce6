//! Predicting and evaluating.

use crate::activations::{self, Activations, Numbered};
use crate::batching::in_order;
use crate::data::{Dataset, ExampleBatch};
use crate::error::TrainError;
use crate::finite::check_logits;
use crate::fit::check_fit;
use crate::metrics::Metrics;
use crate::model::Model;
use crate::supervision::{self, Supervision};
use adaptune_adapters::{AdapterModel, Objective};
use adaptune_tensor::{Scalar, Seed};
use ndarray::{Array2, ArrayView2, Axis, concatenate};

/// Metrics and loss over a data set.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The metrics of the task.
    pub metrics: Metrics,
    /// Mean loss over all targets.
    pub loss: f64,
}

/// Returns the logits of every example, in order: `[N, C]`, or for tagging a row for each token. All of them are finite.
///
/// # Errors
/// If the base cannot take an example, or a logit is not finite: the error names the example and where it began.
///
/// # Panics
/// If `batch_size` is 0.
pub fn predict<S: Scalar>(model: &AdapterModel<S>, data: &Dataset, batch_size: usize) -> Result<Array2<S>, TrainError> {
    predict_from(model, Numbered { task: 0, data, first: 0 }, batch_size, &mut None)
}

fn predict_from<S: Scalar>(
    model: &impl Model<S>,
    of: Numbered<'_>,
    batch_size: usize,
    activations: &mut Option<Activations<S>>,
) -> Result<Array2<S>, TrainError> {
    let (mut logits, hidden) = (Vec::new(), hidden_in_evaluations());
    for examples in in_order(of.data.len(), batch_size) {
        let batch = of.data.batch(&examples, hidden).batch;
        let found = model.logits(of.task, activations::entry(activations, model, of, &examples, &batch)?)?;
        check_logits(model, of, &examples, found.view(), hidden)?;
        logits.push(found);
    }
    Ok(joined(&logits))
}

/// The rows of all batches, `[N, C]`.
pub(crate) fn joined<S: Scalar>(batches: &[Array2<S>]) -> Array2<S> {
    let views: Vec<_> = batches.iter().map(|l| l.view()).collect();
    concatenate(Axis(0), &views).expect("all batches have as many classes")
}

/// Where the tokens that evaluations hide are drawn: each time the same, so that evaluations can be compared.
fn hidden_in_evaluations() -> Seed {
    Seed::new(0).named("hidden in evaluations")
}

/// Evaluates a model on examples with known targets.
///
/// # Errors
/// If data, head and base do not fit together, as in training, or a logit or the loss is not finite.
///
/// # Panics
/// If `batch_size` is 0.
pub fn evaluate<S: Scalar>(
    model: &AdapterModel<S>,
    data: &Dataset,
    batch_size: usize,
) -> Result<Evaluation, TrainError> {
    evaluate_by(model, supervision::of(data.task()), data, batch_size)
}

/// Evaluates a model on examples with known targets, by a user-defined objective and its scores.
///
/// # Errors
/// As [`evaluate`].
///
/// # Panics
/// If `batch_size` is 0.
pub fn evaluate_by<S: Scalar>(
    model: &AdapterModel<S>,
    supervision: &dyn Supervision<S>,
    data: &Dataset,
    batch_size: usize,
) -> Result<Evaluation, TrainError> {
    check_fit("evaluation", data, model.head().config(), model.base().config(), supervision)?;
    let of = Numbered { task: 0, data, first: 0 };
    finite(evaluate_from(model, supervision, of, batch_size, &mut None)?)
}

/// Evaluates the logits that [`predict`] gave for examples with known targets, where they are wanted for something else too.
///
/// # Errors
/// As [`evaluate`].
///
/// # Panics
/// If the logits are not those of these examples.
pub fn evaluate_logits<S: Scalar>(
    model: &AdapterModel<S>,
    supervision: &dyn Supervision<S>,
    data: &Dataset,
    logits: ArrayView2<'_, S>,
) -> Result<Evaluation, TrainError> {
    check_fit("evaluation", data, model.head().config(), model.base().config(), supervision)?;
    finite(scored(supervision, data, logits, &model.head().config().labels))
}

fn finite(evaluation: Evaluation) -> Result<Evaluation, TrainError> {
    if evaluation.loss.is_finite() { Ok(evaluation) } else { Err(TrainError::Loss { value: evaluation.loss }) }
}

/// Loss and metrics of all logits.
fn scored<S: Scalar>(
    supervision: &dyn Supervision<S>,
    data: &Dataset,
    logits: ArrayView2<'_, S>,
    labels: &[String],
) -> Evaluation {
    let all = data.batch(&(0..data.len()).collect::<Vec<_>>(), hidden_in_evaluations());
    let objective = supervision.objective(&all);
    let weight = S::from_f64(1.0 / objective.count().max(1) as f64);
    let loss = objective.loss(logits, weight).to_f64();
    Evaluation { metrics: supervision.metrics(&all, logits, loss, labels), loss }
}

/// The same for data that fit, beginning at what is kept of the examples.
pub(crate) fn evaluate_from<S: Scalar>(
    model: &impl Model<S>,
    supervision: &dyn Supervision<S>,
    of: Numbered<'_>,
    batch_size: usize,
    activations: &mut Option<Activations<S>>,
) -> Result<Evaluation, TrainError> {
    if !supervision.keeps_logits() {
        return evaluate_by_batches(model, supervision, of, batch_size);
    }
    let logits = predict_from(model, of, batch_size, activations)?;
    Ok(scored(supervision, of.data, logits.view(), &model.heads()[of.task].config().labels))
}

/// The summed loss of a batch; what scores need of its logits is put to that of others. Where the loss is computed without logits, scores
/// need nothing of them.
fn batch_loss<S: Scalar>(
    model: &impl Model<S>,
    supervision: &dyn Supervision<S>,
    of: Numbered<'_>,
    batch: &ExampleBatch<'_>,
    objective: &dyn Objective<S>,
    predictions: &mut Vec<Array2<S>>,
) -> Result<f64, TrainError> {
    let entry = (&batch.batch).into();
    if objective.next_tokens().is_some() {
        let loss = model.loss(of.task, entry, objective, S::one())?.to_f64();
        predictions.push(Array2::zeros((objective.count(), 0)));
        // Which example it is, and where it began, its logits say, which are not there.
        let loss_alone = Array2::from_elem((1, 1), S::from_f64(loss));
        check_logits(model, of, &batch.numbers, loss_alone.view(), hidden_in_evaluations())?;
        return Ok(loss);
    }
    let (logits, loss) = model.logits_and_loss(of.task, entry, objective, S::one())?;
    check_logits(model, of, &batch.numbers, logits.view(), hidden_in_evaluations())?;
    predictions.push(supervision.condensed(logits));
    Ok(loss.to_f64())
}

/// Batch by batch, where logits are too many to be kept.
fn evaluate_by_batches<S: Scalar>(
    model: &impl Model<S>,
    supervision: &dyn Supervision<S>,
    of: Numbered<'_>,
    batch_size: usize,
) -> Result<Evaluation, TrainError> {
    let data = of.data;
    let (mut loss, mut count, mut predictions) = (0.0, 0, Vec::new());
    for examples in in_order(data.len(), batch_size) {
        let batch = data.batch(&examples, hidden_in_evaluations());
        let objective = supervision.objective(&batch);
        loss += batch_loss(model, supervision, of, &batch, &*objective, &mut predictions)?;
        count += objective.count();
    }
    let loss = loss / count.max(1) as f64;
    let all = data.batch(&(0..data.len()).collect::<Vec<_>>(), hidden_in_evaluations());
    let metrics = supervision.metrics(&all, joined(&predictions).view(), loss, &model.heads()[of.task].config().labels);
    Ok(Evaluation { metrics, loss })
}
