//! What whoever uses an adapter's files should know of them although they can be read.

use super::describe::tensors;
use super::error::FormatError;
use super::files::{ADAPTER, HEAD, PEFT};
use super::tensors::is_ours;
use super::{json, lookup, peft};
use crate::registry::method::Method;
use adaptune_transformer::weights::{is_there, resolve};
use serde_json::{Map, Value};
use std::fmt;
use std::path::{Path, PathBuf};

/// What whoever uses an adapter's files should know of them although they can be read; its [`Display`](fmt::Display) says it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Note {
    /// A field that is not known says something. It is not read, so that what it asks for is not computed.
    UnknownField {
        /// The configuration file.
        path: PathBuf,
        /// The field.
        field: String,
        /// Its value.
        value: Value,
    },
    /// AdapterHub's files of NoReFT and DiReFT are the same; it is computed as NoReFT.
    NoReftOrDiReft {
        /// The configuration file.
        path: PathBuf,
    },
    /// There is a head's configuration without weights, so that there is no head.
    HeadWithoutWeights {
        /// The configuration file.
        path: PathBuf,
    },
    /// The weights hold tensors of a pooler and no classifier that reads it, so that they change nothing.
    PoolerWithoutHead {
        /// The weights file.
        path: PathBuf,
        /// One of the tensors.
        tensor: String,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownField { path, field, value } => write!(
                f,
                "{}: the field {field}={value} is not known and not read; if it changes what the adapter computes, that is \
                 not computed here",
                path.display()
            ),
            Self::NoReftOrDiReft { path } => write!(
                f,
                "{}: the file does not say whether this is NoReFT or DiReFT, since AdapterHub writes both alike; it is computed \
                 as NoReFT. If it was trained as DiReFT, add \"subtract_projection\": false to \"config\"",
                path.display()
            ),
            Self::HeadWithoutWeights { path } => {
                let (safetensors, torch) = (HEAD.safetensors, HEAD.torch);
                write!(
                    f,
                    "{}: its weights, {safetensors} or {torch}, are not there, so there is no head",
                    path.display()
                )
            }
            Self::PoolerWithoutHead { path, tensor } => write!(
                f,
                "{}: {tensor} and its like belong to the pooler, which only a head would read, and there is none: they change \
                 nothing here",
                path.display()
            ),
        }
    }
}

/// Returns what to know of the adapters and the head of a directory, or of those of a [setup](super::save_setup); nothing where
/// the files are as they should be. No base is needed.
///
/// # Errors
/// If there is neither adapter nor head, or a file is broken.
pub fn notes(directory: &Path) -> Result<Vec<Note>, FormatError> {
    let mut notes = Vec::new();
    for (kind, files, folder) in lookup::folders(directory)? {
        let path = resolve(&folder, files.config)?;
        if !is_there(&path) {
            continue;
        }
        let file = json::read(&path)?;
        match kind {
            "fusion" | "router" => unknown(&path, file.as_object(), &[ENVELOPE, OF_MIXERS], &mut notes),
            "head" => of_head(&folder, &path, &file, &mut notes)?,
            _ if file.get("peft_type").is_some() => of_peft(&folder, &path, &file, &mut notes)?,
            _ => of_hub(&folder, &path, &file, &mut notes)?,
        }
    }
    Ok(notes)
}

/// The fields of AdapterHub's files beside `config`, those of 2020 among them.
const ENVELOPE: &[&str] =
    &["config", "config_id", "hidden_size", "model_class", "model_name", "model_type", "name", "type", "version"];

/// That of a fusion's file, and of a router's.
const OF_MIXERS: &[&str] = &["adapter_names"];

/// Those of a head's `config`, and of a static head's file.
const OF_HEADS: &[&str] = &[
    "activation_function",
    "bias",
    "dropout_prob",
    "head_type",
    "label2id",
    "layers",
    "num_choices",
    "num_labels",
    "pooling",
    "use_pooler",
];

fn of_hub(folder: &Path, path: &Path, file: &Value, notes: &mut Vec<Note>) -> Result<(), FormatError> {
    unknown(path, file.as_object(), &[ENVELOPE], notes);
    if file.get("config").is_some_and(says_no_difference) && !is_ours(folder, &ADAPTER)? {
        notes.push(Note::NoReftOrDiReft { path: path.to_owned() });
    }
    Ok(())
}

/// True of a NoReFT or DiReFT that does not say which it is, or a union with one.
fn says_no_difference(config: &Value) -> bool {
    let members = config.get("configs").and_then(Value::as_array).into_iter().flatten();
    let is = |field: &str, value: Value| config.get(field).is_some_and(|found| *found == value);
    let either = is("architecture", "reft".into()) && is("orthogonality", false.into());
    let in_a_union = is("architecture", Method::UNION.into()) && members.into_iter().any(says_no_difference);
    in_a_union || either && config.get("subtract_projection").is_none()
}

fn of_head(folder: &Path, path: &Path, file: &Value, notes: &mut Vec<Note>) -> Result<(), FormatError> {
    let config = file.get("config").and_then(Value::as_object);
    unknown(path, config, &[OF_HEADS], notes);
    let of_static: &[&[&str]] = if config.is_none() { &[ENVELOPE, OF_HEADS] } else { &[ENVELOPE] };
    unknown(path, file.as_object(), of_static, notes);
    if !HEAD.have_weights(folder)? {
        notes.push(Note::HeadWithoutWeights { path: path.to_owned() });
    }
    Ok(())
}

fn of_peft(folder: &Path, path: &Path, file: &Value, notes: &mut Vec<Note>) -> Result<(), FormatError> {
    let unknown = peft::unknown_fields(file);
    notes.extend(unknown.into_iter().map(|(field, value)| Note::UnknownField { path: path.to_owned(), field, value }));
    if !PEFT.have_weights(folder)? {
        return Ok(());
    }
    let (weights, tensors) = tensors(folder, &PEFT)?;
    let of_head = tensors.iter().find(|(name, _)| peft::modules::is_head(name));
    if let Some((tensor, _)) = of_head.filter(|_| !tensors.iter().any(|(name, _)| peft::modules::is_classifier(name))) {
        let path = resolve(folder, weights)?;
        notes.push(Note::PoolerWithoutHead { path, tensor: tensor.clone() });
    }
    Ok(())
}

/// Fields that are in none of the lists and say something.
fn unknown(path: &Path, fields: Option<&Map<String, Value>>, known: &[&[&str]], notes: &mut Vec<Note>) {
    let is_known = |name: &String| known.iter().any(|list| list.contains(&name.as_str()));
    let fields = fields.into_iter().flatten().filter(|(name, value)| !is_known(name) && json::says_something(value));
    let note = |(field, value): (&String, &Value)| Note::UnknownField {
        path: path.to_owned(),
        field: field.clone(),
        value: value.clone(),
    };
    notes.extend(fields.map(note));
}
