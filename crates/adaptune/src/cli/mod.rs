//! What the command line consists of: one file a command, and what they share.

mod args;
mod budget;
mod chat;
mod combine;
mod compare;
mod convert;
mod decoder;
mod download;
mod embed;
mod eval;
mod finished;
mod folder;
mod generate;
mod inspect;
mod interrupted;
mod loaded;
mod lock;
mod majority;
mod memory;
mod merge;
mod missed;
mod misused;
mod mixing;
mod observers;
mod output;
mod page;
mod parallel;
mod per_class;
mod per_entity;
mod per_label;
mod plot;
mod predict;
mod pretrain;
mod progress;
mod questions;
mod relative;
mod report;
mod scatter;
mod score;
mod score_table;
mod search;

mod separation;
mod staging;
mod streamed;
mod task;
mod tasks;
mod tensorboard;
mod train;
mod unfinished;
mod wrap;

use anyhow::{Context, Result};
use args::{Cli, Command};
use clap::{CommandFactory, FromArgMatches};
use misused::{status, status_of_clap};
use std::process::ExitCode;

/// Runs the command that was asked for. Errors go to standard error, and the exit status is 2 where the command line cannot be
/// followed, 3 where the loss of a training stopped being a number, 1 where something else fails.
pub(crate) fn main() -> ExitCode {
    adaptune_tensor::kernel::keep_freed_memory();
    let cli = match parsed() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => {
            report::note(format_args!("{}{}", error.to_string().trim_end(), misused::tip(&error)));
            return ExitCode::from(status_of_clap(&error));
        }
        Err(shown) => shown.exit(),
    };
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            report::note(format_args!("error: {}", explained(&error)));
            ExitCode::from(status(&error))
        }
    }
}

/// The widest that help is shown: longer lines are hard to read.
const HELP_COLUMNS: usize = 100;

/// The command line, or what is to be shown in its place: help, or why it cannot be read.
fn parsed() -> Result<Cli, clap::Error> {
    let columns = wrap::columns(wrap::Stream::Out).min(HELP_COLUMNS);
    let mut command = Cli::command().term_width(columns);
    let matches = command.try_get_matches_from_mut(std::env::args_os())?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

fn run(cli: Cli) -> Result<()> {
    // Otherwise a wrong name in the environment would be found out by a panic in the first product.
    adaptune::tensor::kernel::product_path()?;
    if let Some(threads) = cli.threads {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(bounded(threads.get()));
        pool.build_global().context("cannot start the threads")?;
    }
    adaptune::tensor::in_pool(|| command(&cli.command))
}

/// At most four threads for each core: more would wait for each other and for nothing else, and take memory and seconds to
/// start.
fn bounded(threads: usize) -> usize {
    let cores = std::thread::available_parallelism().map_or(threads, std::num::NonZero::get);
    let most = cores.saturating_mul(4);
    if threads > most {
        report::note(format_args!(
            "note: --threads {threads} is far more than the {cores} cores here; {most} are used"
        ));
    }
    threads.min(most)
}

fn command(command: &Command) -> Result<()> {
    match command {
        Command::Train(args) => train::run(args),
        Command::Pretrain(args) => pretrain::run(args),
        Command::Eval(args) => eval::run(args),
        Command::Predict(args) => predict::run(args),
        Command::Embed(args) => embed::run(args),
        Command::Chat(args) => chat::run(args),
        Command::Generate(args) => generate::run(args),
        Command::Score(args) => score::run(args),
        Command::Inspect(args) => inspect::run(args),
        Command::Budget(args) => budget::run(args),
        Command::Merge(args) => merge::run(args),
        Command::Combine(args) => combine::run(args),
        Command::Convert(args) => convert::run(args),
        Command::Compare(args) => compare::run(args),
        Command::Search(args) => search::run(args),
        Command::Tasks(args) => tasks::run(args),
    }
}

/// The error and its causes, except those that a message has quoted already.
fn explained(error: &anyhow::Error) -> String {
    let add = |said: String, cause: String| if said.contains(&cause) { said } else { format!("{said}: {cause}") };
    error.chain().map(ToString::to_string).reduce(add).unwrap_or_default()
}

/// A reader that has had enough (`| head`) is no error.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kind =
        |cause: &(dyn std::error::Error + 'static)| cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    error.chain().filter_map(kind).any(|kind| kind == std::io::ErrorKind::BrokenPipe)
}
