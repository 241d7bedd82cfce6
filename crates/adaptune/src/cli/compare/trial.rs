//! One training of a method with a seed.

use super::super::args::CompareArgs;
use super::super::folder::{RunFolder, State, TRAINED};
use super::{Contestant, tell, write};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Stdio};

pub(super) struct Trial<'a> {
    pub(super) contestant: &'a Contestant,
    pub(super) seed: u64,
    pub(super) folder: PathBuf,
}

/// What `train --json` said, kept beside the run.
const CLOSING: &str = "closing.json";

impl Trial<'_> {
    /// What came of it, trained now or before.
    pub(super) fn outcome(&self, args: &CompareArgs) -> Result<Value> {
        let kept = self.folder.join(CLOSING);
        let complete = RunFolder::new(&self.folder, TRAINED).state() == State::Complete;
        if args.resume && complete && kept.exists() {
            let text = std::fs::read_to_string(&kept).with_context(|| format!("cannot read {}", kept.display()))?;
            return serde_json::from_str(&text).with_context(|| format!("{} is damaged: remove it", kept.display()));
        }
        tell(args, format_args!("{}, seed {}", self.contestant.text, self.seed));
        let said = self.train(args)?;
        write(&kept, &said)?;
        serde_json::from_str(&said).context("train gave no JSON")
    }

    /// In a process of its own: the peak of its memory is its own too, and nothing is warmed up by the method before.
    fn train(&self, args: &CompareArgs) -> Result<String> {
        let program = std::env::current_exe().context("cannot find the program itself")?;
        let mut command = Command::new(program);
        command.args(["train", "--json", "--overwrite", "--method", &self.contestant.method]);
        command.args(["--seed", &self.seed.to_string()]).arg("--out").arg(&self.folder);
        let files = [("--train", &args.train), ("--dev", &args.dev), ("--test", &args.test)];
        for (name, file) in files.into_iter().filter_map(|(name, file)| Some((name, file.as_ref()?))) {
            command.arg(name).arg(file);
        }
        command.args(args.model.iter().flat_map(|model| ["--model", model]));
        command.args(args.epochs.iter().flat_map(|epochs| ["--epochs".to_owned(), epochs.to_string()]));
        command.args(self.contestant.rate.iter().flat_map(|rate| ["--lr", rate]));
        if args.train.is_none() {
            // A task that is named has no baselines of its own.
            let task =
                args.task.as_ref().and_then(|task| task.split("")).unwrap_or_else(|| "builtin:sentiment@A:".into());
            command.args(["--task", task.to_string_lossy().trim_end_matches(':')]);
        }
        let output = command.args(&args.more).stderr(Stdio::piped()).output().context("cannot start the training")?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("{}, seed {}: {}", self.contestant.text, self.seed, said.trim().trim_start_matches("error: "));
        }
        String::from_utf8(output.stdout).context("train gave no text")
    }
}
