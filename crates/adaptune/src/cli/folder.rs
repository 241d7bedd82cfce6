//! The folder of a run: what lies in it, and when it may be written.
//!
//! What replaces another result is made in a hidden folder within, and takes its place when it is whole: until then, and after a
//! crash at any moment, the folder holds the old result, and then the new one.

use super::lock::{LOCK, Lock, refuse_if_held};
use super::staging::promote;
use super::unfinished::{clear, is_empty};
use adaptune_text::{MODEL_CARD, ModelCard, RUN_FILE as RUN, RunFile, is_model_card};
use adaptune_transformer::weights::{finish_replacing, is_there, replace_file, resolve};
use anyhow::{Context, Result, bail};
use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The folder of a run.
pub(crate) struct RunFolder {
    path: PathBuf,
    /// Everything that a run of its kind may leave, in the order in which it is taken away.
    files: &'static [&'static str],
    /// True if nothing of the result may be seen before all of it is there, even where it replaces nothing.
    at_once: bool,
    /// Where the run writes, since the folder was made ready: the folder itself, or the hidden one.
    work: OnceCell<PathBuf>,
    /// Taken when the folder is made ready, and held until this is dropped.
    lock: OnceCell<Lock>,
}

/// Where the run stands that a folder holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing of a run.
    New,
    /// Begun, not ended.
    Interrupted,
    /// Ended.
    Complete,
}

const CHECKPOINT: &str = "checkpoint.safetensors";
const METRICS: &str = "metrics.jsonl";
/// The command line of a run that is under way.
const COMMAND: &str = "command.json";
/// Where a run works that is to replace another result.
const NEXT: &str = ".adaptune-next";
/// The same for what cannot be gone on with.
const AT_ONCE: &str = ".adaptune-whole";
/// Files that a run which has not come to a result leaves too.
const ON_THE_WAY: [&str; 4] = [CHECKPOINT, METRICS, COMMAND, "loss.svg"];
/// What `train` leaves: the file that marks a run as complete first, and the one that marks it as begun last.
pub(crate) const TRAINED: &[&str] = &[
    RUN,
    CHECKPOINT,
    COMMAND,
    "head_config.json",
    "model_head.safetensors",
    "adapter_config.json",
    "adapter.safetensors",
    "adapter_model.safetensors",
    "pytorch_adapter.bin",
    "adapter_model.bin",
    "adapter_setup.json",
    "thawed.safetensors",
    "domains.safetensors",
    "loss.svg",
    METRICS,
];
/// What `pretrain` leaves, in the same order.
pub(crate) const PRETRAINED: &[&str] = &[
    RUN,
    CHECKPOINT,
    "config.json",
    "model.safetensors",
    "generation_config.json",
    "tokenizer_config.json",
    "tokenizer.json",
    "loss.svg",
    METRICS,
];

impl RunFolder {
    /// The folder at `path`, which need not exist yet.
    pub(crate) fn new(path: &Path, files: &'static [&'static str]) -> Self {
        Self { path: path.to_owned(), files, at_once: false, work: OnceCell::new(), lock: OnceCell::new() }
    }

    /// The same for a result that appears in it as a whole, and is nothing that can be gone on with.
    pub(crate) fn at_once(path: &Path, files: &'static [&'static str]) -> Self {
        Self { at_once: true, ..Self::new(path, files) }
    }

    /// Tells whether a run may begin here, and changes nothing.
    ///
    /// # Errors
    /// The folder holds anything and neither `--resume` nor `--overwrite` was said.
    pub(crate) fn check(&self, resume: bool, overwrite: bool) -> Result<State> {
        let shown = self.path.display();
        if self.path.exists() && !self.path.is_dir() {
            bail!("{shown} is a file; --out must name a folder");
        }
        let state = self.state();
        if self.lock.get().is_none() {
            refuse_if_held(&self.path)?;
        }
        if self.is_empty()? || overwrite {
            return Ok(State::New);
        }
        if resume && self.next_is_under_way() {
            return Ok(State::Interrupted);
        }
        match state {
            State::Interrupted | State::Complete if resume => Ok(state),
            State::New => bail!("{shown} is not empty: name a new folder with --out, or add --overwrite"),
            State::Interrupted => {
                bail!("{shown} holds a run that did not end: go on with --resume, or start anew with --overwrite")
            }
            State::Complete => {
                bail!("{shown} holds a run already: name another folder with --out, or replace it with --overwrite")
            }
        }
    }

    /// Makes the folder ready for the run: makes it if it is not there, and takes away what an earlier run left, unless that is a
    /// result, which stays until [`complete`](Self::complete).
    ///
    /// # Errors
    /// As [`check`](Self::check), or the folder cannot be made or changed, or files in it were being replaced and one of them is lost.
    pub(crate) fn prepare(&self, resume: bool, overwrite: bool) -> Result<State> {
        self.check(resume, overwrite)?;
        std::fs::create_dir_all(&self.path)
            .with_context(|| format!("cannot make the folder {}", self.path.display()))?;
        if self.lock.get().is_none() {
            let _ = self.lock.set(Lock::take(&self.path)?);
        }
        // Another process may have ended here meanwhile.
        let state = self.check(resume, overwrite)?;
        self.finish_replacing(&self.path)?;
        let goes_on = state == State::Interrupted && self.next_is_under_way();
        clear(&self.path, if goes_on { &[LOCK, NEXT] } else { &[LOCK] })?;
        if goes_on {
            return self.go_on();
        }
        match state {
            State::New if self.at_once || self.holds_a_result() => {
                let next = self.path.join(if self.at_once { AT_ONCE } else { NEXT });
                std::fs::create_dir(&next).with_context(|| format!("cannot make the folder {}", next.display()))?;
                let _ = self.work.set(next);
            }
            State::New => self.files.iter().try_for_each(|file| self.remove(file))?,
            State::Complete => self.end()?,
            State::Interrupted => {}
        }
        Ok(state)
    }

    /// Goes on in the hidden folder; what is whole there only has to take its place.
    fn go_on(&self) -> Result<State> {
        let next = self.path.join(NEXT);
        self.finish_replacing(&next)?;
        clear(&next, &[])?;
        let whole = next.join(RUN).exists();
        let _ = self.work.set(next);
        if !whole {
            return Ok(State::Interrupted);
        }
        self.end()?;
        Ok(State::Complete)
    }

    /// Finishes what a killed run was replacing, here and in the folders of its files: hidden files may be a part of it.
    fn finish_replacing(&self, within: &Path) -> Result<()> {
        let folders: BTreeSet<PathBuf> =
            self.files.iter().filter_map(|file| Some(within.join(file).parent()?.to_owned())).collect();
        folders.iter().try_for_each(|folder| Ok(finish_replacing(folder)?))
    }

    /// Where the run writes its files, until it is complete.
    pub(crate) fn work(&self) -> &Path {
        self.work.get().unwrap_or(&self.path)
    }

    pub(crate) fn checkpoint(&self) -> PathBuf {
        self.work().join(CHECKPOINT)
    }

    pub(crate) fn metrics(&self) -> PathBuf {
        self.work().join(METRICS)
    }

    pub(crate) fn command(&self) -> PathBuf {
        self.work().join(COMMAND)
    }

    /// The command line of the run that is under way here, if one is and it was kept.
    pub(crate) fn command_under_way(&self) -> Option<PathBuf> {
        let folder = match self.next_is_under_way() {
            true => self.path.join(NEXT),
            false if self.state() == State::Interrupted => self.path.clone(),
            false => return None,
        };
        Some(folder.join(COMMAND)).filter(|path| path.exists())
    }

    pub(crate) fn loss_curve(&self) -> PathBuf {
        self.work().join("loss.svg")
    }

    /// Marks the run as complete: writes `run.json`, removes the checkpoint and the command line, and puts the result into the
    /// place of an older one.
    pub(crate) fn complete(&self, run: &RunFile) -> Result<()> {
        run.write(self.work())?;
        self.end()
    }

    /// Removes what a run needs that is under way; and what was made in the hidden folder takes the place of what was there.
    fn end(&self) -> Result<()> {
        self.remove(COMMAND)?;
        self.remove(CHECKPOINT)?;
        let Some(next) = self.work.get() else { return Ok(()) };
        let mut names = self.files.to_vec();
        if !self.has_a_foreign_card() {
            names.push(MODEL_CARD);
        }
        promote(next, &self.path, &names)
    }

    /// What the run was made with, if this is the folder of one of ours.
    ///
    /// # Errors
    /// The file is damaged.
    pub(crate) fn run_file(&self) -> Result<Option<RunFile>> {
        Ok(RunFile::read(&self.path)?)
    }

    /// Writes the model card, unless somebody else's README is there.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn write_card(&self, card: &ModelCard<'_>) -> Result<()> {
        if self.has_a_foreign_card() {
            return Ok(());
        }
        let (path, text) = (self.work().join(MODEL_CARD), card.markdown());
        Ok(replace_file(&path, |file| std::io::Write::write_all(file, text.as_bytes()))?)
    }

    /// True if the folder has a README that somebody has written.
    fn has_a_foreign_card(&self) -> bool {
        std::fs::read(self.path.join(MODEL_CARD)).is_ok_and(|text| !is_model_card(&String::from_utf8_lossy(&text)))
    }

    /// True if something is there that others may read.
    fn holds_a_result(&self) -> bool {
        self.files.iter().any(|file| !ON_THE_WAY.contains(file) && self.path.join(file).exists())
    }

    /// True if a run was begun that is to replace what is in the folder.
    fn next_is_under_way(&self) -> bool {
        self.path.join(NEXT).read_dir().is_ok_and(|mut entries| entries.next().is_some())
    }

    /// Where the run in the folder stands.
    pub(crate) fn state(&self) -> State {
        // Files may be being replaced; where that cannot be read, whoever reads them says so. The same holds for a link that leads
        // nowhere.
        let has = |file: &str| resolve(&self.path, file).map_or(true, |path| is_there(&path));
        // What a run leaves at its end may lie there without run.json, which somebody has removed: that is no run under way.
        let under_way = has(CHECKPOINT) || has(COMMAND) || (has(METRICS) && !self.holds_a_result());
        match (has(RUN), under_way) {
            (true, _) => State::Complete,
            (false, true) => State::Interrupted,
            (false, false) => State::New,
        }
    }

    /// True if there is nothing but what a killed run was about to write.
    fn is_empty(&self) -> Result<bool> {
        is_empty(&self.path)
    }

    /// Removes one of our files, if it is there.
    fn remove(&self, file: &str) -> Result<()> {
        match std::fs::remove_file(self.work().join(file)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", self.work().join(file).display()))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::unfinished::entries;
    use super::*;

    fn folder() -> (tempfile::TempDir, RunFolder) {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let folder = RunFolder::new(&dir.path().join("run"), TRAINED);
        (dir, folder)
    }

    #[test]
    fn a_folder_with_anything_in_it_is_not_written_to() {
        let (_dir, folder) = folder();
        assert_eq!(folder.prepare(false, false).unwrap(), State::New);
        std::fs::write(folder.path.join("notes.txt"), "mine").unwrap();
        assert!(folder.prepare(false, false).unwrap_err().to_string().contains("is not empty"));
        assert!(folder.prepare(true, false).unwrap_err().to_string().contains("is not empty"));
        assert_eq!(folder.prepare(false, true).unwrap(), State::New);
        assert!(folder.path.join("notes.txt").exists(), "what is not ours stays");
    }

    /// What a killed run was replacing is put in place before hidden files are removed.
    #[test]
    fn what_was_being_replaced_is_finished_first() {
        let (_dir, folder) = folder();
        let staged = folder.path.join(".adaptune-new-x");
        std::fs::create_dir_all(&staged).unwrap();
        std::fs::write(staged.join("adapter.safetensors"), "new").unwrap();
        std::fs::write(folder.metrics(), "{}").unwrap();
        let journal = r#"{ "staged": ".adaptune-new-x", "replace": ["adapter.safetensors"], "remove": [] }"#;
        std::fs::write(folder.path.join(".adaptune-replacing.json"), journal).unwrap();
        assert_eq!(folder.prepare(true, false).unwrap(), State::Interrupted);
        assert_eq!(std::fs::read_to_string(folder.path.join("adapter.safetensors")).unwrap(), "new");
        assert_eq!(entries(&folder.path).unwrap().len(), 3, "and the lock");
        std::fs::write(folder.path.join(".adaptune-replacing.json"), journal).unwrap();
        std::fs::remove_file(folder.path.join("adapter.safetensors")).unwrap();
        assert!(folder.prepare(true, false).unwrap_err().to_string().contains("adapter.safetensors is lost"));
    }

    #[test]
    fn an_interrupted_run_can_be_resumed_or_replaced() {
        let (_dir, folder) = folder();
        folder.prepare(false, false).unwrap();
        std::fs::write(folder.metrics(), "{}").unwrap();
        assert!(folder.prepare(false, false).unwrap_err().to_string().contains("--resume"));
        assert_eq!(folder.prepare(true, false).unwrap(), State::Interrupted);
        let run = RunFile { model: "m".into(), max_length: 7, ..RunFile::default() };
        folder.complete(&run).unwrap();
        assert_eq!(folder.prepare(true, false).unwrap(), State::Complete);
        assert_eq!(folder.run_file().unwrap().unwrap().max_length, 7);
        assert_eq!(folder.prepare(false, true).unwrap(), State::New);
        assert!(!folder.metrics().exists());
    }

    fn run_of(max_length: usize) -> RunFile {
        RunFile { model: "m".into(), max_length, ..RunFile::default() }
    }

    /// Begins the same folder in another process, as it were.
    fn again(folder: RunFolder) -> RunFolder {
        RunFolder::new(&folder.path, folder.files)
    }

    #[test]
    fn what_is_replaced_stays_until_its_successor_is_whole() {
        let (_dir, folder) = folder();
        folder.prepare(false, false).unwrap();
        std::fs::write(folder.work().join("thawed.safetensors"), "old").unwrap();
        folder.complete(&run_of(7)).unwrap();

        let folder = again(folder);
        assert_eq!(folder.prepare(false, true).unwrap(), State::New);
        std::fs::write(folder.work().join("adapter.safetensors"), "new").unwrap();
        std::fs::write(folder.metrics(), "{}").unwrap();
        assert_eq!((folder.state(), folder.run_file().unwrap().unwrap().max_length), (State::Complete, 7));
        assert!(!folder.path.join("adapter.safetensors").exists());

        let folder = again(folder); // it was killed
        assert!(folder.check(false, false).unwrap_err().to_string().contains("holds a run already"));
        assert_eq!(folder.prepare(true, false).unwrap(), State::Interrupted);
        assert!(folder.metrics().exists());
        folder.complete(&run_of(8)).unwrap();
        assert_eq!(folder.run_file().unwrap().unwrap().max_length, 8);
        assert!(folder.path.join("adapter.safetensors").exists() && !folder.path.join("thawed.safetensors").exists());
        assert!(!folder.path.join(NEXT).exists());
    }

    #[test]
    fn what_is_whole_takes_its_place_when_it_is_resumed() {
        let (_dir, folder) = folder();
        folder.prepare(false, false).unwrap();
        folder.complete(&run_of(7)).unwrap();
        let folder = again(folder);
        folder.prepare(false, true).unwrap();
        std::fs::write(folder.checkpoint(), "half way").unwrap();
        run_of(8).write(folder.work()).unwrap(); // and killed right then
        let folder = again(folder);
        assert_eq!(folder.prepare(true, false).unwrap(), State::Complete);
        assert_eq!((folder.run_file().unwrap().unwrap().max_length, folder.path.join(NEXT).exists()), (8, false));
        assert!(!folder.path.join(CHECKPOINT).exists());
    }

    #[test]
    fn what_appears_at_once_is_not_seen_before() {
        let (_dir, folder) = folder();
        let folder = RunFolder::at_once(&folder.path, TRAINED);
        folder.prepare(false, false).unwrap();
        std::fs::write(folder.work().join("adapter.safetensors"), "new").unwrap();
        assert!(folder.is_empty().unwrap());
        folder.complete(&run_of(7)).unwrap();
        assert!(folder.path.join("adapter.safetensors").exists() && folder.state() == State::Complete);
    }
}
