//! One training of a trial, as a command of `train` in a process of its own.

use super::super::args::{Cli, Command as Asked, SearchArgs, TrainArgs};
use super::super::folder::{RunFolder, State, TRAINED};
use super::super::misused::{DIVERGED, missing, misuse};
use super::super::task::TaskArg;
use super::super::train::{DEFAULT_TASK, evaluations};
use adaptune_text::{BUILTIN, shell};
use adaptune_train::Record;
use adaptune_train::search::{Origin, Score, Trial};
use adaptune_transformer::weights::replace_file;
use anyhow::{Context, Result, bail};
use clap::Parser;
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The options that all trainings have in common.
pub(super) struct Options<'a> {
    args: &'a SearchArgs,
}

/// The name of every adapter: that of the folder in which the best one will be.
const NAME: &str = "best";
/// What is trained where times are measured: most of a step is the base's, whatever the adapter.
const REFERENCE: &str = "seq_bn";

impl<'a> Options<'a> {
    pub(super) fn of(args: &'a SearchArgs) -> Self {
        Self { args }
    }

    /// Refuses options without data to choose by.
    ///
    /// # Errors
    /// Data are missing, or a task is named that brings none.
    pub(super) fn check(&self) -> Result<()> {
        let SearchArgs { train, dev, task, model, .. } = self.args;
        if matches!(task, Some(TaskArg::Kind(_))) {
            misuse!(
                "--task names a built-in task, such as builtin:topic@B; what files hold is said behind --, as for train"
            );
        }
        let builtin = task.is_some() || model.as_deref().is_none_or(|model| model == BUILTIN);
        let option = match (train.is_some(), dev.is_some()) {
            (true, false) => {
                missing("--dev", "everything is chosen by development data; name a file, or a share such as 10%")
            }
            (false, true) => missing("--train", "name a file with labelled data beside --dev"),
            (false, false) if !builtin => {
                missing("--train", "name files with labelled data (--train, --dev), or a built-in task with --task")
            }
            _ => return Ok(()),
        };
        Err(option.into())
    }

    /// What `train` reads of the options that all have, for what can be known before there is a trial.
    ///
    /// # Errors
    /// It cannot read them, or some are said twice.
    pub(super) fn reference(&self) -> Result<TrainArgs> {
        let SearchArgs { json, epochs, .. } = *self.args;
        let trial = Trial { method: REFERENCE.into(), rate: 1e-3, parameters: 0, origin: Origin::Preset };
        let line = arguments(Path::new("reference"), &self.of_training(&trial, 1));
        match Cli::try_parse_from(std::iter::once("adaptune".into()).chain(line)) {
            Ok(Cli { command: Asked::Train(args), .. }) => Ok(TrainArgs { json, epochs, ..*args }),
            Err(error) if error.use_stderr() => misuse!("{}", error.to_string().trim().trim_start_matches("error: ")),
            _ => misuse!("behind `--` stand options to train with; `adaptune train --help` shows them all"),
        }
    }

    /// The options of a training, but for its folder.
    pub(super) fn of_training(&self, trial: &Trial, epochs: usize) -> Vec<String> {
        let own =
            [("--method", trial.method.clone()), ("--lr", trial.rate.to_string()), ("--epochs", epochs.to_string())];
        let own = own.into_iter().flat_map(|(name, value)| [name.to_owned(), value]);
        own.chain(self.common()).collect()
    }

    fn common(&self) -> Vec<String> {
        let SearchArgs { seed, model, table, more, .. } = self.args;
        let mut options = vec!["--seed".to_owned(), seed.to_string(), "--name".to_owned(), NAME.to_owned()];
        let part = |name: &str, file: Option<PathBuf>| file.map(|file| [name.to_owned(), file.display().to_string()]);
        options.extend(part("--train", self.data("train")).into_iter().flatten());
        options.extend(part("--dev", self.data("dev")).into_iter().flatten());
        options.extend(model.iter().flat_map(|model| ["--model".to_owned(), model.clone()]));
        options.extend(table.written());
        options.extend(more.iter().cloned());
        options
    }

    /// The data of a part, train, dev or test: a file, or that of a built-in task.
    pub(super) fn data(&self, part: &str) -> Option<PathBuf> {
        let SearchArgs { train, dev, test, task, .. } = self.args;
        let builtin = task.clone().unwrap_or_else(|| TaskArg::Builtin(DEFAULT_TASK.into()));
        match (train, part) {
            (None, part) => builtin.split(part),
            (Some(_), "train") => train.clone(),
            (Some(_), "dev") => dev.clone(),
            (Some(_), _) => test.clone(),
        }
    }

    /// How an adapter is measured on the test data, if there are any; the score is that of the metric, or else of the first one.
    ///
    /// # Errors
    /// They cannot be read, or do not fit.
    pub(super) fn test(&self, folder: &Path, metric: &str) -> Result<Option<f64>> {
        let Some(data) = self.data("test") else { return Ok(None) };
        let mut line: Vec<OsString> = vec!["eval".into(), "--json".into(), "--adapter".into(), folder.into()];
        line.extend(["--data".into(), data.into()]);
        line.extend(self.args.table.written().into_iter().map(OsString::from));
        let said = succeeded(started(line)?, "the test data")?;
        let measured: serde_json::Value = serde_json::from_str(&said).context("eval gave no JSON")?;
        let metrics = measured["metrics"].as_object().context("eval gave no metrics")?;
        let found = metrics.get(metric).or_else(|| metrics.values().next());
        Ok(found.and_then(adaptune_train::json::number))
    }
}

/// What came of a training.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) score: Score,
    /// The metric that decides, with its value; none if the training came to nothing.
    pub(super) metric: Option<(String, f64)>,
}

/// Says in a folder why its training came to nothing.
const WHY: &str = "diverged.txt";

impl Outcome {
    /// What came of the training in a folder, if it has ended.
    ///
    /// # Errors
    /// Its files are damaged.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>> {
        if folder.join(WHY).exists() {
            keep_alone(folder)?;
            return Ok(Some(Self { score: Score::DIVERGED, metric: None }));
        }
        if RunFolder::new(folder, TRAINED).state() != State::Complete {
            return Ok(None);
        }
        let path = folder.join("metrics.jsonl");
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let damaged = || format!("{} is damaged: remove the folder, and it is trained again", path.display());
        let history: Vec<Record> =
            text.lines().map(serde_json::from_str).collect::<Result<_, _>>().with_context(damaged)?;
        let best = evaluations(&history).filter(|record| record.best).last().with_context(damaged)?;
        let metric = best.metrics.first().cloned();
        Ok(Some(Self { score: Score { merit: best.merit(), loss: best.loss }, metric }))
    }
}

/// Trains in a folder, or goes on there.
///
/// # Errors
/// It cannot be trained; a loss that stopped being a number is an outcome and no error.
pub(super) fn train(folder: &Path, options: &[String]) -> Result<()> {
    let threads = ["--threads".to_owned(), rayon::current_num_threads().to_string()];
    let line = arguments(folder, options).into_iter().chain(threads.into_iter().map(OsString::from));
    let output = started(line.collect())?;
    if output.status.code() != Some(DIVERGED.into()) {
        return succeeded(output, &options[1]).map(|_| ());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let why = said.lines().filter(|line| line.starts_with("error: ")).collect::<Vec<_>>().join("\n");
    replace_file(&folder.join(WHY), |file| writeln!(file, "{}", why.trim_start_matches("error: ")))?;
    keep_alone(folder)
}

/// The command, for a shell.
pub(super) fn command(folder: &Path, options: &[String]) -> String {
    let words = arguments(folder, options).into_iter().map(|word| shell(&word.to_string_lossy()));
    std::iter::once("adaptune".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

fn arguments(folder: &Path, options: &[String]) -> Vec<OsString> {
    let mut line: Vec<OsString> = ["train", "--json", "--resume", "--out"].map(OsString::from).into();
    line.push(folder.into());
    line.extend(options.iter().map(OsString::from));
    line
}

/// Runs the program itself.
fn started(line: Vec<OsString>) -> Result<std::process::Output> {
    let program = std::env::current_exe().context("cannot find the program itself")?;
    // What it says is told again, and broken into lines then.
    let mut command = Command::new(program);
    command.args(line).env("COLUMNS", usize::MAX.to_string()).stdin(Stdio::null());
    command.output().context("cannot start the program itself")
}

/// The standard output of a process that came to a good end.
fn succeeded(output: std::process::Output, what: &str) -> Result<String> {
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{what}: {}", said.trim().trim_start_matches("error: "));
    }
    String::from_utf8(output.stdout).context("the program itself gave no text")
}

/// Removes what a training that came to nothing has left.
fn keep_alone(folder: &Path) -> Result<()> {
    let entries = folder.read_dir().with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries.flatten().filter(|entry| entry.file_name() != WHY) {
        std::fs::remove_file(entry.path()).with_context(|| format!("cannot remove {}", entry.path().display()))?;
    }
    Ok(())
}
