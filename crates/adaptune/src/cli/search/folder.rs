//! The folder of a search: the plan, a folder for each training, and what comes of them at the end.
//!
//! What replaces another search is made in a hidden folder within, and takes its place when it is whole.

use super::super::lock::{LOCK, Lock, refuse_if_held};
use super::super::staging::promote;
use super::super::unfinished::{clear, entries, is_empty};
use super::plan_file::{PLAN, PlanFile};
use adaptune_train::search::Training;
use adaptune_transformer::weights::{finish_replacing, replace_file};
use anyhow::{Context, Result, bail};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The summary, which is there when the search has ended.
pub(super) const SUMMARY: &str = "search.json";
pub(super) const PICTURE: &str = "front.svg";
pub(super) const PAGE: &str = "search.html";
/// The folder of the best adapter.
pub(super) const BEST: &str = "best";
/// Where a search works that is to replace another one.
const NEXT: &str = ".adaptune-next";
/// Where it is begun, so that it is never there without its plan.
const BEGUN: &str = ".adaptune-begun";
/// What the names of the folders of trainings begin with.
const TRAINING: &str = "trial-";

pub(super) struct SearchFolder {
    /// As it was named.
    path: PathBuf,
    /// Where files are written until the search has ended.
    work: PathBuf,
    _lock: Lock,
}

impl SearchFolder {
    /// The folder of the plan of a search that is there, under way or ended.
    pub(super) fn of_plan(out: &Path) -> Option<PathBuf> {
        [out.join(NEXT), out.to_owned()].into_iter().find(|folder| folder.join(PLAN).is_file())
    }

    /// Refuses a folder in which no search may begin, and changes nothing.
    ///
    /// # Errors
    /// It is no folder, another process writes into it, or it holds anything and may not be overwritten.
    pub(super) fn check(out: &Path, overwrite: bool) -> Result<()> {
        let shown = out.display();
        if out.exists() && !out.is_dir() {
            bail!("{shown} is a file; --out must name a folder");
        }
        refuse_if_held(out)?;
        if overwrite || is_empty(out)? {
            return Ok(());
        }
        match (out.join(PLAN).is_file(), out.join(SUMMARY).is_file()) {
            (true, true) => {
                bail!("{shown} holds a search already: name another folder with --out, or replace it with --overwrite")
            }
            (true, false) => {
                bail!("{shown} holds a search that did not end: go on with --resume, or begin anew with --overwrite")
            }
            (false, _) => bail!("{shown} is not empty: name a new folder with --out, or add --overwrite"),
        }
    }

    /// Makes the folder, and writes the plan.
    pub(super) fn begin(out: &Path, plan: &PlanFile) -> Result<Self> {
        std::fs::create_dir_all(out).with_context(|| format!("cannot make the folder {}", out.display()))?;
        let lock = Lock::take(out)?;
        finish_replacing(out)?;
        clear(out, &[LOCK])?;
        let text = serde_json::to_string_pretty(plan).context("the plan as JSON")?;
        let write = |folder: &Path| replace_file(&folder.join(PLAN), |file| writeln!(file, "{text}"));
        if is_empty(out)? {
            write(out)?;
            return Ok(Self { path: out.to_owned(), work: out.to_owned(), _lock: lock });
        }
        let (begun, work) = (out.join(BEGUN), out.join(NEXT));
        std::fs::create_dir(&begun).with_context(|| format!("cannot make the folder {}", begun.display()))?;
        write(&begun)?;
        std::fs::rename(&begun, &work).with_context(|| format!("cannot make the folder {}", work.display()))?;
        Ok(Self { path: out.to_owned(), work, _lock: lock })
    }

    /// The folder of a search that is there.
    pub(super) fn go_on(out: &Path) -> Result<Self> {
        let lock = Lock::take(out)?;
        finish_replacing(out)?;
        let next = out.join(NEXT);
        let work = if next.join(PLAN).is_file() { next } else { out.to_owned() };
        clear(out, if work == out { &[LOCK] } else { &[LOCK, NEXT] })?;
        finish_replacing(&work)?;
        clear(&work, &[LOCK, NEXT])?;
        Ok(Self { path: out.to_owned(), work, _lock: lock })
    }

    pub(super) fn work(&self) -> &Path {
        &self.work
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The name of the folder of a training.
    pub(super) fn name(training: &Training) -> String {
        format!("{TRAINING}{:03}-epochs-{}", training.trial, training.epochs)
    }

    /// The folder of a training.
    pub(super) fn of(&self, training: &Training) -> PathBuf {
        self.work.join(Self::name(training))
    }

    /// Puts the search into the place of the one that it replaces, if it does.
    pub(super) fn end(&self) -> Result<()> {
        if self.work == self.path {
            return Ok(());
        }
        let old = files(&self.path)?;
        let names = [PLAN, SUMMARY, PICTURE, PAGE].into_iter().chain(old.iter().map(String::as_str));
        promote(&self.work, &self.path, &names.collect::<Vec<_>>())?;
        folders(&self.path)?.iter().filter(|folder| is_empty(folder).unwrap_or(false)).for_each(|folder| {
            let _ = std::fs::remove_dir(folder);
        });
        Ok(())
    }
}

/// The files in the folders of a search, by their paths from it.
fn files(search: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for folder in folders(search)? {
        let inside = entries(&folder)?.into_iter().filter(|path| path.is_file());
        found.extend(inside.filter_map(|path| Some(path.strip_prefix(search).ok()?.to_string_lossy().into_owned())));
    }
    found.sort();
    Ok(found)
}

/// The folders of a search: that of the best adapter, and those of trainings.
fn folders(search: &Path) -> Result<Vec<PathBuf>> {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let ours = |path: &PathBuf| path.is_dir() && (name(path) == BEST || name(path).starts_with(TRAINING));
    Ok(entries(search)?.into_iter().filter(ours).collect())
}
