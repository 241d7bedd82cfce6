//! From the hidden folder in which a result was made to the place of an older one.

use adaptune_transformer::weights::replace_files;
use anyhow::{Context, Result};
use std::path::Path;

/// Puts the files of these names from `next` into `folder` together, with all that lie in folders within, such as the adapters of a
/// composition; removes those of the names that `next` does not have, and then `next`.
///
/// # Errors
/// A file cannot be written: then `folder` is as it was, and this can be done again.
pub(super) fn promote(next: &Path, folder: &Path, names: &[&str]) -> Result<()> {
    let within = files_within(next)?;
    let others = within.iter().map(String::as_str).filter(|name| !names.contains(name));
    let names: Vec<&str> = names.iter().copied().chain(others).collect();
    replace_files(folder, &names, |staged| {
        let there = names.iter().filter(|name| next.join(name).is_file());
        there.copied().try_for_each(|name| copy(&next.join(name), &staged.join(name)))
    })?;
    std::fs::remove_dir_all(next).with_context(|| format!("cannot remove {}", next.display()))
}

/// The files in the folders of a folder, by their paths from it, in their order.
fn files_within(folder: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let list = |folder: &Path| -> std::io::Result<Vec<_>> { folder.read_dir()?.collect() };
    for entry in list(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if path.is_dir() && !name.starts_with('.') {
            let files = list(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let files = files.iter().filter(|file| file.path().is_file());
            found.extend(files.map(|file| format!("{name}/{}", file.file_name().to_string_lossy())));
            found.extend(files_within(&path)?.into_iter().map(|file| format!("{name}/{file}")));
        }
    }
    found.sort();
    Ok(found)
}

/// The files stay in the hidden folder too, so that a crash loses none of them.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let parent = to.parent().unwrap_or(to);
    std::fs::create_dir_all(parent).with_context(|| format!("cannot make the folder {}", parent.display()))?;
    // Not every file system has second names for a file.
    let linked = std::fs::hard_link(from, to).or_else(|_| std::fs::copy(from, to).map(|_| ()));
    linked.with_context(|| format!("cannot write {}", to.display()))
}
