//! A frozen base with what several tasks share in it, and a head for each task.

use crate::compose::error::CompositionError;
use crate::compose::layer_drop::{LayerDrop, check_left};
use crate::compose::multi_task::{MultiTask, TaskOf};
use crate::compose::per_sequence::PerSequence;
use crate::head::Head;
use crate::model::AdapterModel;
use crate::objective::Objective;
use crate::objective::through_head::ThroughHead;
use adaptune_tensor::{Gradients, Named, NamedMut, Parameters, Scalar, in_pool, join};
use adaptune_transformer::{Base, Batch, BatchError, Encoder, Entry, Pass, Selection, State};
use ndarray::{Array2, ArrayView2, Axis, Slice};
use std::sync::Arc;
use thiserror::Error;

/// A base model for several tasks: a [`MultiTask`] in it, and a head for each task.
///
/// The base is shared and never changes; the matrices and the heads are what trains. A batch may hold examples of any of the
/// tasks, which pass through the base together; a step of it is the sum of the steps of each task by itself. The crate
/// `adaptune-train` trains it with its ordinary trainer. [`MultiTaskModel::task`] is the finished model of one task.
///
/// Its parameters are called as those of [`AdapterModel`], a head's with the name of its task: `adapter.layer.0.query.lora_A`,
/// `adapter.layer.0.query.mood.weights`, `head.mood.0.weight`.
#[derive(Debug)]
pub struct MultiTaskModel<S> {
    base: Arc<Encoder<S>>,
    tasks: MultiTask<S>,
    heads: Vec<Head<S>>,
    /// How many of the lowest layers are without what is plugged in.
    left_out: usize,
}

/// Heads that do not belong to the tasks.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "the tasks are {}, but the heads are {}: give one head for each task, by the task's name and in the tasks' order",
    tasks.join(", "), heads.join(", ")
)]
pub struct TaskHeadsError {
    /// The names of the tasks.
    pub tasks: Vec<String>,
    /// The names of the heads.
    pub heads: Vec<String>,
}

/// Those sequences of a batch that are of one task.
#[derive(Debug)]
pub struct TaskBatch<'a, S> {
    /// The number of the task, from 0.
    pub task: usize,
    /// Where the pass over the sequences begins.
    pub entry: Entry<'a, S>,
    /// Their targets.
    pub objective: &'a dyn Objective<S>,
    /// What each target weighs in the loss.
    pub weight: S,
}

impl<S: Scalar> MultiTaskModel<S> {
    /// Puts the three together. What the tasks share, what each has of its own and the heads train from now on;
    /// [`Parameters::freeze`] ends that.
    ///
    /// # Errors
    /// If there is not one head for each task, of the task's name and in the order of the tasks.
    pub fn new(base: Arc<Encoder<S>>, tasks: MultiTask<S>, heads: Vec<Head<S>>) -> Result<Self, TaskHeadsError> {
        let names: Vec<String> = heads.iter().map(|head| head.name().to_owned()).collect();
        if names != tasks.names() {
            return Err(TaskHeadsError { tasks: tasks.names().to_vec(), heads: names });
        }
        let mut model = Self { base, tasks, heads, left_out: 0 };
        model.train_from(0);
        Ok(model)
    }

    /// The frozen base.
    #[must_use]
    pub fn base(&self) -> &Arc<Encoder<S>> {
        &self.base
    }

    /// What the tasks share, and what each has of its own.
    #[must_use]
    pub fn tasks(&self) -> &MultiTask<S> {
        &self.tasks
    }

    /// The heads, one for each task.
    #[must_use]
    pub fn heads(&self) -> &[Head<S>] {
        &self.heads
    }

    /// The model of task number `task`, from 0: the base, the task's [adapter](MultiTask::adapter) with a copy of what is shared,
    /// and a copy of its head, all of it frozen. It computes what this model computes for the task, and can be saved, merged
    /// and served.
    ///
    /// # Panics
    /// If there is no such task.
    #[must_use]
    pub fn task(&self, task: usize) -> AdapterModel<S> {
        let mut model = AdapterModel::new(self.base.clone(), Some(self.tasks.adapter(task)), self.heads[task].clone());
        model.freeze();
        model
    }

    /// Takes the model apart: matrices and heads, all of them frozen.
    #[must_use]
    pub fn into_parts(mut self) -> (MultiTask<S>, Vec<Head<S>>) {
        self.freeze();
        (self.tasks, self.heads)
    }

    /// Leaves what is plugged into the lowest `layers` layers out of all passes from now on; 0 puts it back. See
    /// [`AdapterModel::leave_out_lowest`].
    ///
    /// # Errors
    /// If nothing were left in any layer.
    pub fn leave_out_lowest(&mut self, layers: usize) -> Result<(), CompositionError> {
        check_left(self.base.config(), &self.tasks.task(0), layers)?;
        self.left_out = layers;
        Ok(())
    }

    /// What passes over a task meet.
    fn plugged(&self, task: usize) -> LayerDrop<TaskOf<'_, S>> {
        LayerDrop::new(self.tasks.task(task), 0..self.left_out)
    }

    /// How many of the base's blocks, from the lowest on, nothing that trains is in or below; see
    /// [`AdapterModel::constant_blocks`].
    #[must_use]
    pub fn constant_blocks(&self) -> usize {
        let (probe, task) = (Batch::from_ids(&[&[0]]), self.tasks.task(0));
        let encoded = self.base.forward(&probe, &task, Pass::differentiate());
        encoded.map_or(0, |encoded| encoded.trace.constant_blocks())
    }

    /// Returns what the first `blocks` blocks make of a batch of one task, without dropout; see [`AdapterModel::lower`].
    ///
    /// # Errors
    /// If the base cannot take the batch, or has fewer blocks.
    ///
    /// # Panics
    /// If there is no such task.
    pub fn lower(&self, task: usize, batch: &Batch, blocks: usize) -> Result<State<S>, BatchError> {
        in_pool(|| Base::from(&*self.base).lower(batch, &self.plugged(task), blocks, None))
    }

    /// Returns the logits of a batch of one task, `[S, C]`, for tagging `[T, C]`, without dropout.
    ///
    /// # Errors
    /// If the base cannot take the batch.
    ///
    /// # Panics
    /// If there is no such task.
    pub fn logits<'e>(&self, task: usize, entry: impl Into<Entry<'e, S>>) -> Result<Array2<S>, BatchError> {
        let entry = entry.into();
        in_pool(|| self.logits_at(task, entry, &self.heads[task].selection()))
    }

    /// Returns the logits of the tokens that the objective [reads](Objective::selection), `[N, C]`, and the loss, each target
    /// weighing `weight`; without dropout.
    ///
    /// # Errors
    /// If the base cannot take the batch.
    ///
    /// # Panics
    /// As [`MultiTaskModel::loss_and_gradients`].
    pub fn logits_and_loss<'e>(
        &self,
        task: usize,
        entry: impl Into<Entry<'e, S>>,
        objective: &dyn Objective<S>,
        weight: S,
    ) -> Result<(Array2<S>, S), BatchError> {
        let entry = entry.into();
        let selection = objective.selection(self.heads[task].config());
        let logits = in_pool(|| self.logits_at(task, entry, &selection))?;
        let loss = objective.loss(logits.view(), weight);
        Ok((logits, loss))
    }

    /// Returns the loss of a batch of one task, each target weighing `weight`, as [`AdapterModel::loss`](crate::AdapterModel::loss).
    ///
    /// # Errors
    /// If the base cannot take the batch.
    ///
    /// # Panics
    /// As [`MultiTaskModel::loss_and_gradients`].
    pub fn loss<'e>(
        &self,
        task: usize,
        entry: impl Into<Entry<'e, S>>,
        objective: &dyn Objective<S>,
        weight: S,
    ) -> Result<S, BatchError> {
        let (entry, base, head) = (entry.into(), Base::from(&*self.base), &self.heads[task]);
        in_pool(|| {
            let (of_task, selection) = (self.tasks.task(task), objective.selection(head.config()));
            let encoded = base.read(entry, &of_task, Pass::evaluate(), &selection)?;
            Ok(ThroughHead { base, head, inverse: None, objective, weight }.loss(encoded.hidden.view()))
        })
    }

    fn logits_at(&self, task: usize, entry: Entry<'_, S>, selection: &Selection) -> Result<Array2<S>, BatchError> {
        let (base, of_task, pass) = (Base::from(&*self.base), self.plugged(task), Pass::evaluate());
        let encoded = base.read(entry, &of_task, pass, selection)?;
        Ok(self.heads[task].forward(base, None, encoded.hidden.view(), pass).0)
    }

    /// The loss of a batch, which is the sum of the losses of its tasks; its gradients are added to `gradients`. All sequences
    /// pass through the base together.
    ///
    /// # Errors
    /// If the base cannot take the batch.
    ///
    /// # Panics
    /// If a task is not there, or its targets are not as many as the tokens that are read, or do not fit its head:
    /// [`Objective::check`] tells before.
    pub fn loss_and_gradients(
        &self,
        parts: &[TaskBatch<'_, S>],
        pass: Pass,
        gradients: &mut Gradients<S>,
    ) -> Result<S, BatchError> {
        if parts.is_empty() { Ok(S::zero()) } else { in_pool(|| self.add_gradients(parts, pass, gradients)) }
    }

    fn add_gradients(
        &self,
        parts: &[TaskBatch<'_, S>],
        pass: Pass,
        gradients: &mut Gradients<S>,
    ) -> Result<S, BatchError> {
        let base = Base::from(&*self.base);
        let each: Vec<_> = (0..self.heads.len()).map(|task| self.plugged(task)).collect();
        let mixed = PerSequence::new(each.iter().collect(), &task_of(parts)).expect("there is a head for each task");
        let (batch, state) = joined(parts);
        let entry = state.map_or(Entry::Tokens(&batch), |state| Entry::State(&batch, state));
        let reading = Reading::of(parts, &self.heads);
        let encoded = base.read(entry, &mixed, pass.at(0), reading.selection())?;
        let wants_hidden = !encoded.trace.is_empty();
        let (mut loss, mut first) = (S::zero(), 0);
        let mut d_hidden = Array2::zeros(if wants_hidden { encoded.hidden.dim() } else { (0, 0) });
        for (i, part) in parts.iter().enumerate() {
            let head = &self.heads[part.task];
            let rows = Slice::from(first..first + reading.rows(part));
            let state = encoded.hidden.slice_axis(Axis(0), rows);
            let hidden = reading.select(i, part, state.to_owned())?;
            let head = ThroughHead { base, head, inverse: None, objective: part.objective, weight: part.weight };
            let pass = pass.at(1).at(part.task as u64);
            let (of_part, d) = head.loss_and_gradients(hidden.view(), pass, wants_hidden, gradients);
            loss += of_part;
            if let Some(d) = d {
                d_hidden.slice_axis_mut(Axis(0), rows).assign(&reading.select_backward(i, part, state, d)?);
            }
            first += reading.rows(part);
        }
        if wants_hidden {
            encoded.trace.backward(d_hidden, gradients);
        }
        Ok(loss)
    }
}

/// The task of each sequence.
fn task_of<S: Scalar>(parts: &[TaskBatch<'_, S>]) -> Vec<usize> {
    parts.iter().flat_map(|part| vec![part.task; part.entry.batch().layout().sequences()]).collect()
}

/// All sequences as one batch, and their states as one if there is one of each.
fn joined<S: Scalar>(parts: &[TaskBatch<'_, S>]) -> (Batch, Option<State<S>>) {
    let batches: Vec<&Batch> = parts.iter().map(|part| part.entry.batch()).collect();
    let states: Option<Vec<&State<S>>> = parts
        .iter()
        .map(|part| match &part.entry {
            Entry::State(_, state) => Some(state),
            Entry::Tokens(_) => None,
        })
        .collect();
    (Batch::join(&batches), states.map(|states| State::join(&states)))
}

/// What is read of the last state for several objectives.
enum Reading {
    /// The same token of each sequence for all of them, so that the last block may leave out the others.
    OneToken(Selection),
    /// Every token, of which each objective then selects its own.
    EachItsOwn(Vec<Selection>),
}

impl Reading {
    fn of<S: Scalar>(parts: &[TaskBatch<'_, S>], heads: &[Head<S>]) -> Self {
        let selections = parts.iter().map(|part| part.objective.selection(heads[part.task].config()));
        let selections: Vec<Selection> = selections.collect();
        let mut one_token = [Selection::First, Selection::Last].into_iter();
        match one_token.find(|one| selections.iter().all(|selection| selection == one)) {
            Some(one) => Self::OneToken(one),
            None => Self::EachItsOwn(selections),
        }
    }

    /// What the pass reads.
    fn selection(&self) -> &Selection {
        match self {
            Self::OneToken(selection) => selection,
            Self::EachItsOwn(_) => &Selection::All,
        }
    }

    /// How many rows of what the pass reads belong to a task.
    fn rows<S: Scalar>(&self, part: &TaskBatch<'_, S>) -> usize {
        let layout = part.entry.batch().layout();
        match self {
            Self::OneToken(_) => layout.sequences(),
            Self::EachItsOwn(_) => layout.tokens(),
        }
    }

    /// What part number `i` reads of its rows, `[N, D]`.
    fn select<S: Scalar>(&self, i: usize, part: &TaskBatch<'_, S>, rows: Array2<S>) -> Result<Array2<S>, BatchError> {
        let layout = part.entry.batch().layout();
        match self {
            Self::OneToken(_) => Ok(rows),
            Self::EachItsOwn(selections) => selections[i].select(rows, layout, layout),
        }
    }

    /// From the gradient of what is read to that of the part's rows.
    fn select_backward<S: Scalar>(
        &self,
        i: usize,
        part: &TaskBatch<'_, S>,
        state: ArrayView2<'_, S>,
        d: Array2<S>,
    ) -> Result<Array2<S>, BatchError> {
        let layout = part.entry.batch().layout();
        match self {
            Self::OneToken(_) => Ok(d),
            Self::EachItsOwn(selections) => selections[i].select_backward(state, d, layout, layout),
        }
    }
}

impl<S: Scalar> Parameters<S> for MultiTaskModel<S> {
    fn list<'a>(&'a self, name: &str, all: &mut Named<'a, S>) {
        self.tasks.list(&join(name, "adapter"), all);
        self.heads.iter().for_each(|head| head.list(&join(&join(name, "head"), head.name()), all));
    }
    fn list_mut<'a>(&'a mut self, name: &str, all: &mut NamedMut<'a, S>) {
        self.tasks.list_mut(&join(name, "adapter"), all);
        for head in &mut self.heads {
            let name = join(&join(name, "head"), head.name());
            head.list_mut(&name, all);
        }
    }
}
