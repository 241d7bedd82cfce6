//! `adaptune search`: an adapter's architecture for a task, under a limit of parameters.
//!
//! What is tried is decided in `adaptune_train::search`, which knows no files. Here a plan is made and kept (`plan_file.rs`), every
//! training is a command of `train` in a folder of its own (`training.rs`), and its score is read from what that leaves. So the
//! state of a search is its plan and the trainings that have ended, whoever has run them.

mod asked;
mod close;
mod folder;
mod plan_file;
mod show;
mod space_file;
mod standing;
mod training;

use super::args::SearchArgs;
use super::interrupted;
use super::misused::misuse;
use super::report::{counted, note, print_json, print_line};
use adaptune_text::shell;
use adaptune_train::search::{Search, Training, Trial};
use adaptune_transformer::weights::replace_file;
use anyhow::{Context, Result, bail};
use folder::SearchFolder;
use plan_file::{PLAN, PlanFile};
use serde_json::json;
use standing::Standing;
use std::io::Write;
use std::path::{Path, PathBuf};
use training::Options;

/// Searches, writes and prints.
pub(crate) fn run(args: &SearchArgs) -> Result<()> {
    let options = asked::options();
    let there = SearchFolder::of_plan(&args.out);
    match there.filter(|_| args.resume || args.collect) {
        Some(plan) => go_on(args, &options, PlanFile::read(&plan)?),
        None if asked::is_nothing(&options) && (args.resume || args.collect) => {
            let out = args.out.display();
            misuse!("--resume: there is no search in {out}; name the folder of one, or leave --resume away")
        }
        None => begin(args, options),
    }
}

fn begin(args: &SearchArgs, options: Vec<String>) -> Result<()> {
    Options::of(args).check()?;
    SearchFolder::check(&args.out, args.overwrite)?;
    let (plan, search) = PlanFile::make(args, options)?;
    if !args.json {
        plan.tell(&search);
    }
    let folder = SearchFolder::begin(&args.out, &plan)?;
    work(args, &plan, &search, &folder)
}

/// Goes on with a search as it began; paths are meant from where that was.
fn go_on(args: &SearchArgs, options: &[String], plan: PlanFile) -> Result<()> {
    if !asked::is_nothing(options) && options != plan.arguments {
        bail!(
            "{} holds another search: it began as `{}`, and now it is `{}`; go on with --resume --out {0} alone, or begin anew with \
             --overwrite",
            args.out.display(),
            plan.arguments.join(" "),
            options.join(" ")
        );
    }
    let damaged = || format!("{} in {}", PLAN, args.out.display());
    let before = asked::parsed(&plan.arguments, args).with_context(damaged)?;
    let absolute = |path: &Path| std::path::absolute(path).with_context(|| path.display().to_string());
    let (out, jobs) = (absolute(&args.out)?, args.jobs.as_deref().map(absolute).transpose()?);
    // Where it is the same folder, paths stay as they were named.
    let is_here = std::env::current_dir().is_ok_and(|here| here == plan.directory);
    let args = if is_here { before } else { SearchArgs { out, jobs, ..before } };
    let directory = plan.directory.display();
    std::env::set_current_dir(&plan.directory)
        .with_context(|| format!("the search began in {directory}, which cannot be entered"))?;
    let search = plan.search()?;
    let folder = SearchFolder::go_on(&args.out)?;
    work(&args, &plan, &search, &folder)
}

/// Trains what is due until nothing is, or leaves that to others.
fn work(args: &SearchArgs, plan: &PlanFile, search: &Search, folder: &SearchFolder) -> Result<()> {
    if !args.json {
        let out = shell(&args.out.display().to_string());
        interrupted::tell_how_to_go_on(format!("to go on:\n    adaptune search --resume --out {out}"))?;
    }
    let mut standing = Standing::new(plan, search);
    loop {
        let due = standing.update(folder)?;
        if args.jobs.is_some() || (args.collect && !due.is_empty()) {
            write_jobs(args, &standing, folder, &due)?;
        }
        if due.is_empty() {
            return close::close(args, &standing, folder);
        }
        if args.jobs.is_some() || args.collect {
            return Ok(());
        }
        for training in &due {
            train(args, &standing, folder, training)?;
        }
    }
}

fn train(args: &SearchArgs, standing: &Standing<'_>, folder: &SearchFolder, training: &Training) -> Result<()> {
    let trial = &standing.trials[training.trial];
    if !args.json {
        let Trial { method, rate, .. } = trial;
        note(format_args!("trial {}, {}: {method}@{rate}", training.trial, counted(training.epochs, "epoch")));
    }
    training::train(&folder.of(training), &Options::of(args).of_training(trial, training.epochs))
}

/// Writes the trainings that are due, if a file for them is named, and says how to go on.
fn write_jobs(args: &SearchArgs, standing: &Standing<'_>, folder: &SearchFolder, due: &[Training]) -> Result<()> {
    let options = Options::of(args);
    let command = |training: &Training| {
        let of_training = options.of_training(&standing.trials[training.trial], training.epochs);
        training::command(&folder.of(training), &of_training) + "\n"
    };
    let text: String = due.iter().map(command).collect();
    if let Some(path) = &args.jobs {
        replace_file(path, |file| file.write_all(text.as_bytes()))?;
    }
    if due.is_empty() {
        return Ok(());
    }
    if args.json {
        return Ok(print_json(&json!({ "due": due.len(), "ended": standing.ended(), "jobs": args.jobs }))?);
    }
    tell_jobs(args, standing.ended(), due.len())
}

fn tell_jobs(args: &SearchArgs, ended: usize, due: usize) -> Result<()> {
    let out = shell(&args.out.display().to_string());
    let jobs = args.jobs.clone().unwrap_or_else(|| PathBuf::from("jobs.txt"));
    let jobs = shell(&jobs.display().to_string());
    print_line(format_args!("{} ended, {due} are due", counted(ended, "training")))?;
    if args.jobs.is_some() {
        print_line(format_args!("{jobs} has a command for each; run them in this folder, in any order, and then:"))?;
    } else {
        print_line("to write a command for each into a file:")?;
    }
    Ok(print_line(format_args!("    adaptune search --collect --jobs {jobs} --out {out}"))?)
}
