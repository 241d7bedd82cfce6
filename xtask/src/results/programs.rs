//! Examples whose output is a part of the book, kept in a file that the stage `examples` compares with what they print.

use std::{env::consts::EXE_SUFFIX, fs, path::Path};

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

use super::recipes::FOLDER;
use crate::stage::read;

/// Examples of the crate `adaptune`.
pub(super) const PROGRAMS: [&str; 8] = [
    "attention_by_hand",
    "bottleneck_by_hand",
    "efficiency",
    "frozen_block",
    "mixing_by_hand",
    "three_methods",
    "training_step",
    "zero_start",
];

/// Runs a program and keeps what it prints.
pub(super) fn make(shell: &Shell, target: &Path, name: &str) -> Result<()> {
    cmd!(shell, "cargo build --package adaptune --all-features --example {name}").run()?;
    let program = target.join("debug/examples").join(format!("{name}{EXE_SUFFIX}"));
    shell.write_file(Path::new(FOLDER).join(format!("{name}.txt")), read(cmd!(shell, "{program}"))?)?;
    Ok(())
}

/// What is wrong if a program prints something else than the file that the book shows.
pub(crate) fn differing(root: &Path, program: &Path, output: &str) -> Result<Option<String>> {
    let name = program.file_stem().unwrap_or_default().to_string_lossy();
    if PROGRAMS.contains(&name.as_ref()) { kept_differently(root, &name, output) } else { Ok(None) }
}

/// The first line that a file keeps otherwise than it was printed.
pub(super) fn kept_differently(root: &Path, name: &str, output: &str) -> Result<Option<String>> {
    let file = Path::new(FOLDER).join(format!("{name}.txt"));
    let kept = fs::read_to_string(root.join(&file)).with_context(|| file.display().to_string())?;
    let pairs = kept.lines().map(Some).chain([None]).zip(output.lines().map(Some).chain([None]));
    let first = (1..).zip(pairs).find(|(_, (kept, printed))| kept != printed);
    Ok(first.map(|(number, (kept, printed))| {
        let file = file.display();
        format!(
            "{file}:{number}: has {kept:?}, the program prints {printed:?}; `cargo xtask results {name}` keeps what it prints"
        )
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_held_against_what_is_kept() {
        let shell = Shell::new().unwrap();
        let folder = shell.create_temp_dir().unwrap();
        let differing = |output: &str| differing(folder.path(), Path::new("/t/zero_start"), output);
        assert!(differing("1\n").unwrap_err().to_string().ends_with("docs/results/zero_start.txt"));
        shell.write_file(folder.path().join("docs/results/zero_start.txt"), "1\n2\n").unwrap();
        assert_eq!(differing("1\n2\n").unwrap(), None);
        let expected = "docs/results/zero_start.txt:2: has Some(\"2\"), the program prints Some(\"3\"); \
                        `cargo xtask results zero_start` keeps what it prints";
        assert_eq!(differing("1\n3\n").unwrap().as_deref(), Some(expected));
        assert!(differing("1\n").unwrap().is_some() && differing("1\n2\n3\n").unwrap().is_some());
        assert_eq!(super::differing(folder.path(), Path::new("/t/spiral"), "x").unwrap(), None);
    }
}
