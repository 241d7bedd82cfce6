//! The folder of a run: what lies in it, and when it may be written.

use super::lock::{LOCK, Lock};
use adaptune_text::{MODEL_CARD, ModelCard, RUN_FILE as RUN, RunFile, is_model_card};
use anyhow::{Context, Result, bail};
use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The folder of a run.
pub(crate) struct RunFolder {
    path: PathBuf,
    /// Everything that a run of its kind may leave, in the order in which it is taken away.
    files: &'static [&'static str],
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
/// What the names of files begin with that are not whole yet.
const UNFINISHED: &str = ".adaptune-";
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
    "thawed.safetensors",
    "loss.svg",
    METRICS,
];
/// What `pretrain` leaves, in the same order.
pub(crate) const PRETRAINED: &[&str] = &[
    RUN,
    CHECKPOINT,
    "config.json",
    "model.safetensors",
    "tokenizer_config.json",
    "tokenizer.json",
    "loss.svg",
    METRICS,
];

impl RunFolder {
    /// The folder at `path`, which need not exist yet.
    pub(crate) fn new(path: &Path, files: &'static [&'static str]) -> Self {
        Self { path: path.to_owned(), files, lock: OnceCell::new() }
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
        if self.is_empty()? || overwrite {
            return Ok(State::New);
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

    /// Makes the folder ready for the run: makes it if it is not there, and takes away what an earlier run left.
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
        self.finish_replacing()?;
        for path in self.entries()?.iter().filter(|path| is_unfinished(path) && !path.ends_with(LOCK)) {
            let removed = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
            removed.with_context(|| format!("cannot remove {}", path.display()))?;
        }
        match state {
            State::New => {
                self.files.iter().try_for_each(|file| self.remove(file))?;
                if std::fs::read_to_string(self.path.join(MODEL_CARD)).is_ok_and(|text| is_model_card(&text)) {
                    self.remove(MODEL_CARD)?;
                }
            }
            State::Complete => self.remove(CHECKPOINT)?,
            State::Interrupted => {}
        }
        Ok(state)
    }

    /// Finishes what a killed run was replacing, here and in the folders of its files: hidden files may be a part of it.
    fn finish_replacing(&self) -> Result<()> {
        let folders: BTreeSet<PathBuf> =
            self.files.iter().filter_map(|file| Some(self.path.join(file).parent()?.to_owned())).collect();
        folders.iter().try_for_each(|folder| Ok(adaptune_transformer::weights::finish_replacing(folder)?))
    }

    pub(crate) fn checkpoint(&self) -> PathBuf {
        self.path.join(CHECKPOINT)
    }

    pub(crate) fn metrics(&self) -> PathBuf {
        self.path.join(METRICS)
    }

    pub(crate) fn command(&self) -> PathBuf {
        self.path.join(COMMAND)
    }

    pub(crate) fn loss_curve(&self) -> PathBuf {
        self.path.join("loss.svg")
    }

    /// Marks the run as complete: writes `run.json`, then removes the checkpoint and the command line.
    pub(crate) fn complete(&self, run: &RunFile) -> Result<()> {
        run.write(&self.path)?;
        self.remove(COMMAND)?;
        self.remove(CHECKPOINT)
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
        let path = self.path.join(MODEL_CARD);
        if std::fs::read_to_string(&path).is_ok_and(|text| !is_model_card(&text)) {
            return Ok(());
        }
        let text = card.markdown();
        Ok(adaptune_transformer::weights::replace_file(&path, |file| std::io::Write::write_all(file, text.as_bytes()))?)
    }

    /// Where the run in the folder stands.
    pub(crate) fn state(&self) -> State {
        let has = |file: &str| self.path.join(file).exists();
        match (has(RUN), has(CHECKPOINT) || has(METRICS)) {
            (true, _) => State::Complete,
            (false, true) => State::Interrupted,
            (false, false) => State::New,
        }
    }

    /// True if there is nothing but what a killed run was about to write.
    fn is_empty(&self) -> Result<bool> {
        Ok(self.entries()?.iter().all(|path| is_unfinished(path)))
    }

    fn entries(&self) -> Result<Vec<PathBuf>> {
        let list = || self.path.read_dir()?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>();
        if !self.path.exists() {
            return Ok(Vec::new());
        }
        list().with_context(|| format!("cannot read {}", self.path.display()))
    }

    /// Removes one of our files, if it is there.
    fn remove(&self, file: &str) -> Result<()> {
        match std::fs::remove_file(self.path.join(file)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", self.path.join(file).display()))
            }
            _ => Ok(()),
        }
    }
}

fn is_unfinished(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(UNFINISHED))
}

#[cfg(test)]
mod tests {
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
        assert_eq!(folder.entries().unwrap().len(), 3, "and the lock");
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
}
