//! `adaptune train`.

mod choices;
mod closing;
mod columns;
mod command;
mod composed;
mod data;
mod earlier;
mod embedding;
mod extent;
mod folds;
mod follow;
mod language;
mod memory_check;
mod metric;
mod outcome;
mod overlap;
mod rare;
mod saving;
mod setting;
mod start;
mod tasks;
mod tree;

use super::args::TrainArgs;
use super::folder::{RunFolder, State, TRAINED};
use super::memory;
use anyhow::{Context, Result};
use choices::Choices;
pub(super) use choices::{DEFAULT_TASK, usual_rate};
use closing::Closing;
pub(super) use extent::Extent;
pub(super) use follow::follow;
pub(super) use outcome::evaluations;
use setting::{Setting, tell_complete};
use std::time::Instant;

/// Trains, saves, and prints the closing table.
pub(crate) fn run(args: &TrainArgs) -> Result<()> {
    let begun = Instant::now();
    let before = match &args.out {
        Some(out) => command::resumed(args, &RunFolder::new(out, TRAINED))?,
        None => None,
    };
    let args = before.as_ref().unwrap_or(args);
    if let Some(file) = &args.tasks {
        return tasks::run(args, file);
    }
    let choices = Choices::of(args)?;
    let folder = RunFolder::new(&choices.out, TRAINED);
    if folder.check(args.resume, args.overwrite)? == State::Complete {
        folder.prepare(args.resume, args.overwrite)?;
        tell_complete(&choices.out);
        return Ok(());
    }
    let mut setting = Setting::read(args, choices)?;
    let folds = setting.cross_validated()?;
    if let Some(folds) = &folds {
        setting.choices.options.epochs = folds.epochs();
    }
    let Some(trained) = setting.train_and_save(folds.as_ref(), &folder)? else { return Ok(()) };
    let baselines = setting.baselines()?;
    let closing = Closing {
        out: &setting.choices.out,
        trained,
        folds,
        baselines,
        elapsed: begun.elapsed(),
        resumed: args.resume,
        peak_bytes: memory::peak_bytes(),
        from: args.from.as_deref(),
        sample: setting.data.sample.as_deref(),
        language: setting.language_command(),
    };
    if args.json { closing.print_json() } else { closing.print() }
}

/// Finds out before anything is trained whether all of these can be, as far as that is known before the first step. They may differ
/// in method, rates and seed alone, so that model and data are read once.
pub(super) fn rehearse(runs: &[(&str, TrainArgs)]) -> Result<()> {
    let mut setting: Option<Setting<'_>> = None;
    for (text, args) in runs {
        let choices = Choices::of(args)?;
        let next = match setting {
            None => Setting::read(args, choices)?,
            Some(before) => before.again(args, choices)?,
        };
        next.trainer(&next.choices.tuning, next.choices.composed.as_ref()).with_context(|| (*text).to_owned())?;
        setting = Some(next);
    }
    Ok(())
}
