//! Files that a command writes a record of each text into.

use super::misused::misuse;
use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

/// Refuses to write where somebody's data are, or where there is no folder, before anything is computed.
pub(crate) fn check(out: &Path, input: &Path, overwrite: bool) -> Result<()> {
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        bail!("--out {}: there is no folder {}; make it first", out.display(), folder.display());
    }
    let same = |a: &Path, b: &Path| matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b);
    if same(out, input) {
        misuse!("--out {} is the input itself; name another file", out.display());
    }
    if out.exists() && !overwrite {
        bail!("--out {} is there already; name another file, or add --overwrite", out.display());
    }
    Ok(())
}

/// Writes beside the file, and puts the whole in its place.
pub(crate) fn replace(out: &Path, write: impl FnOnce(&mut BufWriter<&File>) -> Result<()>) -> Result<()> {
    let mut failed = None;
    let written = adaptune_transformer::weights::replace_file(out, |file| {
        write(file).map_err(|error| {
            failed = Some(error);
            io::Error::other("the records failed")
        })
    });
    if let Some(error) = failed {
        return Err(error);
    }
    Ok(written?)
}

/// A bar where records go to a file; on the terminal they show by themselves how far they are.
pub(crate) fn bar(to_file: bool, texts: usize) -> ProgressBar {
    if !to_file {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(texts as u64);
    match ProgressStyle::with_template("{bar:30} {pos}/{len} texts, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
