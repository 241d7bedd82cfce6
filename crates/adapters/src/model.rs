//! A frozen base, an adapter in it and a head on it.

use crate::adapter::Adapter;
use crate::head::{Head, Targets};
use adaptune_tensor::{AnyParameter, Gradients, Named, NamedMut, Parameters, Scalar};
use adaptune_transformer::{Batch, BatchError, Encoder, Insertions, Pass};
use ndarray::Array2;
use std::sync::Arc;

/// A base model with at most one adapter, and a head.
///
/// The base is shared and never changes; adapter and head are what trains. Without an adapter the
/// head alone does.
#[derive(Debug)]
pub struct AdapterModel<S> {
    base: Arc<Encoder<S>>,
    adapter: Option<Adapter<S>>,
    head: Head<S>,
}

/// The part of a model that a parameter belongs to; each part may learn at its own rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The adapter.
    Adapter,
    /// The head.
    Head,
}

impl Part {
    /// The part that a name of [`AdapterModel`]'s parameters belongs to.
    #[must_use]
    pub fn of(name: &str) -> Self {
        if name.starts_with("head.") { Self::Head } else { Self::Adapter }
    }
}

/// How many numbers a model holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// The frozen base.
    pub base: usize,
    /// The adapter.
    pub adapter: usize,
    /// The head.
    pub head: usize,
}

impl Counts {
    /// Adapter and head.
    #[must_use]
    pub fn trainable(&self) -> usize {
        self.adapter + self.head
    }

    /// Everything.
    #[must_use]
    pub fn total(&self) -> usize {
        self.base + self.trainable()
    }
}

impl<S: Scalar> AdapterModel<S> {
    /// Puts the three together. Adapter and head train from now on; [`Parameters::freeze`] ends that.
    #[must_use]
    pub fn new(base: Arc<Encoder<S>>, adapter: Option<Adapter<S>>, head: Head<S>) -> Self {
        let mut model = Self { base, adapter, head };
        model.train_from(0);
        model
    }

    /// The frozen base.
    #[must_use]
    pub fn base(&self) -> &Arc<Encoder<S>> {
        &self.base
    }

    /// The adapter.
    #[must_use]
    pub fn adapter(&self) -> Option<&Adapter<S>> {
        self.adapter.as_ref()
    }

    /// The head.
    #[must_use]
    pub fn head(&self) -> &Head<S> {
        &self.head
    }

    /// How many numbers each part holds.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            base: self.base.parameter_count(),
            adapter: self.adapter.as_ref().map_or(0, Parameters::parameter_count),
            head: self.head.parameter_count(),
        }
    }

    /// Logits, `[S, C]` or for tagging `[T, C]`, without dropout.
    ///
    /// # Errors
    /// If the base cannot take the batch.
    pub fn logits(&self, batch: &Batch) -> Result<Array2<S>, BatchError> {
        let pass = Pass::evaluate();
        let encoded = self.base.forward(batch, self.insertions(), pass)?;
        Ok(self.head.forward(&self.base, encoded.hidden.view(), &encoded.layout, pass).0)
    }

    /// The loss of a batch, each target weighing `weight`; its gradients are added to `gradients`.
    ///
    /// For a mean over micro-batches pass one over the number of targets of them all.
    ///
    /// # Errors
    /// If the base cannot take the batch.
    ///
    /// # Panics
    /// If the targets are not of the head's task or not as many as there are rows to predict.
    pub fn loss_and_gradients(
        &self,
        batch: &Batch,
        targets: &Targets,
        weight: S,
        pass: Pass,
        gradients: &mut Gradients<S>,
    ) -> Result<S, BatchError> {
        let encoded = self.base.forward(batch, self.insertions(), pass.at(0))?;
        let (logits, trace) = self.head.forward(&self.base, encoded.hidden.view(), &encoded.layout, pass.at(1));
        let loss = self.head.loss(logits.view(), targets, weight);
        let d_logits = self.head.loss_backward(logits, targets, weight);
        let wants_hidden = !encoded.trace.is_empty();
        if let Some(d_hidden) = self.head.backward(&self.base, trace, d_logits, wants_hidden, gradients) {
            encoded.trace.backward(d_hidden, gradients);
        }
        Ok(loss)
    }

    /// Trainable parameters with their names (`adapter.…`, `head.…`), in the order of their slots.
    pub fn trainable_mut(&mut self) -> Vec<(String, &mut dyn AnyParameter<S>)> {
        self.parameters_mut().into_iter().filter(|(_, p)| p.slot().is_some()).collect()
    }

    fn insertions(&self) -> &dyn Insertions<S> {
        match &self.adapter {
            Some(adapter) => adapter,
            None => &(),
        }
    }
}

impl<S: Scalar> Parameters<S> for AdapterModel<S> {
    fn list<'a>(&'a self, name: &str, all: &mut Named<'a, S>) {
        self.adapter.list(&adaptune_tensor::join(name, "adapter"), all);
        self.head.list(&adaptune_tensor::join(name, "head"), all);
    }
    fn list_mut<'a>(&'a mut self, name: &str, all: &mut NamedMut<'a, S>) {
        self.adapter.list_mut(&adaptune_tensor::join(name, "adapter"), all);
        self.head.list_mut(&adaptune_tensor::join(name, "head"), all);
    }
}
