//! The fuzz targets of `fuzz/`, one after another. They need a nightly toolchain and cargo-fuzz.
//!
//! They are built without AddressSanitizer: the code is safe but for the kernels, which have the stage `sanitizer`, and so
//! a minute sees several times as much. What asks for too much memory is found by a limit on it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

use crate::stage::{Outcome, capture, count};

/// Seconds of each target in the stage.
const FEW_SECONDS: u64 = 4;
/// Kilobytes of memory that may be asked for.
const ADDRESSES: u64 = 6_000_000;
/// What every target runs with: 2 GB, 10 s and inputs below 1 MB at most.
const LIMITS: [&str; 5] =
    ["-rss_limit_mb=2048", "-timeout=10", "-max_len=1000000", "-print_final_stats=1", "-verbosity=1"];

/// How targets are built: what cargo-fuzz is told, and the folder in which it leaves them.
#[derive(Clone, Copy)]
struct Profile {
    options: &'static [&'static str],
    folder: &'static str,
}

/// Compiled in a minute or two, for the stage; inputs take longer.
const QUICK: Profile = Profile { options: &["--dev"], folder: "debug" };
/// Compiled in some minutes, for as many inputs as there can be.
const FAST: Profile = Profile { options: &[], folder: "release" };

/// The stage: a minute over all targets, from seeds alone.
pub(crate) fn check(shell: &Shell) -> Result<Outcome> {
    if let Some(missing) = missing(shell) {
        return Ok(Outcome::Skipped(missing));
    }
    if let Some(failed) = build(shell, QUICK)? {
        return Ok(failed);
    }
    let scratch = Scratch::new()?;
    let (mut executions, mut problems) = (0, Vec::new());
    let targets = targets(shell)?;
    for target in &targets {
        let campaign =
            Campaign { profile: QUICK, seconds: FEW_SECONDS, corpus: scratch.0.join("corpus"), scratch: &scratch.0 };
        match campaign.run(shell, target)? {
            Ok(figures) => executions += figures.executions,
            Err(problem) => problems.push(problem),
        }
    }
    Ok(Outcome::of_problems(&problems, format!("{executions} inputs for {}", count(targets.len(), "target"))))
}

/// The task: so many minutes, shared by all targets; what was found interesting is kept for the next time, in the folder `corpus` of that package.
pub(crate) fn run(shell: &Shell, minutes: u64) -> Result<bool> {
    if let Some(missing) = missing(shell) {
        println!("skipped: {missing}");
        return Ok(true);
    }
    if let Some(Outcome::Failed { output, .. }) = build(shell, FAST)? {
        anyhow::bail!("{output}");
    }
    let (scratch, targets) = (Scratch::new()?, targets(shell)?);
    let seconds = (minutes * 60 / targets.len().max(1) as u64).max(1);
    let (mut executions, mut passed) = (0, true);
    for target in &targets {
        let corpus = shell.current_dir().join("fuzz/corpus");
        match (Campaign { profile: FAST, seconds, corpus, scratch: &scratch.0 }).run(shell, target)? {
            Ok(figures) => {
                println!("{target:<12}{figures}");
                executions += figures.executions;
            }
            Err(problem) => {
                println!("{problem}");
                passed = false;
            }
        }
    }
    println!("in all      {executions} inputs");
    Ok(passed)
}

/// What is not there of what fuzzing needs, and how to get it.
fn missing(shell: &Shell) -> Option<String> {
    let there = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        cmd!(shell, "rustup run nightly {words...}")
            .env_remove("RUSTUP_TOOLCHAIN")
            .quiet()
            .ignore_stderr()
            .read()
            .is_ok()
    };
    match (cfg!(unix) && there("rustc -V"), there("cargo fuzz --version")) {
        (false, _) => Some("no nightly toolchain: rustup toolchain install nightly".to_owned()),
        (true, false) => Some("no cargo-fuzz: cargo install cargo-fuzz".to_owned()),
        (true, true) => None,
    }
}

fn build(shell: &Shell, profile: Profile) -> Result<Option<Outcome>> {
    let options = profile.options;
    let cargo =
        cmd!(shell, "rustup run nightly cargo fuzz build --fuzz-dir fuzz --target-dir fuzz/target {options...}");
    let build = cargo.args(["--sanitizer", "none", "--codegen-units", "8"]).env_remove("RUSTUP_TOOLCHAIN");
    let build = capture(build)?;
    Ok((!build.success).then(|| build.failed()))
}

/// Every program in the folder of targets.
fn targets(shell: &Shell) -> Result<Vec<String>> {
    let sources = shell.read_dir("fuzz/fuzz_targets")?;
    let names = sources.iter().filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()));
    Ok(names.collect())
}

/// A folder in memory, where there is one, that is removed in the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self> {
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = folder.join(format!("adaptune-xtask-fuzz-{}", std::process::id()));
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// How a target runs.
struct Campaign<'a> {
    profile: Profile,
    seconds: u64,
    /// With a folder for each target.
    corpus: PathBuf,
    scratch: &'a Path,
}

impl Campaign<'_> {
    /// Runs one target; the inner error says what it found.
    fn run(&self, shell: &Shell, target: &str) -> Result<Result<Figures, String>> {
        let root = shell.current_dir();
        let programs = programs(&root, self.profile)?;
        let seeds = Command::new(programs.join("seeds")).arg(&self.corpus).stdout(Stdio::null()).status();
        anyhow::ensure!(seeds.context("the seeds cannot be made")?.success(), "the seeds cannot be made");
        let artifacts = root.join("fuzz/artifacts").join(target);
        fs::create_dir_all(&artifacts)?;
        let script = format!("ulimit -v {ADDRESSES}; exec \"$0\" \"$@\" 2>&1");
        let mut command = Command::new("sh");
        command.args(["-c", &script]).arg(programs.join(target)).args(LIMITS);
        command.arg(format!("-max_total_time={}", self.seconds));
        command.arg(format!("-dict={}", self.corpus.join(format!("{target}.dict")).display()));
        command.arg(format!("-artifact_prefix={}/", artifacts.display())).arg(self.corpus.join(target));
        command.env("TMPDIR", self.scratch).env("RAYON_NUM_THREADS", "1").current_dir(self.scratch);
        let output = command.stdin(Stdio::null()).output().context("a target cannot be started")?;
        let said = String::from_utf8_lossy(&output.stdout);
        Ok(match output.status.success() {
            true => Ok(Figures::of(&said)),
            false => Err(format!("{target} found something, see {}:\n{}", artifacts.display(), last_lines(&said))),
        })
    }
}

/// Where the programs are: cargo-fuzz builds for a named target.
fn programs(root: &Path, profile: Profile) -> Result<PathBuf> {
    let folders = fs::read_dir(root.join("fuzz/target")).context("fuzz/target")?.flatten().map(|entry| entry.path());
    let found = folders.map(|folder| folder.join(profile.folder)).find(|folder| folder.join("seeds").exists());
    found.context("cargo-fuzz left no programs in fuzz/target")
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("stat::")).collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

/// What libFuzzer says at the end.
#[derive(Debug, Default, PartialEq)]
struct Figures {
    executions: u64,
    new: u64,
    coverage: u64,
    slowest_seconds: u64,
    peak_megabytes: u64,
}

impl Figures {
    fn of(text: &str) -> Self {
        let stat = |name: &str| {
            let line = text.lines().rev().find_map(|line| line.strip_prefix("stat::")?.strip_prefix(name));
            line.and_then(|rest| rest.trim_start_matches(':').trim().parse().ok()).unwrap_or(0)
        };
        let coverage = text.lines().rev().find_map(|line| line.split_once(" cov: ")?.1.split(' ').next()?.parse().ok());
        Self {
            executions: stat("number_of_executed_units"),
            new: stat("new_units_added"),
            coverage: coverage.unwrap_or(0),
            slowest_seconds: stat("slowest_unit_time_sec"),
            peak_megabytes: stat("peak_rss_mb"),
        }
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { executions, new, coverage, slowest_seconds, peak_megabytes } = self;
        write!(
            f,
            "{executions:>9} inputs, {new:>5} of them new, {coverage:>5} edges, slowest {slowest_seconds} s, {peak_megabytes} MB"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_from_what_libfuzzer_says() {
        let said = "#2 INITED cov: 12 ft: 3\n#99\tDONE   cov: 345 ft: 9 corp: 2/3b\nDone 99 runs in 1 second(s)\n\
                    stat::number_of_executed_units: 99\nstat::new_units_added:         7\n\
                    stat::slowest_unit_time_sec:   1\nstat::peak_rss_mb:             30\n";
        let expected = Figures { executions: 99, new: 7, coverage: 345, slowest_seconds: 1, peak_megabytes: 30 };
        assert_eq!(Figures::of(said), expected);
        assert_eq!(Figures::of(""), Figures::default());
        assert_eq!(expected.to_string(), "       99 inputs,     7 of them new,   345 edges, slowest 1 s, 30 MB");
    }

    #[test]
    fn the_end_of_what_was_said_is_shown() {
        let said: String = (0..99).map(|line| format!("{line}\n")).chain(["stat::x: 1\n".to_owned()]).collect();
        assert!(last_lines(&said).starts_with("59\n") && last_lines(&said).ends_with("98"));
    }
}
