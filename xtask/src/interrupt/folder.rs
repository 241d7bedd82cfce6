//! What lies in a folder, and whether it is one of two results.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;

/// The files of a folder that others read, by their paths in it. Names that begin with a point are not among them.
pub(super) type Files = BTreeMap<PathBuf, Vec<u8>>;

/// What holds times, and differs from run to run.
const TIMED: [&str; 5] = ["closing.json", "asked.json", "compare.json", "compare.svg", "compare.html"];
/// A picture, which may be missing where the disk is full.
const EXTRA: &str = "loss.svg";

/// The files of a folder and of those in it; none if it is not there.
pub(super) fn files(folder: &Path) -> Result<Files> {
    let mut found = Files::new();
    if folder.is_dir() {
        add(folder, folder, &mut found)?;
    }
    Ok(found)
}

fn add(root: &Path, folder: &Path, found: &mut Files) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') {
            add(root, &path, found)?;
        } else if path.is_file() && !name.starts_with('.') && !TIMED.contains(&name.as_str()) {
            found.insert(path.strip_prefix(root)?.to_owned(), fs::read(&path)?);
        }
    }
    Ok(())
}

/// True if both are the same, but for pictures that are not among the found ones.
pub(super) fn same(found: &Files, expected: &Files) -> bool {
    difference(found, expected).is_none()
}

/// The first file in which they differ.
pub(super) fn difference(found: &Files, expected: &Files) -> Option<PathBuf> {
    let missing_picture = |path: &PathBuf| path.ends_with(EXTRA) && !found.contains_key(path);
    let lost = expected.iter().find(|(path, bytes)| found.get(*path) != Some(bytes) && !missing_picture(path));
    let strange = || found.keys().find(|path| !expected.contains_key(*path));
    lost.map(|(path, _)| path).or_else(strange).cloned()
}

/// The part of the files that lies in one folder.
pub(super) fn within(files: &Files, folder: &Path) -> Files {
    let inside =
        files.iter().filter_map(|(path, bytes)| Some((path.strip_prefix(folder).ok()?.to_owned(), bytes.clone())));
    inside.collect()
}

/// True if files are being replaced in the folder or one in it: then readers find them by the journal.
pub(super) fn is_being_replaced(folder: &Path) -> bool {
    let entries = || fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    folder.join(".adaptune-replacing.json").exists() || entries().any(|path| path.is_dir() && is_being_replaced(&path))
}

/// True if nothing is in a folder, or it is not there.
pub(super) fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none())
}

/// Copies a folder with all that is in it.
pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy(&path, &target)?;
        } else {
            fs::copy(&path, &target)?;
        }
    }
    Ok(())
}

/// Removes a folder, if it is there.
pub(super) fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    Ok(())
}
