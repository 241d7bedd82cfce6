//! The model of one task.

use super::contract::Model;
use super::description::{adapter, below, setup};
use adaptune_adapters::{AdapterModel, CompositionError, Head, Objective, TaskBatch};
use adaptune_tensor::{Gradients, Scalar};
use adaptune_transformer::{Batch, BatchError, Encoder, Entry, Pass, State};
use ndarray::Array2;
use std::sync::Arc;

/// Its one task is number 0.
impl<S: Scalar> Model<S> for AdapterModel<S> {
    fn base(&self) -> &Arc<Encoder<S>> {
        self.base()
    }

    fn heads(&self) -> Vec<&Head<S>> {
        vec![self.head()]
    }

    fn loss_and_gradients(
        &self,
        parts: Vec<TaskBatch<'_, S>>,
        pass: Pass,
        gradients: &mut Gradients<S>,
    ) -> Result<S, BatchError> {
        let mut loss = S::zero();
        for TaskBatch { entry, objective, weight, .. } in parts {
            loss += self.loss_and_gradients(entry, objective, weight, pass, gradients)?;
        }
        Ok(loss)
    }

    fn penalty(&self, gradients: &mut Gradients<S>) -> S {
        self.penalty(gradients)
    }

    fn logits(&self, _: usize, entry: Entry<'_, S>) -> Result<Array2<S>, BatchError> {
        self.logits(entry)
    }

    fn loss(&self, _: usize, entry: Entry<'_, S>, objective: &dyn Objective<S>, weight: S) -> Result<S, BatchError> {
        self.loss(entry, objective, weight)
    }

    fn logits_and_loss(
        &self,
        _: usize,
        entry: Entry<'_, S>,
        objective: &dyn Objective<S>,
        weight: S,
    ) -> Result<(Array2<S>, S), BatchError> {
        self.logits_and_loss(entry, objective, weight)
    }

    fn leave_out_lowest(&mut self, layers: usize) -> Result<(), CompositionError> {
        self.leave_out_lowest(layers)
    }

    fn constant_blocks(&self) -> usize {
        self.constant_blocks()
    }

    fn lower(&self, _: usize, batch: &Batch, blocks: usize) -> Result<State<S>, BatchError> {
        self.lower(batch, blocks)
    }

    fn description(&self) -> Vec<(String, String)> {
        [adapter(self.adapter()), below(self), setup(self)].concat()
    }
}
