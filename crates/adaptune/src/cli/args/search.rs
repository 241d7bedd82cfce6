//! Arguments of `search`.

use super::columns::TableArgs;
use crate::cli::task::TaskArg;
use adaptune_train::search::{Limit, Strategy};
use clap::Args;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Trains adapters of different architecture within a limit of parameters, gives most time to those that do well, and shows
/// which of them no smaller one equals (front.svg, search.html, search.json); the best is in OUT/best, an adapter as train
/// leaves it. What is trained is planned before the first step and written into OUT/plan.json, so the outcome is the same for
/// any number of threads, and after any interruption: go on with --resume --out OUT alone.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SearchArgs {
    /// The most parameters that an adapter may have: a share of base and adapter together, or a number. As for budget, the
    /// head is not counted
    #[arg(long, default_value = "1 %", value_name = "SHARE|N")]
    pub(crate) limit: Limit,
    /// Time for all trainings, such as 30m or 1h30m. Some steps are measured, once, and the plan has as many trials as will
    /// then fit; time decides nothing afterwards
    #[arg(long, value_name = "TIME", conflicts_with = "trials")]
    pub(crate) budget: Option<BudgetArg>,
    /// How many configurations are tried, presets among them [default: 16]
    #[arg(long, value_name = "N")]
    pub(crate) trials: Option<usize>,
    /// random (each trained to the end), halving (many for a short time, the better third of them three times as long, and
    /// so on), or evolution (halving with two thirds of the trials, then children of the best, which differ from them in one
    /// or two things)
    #[arg(long, default_value = "evolution", value_name = "HOW")]
    pub(crate) strategy: Strategy,
    /// What may be chosen: a method with alternatives, 'par_bn[reduction_factor=each(8|32|none), scaling=1.0|4.0]@1e-3|3e-3'
    /// (each(…): every block has its own, none is no adapter; behind @ learning rates), given several times; or a TOML file
    /// with `methods`, a list of such texts, and `rates` [default: seq_bn, double_seq_bn and par_bn with a width for every
    /// block, lora, ia3]
    #[arg(long, value_name = "METHOD|FILE")]
    pub(crate) space: Vec<String>,
    /// The base model: a folder, a name on the Hugging Face hub, or `builtin`
    #[arg(long, value_name = "DIR|NAME")]
    pub(crate) model: Option<String>,
    /// Training data, as for train
    #[arg(long, value_name = "FILE")]
    pub(crate) train: Option<PathBuf>,
    /// Development data, by which everything is chosen: a file, or a share of the training data such as 10%
    #[arg(long, value_name = "FILE|SHARE")]
    pub(crate) dev: Option<PathBuf>,
    /// Test data, on which the best adapter and the best preset are measured once, at the end
    #[arg(long, value_name = "FILE")]
    pub(crate) test: Option<PathBuf>,
    /// A built-in task in place of files, which has test data too
    #[arg(long, value_name = "TASK", conflicts_with_all = ["train", "dev", "test"])]
    pub(crate) task: Option<TaskArg>,
    #[command(flatten)]
    pub(crate) table: TableArgs,
    /// Passes over the training data of a trial that is trained to the end [default: as for train]
    #[arg(long, value_name = "N")]
    pub(crate) epochs: Option<usize>,
    /// Seed of what is chosen, and of every training
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) seed: u64,
    /// Folder for the results
    #[arg(long, default_value = "runs/search", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Go on with the search in --out; no other options are needed
    #[arg(long)]
    pub(crate) resume: bool,
    /// Replace the search in --out, when the new one has ended
    #[arg(long, conflicts_with = "resume")]
    pub(crate) overwrite: bool,
    /// Train nothing here: write the trainings that are due into this file, one command a line, for any machines to run that
    /// see the same folders; then --collect
    #[arg(long, value_name = "FILE")]
    pub(crate) jobs: Option<PathBuf>,
    /// Take up what the commands of --jobs have trained, and end the search if nothing is missing; with --jobs write those that
    /// are due next
    #[arg(long, conflicts_with = "overwrite")]
    pub(crate) collect: bool,
    /// Print one JSON object, and no progress
    #[arg(long)]
    pub(crate) json: bool,
    /// Any other option of train, for all trainings alike
    #[arg(last = true, value_name = "OPTIONS OF TRAIN")]
    pub(crate) more: Vec<String>,
}

const EXAMPLES: &str = "\
Examples:
  adaptune search --limit '1 %' --trials 8
    (needs nothing: the built-in model, and a task of its world)
  adaptune search --model MODEL --train train.tsv --dev dev.tsv --test test.tsv \\
    --limit '0.3 %' --budget 1h --out runs/search
  adaptune predict --adapter runs/search/best --input texts.txt
  adaptune search --resume --out runs/search
On several machines:
  adaptune search … --out runs/search --jobs jobs.txt
  parallel < jobs.txt
  adaptune search --collect --jobs jobs.txt --out runs/search
    (and again, until jobs.txt is empty)";

/// A time, as it was written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BudgetArg {
    pub(crate) written: String,
    pub(crate) time: Duration,
}

impl FromStr for BudgetArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let seconds = seconds(text.trim()).filter(|seconds| (1..=10_000_000).contains(seconds));
        let found = seconds.map(|seconds| Self { written: text.to_owned(), time: Duration::from_secs(seconds) });
        found.ok_or_else(|| format!("expected a time such as 90s, 30m or 1h30m, found {text:?}"))
    }
}

/// `1h30m` in seconds.
fn seconds(text: &str) -> Option<u64> {
    let (mut sum, mut rest) = (0_u64, text);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let unit = match rest[end..].chars().next()? {
            'd' => 86_400,
            'h' => 3_600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        sum = rest[..end].parse::<u64>().ok()?.checked_mul(unit)?.checked_add(sum)?;
        rest = &rest[end + 1..];
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        let seconds = |text: &str| text.parse().map(|budget: BudgetArg| budget.time.as_secs());
        assert_eq!((seconds("90s"), seconds("1h30m"), seconds("1d")), (Ok(90), Ok(5_400), Ok(86_400)));
        for text in ["", "30", "m", "0s", "1.5h", "3 weeks", "99999999999999999999d"] {
            assert!(seconds(text).unwrap_err().contains("1h30m"), "{text}");
        }
    }
}
