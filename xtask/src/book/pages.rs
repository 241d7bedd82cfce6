//! What the book consists of: the Markdown files in `docs`, and the pictures beside them.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::tidy;

/// Where the pages are.
pub(crate) const FOLDER: &str = "docs";

/// The list of chapters, which is no page.
pub(crate) fn summary() -> PathBuf {
    Path::new(FOLDER).join("SUMMARY.md")
}

/// Every page, as a path below `root`.
pub(crate) fn pages(root: &Path) -> Result<Vec<PathBuf>> {
    Ok(files(root, "md")?.into_iter().filter(|path| *path != summary()).collect())
}

/// Every picture, likewise, and every page that is no Markdown.
pub(crate) fn pictures(root: &Path) -> Result<Vec<PathBuf>> {
    Ok([files(root, "svg")?, files(root, "html")?].concat())
}

fn files(root: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let is_one = |path: &PathBuf| path.starts_with(FOLDER) && path.extension().is_some_and(|found| found == extension);
    Ok(tidy::files(root)?.into_iter().filter(is_one).collect())
}
