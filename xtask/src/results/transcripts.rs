//! Commands that the book shows together with what they say, kept as a file: `docs/results/pitfalls.txt`. They run in one empty folder,
//! one after the other, as a reader would type them.

use std::{
    env,
    env::consts::EXE_SUFFIX,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

use super::{programs::kept_differently, recipes::FOLDER};
use crate::stage::capture;

/// The file, without `.txt`.
pub(super) const NAME: &str = "pitfalls";

/// A part of the file.
struct Part {
    name: &'static str,
    /// For a shell, in which `adaptune` is the program.
    commands: &'static [&'static str],
    /// How lines of the output begin that are kept, with those that go on a line before. All are kept if there are none.
    kept: &'static [&'static str],
}

/// Times and memory differ from run to run, so they are not kept.
const PARTS: [Part; 9] = [
    Part {
        name: "data",
        commands: &["adaptune tasks --export data", "head -51 data/sentiment.a.train.tsv > few.tsv"],
        kept: &[],
    },
    Part {
        name: "label-typo",
        commands: &[
            "sed '3s/negative$/negativ/' few.tsv > typo.tsv",
            "adaptune train --model builtin --train typo.tsv --epochs 1 --out runs/typo",
        ],
        kept: &["50 examples", "note: the training data"],
    },
    Part {
        name: "label-typo-elsewhere",
        commands: &[
            "sed '3s/negative$/negativ/' data/sentiment.a.dev.tsv > typo-dev.tsv",
            "adaptune train --model builtin --train few.tsv --dev typo-dev.tsv --out runs/typo-dev",
        ],
        kept: &["error:"],
    },
    Part {
        name: "test-data-in-training",
        commands: &[
            "adaptune train --model builtin --train few.tsv --test few.tsv --epochs 8 --out runs/leak",
            "adaptune eval --adapter runs/leak --data data/sentiment.a.test.tsv",
        ],
        kept: &["note: few.tsv", "test accuracy", "accuracy"],
    },
    Part {
        name: "rate-too-high",
        commands: &[
            "adaptune train --model builtin --train few.tsv --dev data/sentiment.a.dev.tsv --lr 3 --epochs 2 --out runs/high",
        ],
        kept: &["dev accuracy", "training did not help"],
    },
    Part {
        name: "texts-are-cut",
        commands: &["adaptune train --model builtin --train few.tsv --max-length 8 --epochs 1 --out runs/cut"],
        kept: &["note: few.tsv"],
    },
    Part {
        name: "company",
        commands: &[
            "printf 'text\\nThe service was not clever.\\n' > one.tsv",
            "(cat one.tsv; head -9 data/sentiment.a.test.tsv | tail -8 | cut -f 1) > nine.tsv",
            "adaptune predict --adapter runs/leak --input one.tsv",
            "adaptune predict --adapter runs/leak --input nine.tsv | head -1",
        ],
        kept: &["positive\t", "negative\t"],
    },
    Part {
        name: "padding-in-the-text",
        commands: &[
            "printf 'text\\nThe service was not clever. [PAD] [PAD] [PAD]\\n' > padded.tsv",
            "adaptune predict --adapter runs/leak --input padded.tsv",
        ],
        kept: &[],
    },
    Part {
        name: "another-base",
        commands: &[
            "adaptune train --model builtin --train few.tsv --method lora --epochs 1 --out runs/lora",
            "adaptune merge --adapter runs/lora --out runs/merged",
            "adaptune eval --model runs/merged --adapter runs/lora --data data/sentiment.a.test.tsv",
        ],
        kept: &["error:"],
    },
];

/// Runs all commands with this program and gives the file.
pub(super) fn text(shell: &Shell, program: &Path) -> Result<String> {
    let folder = shell.create_temp_dir()?;
    let _inside = shell.push_dir(folder.path());
    let programs = program.parent().context("a program lies in a folder")?;
    let others = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths([programs.to_owned()].into_iter().chain(env::split_paths(&others)))?;
    let mut text = String::new();
    for Part { name, commands, kept } in &PARTS {
        text += &format!("{}[{name}]\n", if text.is_empty() { "" } else { "\n" });
        for command in *commands {
            // What a command says goes to both streams; here it is one text.
            let line = format!("{command} 2>&1");
            let run = capture(cmd!(shell, "sh -c {line}").env("PATH", &path).env("COLUMNS", "80"))?;
            text += &format!("$ {command}\n{}", picked(&run.output, kept));
        }
    }
    Ok(text)
}

/// What is wrong if a command says something else than the file that the book shows.
pub(crate) fn said_otherwise(shell: &Shell, program: &Path) -> Result<Option<String>> {
    kept_differently(&shell.current_dir(), NAME, &text(shell, program)?)
}

/// Runs all commands and keeps what they say.
pub(super) fn make(shell: &Shell, target: &Path) -> Result<()> {
    cmd!(shell, "cargo build --package adaptune --all-features").run()?;
    let text = text(shell, &program(target))?;
    shell.write_file(Path::new(FOLDER).join(format!("{NAME}.txt")), text)?;
    Ok(())
}

/// The program that tests build.
pub(crate) fn program(target: &Path) -> PathBuf {
    target.join("debug").join(format!("adaptune{EXE_SUFFIX}"))
}

/// The lines that begin so, with the indented ones below each.
fn picked(output: &str, kept: &[&str]) -> String {
    let (mut text, mut inside) = (String::new(), false);
    for line in output.lines() {
        inside =
            kept.is_empty() || kept.iter().any(|start| line.starts_with(start)) || inside && line.starts_with("  ");
        if inside {
            text += line.trim_end();
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_picked_with_what_goes_on_below() {
        let output = "note: a\n  b\nc\n  d\nerror: e\n";
        assert_eq!(picked(output, &["note:", "error:"]), "note: a\n  b\nerror: e\n");
        assert_eq!(picked("a \n\nb\n", &[]), "a\n\nb\n");
    }
}
