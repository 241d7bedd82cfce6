//! Where a model lies: a folder, the Hugging Face cache, or the hub.

mod cache;
#[cfg(feature = "hub")]
mod download;
mod observer;
mod settings;

pub use observer::DownloadObserver;

use crate::error::{Result, TextError};
use adaptune_adapters::nearest;
use cache::Snapshot;
use settings::Settings;
use std::path::{Path, PathBuf};

/// The folder of the model that `name_or_dir` names.
///
/// A folder is taken as it is. Otherwise `owner/name` (or `name` alone) is a model of the hub: it is
/// looked up in the cache that it shares with Python, and downloaded there if it is not complete. The
/// usual variables are heeded: `HF_HOME`, `HF_HUB_CACHE`, `HF_ENDPOINT`, `HF_TOKEN`,
/// `HF_HUB_OFFLINE` and `HF_HUB_DOWNLOAD_TIMEOUT`.
///
/// # Errors
///
/// There is no such folder, it holds no model, or the model is not in the cache and cannot be downloaded.
pub fn resolve(name_or_dir: &str, observer: &mut dyn DownloadObserver) -> Result<PathBuf> {
    resolve_with(name_or_dir, &Settings::from_lookup(|name| std::env::var(name).ok()), observer)
}

fn resolve_with(name_or_dir: &str, settings: &Settings, observer: &mut dyn DownloadObserver) -> Result<PathBuf> {
    let path = Path::new(name_or_dir);
    if path.is_dir() {
        return folder_of_model(path);
    }
    if path.is_file() {
        let message = format!("{name_or_dir} is a file; give the folder that holds config.json and model.safetensors");
        return Err(TextError::Model(message));
    }
    if !is_hub_name(name_or_dir) {
        return Err(TextError::Model(format!("there is no folder {name_or_dir}{}", sibling_hint(path))));
    }
    if let Some(above) = folder_above(path) {
        let hint = sibling_hint(path);
        let above = above.display();
        let message =
            format!("there is no folder {name_or_dir}{hint}; `{above}` is a folder, so this is no name of the hub");
        return Err(TextError::Model(message));
    }
    match Snapshot::of(&settings.cache, name_or_dir) {
        Some(snapshot) if snapshot.missing.is_empty() => Ok(snapshot.dir),
        snapshot => obtain(name_or_dir, snapshot, settings, observer),
    }
}

/// The model is not complete in the cache. Without its tokenizer it is still a model, so that is not
/// asked of the network in vain.
fn obtain(
    name: &str,
    snapshot: Option<Snapshot>,
    settings: &Settings,
    observer: &mut dyn DownloadObserver,
) -> Result<PathBuf> {
    let lacks_only_tokenizer = snapshot.as_ref().is_some_and(|snapshot| snapshot.missing == ["tokenizer.json"]);
    match snapshot {
        Some(snapshot) if lacks_only_tokenizer && (settings.offline || cfg!(not(feature = "hub"))) => Ok(snapshot.dir),
        snapshot if settings.offline => {
            let message = not_cached(name, snapshot.as_ref(), settings);
            Err(TextError::Hub(format!("{message}; HF_HUB_OFFLINE forbids to download it")))
        }
        snapshot => download(name, snapshot.as_ref(), settings, observer),
    }
}

#[cfg(feature = "hub")]
fn download(
    name: &str,
    snapshot: Option<&Snapshot>,
    settings: &Settings,
    observer: &mut dyn DownloadObserver,
) -> Result<PathBuf> {
    download::download(name, settings, observer).map_err(|error| {
        TextError::Hub(format!("{}, and downloading it failed: {error}", not_cached(name, snapshot, settings)))
    })
}

#[cfg(not(feature = "hub"))]
fn download(
    name: &str,
    snapshot: Option<&Snapshot>,
    settings: &Settings,
    _: &mut dyn DownloadObserver,
) -> Result<PathBuf> {
    Err(TextError::Hub(format!(
        "{}; this build cannot download (it lacks the feature `hub`): give the folder of a model",
        not_cached(name, snapshot, settings)
    )))
}

/// That neither a folder nor the cache has the model.
fn not_cached(name: &str, snapshot: Option<&Snapshot>, settings: &Settings) -> String {
    let in_cache = match snapshot {
        Some(snapshot) => format!("is incomplete (it lacks {})", snapshot.missing.join(", ")),
        None => "does not have it".to_owned(),
    };
    format!(
        "there is no folder {name}{}, the cache {} {in_cache}",
        sibling_hint(Path::new(name)),
        settings.cache.display()
    )
}

fn folder_of_model(dir: &Path) -> Result<PathBuf> {
    if adaptune_transformer::weights::resolve(dir, "config.json")?.is_file() {
        return Ok(dir.to_owned());
    }
    let names = names_in(dir);
    let found = match names.len() {
        0 => "nothing".to_owned(),
        1..=8 => names.join(", "),
        count => format!("{}, ... ({} more)", names[..8].join(", "), count - 8),
    };
    let advice = if names.iter().any(|name| name == "adapter_config.json") {
        "this is an adapter; give the model that it belongs to"
    } else {
        "give a folder as Python's save_pretrained writes it"
    };
    let dir = dir.display();
    Err(TextError::Model(format!("{dir} holds no model: expected config.json, found {found}; {advice}")))
}

/// `owner/name` or `name`, of letters, digits, `-`, `_` and `.`, as on the hub.
fn is_hub_name(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let part = |part: &str| !part.is_empty() && !part.starts_with(['.', '-']) && part.chars().all(letter);
    name.split('/').count() <= 2 && name.split('/').all(part) && !name.contains("..") && !name.contains("--")
}

/// `models/minlim` beside a folder `models` is a slip in a path, not a model by an owner called `models`.
fn folder_above(path: &Path) -> Option<&Path> {
    path.parent().filter(|parent| !parent.as_os_str().is_empty() && parent.is_dir())
}

fn sibling_hint(path: &Path) -> String {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folders: Vec<String> = names_in(parent.unwrap_or(Path::new(".")))
        .into_iter()
        .filter(|name| parent.unwrap_or(Path::new("")).join(name).is_dir())
        .collect();
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    match nearest(&name, folders.iter().map(String::as_str)) {
        Some(near) => format!(" (did you mean {}?)", path.with_file_name(near).display()),
        None => String::new(),
    }
}

/// Names in a folder, sorted; none if it cannot be read.
fn names_in(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[cfg(feature = "hub")]
#[cfg(test)]
mod download_tests;
#[cfg(test)]
mod tests;
