//! From the hidden folder in which a result was made to the place of an older one.

use adaptune_transformer::weights::replace_files;
use anyhow::{Context, Result};
use std::path::Path;

/// Puts the files of these names from `next` into `folder` together, removes those that `next` does not have, and then `next`.
///
/// # Errors
/// A file cannot be written: then `folder` is as it was, and this can be done again.
pub(super) fn promote(next: &Path, folder: &Path, names: &[&str]) -> Result<()> {
    replace_files(folder, names, |staged| {
        let there = names.iter().filter(|name| next.join(name).is_file());
        there.copied().try_for_each(|name| copy(&next.join(name), &staged.join(name)))
    })?;
    std::fs::remove_dir_all(next).with_context(|| format!("cannot remove {}", next.display()))
}

/// The files stay in the hidden folder too, so that a crash loses none of them.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let parent = to.parent().unwrap_or(to);
    std::fs::create_dir_all(parent).with_context(|| format!("cannot make the folder {}", parent.display()))?;
    // Not every file system has second names for a file.
    let linked = std::fs::hard_link(from, to).or_else(|_| std::fs::copy(from, to).map(|_| ()));
    linked.with_context(|| format!("cannot write {}", to.display()))
}
