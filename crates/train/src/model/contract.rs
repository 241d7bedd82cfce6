//! The trait of models that a trainer trains.

use adaptune_adapters::{CompositionError, Head, Objective, TaskBatch};
use adaptune_tensor::{Gradients, Parameters, Scalar};
use adaptune_transformer::{Batch, BatchError, Encoder, Entry, Pass, State};
use ndarray::Array2;
use std::sync::Arc;

/// What a [`Trainer`](crate::Trainer) trains: a frozen base with something that trains in it, and a head for each of one or more
/// tasks.
///
/// [`AdapterModel`](adaptune_adapters::AdapterModel) is the model of one task,
/// [`MultiTaskModel`](adaptune_adapters::MultiTaskModel) one of several. Names of parameters begin with their part,
/// `adapter`, `head` or `thawed` ([`Part::of`](adaptune_adapters::Part::of)), which decides their learning rate. Tasks are
/// numbered from 0, in the order of their heads; methods panic if there is no such task.
pub trait Model<S: Scalar>: Parameters<S> {
    /// The frozen base.
    fn base(&self) -> &Arc<Encoder<S>>;

    /// The heads, one for each task. Where there are several, their names are the tasks' names and differ.
    fn heads(&self) -> Vec<&Head<S>>;

    /// Returns the loss of a batch, the sum over the tasks in it; its gradients are added to `gradients`.
    ///
    /// # Errors
    /// If the base cannot take the batch.
    fn loss_and_gradients(
        &self,
        parts: Vec<TaskBatch<'_, S>>,
        pass: Pass,
        gradients: &mut Gradients<S>,
    ) -> Result<S, BatchError>;

    /// Returns what the loss of every step has besides that of the examples, such as the regularisation of a fusion; its gradients
    /// are added to `gradients`. It is asked for once a step, however many micro-batches this has.
    fn penalty(&self, gradients: &mut Gradients<S>) -> S;

    /// Returns the logits of a batch of one task, `[S, C]`, or for a head that reads every token `[T, C]`; without dropout.
    ///
    /// # Errors
    /// If the base cannot take the batch.
    fn logits(&self, task: usize, entry: Entry<'_, S>) -> Result<Array2<S>, BatchError>;

    /// Returns the loss of a batch of one task, each target weighing `weight`; without dropout, and without logits where the objective can
    /// do [without](Objective::next_tokens).
    ///
    /// # Errors
    /// If the base cannot take the batch.
    fn loss(&self, task: usize, entry: Entry<'_, S>, objective: &dyn Objective<S>, weight: S) -> Result<S, BatchError>;

    /// Returns the logits of the tokens that the objective reads, `[N, C]`, and the loss, each target weighing `weight`;
    /// without dropout.
    ///
    /// # Errors
    /// If the base cannot take the batch.
    fn logits_and_loss(
        &self,
        task: usize,
        entry: Entry<'_, S>,
        objective: &dyn Objective<S>,
        weight: S,
    ) -> Result<(Array2<S>, S), BatchError>;

    /// Leaves what is plugged into the lowest `layers` layers out of all passes from now on; 0 puts it back. Asked for by
    /// [`TrainOptions::layer_drop`](crate::TrainOptions::layer_drop).
    ///
    /// # Errors
    /// If nothing were left in any layer.
    fn leave_out_lowest(&mut self, layers: usize) -> Result<(), CompositionError>;

    /// How many of the base's blocks, from the lowest on, nothing that trains is in or below.
    fn constant_blocks(&self) -> usize;

    /// Returns what the first `blocks` blocks make of a batch of one task, without dropout.
    ///
    /// # Errors
    /// If the base cannot take the batch, or has fewer blocks.
    fn lower(&self, task: usize, batch: &Batch, blocks: usize) -> Result<State<S>, BatchError>;

    /// Returns names and values of what a run of this model depends on besides its options, data, base, heads and the values of its
    /// parameters, such as the method of an adapter. A checkpoint of a run in which one of them differs is refused.
    fn description(&self) -> Vec<(String, String)>;
}
