//! The head that a PEFT directory carries in `modules_to_save`: the classifier of transformers' own model classes.
//!
//! Which layers it has by `task_type` and family is in `classifier.rs`; a pooler that was trained with it is its first layer, see
//! `pooler.rs`, and a head of two such layers is written as pooler and classifier. Their tensors begin with `base_model.model.`, beside prefixes and prompts with `base_model.`. A head of ours is written so
//! where it is one of these, with its labels and its dropout in the metadata, for which PEFT has no place.
//!
//! PEFT itself adds `classifier` and `score` to `modules_to_save`, but not DistilBERT's `pre_classifier`, which is then in
//! no file: such a head cannot be loaded.

use super::files::{Written, name};
use super::modules::{check_saved, is_classifier, is_head, is_pooler};
use super::pooler;
use crate::core::stored::Stored;
use crate::format::classifier;
use crate::format::error::{FormatError, Message};
use crate::format::files::PEFT;
use crate::format::json;
use crate::format::tensors::Tensors;
use crate::head::config::HeadConfig;
use crate::head::task::Task;
use crate::head::{Head, Pooling};
use crate::registry::method::Method;
use adaptune_tensor::{Activation, AnyParameter, Parameters, Scalar, Seed};
use adaptune_transformer::family::PastKeyValues;
use adaptune_transformer::weights::{TensorFile, is_there, resolve};
use adaptune_transformer::{Config, Encoder, Linear};
use serde_json::{Map, Value, json};
use std::path::Path;

/// Metadata key of the head's configuration, as AdapterHub writes it.
const CONFIG: &str = "adaptune_head";

/// The layers of a head that transformers' model classes have, from the first to the last; `None` if they have none such.
pub(super) fn layers_of(head: &HeadConfig, method: &Method, model: &Config) -> Option<Vec<&'static str>> {
    let task_type = head.task.description().task_type?;
    let prefix = matches!(method, Method::Prefix(_));
    if prefix && task_type == "SEQ_CLS" && model.family.python().past_key_values == PastKeyValues::NotForClassification
    {
        return None;
    }
    let layers = classifier::layers(task_type, model)?;
    let stored = Task::of_task_type(task_type, head.labels.len())?;
    let plain = classifier::config(stored, &layers, classifier::nameless(head.labels.len()), model);
    if same_form(head, &plain) {
        return Some(layers);
    }
    let of_pooler = has_plain_pooler(model) && plain.pooling == Some(Pooling::Pooler);
    let own = of_pooler && same_form(head, &upon_its_own_pooler(plain, model));
    own.then(|| [&[model.family.tensors().pooler], layers.as_slice()].concat())
}

/// True if the pooler that models of the family have is a linear layer with a bias and an activation, and no more.
fn has_plain_pooler(model: &Config) -> bool {
    model.architecture.pooler.is_some_and(|pooler| pooler.bias && !pooler.norm)
}

/// True if two heads compute the same but for their numbers. One layer has no activation, whatever it is said to be.
fn same_form(a: &HeadConfig, b: &HeadConfig) -> bool {
    let of = |head: &HeadConfig| {
        let activation = head.activation.filter(|_| head.layers > 1);
        (head.task, head.labels.len(), head.layers, activation, head.selection(), head.reads_pooler(), head.bias)
    };
    of(a) == of(b)
}

/// Adds a head that has [layers](layers_of) to what is written, and gives what belongs into the metadata.
pub(super) fn write<S: Scalar>(
    head: &Head<S>,
    method: &Method,
    model: &Config,
    written: &mut Written<S>,
) -> (String, String) {
    let layers = layers_of(head.config(), method, model).expect("the caller asked for them");
    let prefix = if matches!(method, Method::Lora(_)) { "base_model.model." } else { "base_model." };
    let mut saved: Vec<&str> = layers.iter().map(|layer| layer.split('.').next().unwrap_or(layer)).collect();
    saved.dedup();
    let head = head.without_scale();
    written.file["modules_to_save"] = json!(saved);
    written.file["task_type"] = json!(head.config().task.description().task_type);
    for (name, array) in head.parameters() {
        let tensor = classifier::tensor(&layers, &name);
        // The pooler is a part of the base, which may stand below a prefix of its own.
        let tensor = if is_pooler(&tensor) { model.family.full_name(&tensor) } else { tensor };
        written.tensors.push((format!("{prefix}{tensor}"), array.to_view().to_owned()));
    }
    (CONFIG.to_owned(), json::head_text(head.name(), head.config(), model))
}

/// Loads the head; `None` if the weights hold none. Labels have no names in PEFT's files: they are called `LABEL_0` and so on,
/// unless the file is ours.
pub(crate) fn find<S: Scalar>(directory: &Path, base: &Encoder<S>) -> Result<Option<Head<S>>, FormatError> {
    let path = resolve(directory, PEFT.config)?;
    let mut tensors = Tensors::read(directory, &PEFT, base)?.without_prefix();
    tensors.keep(is_head);
    if !tensors.any(is_classifier) {
        return Ok(None);
    }
    let file = json::read(&path)?;
    check_saved(&file).map_err(|e| FormatError::config(&path, e))?;
    let (task_type, layers) = form(&file, &tensors, base.config()).map_err(|e| FormatError::config(&path, e))?;
    let last = names(&format!("{}.bias", layers[layers.len() - 1]));
    let Some(&[outputs]) = last.iter().find_map(|name| tensors.shape(name)) else {
        let found = tensors.names().swap_remove(0);
        let message = format!("the weights hold {found} but no {}: the head is not whole", last[0]);
        return Err(FormatError::config(&path, message));
    };
    let task = Task::of_task_type(&task_type, outputs).expect("its layers are known");
    let plain = classifier::config(task, &layers, classifier::nameless(outputs), base.config());
    let pooler = if plain.reads_pooler() { pooler::trained(&path, &file, &mut tensors, base)? } else { None };
    let plain = if pooler.is_some() { upon_its_own_pooler(plain, base.config()) } else { plain };
    let (title, config) = own(&resolve(directory, PEFT.safetensors)?, plain)?;
    let mut head = Head::new(&title, &config, base, Seed::new(0)).map_err(|e| FormatError::config(&path, e))?;
    fill(&mut head, &layers, pooler.as_ref(), &mut tensors)?;
    tensors.finish()?;
    Ok(Some(head))
}

/// Fills a head with a pooler, if one is its first layer, and the tensors of the classifier's layers.
fn fill<S: Scalar>(
    head: &mut Head<S>,
    layers: &[&str],
    pooler: Option<&Linear<S>>,
    tensors: &mut Tensors<S>,
) -> Result<(), FormatError> {
    for (name, parameter) in head.parameters_mut() {
        match (pooler, name.as_str()) {
            (Some(pooler), "layer.0.weight") => set(parameter, pooler.weight().iter()),
            (Some(pooler), "layer.0.bias") => set(parameter, pooler.bias().iter().flatten()),
            _ => {
                // Behind a pooler the classifier's one layer is the head's second.
                let name = if pooler.is_some() { name.replace("layer.1.", "layer.0.") } else { name };
                tensors.take(&Stored::under(names(&classifier::tensor(layers, &name))), parameter)?;
            }
        }
    }
    Ok(())
}

/// Loads the head.
pub(crate) fn load<S: Scalar>(directory: &Path, base: &Encoder<S>) -> Result<Head<S>, FormatError> {
    let path = resolve(directory, PEFT.config)?;
    let task_type = json::read(&path)?.get("task_type").cloned().unwrap_or_default();
    find(directory, base)?.ok_or_else(|| {
        let message = format!(
            "the weights hold no head (task_type is {task_type}): what needs one takes adapters that PEFT trained with a task_type \
             of {}; merging, converting and embeddings need none",
            classifier::task_types()
        );
        FormatError::config(path, message)
    })
}

/// The names that a tensor of the head may have.
fn names(name: &str) -> [String; 2] {
    ["base_model.model.", "base_model."].map(|prefix| format!("{prefix}{name}"))
}

/// A head whose first layer is a pooler, in the place of one that reads the base's.
fn upon_its_own_pooler(head: HeadConfig, model: &Config) -> HeadConfig {
    let activation = model.architecture.pooler.map_or(Activation::Tanh, |pooler| pooler.activation);
    HeadConfig { layers: 2, activation: Some(activation), pooling: None, ..head }
}

fn set<'a, S: Scalar>(parameter: &mut dyn AnyParameter<S>, values: impl Iterator<Item = &'a S>) {
    for (number, value) in parameter.values_mut().iter_mut().zip(values) {
        *number = *value;
    }
}

/// Name and configuration as a file of ours has them, if they are those of this head; else as PEFT's file says.
fn own(path: &Path, plain: HeadConfig) -> Result<(String, HeadConfig), FormatError> {
    let Some(file) = metadata(path)? else { return Ok((name(path)?, plain)) };
    let parsed = json::name(&file).and_then(|title| Ok((title, json::head(&file)?)));
    let (title, config) = parsed.map_err(|Message(why)| FormatError::config(path, format!("{CONFIG}: {why}")))?;
    if !same_form(&config, &plain) {
        let message = format!("its metadata {CONFIG} describes another head than its tensors are");
        return Err(FormatError::config(path, message));
    }
    Ok((title, config))
}

/// What the metadata of the weights say of the head, if they are ours.
fn metadata(path: &Path) -> Result<Option<Value>, FormatError> {
    if path.extension().is_none_or(|end| end != "safetensors") || !is_there(path) {
        return Ok(None);
    }
    let file = TensorFile::open(path)?;
    let Some(text) = file.metadata().and_then(|metadata| metadata.get(CONFIG)) else { return Ok(None) };
    let parsed = serde_json::from_str(text).map(Some);
    parsed.map_err(|e| FormatError::config(path, format!("its metadata {CONFIG} is no JSON: {e}")))
}

/// Name and configuration of the head, for who only wants to look at them.
pub(crate) fn described(path: &Path) -> Result<(String, Map<String, Value>), FormatError> {
    let Some(mut file) = metadata(path)? else { return Ok((name(path)?, Map::new())) };
    let config = file["config"].take();
    let title = json::name(&file).map_err(|Message(why)| FormatError::config(path, format!("{CONFIG}: {why}")))?;
    Ok((title, config.as_object().cloned().unwrap_or_default()))
}

/// The task of a head, and its layers from the first to the last. Where `task_type` is null, PEFT names the model's class
/// instead; where neither says what it is, the tensors may.
fn form<S: Scalar>(file: &Value, tensors: &Tensors<S>, model: &Config) -> Result<(String, Vec<&'static str>), String> {
    let found = file.get("task_type").unwrap_or(&Value::Null);
    let class = file.pointer("/auto_mapping/base_model_class").and_then(Value::as_str);
    let task_type = match found {
        Value::Null => class.and_then(classifier::task_type).or_else(|| sole_fit(tensors, model)),
        said => said.as_str(),
    };
    let known = task_type.and_then(|name| Some((name.to_owned(), classifier::layers(name, model)?)));
    known.ok_or_else(|| match (found, class) {
        (Value::Null, Some(class)) => format!(
            "task_type is null and the head is of the class {class}; of transformers' classes those of {} are read",
            classifier::classes()
        ),
        (Value::Null, None) => "task_type is null, and the head may judge sequences or tokens: write \"SEQ_CLS\" or \
                                \"TOKEN_CLS\" there"
            .to_owned(),
        (Value::String(task_type), _) if classifier::is_known(task_type) => format!(
            "task_type is {task_type}, and transformers' head of that kind on this base, of the family {}, is none that is read: its \
             logits or its tokens go another way",
            model.family.model_type()
        ),
        (found, _) => format!("task_type is {found}, but heads are read of {} only", classifier::task_types()),
    })
}

/// The one task whose layers are those of the tensors.
fn sole_fit<S: Scalar>(tensors: &Tensors<S>, model: &Config) -> Option<&'static str> {
    let has = |layer: &&str| names(&format!("{layer}.weight")).iter().any(|name| tensors.shape(name).is_some());
    let fits = |task_type: &&str| {
        classifier::layers(task_type, model).is_some_and(|layers| layers.iter().all(has))
            && !(*task_type == "TOKEN_CLS" && tensors.any(|name| name.contains("pre_classifier") || is_pooler(name)))
    };
    let mut fitting = classifier::of_classes().filter(fits);
    fitting.next().filter(|_| fitting.next().is_none())
}
