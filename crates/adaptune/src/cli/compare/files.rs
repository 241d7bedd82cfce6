//! Which files a comparison reads and writes.

use super::contestant::Contestant;
use crate::cli::args::CompareArgs;
use crate::cli::task::TaskArg;
use crate::cli::train::DEFAULT_TASK;
use adaptune_transformer::weights::replace_file;
use anyhow::Result;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Where a method's run with a seed lies.
pub(super) fn folder(args: &CompareArgs, contestant: &Contestant, seed: u64) -> PathBuf {
    args.out.join(format!("{}-{seed}", contestant.slug()))
}

/// The data by which methods are compared, as `eval` names them.
pub(super) fn judged_by(args: &CompareArgs) -> PathBuf {
    let of_task = |task: &TaskArg| task.split("test");
    let builtin = || args.task.as_ref().and_then(of_task).unwrap_or_else(|| format!("{DEFAULT_TASK}:test").into());
    args.test.clone().or(args.dev.clone()).unwrap_or_else(builtin)
}

/// Writes a file, whole or not at all.
pub(super) fn write(path: &Path, text: &str) -> Result<()> {
    Ok(replace_file(path, |file| file.write_all(text.as_bytes()))?)
}
