//! Every command that writes, interrupted at random moments: killed, asked to end, or with a disk that is full.
//!
//! After each the folder holds the old result or the new one, whole and readable; and going on, or the same command once more,
//! gives the bytes of a run that nobody interrupted. A full disk is a limit on the size of files (`ulimit -f`), which anybody may
//! set: a write beyond it fails as one to a full disk does. On systems without signals there is nothing to do.

mod bench;
mod commands;
mod folder;
mod moments;

use anyhow::{Context, Result, ensure};
use std::time::Instant;
use xshell::{Shell, cmd};

use crate::{
    python::target_folder,
    stage::{Outcome, capture, count},
};
use bench::Bench;
use commands::{COMMANDS, Command};
use moments::{Draw, Tally};

/// Moments of each command in the stage of `test-all`.
const FEW: usize = 4;

/// The stage: some moments of each command.
pub(crate) fn check(shell: &Shell) -> Result<Outcome> {
    if !cfg!(unix) {
        return Ok(Outcome::Skipped("no signals on this system".to_owned()));
    }
    let bench = match prepare(shell)? {
        Ok(bench) => bench,
        Err(failed) => return Ok(failed),
    };
    let (mut tally, mut problems) = (Tally::default(), Vec::new());
    for command in COMMANDS {
        let (of_one, found) = interrupted(&bench, command, FEW)?;
        tally.add(&of_one);
        problems.extend(found);
    }
    Ok(Outcome::of_problems(&problems, format!("{} of {}", tally, count(COMMANDS.len(), "command"))))
}

/// The task: so many moments of each command.
pub(crate) fn run(shell: &Shell, moments: usize) -> Result<bool> {
    ensure!(cfg!(unix), "there are no signals on this system");
    let bench = match prepare(shell)? {
        Ok(bench) => bench,
        Err(Outcome::Failed { output, .. }) => anyhow::bail!("{output}"),
        Err(_) => return Ok(true),
    };
    let mut passed = true;
    for command in COMMANDS {
        let begun = Instant::now();
        let (tally, problems) = interrupted(&bench, command, moments)?;
        println!("{:<9}{tally}, {:.0} s", command.name, begun.elapsed().as_secs_f64());
        for problem in &problems {
            println!("  {problem}");
        }
        passed &= problems.is_empty();
    }
    Ok(passed)
}

/// Builds the program and what the commands read.
fn prepare(shell: &Shell) -> Result<Result<Bench, Outcome>> {
    let build = capture(cmd!(shell, "cargo build --package adaptune --all-features"))?;
    if !build.success {
        return Ok(Err(build.failed()));
    }
    let target = target_folder(shell);
    let program = target.join("debug").join(format!("adaptune{}", std::env::consts::EXE_SUFFIX));
    Bench::new(&target.join("interrupt"), &program).context("what the commands read").map(Ok)
}

/// One command at so many moments, half of them in a folder that holds an older result.
fn interrupted(bench: &Bench, command: &Command, moments: usize) -> Result<(Tally, Vec<String>)> {
    let whole = bench.whole(command).with_context(|| format!("{} without an interruption", command.name))?;
    let mut draw = Draw::new(command.name);
    let (mut tally, mut problems) = (Tally::default(), Vec::new());
    for number in 0..moments {
        let moment = draw.moment(number, whole.time, whole.largest_file);
        match bench.interrupt(command, &whole, &moment) {
            Ok(ended) => tally.count(&ended),
            Err(problem) => problems.push(format!("{} {moment}: {problem:#}", command.name)),
        }
    }
    Ok((tally, problems))
}
