//! Checkpoints: everything that a run needs to go on as if it had never stopped.
//!
//! One safetensors file holds the parameters, those of the best epoch, the optimiser's state, and
//! in its metadata the position in the run. It is written beside its place and renamed, so there is
//! always a whole one. What has happened so far is in a file of its own that only grows
//! ([`history`](crate::history)); the checkpoint says how much of it is its past. Random draws are
//! addressed by step and place, so no generator's state is among it.

use crate::error::TrainError;
use crate::history::Past;
use crate::identity::Identity;
use crate::values::Tensors;
use adaptune_tensor::Scalar;
use adaptune_transformer::weights::{TensorFile, TensorSource, write_safetensors};
use ndarray::{ArrayD, ArrayViewD};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What the metadata say the layout of the file is. Checkpoints before it had no number, and said less of their run.
const VERSION: &str = "2";

/// Where a run stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// How much of the file of records has happened.
    pub(crate) past: Past,
}

/// Where and how often checkpoints are written.
pub(crate) struct Plan {
    pub(crate) path: PathBuf,
    pub(crate) every: usize,
    pub(crate) identity: Identity,
}

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
    let entries = [("version", VERSION.to_owned()), ("identity", json(identity)), ("position", json(position))];
    let metadata = entries.map(|(name, text)| (name.to_owned(), text)).into();
    let views: Vec<(String, ArrayViewD<'_, S>)> =
        tensors.iter().map(|(name, array)| (name.clone(), array.view())).collect();
    Ok(write_safetensors(path, &views, &metadata)?)
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("strings and whole numbers")
}

/// Reads the checkpoint of this very run.
pub(crate) fn read<S: Scalar>(path: &Path, identity: &Identity) -> Result<Checkpoint<S>, TrainError> {
    let file = TensorFile::open(path)?;
    let damaged = |message: String| TrainError::Damaged { path: path.to_owned(), message };
    let entry = |key: &str| file.metadata().and_then(|metadata| metadata.get(key));
    let text = |key: &str| entry(key).ok_or_else(|| damaged(format!("it has no {key}")));
    if entry("version").is_none_or(|version| version != VERSION) && entry("identity").is_some() {
        return Err(TrainError::OtherVersion { path: path.to_owned() });
    }
    let found: Vec<_> = serde_json::from_str(text("identity")?).map_err(|e| damaged(e.to_string()))?;
    if let Some([what, found, expected]) = identity.difference(&found) {
        return Err(TrainError::OtherRun { path: path.to_owned(), what, found, expected });
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
