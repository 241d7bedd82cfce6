//! Checkpoints: everything that a run needs to go on as if it had never stopped.
//!
//! One safetensors file holds the parameters, those of the best epoch, the optimiser's state, and
//! in its metadata the position in the run and what has happened so far. It is written beside its
//! place and renamed, so there is always a whole one. Random draws are addressed by step and
//! place, so no generator's state is among it.

use crate::data::Dataset;
use crate::error::TrainError;
use crate::options::TrainOptions;
use crate::record::Record;
use crate::supervision::{self, Supervision};
use adaptune_adapters::{Adapter, AdapterModel, Head, HeadConfig, Method};
use adaptune_tensor::{AnyParameter, Parameters, Scalar};
use adaptune_transformer::Encoder;
use adaptune_transformer::weights::{TensorFile, TensorSource, write_safetensors};
use ndarray::{ArrayD, ArrayViewD};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What makes a run the run that it is, each part by its name. A checkpoint of another one is refused.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Identity(BTreeMap<String, String>);

impl Identity {
    pub(crate) fn new<S: Scalar>(
        model: &AdapterModel<S>,
        train: &Dataset,
        dev: Option<&Dataset>,
        options: &TrainOptions,
        supervision: &dyn Supervision<S>,
    ) -> Self {
        let print = |data: &Dataset| format!("{:016x}", data.fingerprint());
        let mut parts = options_by_name(options);
        parts.push(("training data's fingerprint", print(train)));
        parts.push(("development data's fingerprint", dev.map_or_else(|| "none".into(), print)));
        parts.extend(base_by_name(model.base()));
        parts.extend(head_by_name(model.head()));
        let objective = Some(supervision.name()).filter(|name| *name != supervision::of::<S>(train.task()).name());
        parts.extend(objective.map(|name| ("objective", name)));
        let shape = |(name, p): (String, &dyn AnyParameter<S>)| format!("{name}{:?}", p.shape());
        parts.push(("list of parameters", model.parameters().into_iter().map(shape).collect::<Vec<_>>().join(" ")));
        let parts = parts.into_iter().map(|(name, value)| (name.to_owned(), value));
        Self(parts.chain(adapter_by_name(model.adapter())).collect())
    }

    /// The first part in which they differ: its name, what was found, what was expected.
    fn difference(&self, found: &BTreeMap<String, String>) -> Option<[String; 3]> {
        let value = |of: &BTreeMap<String, String>, name: &str| of.get(name).map_or("not there", |v| v).to_owned();
        let mut names = self.0.keys().chain(found.keys());
        let name = names.find(|name| self.0.get(*name) != found.get(*name))?;
        Some([name.clone(), value(found, name), value(&self.0, name)])
    }
}

type Parts = Vec<(&'static str, String)>;

/// Taken apart without `..`, so that a new option is not forgotten here.
fn options_by_name(options: &TrainOptions) -> Parts {
    let TrainOptions {
        epochs,
        batch_size,
        accumulate,
        learning_rate,
        head_learning_rate,
        thaw_learning_rate,
        schedule,
        warmup,
        optimiser,
        clip,
        batching,
        patience,
        eval_batch_size,
        // Changes no bit.
        gradient_checkpointing: _,
        cache,
        seed,
    } = options;
    let or_none = |value: Option<String>| value.unwrap_or_else(|| "none".into());
    vec![
        ("number of epochs", epochs.to_string()),
        ("batch size", batch_size.to_string()),
        ("number of parts of a batch", accumulate.to_string()),
        ("learning rate", learning_rate.to_string()),
        ("head's learning rate", or_none(head_learning_rate.map(|rate| rate.to_string()))),
        ("learning rate of what is thawed", or_none(thaw_learning_rate.map(|rate| rate.to_string()))),
        ("schedule", format!("{schedule:?}")),
        ("warm-up", warmup.to_string()),
        ("optimiser", format!("{optimiser:?}")),
        ("clipping norm", or_none(clip.map(|norm| norm.to_string()))),
        ("batching", format!("{batching:?}")),
        ("patience", or_none(patience.map(|epochs| epochs.to_string()))),
        ("evaluation batch size", eval_batch_size.to_string()),
        // Whether there is one, not how large: that changes no bit.
        ("cache", if cache.is_some() { "yes" } else { "no" }.into()),
        ("seed", seed.to_string()),
    ]
}

/// What of the base a run depends on.
fn base_by_name<S: Scalar>(base: &Encoder<S>) -> Parts {
    let config = base.config();
    vec![
        ("base model's fingerprint", format!("{:016x}", base.fingerprint())),
        ("base model's precision", format!("{:?}", base.precision())),
        ("dropout of hidden states", config.hidden_dropout.to_string()),
        ("dropout of attention", config.attention_dropout.to_string()),
        ("dropout of the head", config.head_dropout.to_string()),
    ]
}

fn head_by_name<S: Scalar>(head: &Head<S>) -> Parts {
    let HeadConfig { task, labels, layers, activation, use_pooler, bias, dropout } = head.config();
    vec![
        ("head's name", head.name().to_owned()),
        ("head's task", format!("{task:?}")),
        ("head's labels", labels.join(", ")),
        ("head's layers", layers.to_string()),
        ("head's form", format!("activation {activation:?}, pooler {use_pooler}, bias {bias}, dropout {dropout:?}")),
    ]
}

/// Two methods may have parameters of the same shapes, so each field of the method counts.
fn adapter_by_name<S: Scalar>(adapter: Option<&Adapter<S>>) -> Vec<(String, String)> {
    let Some(adapter) = adapter else { return vec![("adapter's name".into(), "none".into())] };
    // What modules of one's own compute cannot be compared; their parameters are, in the list of all.
    let fields = adapter.method().map(Method::fields).unwrap_or_default();
    let fields = fields.into_iter().map(|(name, value)| (format!("adapter's {name}"), value.to_string()));
    fields.chain([("adapter's name".into(), adapter.name().to_owned())]).collect()
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
    let found = serde_json::from_str(text("identity")?).map_err(|e| damaged(e.to_string()))?;
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
