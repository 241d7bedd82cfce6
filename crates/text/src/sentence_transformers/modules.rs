//! `modules.json`: what a model consists of.

use super::json::json_if_there;
use crate::error::Result;
use serde::Deserialize;
use std::path::{Component, Path};

/// The file in which sentence-transformers lists what a model consists of.
pub(crate) const MODULES: &str = "modules.json";

/// A module of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Module {
    /// Its folder, relative to the model's; empty for that itself.
    pub(super) path: String,
    pub(super) kind: Kind,
    /// Its class, as the file has it.
    pub(super) name: String,
}

/// What a module computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Transformer,
    Pooling,
    Dense,
    Normalize,
    /// Does nothing where nothing is trained.
    Dropout,
    /// One that is not known here, or lies elsewhere than in the folder.
    Unknown,
}

#[derive(Deserialize)]
struct Entry {
    path: String,
    r#type: String,
}

/// The modules of a folder, in order; `None` if it lists none.
pub(super) fn modules(folder: &Path) -> Result<Option<Vec<Module>>> {
    let entries: Option<Vec<Entry>> = json_if_there(folder, MODULES)?;
    Ok(entries.map(|entries| entries.into_iter().map(Module::from).collect()))
}

/// The files of the modules, relative to the folder: what is downloaded besides the transformer. They cannot lead out of it.
#[cfg(feature = "hub")]
pub(crate) fn files(folder: &Path) -> Result<Vec<String>> {
    let of_module = |module: Module| -> Vec<String> {
        let names: &[&str] = match module.kind {
            Kind::Pooling => &["config.json"],
            Kind::Dense => &["config.json", "model.safetensors"],
            _ => &[],
        };
        names.iter().map(|name| format!("{}/{name}", module.path)).collect()
    };
    Ok(modules(folder)?.into_iter().flatten().flat_map(of_module).collect())
}

impl From<Entry> for Module {
    fn from(Entry { path, r#type: name }: Entry) -> Self {
        let inside = Path::new(&path).components().all(|part| matches!(part, Component::Normal(_)));
        let kind = if inside { Kind::of(&name) } else { Kind::Unknown };
        Self { path, kind, name }
    }
}

impl Kind {
    /// That of a class. Versions have its module in several places.
    fn of(class: &str) -> Self {
        if !class.starts_with("sentence_transformers.") {
            return Self::Unknown;
        }
        match class.rsplit('.').next() {
            Some("Transformer") => Self::Transformer,
            Some("Pooling") => Self::Pooling,
            Some("Dense") => Self::Dense,
            Some("Normalize") => Self::Normalize,
            Some("Dropout") => Self::Dropout,
            _ => Self::Unknown,
        }
    }
}
