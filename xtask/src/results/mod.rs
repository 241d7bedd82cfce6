//! Results that the book tells of, made again: what programs print, and tables of runs.
//!
//! `programs.rs` has the programs, `transcripts.rs` commands with what they say, `recipes.rs` the tables and the runs that they consist of, `runs.rs` makes those. To add one is to add
//! an entry. Tables without an entry were made by hand, with the command in their head.

mod programs;
mod recipes;
mod runs;
mod transcripts;

use std::path::Path;

use anyhow::{Result, ensure};
use xshell::Shell;

pub(crate) use programs::differing;
pub(crate) use transcripts::{program, said_otherwise};

/// Every name that [`make`] knows.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    programs::PROGRAMS.into_iter().chain([transcripts::NAME]).chain(recipes::RECIPES.iter().map(|recipe| recipe.name))
}

/// Makes the named results again, all of them if there are no names, one file after the other. What runs have left is in
/// `target/results`, so that an interrupted command goes on where it was when it is given again.
pub(crate) fn make(shell: &Shell, target: &Path, wanted: &[String]) -> Result<()> {
    let unknown = wanted.iter().find(|name| names().all(|known| known != *name));
    let known: Vec<&str> = names().collect();
    ensure!(
        unknown.is_none(),
        "there is no recipe for `{}`; there are {}",
        unknown.map_or("", |n| n),
        known.join(", ")
    );
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    for name in programs::PROGRAMS.into_iter().filter(|name| is_wanted(name)) {
        programs::make(shell, target, name)?;
    }
    if is_wanted(transcripts::NAME) {
        transcripts::make(shell, target)?;
    }
    for recipe in recipes::RECIPES.iter().filter(|recipe| is_wanted(recipe.name)) {
        runs::make(shell, target, recipe)?;
    }
    println!("`cargo xtask fill` takes the new numbers into the pages");
    Ok(())
}
