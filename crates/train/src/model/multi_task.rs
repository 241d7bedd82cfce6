//! The model of several tasks that share matrices.

use super::contract::Model;
use super::description::fields;
use adaptune_adapters::{CompositionError, Head, MultiTaskModel, Objective, TaskBatch};
use adaptune_tensor::{Gradients, Scalar};
use adaptune_transformer::{Batch, BatchError, Encoder, Entry, Pass, State};
use ndarray::Array2;
use std::sync::Arc;

impl<S: Scalar> Model<S> for MultiTaskModel<S> {
    fn base(&self) -> &Arc<Encoder<S>> {
        self.base()
    }

    fn heads(&self) -> Vec<&Head<S>> {
        self.heads().iter().collect()
    }

    fn loss_and_gradients(
        &self,
        parts: Vec<TaskBatch<'_, S>>,
        pass: Pass,
        gradients: &mut Gradients<S>,
    ) -> Result<S, BatchError> {
        self.loss_and_gradients(&parts, pass, gradients)
    }

    /// Its adapters have none.
    fn penalty(&self, _: &mut Gradients<S>) -> S {
        S::zero()
    }

    fn logits(&self, task: usize, entry: Entry<'_, S>) -> Result<Array2<S>, BatchError> {
        self.logits(task, entry)
    }

    fn loss(&self, task: usize, entry: Entry<'_, S>, objective: &dyn Objective<S>, weight: S) -> Result<S, BatchError> {
        self.loss(task, entry, objective, weight)
    }

    fn logits_and_loss(
        &self,
        task: usize,
        entry: Entry<'_, S>,
        objective: &dyn Objective<S>,
        weight: S,
    ) -> Result<(Array2<S>, S), BatchError> {
        self.logits_and_loss(task, entry, objective, weight)
    }

    fn leave_out_lowest(&mut self, layers: usize) -> Result<(), CompositionError> {
        self.leave_out_lowest(layers)
    }

    fn constant_blocks(&self) -> usize {
        self.constant_blocks()
    }

    fn lower(&self, task: usize, batch: &Batch, blocks: usize) -> Result<State<S>, BatchError> {
        self.lower(task, batch, blocks)
    }

    fn description(&self) -> Vec<(String, String)> {
        let mut parts = vec![("list of tasks".to_owned(), self.tasks().names().join(", "))];
        parts.extend(self.tasks().skills().map(|skills| ("number of skills".to_owned(), skills.to_string())));
        parts.extend(fields(Some(&self.tasks().method()), |field| format!("adapter's {field}")));
        parts
    }
}
