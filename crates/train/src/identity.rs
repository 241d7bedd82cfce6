//! What makes a run the run that it is: everything that it computes with, by name.

use crate::data::Dataset;
use crate::model::Model;
use crate::model::description::{self, Description};
use crate::options::TrainOptions;
use crate::supervision;
use crate::tasks::{TaskData, Tasks};
use adaptune_adapters::Head;
use adaptune_tensor::{AnyParameter, Scalar};
use adaptune_transformer::Encoder;
use serde::Serialize;

/// Options, data, base, adapters and head of a run, each part by its name. A checkpoint of another run is refused.
///
/// Parameters of the model itself are not among it, only their names and shapes: a checkpoint holds them. What it does not hold
/// is here, with a fingerprint where it is numbers: the base, the adapters below the model's own, and its constants.
///
/// The parts stand in the order in which a difference says most: of several the first is named.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Identity(Description);

impl Identity {
    pub(crate) fn new<S: Scalar>(model: &impl Model<S>, tasks: &Tasks<'_, S>, options: &TrainOptions) -> Self {
        let heads = model.heads();
        let of_tasks = |describe: &dyn Fn(&Head<S>, &TaskData<'_, S>) -> Description| -> Description {
            let of_task = |(head, task): (&&Head<S>, _)| match heads.len() {
                1 => describe(head, task),
                _ => prefixed(head.name(), describe(head, task)),
            };
            heads.iter().zip(&tasks.all).flat_map(of_task).collect()
        };
        let mut parts = named(options_by_name(options));
        parts.extend(model.description());
        parts.extend(of_tasks(&|head, task| [description::head(head), objective(task)].concat()));
        parts.extend(base_by_name(model.base()));
        parts.extend(of_tasks(&|_, task| data(task)));
        parts.push(("list of parameters".to_owned(), listed(model)));
        Self(parts)
    }

    /// The first part in which they differ: its name, what was found, what was expected.
    pub(crate) fn difference(&self, found: &[(String, String)]) -> Option<[String; 3]> {
        let value = |of: &[(String, String)], name: &str| of.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
        let names = || self.0.iter().chain(found).map(|(name, _)| name);
        let name = names().find(|name| value(&self.0, name) != value(found, name))?;
        let [found, expected] = [found, &self.0].map(|of| value(of, name).unwrap_or_else(|| "not there".to_owned()));
        Some([name.clone(), found, expected])
    }
}

fn named(parts: impl IntoIterator<Item = (&'static str, String)>) -> Description {
    parts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The same with the name of a task in front of each.
fn prefixed(of: &str, parts: Description) -> Description {
    parts.into_iter().map(|(name, value)| (format!("{of}: {name}"), value)).collect()
}

/// Names and shapes of all parameters, and which of them do not train.
fn listed<S: Scalar>(model: &impl Model<S>) -> String {
    let one = |(name, p): (String, &dyn AnyParameter<S>)| {
        format!("{name}{:?}{}", p.shape(), if p.slot().is_some() { "" } else { " (frozen)" })
    };
    model.parameters().into_iter().map(one).collect::<Vec<_>>().join(" ")
}

/// The objective of a task's data, if it is another than that of its task.
fn objective<S: Scalar>(task: &TaskData<'_, S>) -> Description {
    let usual = supervision::of::<S>(task.train.task()).name();
    let other = Some(task.supervision.name()).filter(|name| *name != usual);
    other.map(|name| ("objective".to_owned(), name)).into_iter().collect()
}

fn data<S: Scalar>(task: &TaskData<'_, S>) -> Description {
    let print = |data: &Dataset| format!("{:016x}", data.fingerprint());
    named([
        ("training data's fingerprint", print(task.train)),
        ("development data's fingerprint", task.dev.map_or_else(|| "none".into(), print)),
    ])
}

/// Taken apart without `..`, so that a new option is not forgotten here.
fn options_by_name(options: &TrainOptions) -> Vec<(&'static str, String)> {
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
        metric,
        patience,
        eval_batch_size,
        // Changes no bit.
        gradient_checkpointing: _,
        cache,
        layer_drop,
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
        ("metric that decides", or_none(metric.clone())),
        ("schedule", format!("{schedule:?}")),
        ("warm-up", warmup.to_string()),
        ("optimiser", format!("{optimiser:?}")),
        ("clipping norm", or_none(clip.map(|norm| norm.to_string()))),
        ("batching", format!("{batching:?}")),
        ("patience", or_none(patience.map(|epochs| epochs.to_string()))),
        ("evaluation batch size", eval_batch_size.to_string()),
        // Whether there is one, not how large: that changes no bit.
        ("cache", if cache.is_some() { "yes" } else { "no" }.into()),
        ("layers without adapters", layer_drop.to_string()),
        ("seed", seed.to_string()),
    ]
}

/// What of the base a run depends on.
fn base_by_name<S: Scalar>(base: &Encoder<S>) -> Description {
    let (config, identity) = (base.config(), base.identity());
    let field = |(name, value): &(&str, String)| (format!("base model's {name}"), value.clone());
    let mut parts: Description = identity.fields().iter().map(field).collect();
    parts.extend(named([
        ("base model's fingerprint", identity.fingerprint().to_owned()),
        ("base model's number of positions", config.positions.to_string()),
        ("base model's precision", format!("{:?}", base.precision())),
        ("number format", S::NAME.to_owned()),
        ("dropout of attention", config.attention_dropout.to_string()),
        ("dropout behind attention", config.attention_output_dropout.to_string()),
        ("dropout of hidden states", config.hidden_dropout.to_string()),
        ("dropout of the head", config.head_dropout.to_string()),
    ]));
    parts
}
