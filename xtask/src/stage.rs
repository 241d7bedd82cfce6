//! A stage is one check of `cargo xtask test-all`: it runs, and leaves one line on the screen.

use std::{
    env,
    io::{self, IsTerminal, Read, Write},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use xshell::{Cmd, Shell};

/// One check, by the name that its line begins with.
pub(crate) struct Stage {
    pub(crate) name: &'static str,
    /// An error means that the check could not be made, which counts as failed.
    pub(crate) check: fn(&Shell) -> Result<Outcome>,
}

/// What came of a check, with a few words for its line.
#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    Passed(String),
    Skipped(String),
    /// `output` is all that helps to find the cause.
    Failed {
        detail: String,
        output: String,
    },
}

impl Outcome {
    /// Passed if nothing was found; `fine` says what was looked at.
    pub(crate) fn of_problems(problems: &[String], fine: impl Into<String>) -> Outcome {
        if problems.is_empty() {
            return Outcome::Passed(fine.into());
        }
        Outcome::Failed { detail: count(problems.len(), "problem"), output: problems.join("\n") }
    }
}

/// "1 crate", "2 crates".
pub(crate) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Where the lines go: standard output, or a buffer in tests.
pub(crate) struct Screen<W> {
    out: W,
    colour: bool,
}

impl Screen<io::Stdout> {
    /// Standard output, in colour if it is a terminal whose user has not asked for none.
    pub(crate) fn of_stdout() -> Self {
        let out = io::stdout();
        let colour = out.is_terminal() && env::var_os("NO_COLOR").is_none();
        Screen { out, colour }
    }
}

impl<W: Write> Screen<W> {
    /// Runs the stages in their order, up to the first that fails or, with `keep_going`, all. True if none failed.
    pub(crate) fn run(&mut self, shell: &Shell, stages: &[&Stage], keep_going: bool) -> Result<bool> {
        let start = Instant::now();
        let mut failed = Vec::new();
        for stage in stages {
            if !self.run_one(shell, stage)? {
                failed.push(stage.name);
            }
            if !failed.is_empty() && !keep_going {
                break;
            }
        }
        if stages.len() > 1 {
            self.conclude(stages.len(), &failed, start.elapsed())?;
        }
        Ok(failed.is_empty())
    }

    /// The name stands there while the stage runs; the rest of the line follows when it has ended.
    fn run_one(&mut self, shell: &Shell, stage: &Stage) -> Result<bool> {
        write!(self.out, "{:<11}", stage.name)?;
        self.out.flush()?;
        let start = Instant::now();
        let outcome = (stage.check)(shell).unwrap_or_else(|error| Outcome::Failed {
            detail: "the check could not be made".to_owned(),
            output: format!("{error:#}"),
        });
        self.report(&outcome, start.elapsed())?;
        Ok(!matches!(outcome, Outcome::Failed { .. }))
    }

    fn report(&mut self, outcome: &Outcome, elapsed: Duration) -> io::Result<()> {
        let (word, colour, detail) = match outcome {
            Outcome::Passed(detail) => ("ok", GREEN, detail),
            Outcome::Skipped(detail) => ("skipped", YELLOW, detail),
            Outcome::Failed { detail, .. } => ("FAILED", RED, detail),
        };
        let word = self.painted(&format!("{word:<7}"), colour);
        writeln!(self.out, "{word} {:>6.1} s  {detail}", elapsed.as_secs_f64())?;
        if let Outcome::Failed { output, .. } = outcome {
            writeln!(self.out, "\n{}\n", output.trim_end())?;
        }
        Ok(())
    }

    fn conclude(&mut self, stages: usize, failed: &[&str], elapsed: Duration) -> io::Result<()> {
        let (word, colour, detail) =
            if failed.is_empty() { ("ok", GREEN, count(stages, "stage")) } else { ("FAILED", RED, failed.join(", ")) };
        let word = self.painted(&format!("{word:<7}"), colour);
        writeln!(self.out, "{:<11}{word} {:>6.1} s  {detail}", "in all", elapsed.as_secs_f64())
    }

    fn painted(&self, word: &str, colour: &str) -> String {
        if self.colour { format!("{colour}{word}{RESET}") } else { word.to_owned() }
    }
}

const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const RED: &str = "\x1b[31m";
const RESET: &str = "\x1b[0m";

/// A command that has ended, with what it wrote to its two outputs, in the order in which it wrote it.
pub(crate) struct Finished {
    command: String,
    pub(crate) success: bool,
    pub(crate) output: String,
}

impl Finished {
    /// The outcome of a stage that is this one command; `detail` makes the words for its line from the output.
    pub(crate) fn outcome(self, detail: impl FnOnce(&str) -> String) -> Outcome {
        if self.success { Outcome::Passed(detail(&self.output)) } else { self.failed() }
    }

    pub(crate) fn failed(self) -> Outcome {
        Outcome::Failed { detail: format!("`{}`", self.command), output: self.output }
    }
}

/// Runs a command to its end. An error means that it could not be started.
pub(crate) fn capture(command: Cmd<'_>) -> Result<Finished> {
    let shown = command.to_string();
    let (mut reader, writer) = io::pipe()?;
    let mut child = {
        // The builder holds a writing end, so it must be gone before anyone waits for the end of the output.
        let mut command = cleaned(Command::from(command));
        command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
        command.spawn().with_context(|| format!("`{shown}` could not be started"))?
    };
    let mut output = Vec::new();
    reader.read_to_end(&mut output)?;
    let success = child.wait()?.success();
    Ok(Finished { command: shown, success, output: String::from_utf8_lossy(&output).into_owned() })
}

/// What a command writes to its standard output. If it fails, what it writes to the other one is the error.
pub(crate) fn read(command: Cmd<'_>) -> Result<String> {
    let shown = command.to_string();
    let output = command.quiet().ignore_status().output()?;
    ensure!(output.status.success(), "`{shown}` failed: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).with_context(|| format!("`{shown}` did not write UTF-8"))
}

/// Takes out what `cargo run` has put into the environment: some build scripts ask for it, and would run anew each time
/// that someone changes between `cargo build` and `cargo xtask`. The output is read by this program, so it has no colour.
fn cleaned(mut command: Command) -> Command {
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(name);
        }
    }
    command.env("CARGO_TERM_COLOR", "never");
    command
}

#[cfg(test)]
mod tests {
    use xshell::cmd;

    use super::*;

    const GOOD: Stage = Stage { name: "good", check: |_| Ok(Outcome::Passed("7 things".to_owned())) };
    const ABSENT: Stage = Stage { name: "absent", check: |_| Ok(Outcome::Skipped("no such program".to_owned())) };
    const BAD: Stage = Stage { name: "bad", check: |_| Ok(Outcome::of_problems(&["it broke".to_owned()], "fine")) };
    const BROKEN: Stage = Stage { name: "broken", check: |_| anyhow::bail!("no checker") };

    /// Whether all passed, and the lines of the screen without the seconds.
    fn run(stages: &[&Stage], keep_going: bool) -> (bool, Vec<String>) {
        let mut screen = Screen { out: Vec::new(), colour: false };
        let passed = screen.run(&Shell::new().unwrap(), stages, keep_going).unwrap();
        let text = String::from_utf8(screen.out).unwrap();
        let without_seconds = |line: &str| {
            let words = line.split_whitespace().filter(|word| *word != "s" && word.parse::<f64>().is_err());
            words.collect::<Vec<_>>().join(" ")
        };
        (passed, text.lines().filter(|line| !line.is_empty()).map(without_seconds).collect())
    }

    #[test]
    fn one_line_for_each_stage_that_passes() {
        let (passed, lines) = run(&[&GOOD, &ABSENT], false);
        assert!(passed);
        assert_eq!(lines, ["good ok things", "absent skipped no such program", "in all ok stages"]);
    }

    #[test]
    fn the_first_failure_ends_the_run_and_shows_its_output() {
        let (passed, lines) = run(&[&GOOD, &BAD, &GOOD], false);
        assert!(!passed);
        assert_eq!(lines, ["good ok things", "bad FAILED problem", "it broke", "in all FAILED bad"]);
    }

    #[test]
    fn keep_going_runs_all_and_names_all_failures() {
        let (passed, lines) = run(&[&BAD, &BROKEN, &GOOD], true);
        assert!(!passed);
        assert_eq!(
            lines,
            [
                "bad FAILED problem",
                "it broke",
                "broken FAILED the check could not be made",
                "no checker",
                "good ok things",
                "in all FAILED bad, broken"
            ]
        );
    }

    #[test]
    fn a_single_stage_needs_no_conclusion() {
        assert_eq!(run(&[&GOOD], false), (true, vec!["good ok things".to_owned()]));
    }

    #[test]
    fn colour_wraps_the_word_only() {
        let mut screen = Screen { out: Vec::new(), colour: true };
        screen.report(&Outcome::Passed("7 things".to_owned()), Duration::from_millis(1250)).unwrap();
        assert_eq!(String::from_utf8(screen.out).unwrap(), "\x1b[32mok     \x1b[0m    1.2 s  7 things\n");
    }

    #[test]
    fn a_command_is_captured_whole() {
        let shell = Shell::new().unwrap();
        let finished = capture(cmd!(shell, "cargo --version")).unwrap();
        assert!(finished.success && finished.output.starts_with("cargo 1."), "{}", finished.output);

        let finished = capture(cmd!(shell, "cargo no-such-command")).unwrap();
        assert!(!finished.success && finished.output.contains("no-such-command"), "{}", finished.output);
        assert!(
            matches!(finished.outcome(str::to_owned), Outcome::Failed { detail, .. } if detail == "`cargo no-such-command`")
        );
    }

    #[test]
    fn a_command_that_cannot_start_is_an_error() {
        let shell = Shell::new().unwrap();
        let error = capture(cmd!(shell, "surely-no-such-program --now")).err().expect("there is no such program");
        assert!(format!("{error:#}").contains("`surely-no-such-program --now` could not be started"), "{error:#}");
    }

    #[test]
    fn reading_gives_the_output_or_the_complaint() {
        let shell = Shell::new().unwrap();
        assert!(read(cmd!(shell, "cargo --version")).unwrap().starts_with("cargo 1."));
        let error = read(cmd!(shell, "cargo no-such-command")).expect_err("there is no such command").to_string();
        assert!(error.starts_with("`cargo no-such-command` failed: error: no such command"), "{error}");
    }
}
