//! Command lines that cannot be followed: an option is missing, cannot be read, contradicts another, or has no place in what is
//! asked for. They end with a status of their own, however late that is found out.

use adaptune_text::TextError;
use adaptune_train::TrainError;
use clap::error::{ContextKind, ErrorKind};
use std::fmt::{self, Display};

/// The exit status of a command line that cannot be followed, which is clap's.
const MISUSED: u8 = 2;
/// That of everything else that fails.
const FAILED: u8 = 1;

/// The exit status of a training whose loss stopped being a number.
pub(crate) const DIVERGED: u8 = 3;

/// What `--adapter` names.
pub(crate) const AN_ADAPTER: &str = "name a folder that train wrote, or a Python library";

/// Why a command line cannot be followed.
#[derive(Debug)]
pub(crate) struct Misused(anyhow::Error);

/// The error that the command line says something that cannot be.
pub(crate) fn misused(message: impl Display) -> Misused {
    Misused(anyhow::Error::msg(message.to_string()))
}

/// The error that an option is missing, with what it names.
pub(crate) fn missing(option: &str, advice: impl Display) -> Misused {
    misused(format_args!("{option} is missing: {advice}"))
}

/// For `map_err`: that the value of an option cannot be read.
pub(crate) fn unreadable<E: Into<anyhow::Error>>(option: impl Display) -> impl FnOnce(E) -> Misused {
    let option = option.to_string();
    move |error| Misused(error.into().context(option))
}

/// Returns the error that the command line says something that cannot be, as `bail!` returns others.
macro_rules! misuse {
    ($($message:tt)*) => {
        return Err($crate::cli::misused::misused(format_args!($($message)*)).into())
    };
}
pub(crate) use misuse;

/// The exit status for an error.
pub(crate) fn status(error: &anyhow::Error) -> u8 {
    let options_contradict = matches!(error.downcast_ref(), Some(TrainError::Options(_)));
    let no_such_task = matches!(error.downcast_ref(), Some(TextError::Builtin(_)));
    match error.downcast_ref() {
        Some(TrainError::Diverged { .. }) => DIVERGED,
        _ if error.is::<Misused>() || options_contradict || no_such_task => MISUSED,
        _ => FAILED,
    }
}

/// The exit status for what clap says of a command line.
pub(crate) fn status_of_clap(error: &clap::Error) -> u8 {
    u8::try_from(error.exit_code()).unwrap_or(MISUSED)
}

/// What is to be said besides where a file stands without an option.
pub(crate) fn tip(error: &clap::Error) -> &'static str {
    let argument = error.get(ContextKind::InvalidArg);
    let is_option = argument.is_some_and(|argument| argument.to_string().starts_with('-'));
    match error.kind() {
        ErrorKind::UnknownArgument if !is_option => {
            "\n\n  tip: files and folders are named by options: --model, --train, --data (eval), \
             --input (predict),\n  --adapter (a folder that train wrote), --out"
        }
        _ => "",
    }
}

impl Display for Misused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Misused {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::{Context, Result, anyhow};

    #[test]
    fn the_status_says_whose_fault_it_is() {
        let read = || Err::<(), _>(missing("--train", "name a file"));
        let unread: Result<f64> = "x".parse::<f64>().map_err(unreadable("--lr")).context("task mood");
        let contradicting: Result<()> = (|| misuse!("--a and {} contradict each other", "--b"))();
        let told = |error: anyhow::Error| (status(&error), format!("{error:#}"));
        assert_eq!(told(read().unwrap_err().into()), (2, "--train is missing: name a file".into()));
        assert_eq!(told(unread.unwrap_err()), (2, "task mood: --lr: invalid float literal".into()));
        assert_eq!(told(contradicting.unwrap_err()), (2, "--a and --b contradict each other".into()));
        assert_eq!(told(TrainError::Options("epochs is 0".into()).into()).0, 2);
        assert_eq!(told(TextError::Builtin("there is none".into()).into()).0, 2);
        assert_eq!(told(anyhow!("a.tsv is empty")).0, 1);
    }
}
