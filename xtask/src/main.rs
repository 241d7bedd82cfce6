//! Housekeeping of the project; `cargo xtask help` lists the tasks.

mod book;
mod builtin;
mod circles;
mod confined;
mod figures;
mod fuzz;
mod interrupt;
mod layering;
mod lengths;
mod links;
mod packaging;
mod paths;
mod peers;
mod profile;
mod python;
mod results;
mod rooms;
mod sanitizer;
mod source;
mod stage;
mod test_all;
mod tidy;

use std::{
    env,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result};
use xshell::Shell;

use crate::stage::Screen;

const HELP: &str = "\
Usage: cargo xtask TASK

Tasks:
  test-all [--keep-going] [STAGE...]
                  Runs every check of the project, or only the stages named, cheapest first. Stops at
                  the first that fails; with --keep-going it runs them all.
  tidy            The stage `tidy` alone: conventions that no compiler knows of.
  layering        The stage `layering` alone: which crate may depend on which.
  circles         Files of a crate that import each other.
  rooms           Which room of a crate may see which.
  confined        Names that belong into one place.
  paths           Paths in the documentation that lead nowhere.
  lengths         A table of how long functions and files are, and those that are too long.
  fuzz MINUTES    Damages everything that is read, in this time over all targets of fuzz/ (needs a nightly
                  toolchain and cargo-fuzz). The stage `fuzz` takes a minute.
  interrupt COUNT Interrupts every command that writes at so many random moments, and looks at what is left.
                  The stage `interrupt` takes some of them.
  fixtures DIR    Remakes crates/adapters/tests/fixtures with the Python library `adapters`, which is
                  installed into a virtual environment in DIR (some gigabytes; kept for the next time).
  round-trip DIR  Exchanges adapters with that library in both directions and compares the logits.
                  DIR as above. Says `skipped` where Python or the package index cannot be reached.
  peers DIR       Runs the same work here and in PyTorch with that library, in turn, and prints ratios of
                  times and memory. DIR as above.
  book            Builds the book from docs into target/book with mdBook, which it installs into target/tools.
                  The stage `book` checks pages, and builds them only where mdBook is installed.
  fill            Writes into the pages of the book what they take from elsewhere: listings, results,
                  outputs; and draws their computation graphs.
  results [NAME...]
                  Makes the results again that can be made by command, or only those named, into docs/results:
                  what programs print, and tables of runs. What was interrupted goes on. Hours are possible.
  profile [WORK]  Where the time of a training step goes, by operation, with every set of instructions that this
                  processor has. WORK such as `minilm f32 seq_bn 32 128 2 10` for that step alone: shape,
                  numbers, method, sequences, tokens of each, threads, steps.
  builtin DIR [--ship]
                  Pretrains the built-in model again into DIR, which takes about half an hour, and says
                  whether the same bytes come out; with --ship they replace those in the repository.
  help            This text.
";

/// How a command line that makes no sense ends, as is the custom.
const USAGE_ERROR: u8 = 2;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match Task::parse(&arguments) {
        Ok(task) => run(task).unwrap_or_else(|error| {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }),
        Err(problem) => {
            eprint!("error: {problem}\n\n{HELP}");
            ExitCode::from(USAGE_ERROR)
        }
    }
}

fn run(task: Task) -> Result<ExitCode> {
    let shell = Shell::new()?;
    let folder = env::current_dir()?;
    shell.change_dir(project_root()?);
    let mut passed = true;
    match task {
        Task::Help => print!("{HELP}"),
        Task::Lengths => {
            print!("{}", lengths::table(&shell.current_dir())?);
            passed = Screen::of_stdout().run(&shell, &test_all::stages_named(&["lengths".to_owned()]), false)?;
        }
        Task::Stages { names, keep_going } => {
            passed = Screen::of_stdout().run(&shell, &test_all::stages_named(&names), keep_going)?;
        }
        Task::Fuzz(minutes) => passed = fuzz::run(&shell, minutes)?,
        Task::Interrupt(moments) => passed = interrupt::run(&shell, moments as usize)?,
        Task::Fixtures(environment) => python::fixtures(&shell, &folder.join(environment))?,
        Task::RoundTrip(environment) => python::round_trip(&shell, &folder.join(environment))?,
        Task::Peers(environment) => peers::run(&shell, &folder.join(environment))?,
        Task::Book => passed = book::build(&shell)?,
        Task::Fill => book::fill(&shell)?,
        Task::Results(names) => results::make(&shell, &python::target_folder(&shell), &names)?,
        Task::Profile(work) => profile::run(&shell, &work)?,
        Task::Builtin { out, ship } => builtin::run(&shell, &python::target_folder(&shell), &folder.join(out), ship)?,
    }
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The folder that holds this one. Cargo says at run time where it is, which holds even if the checkout has moved since
/// this program was compiled.
fn project_root() -> Result<PathBuf> {
    let xtask = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let root = Path::new(&xtask).parent().context("xtask has no parent folder")?;
    Ok(root.to_path_buf())
}

/// A command line that makes sense.
#[derive(Debug, PartialEq)]
enum Task {
    Help,
    /// The table and the stage.
    Lengths,
    /// No names stand for all stages.
    Stages {
        names: Vec<String>,
        keep_going: bool,
    },
    /// Minutes.
    Fuzz(u64),
    /// Moments of each command.
    Interrupt(u64),
    Fixtures(PathBuf),
    RoundTrip(PathBuf),
    Peers(PathBuf),
    Book,
    Fill,
    /// No names stand for all.
    Results(Vec<String>),
    /// A step in the words of the example, or none.
    Profile(Vec<String>),
    Builtin {
        out: PathBuf,
        ship: bool,
    },
}

impl Task {
    /// The error says what is wrong; the help text belongs below it.
    fn parse(arguments: &[String]) -> Result<Task, String> {
        let Some((name, rest)) = arguments.split_first() else {
            return Err("no task given".to_owned());
        };
        match name.as_str() {
            "test-all" => parse_stages(rest),
            "tidy" | "layering" | "circles" | "rooms" | "confined" | "paths" => {
                nothing_more(name, rest)?;
                Ok(Task::Stages { names: vec![name.clone()], keep_going: false })
            }
            "lengths" => {
                nothing_more(name, rest)?;
                Ok(Task::Lengths)
            }
            "book" => nothing_more(name, rest).map(|()| Task::Book),
            "fill" => nothing_more(name, rest).map(|()| Task::Fill),
            "results" => Ok(Task::Results(rest.to_vec())),
            "fuzz" => Ok(Task::Fuzz(one_number(name, rest)?)),
            "interrupt" => Ok(Task::Interrupt(one_number(name, rest)?)),
            "fixtures" => Ok(Task::Fixtures(one_folder(name, rest)?)),
            "round-trip" => Ok(Task::RoundTrip(one_folder(name, rest)?)),
            "peers" => Ok(Task::Peers(one_folder(name, rest)?)),
            "profile" => Ok(Task::Profile(rest.to_vec())),
            "builtin" => {
                let ship = rest.last().is_some_and(|last| last == "--ship");
                let out = one_folder(name, &rest[..rest.len() - usize::from(ship)])?;
                Ok(Task::Builtin { out, ship })
            }
            "help" | "--help" | "-h" => Ok(Task::Help),
            _ => Err(format!("there is no task `{name}`")),
        }
    }
}

fn parse_stages(arguments: &[String]) -> Result<Task, String> {
    let (mut names, mut keep_going) = (Vec::new(), false);
    for argument in arguments {
        if argument == "--keep-going" {
            keep_going = true;
        } else if test_all::stage_names().any(|name| name == argument) {
            names.push(argument.clone());
        } else {
            let known: Vec<&str> = test_all::stage_names().collect();
            return Err(format!("`test-all` has no stage `{argument}`; it has {}", known.join(", ")));
        }
    }
    Ok(Task::Stages { names, keep_going })
}

fn one_folder(task: &str, arguments: &[String]) -> Result<PathBuf, String> {
    match arguments {
        [folder] if !folder.starts_with('-') => Ok(PathBuf::from(folder)),
        _ => Err(format!("`{task}` takes one folder, found {} arguments: {arguments:?}", arguments.len())),
    }
}

fn one_number(task: &str, arguments: &[String]) -> Result<u64, String> {
    let number = match arguments {
        [number] => number.parse().ok().filter(|number| *number > 0),
        _ => None,
    };
    number.ok_or_else(|| format!("`{task}` takes one whole number, found {arguments:?}"))
}

fn nothing_more(task: &str, arguments: &[String]) -> Result<(), String> {
    if arguments.is_empty() { Ok(()) } else { Err(format!("`{task}` takes no arguments, found {arguments:?}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Task, String> {
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Task::parse(&arguments)
    }

    fn stages(names: &[&str], keep_going: bool) -> Task {
        Task::Stages { names: names.iter().map(|&name| name.to_owned()).collect(), keep_going }
    }

    #[test]
    fn every_task_is_understood() {
        assert_eq!(parse("test-all"), Ok(stages(&[], false)));
        assert_eq!(parse("test-all clippy --keep-going tests"), Ok(stages(&["clippy", "tests"], true)));
        assert_eq!(parse("tidy"), Ok(stages(&["tidy"], false)));
        for name in ["layering", "circles", "rooms", "confined", "paths"] {
            assert_eq!(parse(name), Ok(stages(&[name], false)));
        }
        assert_eq!(parse("lengths"), Ok(Task::Lengths));
        assert_eq!(parse("fuzz 30"), Ok(Task::Fuzz(30)));
        assert_eq!(parse("interrupt 100"), Ok(Task::Interrupt(100)));
        assert_eq!(parse("fixtures venv"), Ok(Task::Fixtures("venv".into())));
        assert_eq!(parse("round-trip venv"), Ok(Task::RoundTrip("venv".into())));
        assert_eq!(parse("peers venv"), Ok(Task::Peers("venv".into())));
        assert_eq!(parse("builtin made"), Ok(Task::Builtin { out: "made".into(), ship: false }));
        assert_eq!(parse("builtin made --ship"), Ok(Task::Builtin { out: "made".into(), ship: true }));
        assert_eq!(parse("book"), Ok(Task::Book));
        assert_eq!(parse("fill"), Ok(Task::Fill));
        assert_eq!(parse("results a b"), Ok(Task::Results(vec!["a".to_owned(), "b".to_owned()])));
        assert_eq!(parse("help"), Ok(Task::Help));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (line, named) in [
            ("", "no task"),
            ("test-everything", "`test-everything`"),
            ("test-all nonsense", "no stage `nonsense`; it has formatting"),
            ("tidy now", "[\"now\"]"),
            ("lengths now", "[\"now\"]"),
            ("fuzz", "one whole number, found []"),
            ("interrupt 0", "one whole number"),
            ("fixtures", "one folder, found 0"),
            ("fixtures one two", "found 2"),
            ("round-trip --help", "one folder"),
            ("book now", "[\"now\"]"),
            ("builtin --ship", "one folder, found 0"),
        ] {
            let problem = parse(line).expect_err(line);
            assert!(problem.contains(named), "{line}: {problem}");
        }
    }

    #[test]
    fn help_names_every_task() {
        let checks = ["tidy", "layering", "circles", "rooms", "confined", "paths", "lengths"];
        for task in checks.into_iter().chain([
            "test-all",
            "fuzz",
            "interrupt",
            "fixtures",
            "round-trip",
            "peers",
            "book",
            "fill",
            "results",
            "builtin",
            "help",
        ]) {
            assert!(HELP.contains(&format!("\n  {task} ")), "{task}");
        }
    }
}
