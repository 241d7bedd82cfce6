//! Pictures of the book that code draws: computation graphs, and a page that goes through a bottleneck step by step. `cargo xtask fill`
//! writes them, and the stage `book` compares them.
//!
//! `graph.rs` says what a graph is, `graphs.rs` which there are, `svg.rs` how one is drawn; `stepper.rs` makes the page.

mod graph;
mod graphs;
mod stepper;
mod svg;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;
use xshell::Shell;

use graphs::GRAPHS;

/// Where the pages look for graphs.
const FOLDER: &str = "docs/graphs";
const STEPPER: &str = "docs/stepper.html";

/// Draws all of them.
pub(crate) fn make(shell: &Shell) -> Result<()> {
    for (path, text) in drawn(&shell.current_dir())? {
        shell.write_file(path, text)?;
    }
    Ok(())
}

/// Files that are not what the code draws.
pub(crate) fn problems(root: &Path) -> Result<Vec<String>> {
    let differs =
        |(path, text): &(PathBuf, String)| fs::read_to_string(root.join(path)).map_or(true, |kept| kept != *text);
    let stale = drawn(root)?.into_iter().filter(differs);
    Ok(stale.map(|(path, _)| format!("{} is not as drawn; `cargo xtask fill` draws it anew", path.display())).collect())
}

fn drawn(root: &Path) -> Result<Vec<(PathBuf, String)>> {
    let graphs = GRAPHS.iter().map(|graph| (Path::new(FOLDER).join(format!("{}.svg", graph.name)), svg::drawn(graph)));
    let stepper = (PathBuf::from(STEPPER), stepper::drawn(root)?);
    Ok(graphs.chain([stepper]).collect())
}
