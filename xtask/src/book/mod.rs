//! The book: the Markdown pages in `docs`, of which mdBook makes a website.
//!
//! What is checked needs no mdBook: `summary.rs` holds the list of pages against the pages, `filled.rs` what pages take from
//! source (`listing.rs`), from results (`table.rs`) and from the output of programs (`output.rs`) against where it comes from, and
//! `numbers.rs` the numbers of prose against those files. `build.rs` makes the website, and `bare.rs` looks whether it needs any other.

mod bare;
mod build;
mod filled;
mod listing;
mod numbers;
mod output;
mod pages;
mod summary;
mod table;

use std::fs;

use anyhow::{Context, Result};
use xshell::Shell;

use crate::{
    figures,
    stage::{Outcome, count},
};

use pages::pages;

/// The stage. It builds the book where mdBook is installed, and never installs it.
pub(crate) fn check(shell: &Shell) -> Result<Outcome> {
    let root = shell.current_dir();
    let pages = pages(&root)?;
    let mut problems = summary::problems(&root, &pages)?;
    problems.extend(figures::problems(&root)?);
    for page in &pages {
        let text = fs::read_to_string(root.join(page)).with_context(|| page.display().to_string())?;
        problems.extend(filled::problems(&root, page, &text));
        problems.extend(numbers::problems(&root, page, &text));
    }
    if !problems.is_empty() {
        return Ok(Outcome::of_problems(&problems, ""));
    }
    let pages = count(pages.len(), "page");
    Ok(match build::if_installed(shell)? {
        None => Outcome::Passed(format!("{pages}; not built: mdBook is not installed, `cargo xtask book` does so")),
        Some(problems) => Outcome::of_problems(&problems, format!("{pages}, and the website made of them")),
    })
}

/// `cargo xtask book`. True if the website needs no other.
pub(crate) fn build(shell: &Shell) -> Result<bool> {
    let Some(problems) = build::install_and_build(shell)? else { return Ok(true) };
    problems.iter().for_each(|problem| eprintln!("{problem}"));
    Ok(problems.is_empty())
}

/// `cargo xtask fill`: writes into every page what it takes from elsewhere, and draws the graphs.
pub(crate) fn fill(shell: &Shell) -> Result<()> {
    let root = shell.current_dir();
    figures::make(shell)?;
    for page in pages(&root)? {
        let path = root.join(&page);
        let text = fs::read_to_string(&path).with_context(|| page.display().to_string())?;
        let filled = filled::fill(&root, &page, &text).map_err(|problems| anyhow::anyhow!(problems.join("\n")))?;
        if filled != text {
            fs::write(&path, filled).with_context(|| page.display().to_string())?;
            println!("{} was filled anew", page.display());
        }
    }
    Ok(())
}
