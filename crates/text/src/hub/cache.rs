//! The cache that all Hugging Face programs share: `models--owner--name/snapshots/COMMIT`, with
//! `refs/main` naming the commit.

use crate::error::{Result, TextError};
use adaptune_transformer::weights::{TOKENIZER_LIMIT, read_file};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub(super) const CONFIG: &str = "config.json";
pub(super) const TOKENIZER: &str = "tokenizer.json";
pub(super) const WEIGHTS: &str = "model.safetensors";
pub(super) const INDEX: &str = "model.safetensors.index.json";
/// What older models have in the places of weights and their index.
pub(super) const TORCH: [&str; 2] = ["pytorch_model.bin", "pytorch_model.bin.index.json"];
/// What older models have in the place of a tokenizer, any of these sets.
pub(super) const OLDER_TOKENIZERS: [&[&str]; 3] = [&["vocab.txt"], &["vocab.json", "merges.txt"], &["spm.model"]];

/// One commit of a model as far as it lies in the cache.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// Its folder.
    pub(super) dir: PathBuf,
    /// Files that a complete model has and this one has not.
    pub(super) missing: Vec<String>,
}

impl Snapshot {
    /// The commit that `refs/main` names, if its folder exists.
    pub(super) fn of(cache: &Path, name: &str) -> Option<Self> {
        let model = cache.join(format!("models--{}", name.replace('/', "--")));
        let commit = std::fs::read_to_string(model.join("refs").join("main")).ok()?;
        let dir = model.join("snapshots").join(commit.trim());
        dir.is_dir().then(|| Self { missing: missing(&dir), dir })
    }
}

/// What keeps a folder from being a complete model. An interrupted download leaves no file under its
/// final name, so a file that exists is whole.
fn missing(dir: &Path) -> Vec<String> {
    let there = |name: &str| dir.join(name).exists();
    let mut wanted = vec![CONFIG.to_owned()];
    let older = OLDER_TOKENIZERS.iter().any(|files| files.iter().all(|name| there(name)));
    wanted.extend((!older).then(|| TOKENIZER.to_owned()));
    let index =
        [(WEIGHTS, INDEX), (TORCH[0], TORCH[1])].into_iter().find(|(whole, index)| there(whole) || there(index));
    wanted.extend(match index {
        Some((whole, index)) if !there(whole) => {
            shards(&dir.join(index)).unwrap_or_else(|_| vec!["shards of a readable index".to_owned()])
        }
        Some(_) => Vec::new(),
        None => vec![WEIGHTS.to_owned()],
    });
    wanted.retain(|name| !there(name));
    wanted
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// The files that an index of shards names, each once, in order. They must be plain names: an index
/// must not lead out of the model's folder.
pub(super) fn shards(index: &Path) -> Result<Vec<String>> {
    let refused = |message: String| TextError::Hub(format!("{}{message}", index.display()));
    let text = read_file(index, TOKENIZER_LIMIT).map_err(TextError::io("read", index))?;
    let parsed: Index =
        serde_json::from_slice(&text).map_err(|error| refused(format!(" is not an index of shards: {error}")))?;
    let names: BTreeSet<String> = parsed.weight_map.into_values().collect();
    if let Some(name) = names.iter().find(|name| !is_plain(name)) {
        return Err(refused(format!(
            ": expected names of .safetensors or .bin files in the same folder, found `{name}`"
        )));
    }
    if names.is_empty() {
        return Err(refused(" names no shards".into()));
    }
    Ok(names.into_iter().collect())
}

fn is_plain(name: &str) -> bool {
    [".safetensors", ".bin"].iter().any(|end| name.ends_with(end))
        && !name.starts_with('.')
        && !name.contains(['/', '\\', ':'])
}
