//! Hidden files and folders in which something is being made: what a killed run leaves, and nobody needs.

use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// How their names begin.
pub(super) const UNFINISHED: &str = ".adaptune-";

/// Removes what is unfinished from a folder, but for these.
pub(super) fn clear(folder: &Path, but: &[&str]) -> Result<()> {
    let kept = |path: &Path| but.iter().any(|name| path.ends_with(name));
    for path in entries(folder)?.iter().filter(|path| is_unfinished(path) && !kept(path)) {
        let removed = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
        removed.with_context(|| format!("cannot remove {}", path.display()))?;
    }
    Ok(())
}

/// True if a folder holds nothing else, or is not there.
pub(super) fn is_empty(folder: &Path) -> Result<bool> {
    Ok(entries(folder)?.iter().all(|path| is_unfinished(path)))
}

/// What lies in a folder; nothing if it is not there.
pub(super) fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let list = || folder.read_dir()?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>();
    list().with_context(|| format!("cannot read {}", folder.display()))
}

fn is_unfinished(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(UNFINISHED))
}
