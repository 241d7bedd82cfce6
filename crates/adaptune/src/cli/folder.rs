//! The folder of a run: what lies in it, and when it may be written.

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The folder of a run.
pub(crate) struct RunFolder {
    path: PathBuf,
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

/// What a run was made with, as far as later commands need it, and people want to know it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RunFile {
    /// The model as it was named.
    pub(crate) model: String,
    /// The method as it was written.
    pub(crate) method: String,
    /// Longest text in tokens.
    pub(crate) max_length: usize,
    /// All other options.
    pub(crate) options: String,
}

const CHECKPOINT: &str = "checkpoint.safetensors";
const RUN: &str = "run.json";
/// Everything that a run may leave, the file that marks it as complete last.
const FILES: &[&str] = &[
    "metrics.jsonl",
    "loss.svg",
    "adapter.safetensors",
    "adapter_config.json",
    "model_head.safetensors",
    "head_config.json",
    CHECKPOINT,
    RUN,
];

impl RunFolder {
    /// The folder at `path`, which need not exist yet.
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Makes sure that a run may begin here.
    ///
    /// # Errors
    /// The folder holds anything and neither `--resume` nor `--overwrite` was said, or cannot be made.
    pub(crate) fn prepare(&self, resume: bool, overwrite: bool) -> Result<State> {
        let shown = self.path.display();
        if self.path.exists() && !self.path.is_dir() {
            bail!("{shown} is a file; --out must name a folder");
        }
        let state = self.state()?;
        if self.is_empty()? || (resume && state != State::New) {
            std::fs::create_dir_all(&self.path).with_context(|| format!("cannot make the folder {shown}"))?;
            return Ok(state);
        }
        if overwrite {
            for file in FILES.iter().map(|file| self.path.join(file)).filter(|file| file.exists()) {
                std::fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
            }
            return Ok(State::New);
        }
        match state {
            State::New => bail!("{shown} is not empty: name a new folder with --out, or add --overwrite"),
            State::Interrupted => {
                bail!("{shown} holds a run that did not end: go on with --resume, or start anew with --overwrite")
            }
            State::Complete => {
                bail!("{shown} holds a run already: name another folder with --out, or replace it with --overwrite")
            }
        }
    }

    pub(crate) fn checkpoint(&self) -> PathBuf {
        self.path.join(CHECKPOINT)
    }

    pub(crate) fn metrics(&self) -> PathBuf {
        self.path.join("metrics.jsonl")
    }

    pub(crate) fn loss_curve(&self) -> PathBuf {
        self.path.join("loss.svg")
    }

    /// Marks the run as complete: writes `run.json`, then removes the checkpoint.
    pub(crate) fn complete(&self, run: &RunFile) -> Result<()> {
        let text = serde_json::to_string_pretty(run).context("cannot write run.json")?;
        adaptune_transformer::weights::replace_file(&self.path.join(RUN), |file| {
            std::io::Write::write_all(file, text.as_bytes())
        })?;
        match std::fs::remove_file(self.checkpoint()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).context("cannot remove the checkpoint")
            }
            _ => Ok(()),
        }
    }

    /// What the run was made with, if this is the folder of one of ours.
    pub(crate) fn run_file(&self) -> Option<RunFile> {
        serde_json::from_str(&std::fs::read_to_string(self.path.join(RUN)).ok()?).ok()
    }

    fn state(&self) -> Result<State> {
        let has = |file: &str| self.path.join(file).exists();
        Ok(match (has(RUN), has(CHECKPOINT) || has("metrics.jsonl")) {
            (true, _) => State::Complete,
            (false, true) => State::Interrupted,
            (false, false) => State::New,
        })
    }

    fn is_empty(&self) -> Result<bool> {
        if !self.path.exists() {
            return Ok(true);
        }
        let mut entries = self.path.read_dir().with_context(|| format!("cannot read {}", self.path.display()))?;
        Ok(entries.next().is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, RunFolder) {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let folder = RunFolder::new(&dir.path().join("run"));
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

    #[test]
    fn an_interrupted_run_can_be_resumed_or_replaced() {
        let (_dir, folder) = folder();
        folder.prepare(false, false).unwrap();
        std::fs::write(folder.metrics(), "{}").unwrap();
        assert!(folder.prepare(false, false).unwrap_err().to_string().contains("--resume"));
        assert_eq!(folder.prepare(true, false).unwrap(), State::Interrupted);
        let run = RunFile { model: "m".into(), method: "seq_bn".into(), max_length: 7, options: "o".into() };
        folder.complete(&run).unwrap();
        assert_eq!(folder.prepare(true, false).unwrap(), State::Complete);
        assert_eq!(folder.run_file().unwrap().max_length, 7);
        assert_eq!(folder.prepare(false, true).unwrap(), State::New);
        assert!(!folder.metrics().exists());
    }
}
