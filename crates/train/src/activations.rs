//! What the constant blocks of a model make of each example, kept from epoch to epoch.
//!
//! Below the lowest point that trains nothing changes, so its output for a text is the same in every step. The first epoch
//! computes it, later ones begin there. Every example's state is kept by itself: no bit of it depends on its neighbours in a
//! batch, so what is kept and what had no room give the same run.

use crate::data::Dataset;
use crate::error::TrainError;
use crate::example::Example;
use crate::model::Model;
use adaptune_tensor::{Layout, Scalar, Seed};
use adaptune_transformer::weights::FloatFormat;
use adaptune_transformer::{Batch, BatchError, Entry, Selection, State};
use ndarray::Array2;
use serde::Serialize;
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

/// How much room there is for what constant blocks give. What finds no room is computed again in each epoch.
///
/// A token takes four bytes times the hidden size: a million tokens of a base 384 wide 1.5 GB. Where all blocks are constant, as
/// for a head alone, only the tokens that the head reads are kept: of a text the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CacheLimits {
    /// Bytes of memory.
    pub memory: u64,
    /// Bytes of a temporary file, once the memory is full; it goes when the run ends.
    pub disk: u64,
}

/// The states of training and development data.
pub(crate) struct Activations<S> {
    /// The blocks that are constant; never zero.
    blocks: usize,
    limits: CacheLimits,
    used: CacheLimits,
    file: Option<File>,
    kept: Vec<Option<Kept<S>>>,
}

enum Kept<S> {
    Memory(State<S>),
    Disk { from: u64, dim: (usize, usize), layout: Layout, selection: Option<Selection> },
}

/// Which examples are meant: those of a task's data set, counted behind those of the data sets before it.
#[derive(Clone, Copy)]
pub(crate) struct Numbered<'a> {
    pub(crate) task: usize,
    pub(crate) data: &'a Dataset,
    pub(crate) first: usize,
}

/// Room for what the constant blocks make of `examples` examples. `hides` says whether tokens of some are hidden.
pub(crate) fn of<S: Scalar>(
    model: &impl Model<S>,
    examples: usize,
    hides: bool,
    limits: CacheLimits,
) -> Result<Activations<S>, TrainError> {
    if hides {
        let message = "what lies below the adapter cannot be kept: other tokens are hidden in every epoch";
        return Err(TrainError::Options(message.into()));
    }
    Activations::new(model, examples, limits).ok_or_else(|| {
        let message = "there is nothing to keep: the adapter, or what is thawed, trains in the lowest block already; \
                       leave layers out (`leave_out=[0,1]`), or train without a cache";
        TrainError::Options(message.into())
    })
}

/// Where a pass over these examples begins: at what is kept of them, or at their tokens if nothing ever is.
pub(crate) fn entry<'b, S: Scalar>(
    activations: &mut Option<Activations<S>>,
    model: &impl Model<S>,
    of: Numbered<'_>,
    examples: &[usize],
    batch: &'b Batch,
) -> Result<Entry<'b, S>, BatchError> {
    match activations {
        Some(activations) => activations.entry(model, of, examples, batch),
        None => Ok(batch.into()),
    }
}

impl<S: Scalar> Activations<S> {
    /// Nothing is kept yet of `examples` examples. `None` if nothing of the model is constant.
    pub(crate) fn new(model: &impl Model<S>, examples: usize, limits: CacheLimits) -> Option<Self> {
        let blocks = model.constant_blocks();
        let used = CacheLimits { memory: 0, disk: 0 };
        let kept = (0..examples).map(|_| None).collect();
        (blocks > 0).then_some(Self { blocks, limits, used, file: None, kept })
    }

    /// The blocks that are constant.
    pub(crate) fn blocks(&self) -> usize {
        self.blocks
    }

    fn entry<'b>(
        &mut self,
        model: &impl Model<S>,
        of: Numbered<'_>,
        examples: &[usize],
        batch: &'b Batch,
    ) -> Result<Entry<'b, S>, BatchError> {
        let found: Vec<_> = examples.iter().map(|i| self.get(of.first + i)).collect();
        let missing: Vec<usize> = examples.iter().zip(&found).filter(|(_, f)| f.is_none()).map(|(i, _)| *i).collect();
        let computed = self.compute(model, of, &missing)?;
        let mut new = computed.iter();
        let states = found.iter().map(|found| found.as_deref().or_else(|| new.next()).expect("found or computed"));
        let state = State::join(&states.collect::<Vec<_>>());
        drop(found);
        missing.into_iter().zip(computed).for_each(|(i, state)| self.keep(of.first + i, state));
        Ok(Entry::State(batch, state))
    }

    fn compute(
        &self,
        model: &impl Model<S>,
        of: Numbered<'_>,
        examples: &[usize],
    ) -> Result<Vec<State<S>>, BatchError> {
        if examples.is_empty() {
            return Ok(Vec::new());
        }
        // Nothing is hidden: a run that hides tokens keeps no states.
        let batch = of.data.batch(examples, Seed::new(0));
        let mut sequences = model.lower(of.task, &batch.batch, self.blocks)?.split().into_iter();
        let of_example = |example: &&Example| {
            let its: Vec<State<S>> = sequences.by_ref().take(example.sequences.len()).collect();
            State::join(&its.iter().collect::<Vec<_>>())
        };
        Ok(batch.examples.iter().map(of_example).collect())
    }

    fn get(&self, number: usize) -> Option<Cow<'_, State<S>>> {
        match self.kept[number].as_ref()? {
            Kept::Memory(state) => Some(Cow::Borrowed(state)),
            Kept::Disk { from, dim, layout, selection } => {
                let numbers = read(self.file.as_ref()?, *from, dim.0 * dim.1).ok()?;
                let hidden = Array2::from_shape_vec(*dim, numbers).ok()?;
                Some(Cow::Owned(State::new(self.blocks, hidden, layout.clone()).selected(selection.clone())))
            }
        }
    }

    /// Keeps a state where there is room; nowhere if there is none, or the file cannot be written.
    fn keep(&mut self, number: usize, state: State<S>) {
        let bytes = (state.hidden().len() * size_of::<S>()) as u64;
        if self.used.memory + bytes <= self.limits.memory {
            self.used.memory += bytes;
            self.kept[number] = Some(Kept::Memory(state));
        } else if self.used.disk + bytes <= self.limits.disk {
            let from = self.used.disk;
            if self.write(&state).is_ok() {
                self.used.disk += bytes;
                let (dim, layout) = (state.hidden().dim(), state.layout().clone());
                let selection = state.selection().cloned();
                self.kept[number] = Some(Kept::Disk { from, dim, layout, selection });
            }
        }
    }

    fn write(&mut self, state: &State<S>) -> io::Result<()> {
        if self.file.is_none() {
            self.file = Some(tempfile::tempfile()?);
        }
        let mut file = self.file.as_ref().expect("it was opened");
        let (format, mut bytes) = (FloatFormat::exact::<S>(), Vec::new());
        state.hidden().iter().for_each(|x| format.encode(x.to_f64(), &mut bytes));
        file.seek(SeekFrom::Start(self.used.disk))?;
        file.write_all(&bytes)
    }
}

fn read<S: Scalar>(mut file: &File, from: u64, numbers: usize) -> io::Result<Vec<S>> {
    let mut bytes = vec![0; numbers * size_of::<S>()];
    file.seek(SeekFrom::Start(from))?;
    file.read_exact(&mut bytes)?;
    Ok(FloatFormat::exact::<S>().decode(&bytes).0)
}
