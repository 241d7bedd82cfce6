//! `docs/SUMMARY.md`, from which mdBook takes chapters and their order: every page is in it once, and leads somewhere.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::pages::{FOLDER, summary};

/// Pages that the summary lacks, has twice, or has without their being there.
pub(crate) fn problems(root: &Path, pages: &[PathBuf]) -> Result<Vec<String>> {
    let text = fs::read_to_string(root.join(summary())).with_context(|| summary().display().to_string())?;
    let listed = listed(&text);
    let shown = summary().display().to_string();
    let mut problems = Vec::new();
    for page in pages {
        match listed.iter().filter(|other| *other == page).count() {
            0 => problems.push(format!("{} is not in {shown}", page.display())),
            1 => {}
            times => problems.push(format!("{} is in {shown} {times} times", page.display())),
        }
    }
    let gone = listed.iter().filter(|page| !pages.contains(page));
    problems.extend(gone.map(|page| format!("{shown} has {}, which is no page of the book", page.display())));
    Ok(problems)
}

/// The pages that a summary lists, in its order.
fn listed(summary: &str) -> Vec<PathBuf> {
    let target = |line: &str| Some(line.split_once("](")?.1.split_once(')')?.0.to_owned());
    summary.lines().filter_map(target).map(|target| Path::new(FOLDER).join(target)).collect()
}

#[cfg(test)]
mod tests {
    use xshell::Shell;

    use super::*;

    #[test]
    fn pages_and_summary_are_held_against_each_other() {
        let shell = Shell::new().unwrap();
        let folder = shell.create_temp_dir().unwrap();
        let list =
            "# Summary\n\n[Book](README.md)\n\n- [A](a.md)\n  - [B](deep/b.md)\n- [A again](a.md)\n- [Gone](gone.md)\n";
        shell.write_file(folder.path().join(summary()), list).unwrap();
        let pages = ["docs/README.md", "docs/a.md", "docs/deep/b.md", "docs/new.md"].map(PathBuf::from);
        assert_eq!(
            problems(folder.path(), &pages).unwrap(),
            [
                "docs/a.md is in docs/SUMMARY.md 2 times",
                "docs/new.md is not in docs/SUMMARY.md",
                "docs/SUMMARY.md has docs/gone.md, which is no page of the book",
            ]
        );
    }
}
