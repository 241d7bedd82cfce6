//! What a directory holds, and where the nearest adapter is if it holds none.

use super::error::{FormatError, Message};
use super::files::{ADAPTER, Files, HEAD, PEFT};
use super::hub::mixer::files;
use super::hub::name::check_name;
use super::{json, setup_file};
use adaptune_transformer::weights::{is_there, resolve};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};

/// How many folders are looked into, and how deep.
const MOST_FOLDERS: usize = 500;
const DEEPEST: usize = 3;

/// Folders with an adapter, a fusion, a router or a head in them: which of these, its files, and the folder.
pub(super) type Folders = Vec<(&'static str, &'static Files, PathBuf)>;

/// Where adapters and head of a directory are: in itself, or in the folders that a setup names.
pub(super) fn folders(directory: &Path) -> Result<Folders, FormatError> {
    check(directory)?;
    let path = resolve(directory, setup_file::FILE)?;
    if !is_there(&path) {
        return Ok(vec![("adapter", &ADAPTER, directory.to_owned()), ("head", &HEAD, directory.to_owned())]);
    }
    let (expression, head) =
        setup_file::read(&json::read(&path)?).map_err(|Message(m)| FormatError::config(&path, m))?;
    let adapters = expression.names().into_iter().map(|name| ("adapter", &ADAPTER, name));
    let mixers = expression.mixers();
    let mixers = mixers.iter().map(|(kind, name)| (kind.name(), files(*kind), name.as_str()));
    let adapters = adapters.chain(mixers);
    let named = |(kind, files, name): (_, _, &str)| check_name(name).map(|()| (kind, files, directory.join(name)));
    adapters.chain(head.iter().map(|name| ("head", &HEAD, name.as_str()))).map(named).collect()
}

/// Refuses a directory without adapter and head, and says where the nearest one is.
pub(super) fn check(directory: &Path) -> Result<(), FormatError> {
    if is_adapter(directory)? {
        return Ok(());
    }
    Err(FormatError::NoAdapter { directory: directory.to_owned(), advice: advice(directory) })
}

/// True if a directory holds an adapter, a head or a setup.
fn is_adapter(directory: &Path) -> Result<bool, FormatError> {
    let there = |name| Ok::<_, FormatError>(is_there(&resolve(directory, name)?));
    Ok(there(ADAPTER.config)? || there(HEAD.config)? || there(setup_file::FILE)?)
}

/// What is there in an adapter's place.
fn advice(directory: &Path) -> String {
    if !directory.is_dir() {
        return "there is no such folder".to_owned();
    }
    let weights = [&ADAPTER, &PEFT, &HEAD].into_iter().flat_map(|files| [files.safetensors, files.torch]);
    if let Some(file) = weights.into_iter().find(|file| is_there(&directory.join(file))) {
        return format!("{file} is there without the configuration that says what it is; copy that too");
    }
    match below(directory).as_slice() {
        [] if is_there(&directory.join("config.json")) => {
            "it is a base model; adapters are in folders of their own".into()
        }
        [] => match directory.parent().filter(|above| is_adapter(above).unwrap_or(false)) {
            Some(above) if !above.as_os_str().is_empty() => format!("there is one above, in {}", above.display()),
            _ => "nor is there one in the folders within it".to_owned(),
        },
        [only] => format!("there is one in {}: name that folder", only.display()),
        [first, rest @ ..] => {
            format!("there is one in {}, and {} more folders have one: name one of them", first.display(), rest.len())
        }
    }
}

/// The folders within a directory that hold an adapter, the nearest ones first, each level in the order of names.
fn below(directory: &Path) -> Vec<PathBuf> {
    let (mut found, mut queue) = (Vec::new(), VecDeque::from([(directory.to_owned(), 0)]));
    let mut looked_into = 0;
    while let Some((folder, depth)) = queue.pop_front() {
        looked_into += 1;
        if depth > 0 && is_adapter(&folder).unwrap_or(false) {
            // What is within an adapter's folder is its own.
            found.push(folder);
        } else if depth < DEEPEST && looked_into < MOST_FOLDERS {
            queue.extend(subfolders(&folder).into_iter().map(|folder| (folder, depth + 1)));
        }
    }
    found
}

/// Folders within a folder that are neither hidden nor links.
fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let seen = folders.filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'));
    let mut paths: Vec<PathBuf> = seen.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}
