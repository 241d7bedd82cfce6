//! What a search was asked for: its command line, kept so that `--resume --out DIR` needs nothing else.

use super::super::args::{Cli, Command, SearchArgs};
use anyhow::{Result, bail};
use clap::Parser;

/// Options that change nothing of the outcome: where it lies, who trains, at one go or not. Those that have a value, and those that have none.
const NEUTRAL: ([&str; 3], [&str; 4]) =
    (["--out", "--threads", "--jobs"], ["--resume", "--overwrite", "--collect", "--json"]);

/// The options of this process without those that change nothing of the outcome.
pub(super) fn options() -> Vec<String> {
    lasting(std::env::args().skip(1).collect())
}

/// True if nothing is asked for but to go on.
pub(super) fn is_nothing(options: &[String]) -> bool {
    options.iter().all(|word| word == "search")
}

fn lasting(words: Vec<String>) -> Vec<String> {
    let (with_value, flags) = NEUTRAL;
    let (mut kept, mut words) = (Vec::new(), words.into_iter());
    while let Some(word) = words.next() {
        if word == "--" {
            kept.push(word);
            break;
        }
        let joined = with_value.iter().any(|name| word.starts_with(&format!("{name}=")));
        if with_value.contains(&word.as_str()) {
            words.next();
        } else if !joined && !flags.contains(&word.as_str()) {
            kept.push(word);
        }
    }
    // What is behind -- goes to train as it is.
    kept.extend(words);
    kept
}

/// The arguments that these options are; where results lie is as in `now`.
///
/// # Errors
/// They are none, since the file that they are from is damaged or of another version.
pub(super) fn parsed(options: &[String], now: &SearchArgs) -> Result<SearchArgs> {
    let line = std::iter::once("adaptune").chain(options.iter().map(String::as_str));
    let Ok(Cli { command: Command::Search(before), .. }) = Cli::try_parse_from(line) else {
        bail!("its options cannot be read: give all of them beside --resume");
    };
    let SearchArgs { out, jobs, collect, json, .. } = now;
    Ok(SearchArgs { out: out.clone(), jobs: jobs.clone(), collect: *collect, json: *json, resume: true, ..*before })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_nothing_is_left_out() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let line = "--threads 2 search --trials 4 --out=x --resume --jobs j --model m --json -- --out y --json";
        assert_eq!(lasting(words(line)), words("search --trials 4 --model m -- --out y --json"));
        assert!(is_nothing(&lasting(words("search --resume --out x --threads=1"))));
    }
}
