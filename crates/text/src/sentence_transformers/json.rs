//! The files of a folder, all of them JSON.

use crate::error::{Result, TextError};
use adaptune_transformer::weights::{CONFIGURATION_LIMIT, is_there, read_file, resolve};
use serde::de::DeserializeOwned;
use std::path::Path;

/// A file of JSON.
pub(super) fn json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = read_file(path, CONFIGURATION_LIMIT).map_err(TextError::io("read", path))?;
    serde_json::from_slice(&text)
        .map_err(|error| TextError::Model(format!("{}, a file of sentence-transformers: {error}", path.display())))
}

/// A file of JSON that need not be there.
pub(super) fn json_if_there<T: DeserializeOwned>(folder: &Path, name: &str) -> Result<Option<T>> {
    let path = resolve(folder, name)?;
    if is_there(&path) { json(&path).map(Some) } else { Ok(None) }
}
