//! The command line of a run, kept in its folder while it is under way, so that `--resume --out DIR` needs nothing else.

use super::super::args::{Cli, Command, TrainArgs};
use super::super::folder::{RunFolder, State};
use super::super::interrupted::tell_how_to_go_on;
use super::super::misused::misuse;
use super::super::report::note;
use super::super::task::TaskArg;
use adaptune_text::{DataFile, Draw, TaskChoice};
use adaptune_transformer::weights::replace_file;
use anyhow::{Context, Result, bail};
use clap::parser::ValueSource;
use clap::{CommandFactory as _, Parser as _};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;

/// Keeps the command line of a run that begins, and what its data are, and from now on says how to go on, should somebody interrupt it.
///
/// # Errors
/// A run goes on, and its data have changed since it began.
pub(super) fn begin(folder: &RunFolder, args: &TrainArgs, out: &Path, data: &[DataFile]) -> Result<()> {
    match args.resume {
        true => check_data(folder).context("--resume")?,
        false => keep(folder, data)?,
    }
    if args.json {
        return Ok(());
    }
    tell_how_to_go_on(format!(
        "to go on from the last checkpoint:\n    adaptune train --resume --out {}",
        out.display()
    ))
}

/// Refuses data that have changed since the run in the folder began, as far as it is known what they were.
fn check_data(folder: &RunFolder) -> Result<()> {
    let Ok(text) = std::fs::read(folder.command()) else { return Ok(()) };
    let kept: Value = serde_json::from_slice(&text).with_context(|| damaged(&folder.command()))?;
    let files: Vec<DataFile> = serde_json::from_value(kept["data"].clone()).unwrap_or_default();
    files.iter().try_for_each(|file| Ok(file.check(Path::new(&file.path))?))
}

/// What was drawn where the run that goes on in a folder kept examples aside, if it did.
pub(super) fn draw(folder: &RunFolder) -> Option<Draw> {
    let kept: Value = serde_json::from_slice(&std::fs::read(folder.command()).ok()?).ok()?;
    let files: Vec<DataFile> = serde_json::from_value(kept["data"].clone()).ok()?;
    files.iter().find_map(|file| file.aside).map(|aside| aside.draw)
}

/// Keeps the command line of this process, with the folder that its paths are meant from, and the data.
fn keep(folder: &RunFolder, data: &[DataFile]) -> Result<()> {
    let arguments: Vec<String> = std::env::args().filter(|argument| argument != "--overwrite").collect();
    let directory = std::env::current_dir().context("cannot tell the current folder")?;
    let text = json!({ "directory": directory, "arguments": arguments, "data": data }).to_string();
    Ok(replace_file(&folder.command(), |file| file.write_all(text.as_bytes()))?)
}

/// The command line with which the run in the folder began, without what changes nothing of the result: where it lies, on how many
/// threads, at one go or resumed.
pub(super) fn for_the_card(folder: &RunFolder) -> Vec<String> {
    let kept = std::fs::read(folder.command()).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
    let kept = kept.and_then(|mut kept| serde_json::from_value(kept["arguments"].take()).ok());
    let (flags, with_value) =
        (["--resume", "--overwrite", "--json", "--baselines"], ["--out", "--threads", "--checkpoint-every"]);
    let mut command = vec!["adaptune".to_owned()];
    let mut arguments = kept.unwrap_or_else(|| std::env::args().collect::<Vec<String>>()).into_iter().skip(1);
    while let Some(argument) = arguments.next() {
        if with_value.contains(&argument.as_str()) {
            arguments.next();
            continue;
        }
        let joined = with_value.iter().any(|name| argument.starts_with(&format!("{name}=")));
        if !joined && !flags.contains(&argument.as_str()) {
            command.push(argument);
        }
    }
    command
}

/// The options of the run that is to go on, if the folder alone is named; paths are meant from where it began.
///
/// # Errors
/// A run is under way there whose command line is not known, or cannot be read.
pub(super) fn resumed(args: &TrainArgs, folder: &RunFolder) -> Result<Option<TrainArgs>> {
    let named = !args.train.is_empty()
        || args.tasks.is_some()
        || args.model.is_some()
        || args.task != TaskArg::Kind(TaskChoice::Auto);
    if args.resume && !named && folder.state() == State::New {
        let out = args.out.as_deref().unwrap_or(Path::new("")).display();
        bail!("--resume: there is no run in {out}; name the folder of one, or leave --resume away");
    }
    if !args.resume || named {
        return Ok(None);
    }
    let out = args.out.as_deref().unwrap_or(Path::new("")).display();
    if let Some(option) = beside_resume() {
        misuse!("{}", not_with_resume(&option, &out.to_string(), folder.state()));
    }
    let Some(path) = folder.command_under_way() else {
        return match folder.state() {
            State::Complete => Ok(None),
            _ => bail!("--resume: {out} does not say how its run began: give all of its options beside --resume"),
        };
    };
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let kept: Value = serde_json::from_str(&text).with_context(|| damaged(&path))?;
    let arguments: Option<Vec<&str>> =
        kept["arguments"].as_array().and_then(|all| all.iter().map(Value::as_str).collect());
    let (Some(arguments), Some(directory)) = (arguments, kept["directory"].as_str()) else { bail!(damaged(&path)) };
    let Ok(Cli { command: Command::Train(before), .. }) = Cli::try_parse_from(arguments) else { bail!(damaged(&path)) };
    let out = args.out.as_deref().map(std::path::absolute).transpose().context("--out")?;
    std::env::set_current_dir(directory)
        .with_context(|| format!("the run began in {directory}, which cannot be entered"))?;
    note(format_args!("going on as the run began: {}", shown(&kept)));
    Ok(Some(TrainArgs { resume: true, overwrite: false, out, json: args.json || before.json, ..*before }))
}

/// Why an option has no place beside `--resume`, and what does what it was meant for.
fn not_with_resume(option: &str, out: &str, state: State) -> String {
    let why = match state {
        State::Complete => format!("is complete, there is nothing to go on with, and {option} would be ignored"),
        _ => format!("goes on as it began, and {option} would be ignored: leave that away"),
    };
    format!(
        "--resume: the run in {out} {why}; to train what comes of it further, with other options:\n    adaptune train --from {out} \
         --train FILE --out NEW"
    )
}

/// An option of this command line that would change how a run goes on, if there is one.
fn beside_resume() -> Option<String> {
    let mut command = Cli::command();
    let matches = command.try_get_matches_from_mut(std::env::args_os()).ok()?;
    let given = matches.subcommand_matches("train")?;
    let allowed = ["out", "resume", "overwrite", "json", "threads"];
    let is_given = |id: &str| !allowed.contains(&id) && given.value_source(id) == Some(ValueSource::CommandLine);
    let mut arguments = command.find_subcommand("train")?.get_arguments();
    let found = arguments.find(|argument| is_given(argument.get_id().as_str()))?;
    Some(format!("--{}", found.get_long()?))
}

fn shown(kept: &Value) -> String {
    let arguments = kept["arguments"].as_array().into_iter().flatten().skip(1).filter_map(Value::as_str);
    arguments.map(|argument| argument.escape_debug().to_string()).collect::<Vec<_>>().join(" ")
}

fn damaged(path: &Path) -> String {
    format!("{} is damaged: give all options of the run beside --resume", path.display())
}
