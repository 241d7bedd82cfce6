//! One training of a method with a seed.

use super::super::args::{Cli, Command as Asked, CompareArgs, TrainArgs};
use super::super::folder::{RunFolder, State, TRAINED};
use super::super::misused::misuse;
use super::super::report::note;
use super::super::train::DEFAULT_TASK;
use super::contestant::Contestant;
use adaptune_transformer::weights::replace_file;
use anyhow::{Context, Result, bail};
use clap::Parser;
use serde_json::Value;
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(super) struct Trial<'a> {
    pub(super) contestant: &'a Contestant,
    pub(super) seed: u64,
    pub(super) folder: PathBuf,
}

/// What `train --json` said, kept beside the run.
const CLOSING: &str = "closing.json";
/// What it was asked for.
const ASKED: &str = "asked.json";

impl<'a> Trial<'a> {
    pub(super) fn new(args: &CompareArgs, contestant: &'a Contestant, seed: u64) -> Self {
        Self { contestant, seed, folder: args.out.join(format!("{}-{seed}", contestant.folder)) }
    }

    /// Its options, as the training itself will read them.
    pub(super) fn read(&self, args: &CompareArgs) -> Result<TrainArgs> {
        let line = std::iter::once("adaptune".into()).chain(self.arguments(&self.options(args)));
        match Cli::try_parse_from(line) {
            Ok(Cli { command: Asked::Train(args), .. }) => Ok(*args),
            Err(error) if error.use_stderr() => misuse!("{}", error.to_string().trim().trim_start_matches("error: ")),
            _ => misuse!(
                "behind `--` stand options to train with, not such as --help; `adaptune train --help` shows them all"
            ),
        }
    }

    /// What came of it, trained now or before.
    pub(super) fn outcome(&self, args: &CompareArgs) -> Result<Value> {
        let (kept, asked) = (self.folder.join(CLOSING), self.folder.join(ASKED));
        let options = self.options(args);
        let complete = RunFolder::new(&self.folder, TRAINED).state() == State::Complete;
        if args.resume && complete && kept.exists() {
            self.check_same(&asked, &options)?;
            let text = std::fs::read_to_string(&kept).with_context(|| format!("cannot read {}", kept.display()))?;
            return serde_json::from_str(&text).with_context(|| format!("{} is damaged: remove it", kept.display()));
        }
        tell(args, format_args!("{}, seed {}", self.contestant.text, self.seed));
        // What was said of an earlier run may not be taken for what is said of this one.
        for stale in [&kept, &asked] {
            let _ = std::fs::remove_file(stale);
        }
        let said = self.train(&options)?;
        write(&asked, &serde_json::to_string(&options)?)?;
        write(&kept, &said)?;
        serde_json::from_str(&said).context("train gave no JSON")
    }

    /// A run that was made under other conditions may not stand beside the others.
    fn check_same(&self, asked: &Path, options: &[String]) -> Result<()> {
        let before =
            std::fs::read_to_string(asked).ok().and_then(|text| serde_json::from_str::<Vec<String>>(&text).ok());
        if before.as_deref() != Some(options) {
            let before = before.map_or_else(|| "something else".into(), |before| before.join(" "));
            bail!(
                "{} was trained with `{before}`, and now it is `{}`: resume with the same options, or begin anew with \
                 --overwrite",
                self.folder.display(),
                options.join(" ")
            );
        }
        Ok(())
    }

    /// The options of train, but for the folder.
    fn options(&self, args: &CompareArgs) -> Vec<String> {
        let mut options = vec!["--method".to_owned(), self.contestant.method.clone()];
        let mut push = |name: &str, value: String| options.extend([name.to_owned(), value]);
        push("--seed", self.seed.to_string());
        for (name, file) in [("--train", &args.train), ("--dev", &args.dev), ("--test", &args.test)] {
            file.iter().for_each(|file| push(name, file.display().to_string()));
        }
        args.model.iter().for_each(|model| push("--model", model.clone()));
        args.epochs.iter().for_each(|epochs| push("--epochs", epochs.to_string()));
        if let Some(rate) = &self.contestant.rate {
            push("--lr", rate.clone());
            self.contestant.tuning.thaw.iter().for_each(|_| push("--thaw-lr", rate.clone()));
        }
        if args.train.is_none() {
            // A task that is named has no baselines of its own.
            let task = args.task.as_ref().and_then(|task| task.split(""));
            let task = task.map_or_else(|| DEFAULT_TASK.to_owned(), |task| task.display().to_string());
            push("--task", task.trim_end_matches(':').to_owned());
        }
        options.extend(args.table.written());
        options.extend(args.more.iter().cloned());
        options
    }

    /// In a process of its own: the peak of its memory is its own too, and nothing is warmed up by the method before.
    fn train(&self, options: &[String]) -> Result<String> {
        let program = std::env::current_exe().context("cannot find the program itself")?;
        let mut command = Command::new(program);
        // What it says is told again, and broken into lines then.
        command.args(self.arguments(options)).env("COLUMNS", usize::MAX.to_string());
        let output = command.stderr(Stdio::piped()).output().context("cannot start the training")?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("{}, seed {}: {}", self.contestant.text, self.seed, said.trim().trim_start_matches("error: "));
        }
        String::from_utf8(output.stdout).context("train gave no text")
    }

    /// The whole line behind the program's name.
    fn arguments(&self, options: &[String]) -> Vec<OsString> {
        let mut line: Vec<OsString> = ["train", "--json", "--overwrite", "--out"].map(OsString::from).into();
        line.push(self.folder.clone().into());
        line.extend(options.iter().map(OsString::from));
        line
    }
}

/// Says what is trained now, unless it would disturb a program.
fn tell(args: &CompareArgs, text: std::fmt::Arguments<'_>) {
    if !args.json {
        note(text);
    }
}

pub(super) fn write(path: &Path, text: &str) -> Result<()> {
    Ok(replace_file(path, |file| file.write_all(text.as_bytes()))?)
}
