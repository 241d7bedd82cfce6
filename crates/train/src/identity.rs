//! What makes a run the run that it is: everything that it computes with, by name.

use crate::data::Dataset;
use crate::options::TrainOptions;
use crate::supervision::{self, Supervision};
use adaptune_adapters::{Adapter, AdapterModel, Head, HeadConfig, Method};
use adaptune_tensor::{AnyParameter, Named, Parameters, Scalar, Seed};
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
pub(crate) struct Identity(Parts);

/// Names and values.
type Parts = Vec<(String, String)>;

impl Identity {
    pub(crate) fn new<S: Scalar>(
        model: &AdapterModel<S>,
        train: &Dataset,
        dev: Option<&Dataset>,
        options: &TrainOptions,
        supervision: &dyn Supervision<S>,
    ) -> Self {
        let print = |data: &Dataset| format!("{:016x}", data.fingerprint());
        let data = [
            ("training data's fingerprint", print(train)),
            ("development data's fingerprint", dev.map_or_else(|| "none".into(), print)),
        ];
        let mut parts = named(options_by_name(options));
        parts.extend(adapter_by_name(model.adapter()));
        parts.extend(below_by_name(model));
        parts.extend(setup_by_name(model));
        parts.extend(named(head_by_name(model.head())));
        let objective = Some(supervision.name()).filter(|name| *name != supervision::of::<S>(train.task()).name());
        parts.extend(objective.map(|name| ("objective".to_owned(), name)));
        parts.extend(base_by_name(model.base()));
        parts.extend(named(data));
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

fn named(parts: impl IntoIterator<Item = (&'static str, String)>) -> Parts {
    parts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Names and shapes of all parameters, and which of them do not train.
fn listed<S: Scalar>(model: &AdapterModel<S>) -> String {
    let one = |(name, p): (String, &dyn AnyParameter<S>)| {
        format!("{name}{:?}{}", p.shape(), if p.slot().is_some() { "" } else { " (frozen)" })
    };
    model.parameters().into_iter().map(one).collect::<Vec<_>>().join(" ")
}

/// A number that changes with any change of names, shapes or values.
fn fingerprint<S: Scalar>(arrays: &Named<'_, S>) -> String {
    let mut seed = Seed::new(arrays.len() as u64);
    for (name, array) in arrays {
        seed = array.shape().iter().fold(seed.named(name), |seed, n| seed.at(*n as u64));
        seed = array.values().iter().fold(seed, |seed, value| seed.at(value.to_f64().to_bits()));
    }
    format!("{:016x}", seed.bits(0))
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
    let (config, identity) = (base.config(), base.identity());
    let field = |(name, value): &(&str, String)| (format!("base model's {name}"), value.clone());
    let mut parts: Parts = identity.fields().iter().map(field).collect();
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

fn head_by_name<S: Scalar>(head: &Head<S>) -> Vec<(&'static str, String)> {
    let HeadConfig { task, labels, layers, activation, use_pooler, bias, dropout } = head.config();
    vec![
        ("head's name", head.name().to_owned()),
        ("head's task", format!("{task:?}")),
        ("head's labels", labels.join(", ")),
        ("head's layers", layers.to_string()),
        ("head's form", format!("activation {activation:?}, pooler {use_pooler}, bias {bias}, dropout {dropout:?}")),
    ]
}

/// How several adapters are put together, and each of several that train.
fn setup_by_name<S: Scalar>(model: &AdapterModel<S>) -> Parts {
    let (setup, mut parts) = (model.setup(), Parts::new());
    if !setup.parts().is_empty() {
        parts.push(("setup".to_owned(), setup.to_string()));
    }
    for adapter in setup.training().into_iter().filter(|_| model.adapter().is_none()) {
        let named = |(name, value): (String, String)| (format!("{}: {name}", adapter.name()), value);
        parts.extend(adapter_by_name(Some(adapter)).into_iter().map(named));
    }
    parts
}

/// Two methods may have parameters of the same shapes, so each field of the method counts. What modules of one's own compute
/// cannot be compared; their numbers are.
fn adapter_by_name<S: Scalar>(adapter: Option<&Adapter<S>>) -> Parts {
    let Some(adapter) = adapter else { return vec![("adapter's name".into(), "none".into())] };
    let mut parts = vec![("adapter's name".to_owned(), adapter.name().to_owned())];
    let fields = adapter.method().map(Method::fields).unwrap_or_default();
    parts.extend(fields.into_iter().map(|(name, value)| (format!("adapter's {name}"), value.to_string())));
    parts.push(("fingerprint of the adapter's constants".into(), fingerprint(&adapter.constants())));
    parts
}

/// The adapters that the model's own stands upon. No part of them is in the checkpoint.
fn below_by_name<S: Scalar>(model: &AdapterModel<S>) -> Parts {
    let mut parts = vec![("number of adapters below".to_owned(), model.below().len().to_string())];
    for (i, adapter) in (1..).zip(model.below()) {
        parts.push((format!("name of adapter {i} below"), adapter.name().to_owned()));
        let fields = adapter.method().map(Method::fields).unwrap_or_default();
        parts.extend(
            fields.into_iter().map(|(name, value)| (format!("{name} of adapter {i} below"), value.to_string())),
        );
        let numbers: Named<'_, S> = adapter.parameters().into_iter().chain(adapter.constants()).collect();
        parts.push((format!("fingerprint of adapter {i} below"), fingerprint(&numbers)));
    }
    parts
}
