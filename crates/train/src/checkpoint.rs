//! Checkpoints: everything that a run needs to go on as if it had never stopped.
//!
//! One safetensors file holds the parameters, those of the best epoch, the optimiser's state, and
//! in its metadata the position in the run and what has happened so far. It is written beside its
//! place and renamed, so there is always a whole one. Random draws are addressed by step and
//! place, so no generator's state is among it.

use crate::error::TrainError;
use crate::record::Record;
use adaptune_tensor::Scalar;
use adaptune_transformer::weights::{TensorFile, TensorSource, write_safetensors};
use ndarray::{ArrayD, ArrayViewD};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What makes a run the run that it is. A checkpoint of another one is refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) options: String,
    pub(crate) training_data: String,
    pub(crate) development_data: String,
    pub(crate) base: String,
    pub(crate) parameters: String,
}

impl Identity {
    fn fields(&self) -> [(&'static str, &str); 5] {
        [
            ("the base model's fingerprint", &self.base),
            ("the training data's fingerprint", &self.training_data),
            ("the development data's fingerprint", &self.development_data),
            ("the adapter and head", &self.parameters),
            ("the set of options", &self.options),
        ]
    }
}

/// Where a run stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// Epochs finished.
    pub(crate) epoch: usize,
    /// Batches done of the epoch under way.
    pub(crate) batch: usize,
    /// Steps taken.
    pub(crate) step: usize,
    /// Epochs since the best one.
    pub(crate) stale: usize,
    /// True if patience has run out.
    pub(crate) stopped: bool,
    /// Everything that has happened.
    pub(crate) history: Vec<Record>,
}

/// Named arrays.
pub(crate) type Tensors<S> = Vec<(String, ArrayD<S>)>;

/// A checkpoint, read.
pub(crate) struct Checkpoint<S> {
    pub(crate) position: Position,
    pub(crate) tensors: BTreeMap<String, ArrayD<S>>,
    pub(crate) path: PathBuf,
}

/// Writes a checkpoint.
pub(crate) fn write<S: Scalar>(
    path: &Path,
    identity: &Identity,
    position: &Position,
    tensors: &Tensors<S>,
) -> Result<(), TrainError> {
    let metadata = BTreeMap::from([("identity".to_owned(), json(identity)), ("position".to_owned(), json(position))]);
    let views: Vec<(String, ArrayViewD<'_, S>)> =
        tensors.iter().map(|(name, array)| (name.clone(), array.view())).collect();
    Ok(write_safetensors(path, &views, &metadata)?)
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("strings and finite numbers")
}

/// Reads the checkpoint of this very run.
pub(crate) fn read<S: Scalar>(path: &Path, identity: &Identity) -> Result<Checkpoint<S>, TrainError> {
    let file = TensorFile::open(path)?;
    let damaged = |message: String| TrainError::Damaged { path: path.to_owned(), message };
    let text = |key: &str| {
        let text = file.metadata().and_then(|metadata| metadata.get(key));
        text.ok_or_else(|| damaged(format!("it has no {key}")))
    };
    let found: Identity = serde_json::from_str(text("identity")?).map_err(|e| damaged(e.to_string()))?;
    for ((what, found), (_, expected)) in found.fields().into_iter().zip(identity.fields()) {
        if found != expected {
            let (found, expected) = (found.to_owned(), expected.to_owned());
            return Err(TrainError::OtherRun { path: path.to_owned(), what, found, expected });
        }
    }
    let position = serde_json::from_str(text("position")?).map_err(|e| damaged(e.to_string()))?;
    let tensors = file
        .names()
        .into_iter()
        .map(|name| Ok((name.to_owned(), file.read(name)?)))
        .collect::<Result<_, TrainError>>()?;
    Ok(Checkpoint { position, tensors, path: path.to_owned() })
}

impl<S: Scalar> Checkpoint<S> {
    /// Takes the tensors whose names begin with `prefix`, without it.
    pub(crate) fn take(&mut self, prefix: &str) -> BTreeMap<String, ArrayD<S>> {
        let names: Vec<String> = self.tensors.keys().filter(|name| name.starts_with(prefix)).cloned().collect();
        names
            .into_iter()
            .filter_map(|name| Some((name[prefix.len()..].to_owned(), self.tensors.remove(&name)?)))
            .collect()
    }

    pub(crate) fn damaged(&self, message: impl ToString) -> TrainError {
        TrainError::Damaged { path: self.path.clone(), message: message.to_string() }
    }
}
