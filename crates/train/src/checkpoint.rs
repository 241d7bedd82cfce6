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
use adaptune_tensor::{Scalar, Seed};
use adaptune_transformer::weights::{TensorFile, TensorSource, write_safetensors};
use ndarray::{ArrayD, ArrayViewD};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What the metadata say the layout of the file is. Checkpoints of an earlier one said less of their run.
const VERSION: &str = "3";

/// Where a run stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
    /// Every number is the one that was written.
    intact: bool,
}

/// Writes a checkpoint.
pub(crate) fn write<S: Scalar>(
    path: &Path,
    identity: &Identity,
    position: &Position,
    tensors: &Tensors<S>,
) -> Result<(), TrainError> {
    let views: Vec<(String, ArrayViewD<'_, S>)> =
        tensors.iter().map(|(name, array)| (name.clone(), array.view())).collect();
    let (identity, position) = (json(identity), json(position));
    let fingerprint = fingerprint(&position, &views);
    let entries =
        [("version", VERSION.to_owned()), ("identity", identity), ("position", position), ("fingerprint", fingerprint)];
    let metadata = entries.map(|(name, text)| (name.to_owned(), text)).into();
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
        .collect::<Result<BTreeMap<String, ArrayD<S>>, TrainError>>()?;
    let views: Vec<_> = tensors.iter().map(|(name, array)| (name.clone(), array.view())).collect();
    let intact = *text("fingerprint")? == fingerprint(text("position")?, &views);
    Ok(Checkpoint { position, tensors, path: path.to_owned(), intact })
}

/// A number that changes with any change of the position, or of a name, a shape or a number.
fn fingerprint<S: Scalar>(position: &str, tensors: &[(String, ArrayViewD<'_, S>)]) -> String {
    // An odd multiplier makes each step invertible, so no change of a single number goes unseen.
    let next =
        |sum: u64, value: &S| (sum.rotate_left(5) ^ value.to_f64().to_bits()).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let one = |(name, array): &(String, ArrayViewD<'_, S>)| {
        let shape = array.shape().iter().fold(Seed::new(0).named(name), |seed, length| seed.at(*length as u64));
        (name.clone(), array.iter().fold(shape.bits(0), next))
    };
    let each: BTreeMap<String, u64> = tensors.par_iter().map(one).collect();
    format!("{:016x}", each.into_values().fold(Seed::new(0).named(position), Seed::at).bits(0))
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

    /// Checks that every number is the one that was written: what a change has left in shape, such as the order of a square
    /// matrix.
    pub(crate) fn check_intact(&self) -> Result<(), TrainError> {
        match self.intact {
            true => Ok(()),
            false => Err(self.damaged("its numbers are not those that were written")),
        }
    }

    pub(crate) fn damaged(&self, message: impl ToString) -> TrainError {
        TrainError::Damaged { path: self.path.clone(), message: message.to_string() }
    }
}
