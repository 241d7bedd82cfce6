//! What the configuration files of AdapterHub have in common, and `head_config.json`.

use super::error::{FormatError, Message};
use super::family::model_class;
use crate::head::Pooling;
use crate::head::config::HeadConfig;
use crate::head::task::Task;
use adaptune_tensor::Activation;
use adaptune_transformer::Config;
use adaptune_transformer::weights::{CONFIGURATION_LIMIT, open_file, read_file};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, json};
use std::fmt;
use std::io::Read;
use std::path::Path;

/// The version of the format that we write: that of the library which defines it.
pub(super) const VERSION: &str = "adapters.1.3.0";

/// More linear layers than any head has: a damaged file must not ask for more memory than there is.
const MOST_LAYERS: usize = 64;

/// Our field for what a head reads, where Python's heads cannot read it. Python then refuses the head, which is right: a head
/// that read the first token in the place of the mean would pass for ours and compute other numbers.
const POOLING: &str = "pooling";

/// Our mark of heads whose labels are a tree. Python passes it over and loads a classification of all labels, whose logits are ours.
const HIERARCHICAL: &str = "hierarchical";

/// What a placeholder of Git LFS begins with.
const LFS: &[u8] = b"version https://git-lfs.";

/// What `head_config.json` says: the head's name and configuration.
pub(crate) fn read_head(path: &Path, file: &Value, model: &Config) -> Result<(String, HeadConfig), FormatError> {
    check_base(path, file, model)?;
    let named = |Message(message)| FormatError::config(path, message);
    let config = head(file).map_err(named)?;
    Ok((name(file).map_err(named)?, config))
}

/// The text of `head_config.json`.
pub(crate) fn head_text(name: &str, config: &HeadConfig, model: &Config) -> String {
    let named = |(i, label): (usize, &String)| {
        (if config.task.predicts_a_number() { "LABEL_0".to_owned() } else { label.clone() }, i.into())
    };
    let labels: Map<String, Value> = config.labels.iter().enumerate().map(named).collect();
    let choice = config.task.predicts_a_choice();
    let mut fields = json!({
        "activation_function": config.activation.map(Activation::name),
        "dropout_prob": config.dropout,
        "head_type": config.task.description().head_type,
        "label2id": labels,
        "layers": config.layers,
        (count_field(choice)): config.labels.len(),
    });
    if says_bias(config.task) {
        fields["bias"] = config.bias.into();
    }
    if !config.task.reads_every_token() {
        fields["use_pooler"] = (config.pooling == Some(Pooling::Pooler)).into();
        if let Some(pooling) = unknown_to_python(config) {
            fields[POOLING] = pooling.into();
        }
    }
    let mut file = envelope(name, fields, model);
    if config.task.predicts_a_path() {
        file[HIERARCHICAL] = true.into();
    }
    text(&file)
}

/// The field with the number of labels. A choice among sequences has no class, but as many names as an example has choices.
fn count_field(choice: bool) -> &'static str {
    if choice { "num_choices" } else { "num_labels" }
}

/// True if files say of the heads of a task whether their last layer has a bias; others have one.
pub(super) fn says_bias(task: Task) -> bool {
    !task.reads_every_token() && !task.predicts_a_choice()
}

pub(super) fn envelope(name: &str, config: Value, model: &Config) -> Value {
    json!({
        "config": config,
        "hidden_size": model.hidden,
        "model_class": model_class(model.family),
        "model_name": model.name,
        "model_type": model.family.model_type(),
        "name": name,
        "version": VERSION,
    })
}

/// Two spaces, sorted keys, nothing but ASCII: what Python writes.
pub(super) fn text(value: &Value) -> String {
    let pretty = serde_json::to_string_pretty(&sorted(value)).expect("a value of strings and numbers");
    let mut ascii = String::with_capacity(pretty.len());
    for c in pretty.chars() {
        if c.is_ascii() {
            ascii.push(c);
        } else {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| ascii.push_str(&format!("\\u{unit:04x}")));
        }
    }
    ascii
}

/// The value with the keys of every map in order.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            Value::Object(entries.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect())
        }
        other => other.clone(),
    }
}

/// Refuses a file that Git LFS has not fetched.
pub(super) fn check_lfs(path: &Path) -> Result<(), FormatError> {
    let mut beginning = Vec::new();
    let file = open_file(path).map_err(FormatError::io("read", path))?;
    file.take(LFS.len() as u64).read_to_end(&mut beginning).map_err(FormatError::io("read", path))?;
    if beginning == LFS {
        let message = "this is a Git LFS pointer, not the file itself; fetch it with `git lfs pull`";
        return Err(FormatError::config(path, message));
    }
    Ok(())
}

/// True of a value that is more than an absent one: not null, false, empty or `none`.
pub(super) fn says_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty() && text != "none",
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
        _ => true,
    }
}

/// Reads a configuration file as it is.
pub(super) fn read(path: &Path) -> Result<Value, FormatError> {
    let bytes = read_file(path, CONFIGURATION_LIMIT).map_err(FormatError::io("read", path))?;
    let parsed = serde_json::from_slice::<Unique>(&bytes);
    parsed.map(|Unique(value)| value).map_err(|error| {
        let doubled = error.classify() == serde_json::error::Category::Data;
        FormatError::config(path, if doubled { error.to_string() } else { format!("this is no JSON: {error}") })
    })
}

/// A JSON value in which no object has a key twice. Of two values for one key a parser would silently take the last.
struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor).map(Unique)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(Unique(value)) = items.next_element()? {
            all.push(value);
        }
        Ok(all.into())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some((key, Unique(value))) = entries.next_entry::<String, Unique>()? {
            if let Some(first) = all.get(&key) {
                return Err(A::Error::custom(format!("{key:?} is there twice, as {first} and as {value}")));
            }
            all.insert(key, value);
        }
        Ok(all.into())
    }
}

/// What the file says of its base must be true of this one. It need not say anything.
pub(super) fn check_base(path: &Path, file: &Value, model: &Config) -> Result<(), FormatError> {
    let other = |what: &str, found: String, expected: String| {
        Err(FormatError::OtherBase { path: path.to_owned(), what: what.to_owned(), found, expected })
    };
    match file.get("hidden_size").and_then(Value::as_u64) {
        Some(size) if size != model.hidden as u64 => {
            return other("hidden size", size.to_string(), model.hidden.to_string());
        }
        _ => {}
    }
    match file.get("model_type").and_then(Value::as_str) {
        Some(found) if found != model.family.model_type() => {
            other("model type", found.to_owned(), model.family.model_type().to_owned())
        }
        _ => Ok(()),
    }
}

pub(super) fn name(file: &Value) -> Result<String, Message> {
    let name = file.get("name").and_then(Value::as_str);
    name.map(str::to_owned).ok_or_else(|| "\"name\" is missing; expected the name of the adapter or head".into())
}

/// The configuration of a head file.
pub(super) fn head(file: &Value) -> Result<HeadConfig, Message> {
    let fields = file.get("config").and_then(Value::as_object);
    let fields = fields.ok_or("\"config\" is missing; only heads of transformers' own model classes have none")?;
    let number = |name: &str| fields.get(name).and_then(Value::as_u64).map(|n| n as usize);
    let flag = |name: &str, default| fields.get(name).and_then(Value::as_bool).unwrap_or(default);
    let head_type = fields.get("head_type").and_then(Value::as_str);
    // Which task it is may depend on the number of labels, whether it is one of choices does not.
    let any = head_type.and_then(|head_type| Task::of_head_type(head_type, 2));
    let count = count_field(any.is_some_and(Task::predicts_a_choice));
    let labels = labels(fields, number(count).ok_or_else(|| format!("\"{count}\" is missing"))?)?;
    let task = head_type
        .and_then(|head_type| Task::of_head_type(head_type, labels.len()))
        .ok_or_else(|| format!("heads of type {head_type:?} are not read; those of {} are", Task::head_types()))?;
    let of_paths = file.get(HIERARCHICAL).and_then(Value::as_bool).unwrap_or(false);
    let task = if of_paths && task == Task::CLASSIFICATION { Task::HIERARCHICAL } else { task };
    let activation = match fields.get("activation_function") {
        None | Some(Value::Null) => None,
        Some(value) => {
            Some(value.as_str().and_then(Activation::from_name).ok_or("\"activation_function\" is not known")?)
        }
    };
    let default = HeadConfig::new(task, labels);
    let layers = number("layers").unwrap_or(default.layers);
    if layers > MOST_LAYERS {
        return Err(format!("\"layers\" is {layers}, but must be at most {MOST_LAYERS}").into());
    }
    Ok(HeadConfig {
        layers,
        activation,
        pooling: pooling(fields)?,
        bias: flag("bias", true),
        dropout: fields.get("dropout_prob").and_then(Value::as_f64),
        ..default
    })
}

/// The name of what a head reads of each sequence, if `use_pooler` does not say it.
fn unknown_to_python(config: &HeadConfig) -> Option<&'static str> {
    let read = config.selection();
    let pooling = config.pooling.or_else(|| Pooling::ALL.into_iter().find(|pooling| pooling.selection() == read))?;
    (!pooling.is_known_in_python()).then(|| pooling.name())
}

/// What a head file says that it reads of each sequence, if it says anything.
fn pooling(fields: &Map<String, Value>) -> Result<Option<Pooling>, Message> {
    let pooler = fields.get("use_pooler").and_then(Value::as_bool).unwrap_or(false);
    let pooler = pooler.then_some(Pooling::Pooler);
    let Some(value) = fields.get(POOLING).filter(|value| !value.is_null()) else { return Ok(pooler) };
    let known = Pooling::ALL.map(Pooling::name).join(", ");
    let pooling = value.as_str().and_then(Pooling::from_name);
    let pooling = pooling.ok_or_else(|| format!("\"{POOLING}\" is {value}, but must be one of {known}"))?;
    match pooler {
        Some(pooler) if pooler != pooling => {
            Err(format!("\"{POOLING}\" is {value}, but \"use_pooler\" is true: leave one of them out").into())
        }
        // So heads read whole texts where nothing is said.
        _ => Ok(Some(pooling).filter(|pooling| *pooling != Pooling::First)),
    }
}

/// Labels in the order of their ids; without names they are called `LABEL_0` and so on. That each has a name of its own, a head
/// sees to itself.
pub(super) fn labels(fields: &Map<String, Value>, count: usize) -> Result<Vec<String>, Message> {
    let mut labels: Vec<Option<String>> = vec![None; count.min(1 << 20)];
    let named = fields.get("label2id").and_then(Value::as_object).into_iter().flatten();
    for (label, id) in named {
        let number = id.as_u64().or_else(|| id.as_str()?.parse().ok());
        let place = number.and_then(|id| labels.get_mut(id as usize));
        let place = place.ok_or_else(|| format!("label \"{label}\" has id {id}, but there are {count} labels"))?;
        if let Some(other) = place.replace(label.clone()) {
            return Err(format!("labels {other:?} and {label:?} both have id {id}: each needs its own").into());
        }
    }
    Ok(labels.into_iter().enumerate().map(|(i, l)| l.unwrap_or_else(|| format!("LABEL_{i}"))).collect())
}
