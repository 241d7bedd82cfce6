//! Command lines that lack an option, found out after they were read.

use std::fmt;

/// The exit status of a command line that cannot be read, which is clap's.
pub(crate) const MISUSED: u8 = 2;

/// What `--adapter` names.
pub(crate) const AN_ADAPTER: &str = "name a folder that train wrote, or a Python library";

/// An option is missing.
#[derive(Debug)]
pub(crate) struct Missing {
    option: &'static str,
    advice: String,
}

/// The error that an option is missing, with what it names.
pub(crate) fn missing(option: &'static str, advice: impl Into<String>) -> Missing {
    Missing { option, advice: advice.into() }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is missing: {}", self.option, self.advice)
    }
}

impl std::error::Error for Missing {}
