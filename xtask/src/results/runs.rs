//! Runs the commands of a table and writes what they measured into it.

use std::{
    env::consts::EXE_SUFFIX,
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    thread,
};

use anyhow::{Context, Result, ensure};
use xshell::{Shell, cmd};

use super::recipes::{FOLDER, Measure, Recipe};
use crate::stage::read;

/// Makes a table again. Runs that have ended with the same program are not run twice.
pub(super) fn make(shell: &Shell, target: &Path, recipe: &Recipe) -> Result<()> {
    cmd!(shell, "cargo build --release --package adaptune").run()?;
    let program = target.join("release").join(format!("adaptune{EXE_SUFFIX}"));
    let made = target.join("results").join(fingerprint(&program)?);
    let measured = |row: usize, seed: u32, score: &str| -> Result<f64> {
        let command = format!("{} {} --seed {seed}", recipe.command, recipe.rows[row]);
        let out = made.join(format!("{}-{row}-{seed}", recipe.name));
        if !out.join(CARD).is_file() {
            let words = command.split_whitespace();
            cmd!(shell, "{program} {words...} --out {out} --overwrite").run()?;
        }
        let card = fs::read_to_string(out.join(CARD)).with_context(|| format!("`adaptune {command}` left no card"))?;
        score_of(&card, score).with_context(|| format!("the card of `adaptune {command}` has no {score}"))
    };
    let path = PathBuf::from(FOLDER).join(format!("{}.tsv", recipe.name));
    let old = shell.read_file(&path)?;
    let made_on = format!("{} processors, {}", thread::available_parallelism()?, processor());
    let head = [("machine", made_on), ("date", read(cmd!(shell, "date +%F"))?.trim().to_owned())];
    shell.write_file(&path, rewritten(&old, recipe, &head, measured)?)?;
    println!("{} was made again", path.display());
    Ok(())
}

/// The file that a run writes last.
const CARD: &str = "README.md";

/// A name for a program, so that no run of another one is taken for its own.
fn fingerprint(program: &Path) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    fs::read(program).with_context(|| program.display().to_string())?.hash(&mut hasher);
    Ok(format!("{:016x}", hasher.finish()))
}

/// What the system calls the processor, if it is known how to ask.
fn processor() -> String {
    let known = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = known.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}

/// The number beside a score on a model card.
fn score_of(card: &str, score: &str) -> Option<f64> {
    let row = card.lines().find_map(|line| line.strip_prefix(&format!("| {score} | ")))?;
    row.strip_suffix(" |")?.replace(',', "").parse().ok()
}

/// A table with new numbers in the measured columns, and a head that says how they were made.
fn rewritten(
    old: &str,
    recipe: &Recipe,
    head: &[(&str, String)],
    measured: impl Fn(usize, u32, &str) -> Result<f64>,
) -> Result<String> {
    let is_replaced =
        |line: &str| ["command", "machine", "date"].iter().any(|key| line.starts_with(&format!("# {key}: ")));
    let commands = recipe.rows.iter().map(|row| format!("# command: adaptune {}", joined(recipe.command, row)));
    let mut new: Vec<String> = commands.collect();
    new.extend(head.iter().map(|(key, value)| format!("# {key}: {value}")));
    new.extend(old.lines().filter(|line| line.starts_with('#') && !is_replaced(line)).map(str::to_owned));
    let mut lines = old.lines().filter(|line| !line.starts_with('#'));
    let titles: Vec<&str> = lines.next().context("the table has no titles")?.split('\t').collect();
    new.push(titles.join("\t"));
    let rows: Vec<&str> = lines.collect();
    ensure!(
        rows.len() == recipe.rows.len(),
        "{} has {} rows, its recipe {}",
        recipe.name,
        rows.len(),
        recipe.rows.len()
    );
    for (number, row) in rows.into_iter().enumerate() {
        let mut cells: Vec<String> = row.split('\t').map(str::to_owned).collect();
        for (title, measure) in recipe.measures {
            let column = titles.iter().position(|known| known == title);
            let column = column.with_context(|| format!("{} has no column `{title}`", recipe.name))?;
            cells[column] = format!("{:.4}", value(*measure, |seed, score| measured(number, seed, score))?);
        }
        new.push(cells.join("\t"));
    }
    Ok(new.join("\n") + "\n")
}

fn value(measure: Measure, measured: impl Fn(u32, &str) -> Result<f64>) -> Result<f64> {
    match measure {
        Measure::Score(seed, score) => measured(seed, score),
        Measure::Mean(score) => {
            let all: Vec<f64> = (0..3).map(|seed| measured(seed, score)).collect::<Result<_>>()?;
            Ok(all.iter().sum::<f64>() / all.len() as f64)
        }
    }
}

fn joined(command: &str, row: &str) -> String {
    format!("{command} {row}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{super::recipes::RECIPES, *};

    const RECIPE: Recipe = Recipe {
        name: "x",
        command: "train",
        rows: &["--method head", ""],
        measures: &[("seed 1", Measure::Score(1, "test accuracy")), ("mean", Measure::Mean("test accuracy"))],
    };

    #[test]
    fn measured_columns_are_replaced_and_the_others_stay() {
        let old = "# command: old\n# date: then\n# format: text; count; percent 1; percent 1\nm\tn\tseed 1\tmean\nhead\t7\t0\t0\nall\t9\t0\t0\n";
        let measured = |row: usize, seed: u32, score: &str| {
            assert_eq!(score, "test accuracy");
            Ok([0.5, 0.75][row] + f64::from(seed) / 100.0)
        };
        let head = [("machine", "this".to_owned()), ("date", "now".to_owned())];
        let expected = "\
# command: adaptune train --method head
# command: adaptune train
# machine: this
# date: now
# format: text; count; percent 1; percent 1
m\tn\tseed 1\tmean
head\t7\t0.5100\t0.5100
all\t9\t0.7600\t0.7600
";
        assert_eq!(rewritten(old, &RECIPE, &head, measured).unwrap(), expected);
        let short = "m\tn\tseed 1\tmean\nhead\t7\t0\t0\n";
        assert_eq!(rewritten(short, &RECIPE, &[], measured).unwrap_err().to_string(), "x has 1 rows, its recipe 2");
        let other = "m\nhead\nall\n";
        assert_eq!(rewritten(other, &RECIPE, &[], measured).unwrap_err().to_string(), "x has no column `seed 1`");
    }

    #[test]
    fn recipes_fit_their_files() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the project");
        for recipe in &RECIPES {
            let old = fs::read_to_string(root.join(FOLDER).join(format!("{}.tsv", recipe.name))).unwrap();
            rewritten(&old, recipe, &[], |_, _, _| Ok(0.5)).expect(recipe.name);
        }
    }

    #[test]
    fn scores_are_read_from_cards() {
        let card = "| dev accuracy | 0.7040 |\n| test accuracy | 0.6520 |\n| test perplexity | 1,234.50 |\n";
        assert_eq!(score_of(card, "test accuracy"), Some(0.652));
        assert_eq!(score_of(card, "test perplexity"), Some(1234.5));
        assert_eq!(score_of(card, "test f1"), None);
    }
}
