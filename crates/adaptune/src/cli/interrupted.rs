//! What is said when somebody stops a run: how to go on with it.

use super::report::note;
use anyhow::{Context, Result};
use std::sync::Mutex;

/// The exit status of a program that was stopped by an interrupt, as shells have it.
const INTERRUPTED: i32 = 130;

/// What is to be said; set anew by each run of a process, while the handler can be set once.
static WORDS: Mutex<Option<String>> = Mutex::new(None);

/// From now on an interrupt (Ctrl-C, or a request to end) says how to go on, and ends the process. What is lost are the steps since the last checkpoint: files are written beside and renamed, so none is half written.
///
/// # Errors
/// The system lets nobody listen.
pub(crate) fn tell_how_to_go_on(how: String) -> Result<()> {
    let mut current = WORDS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let is_first = current.is_none();
    *current = Some(how);
    if is_first {
        ctrlc::set_handler(end).context("cannot listen for interrupts")?;
    }
    Ok(())
}

fn end() {
    if let Some(words) = WORDS.lock().unwrap_or_else(std::sync::PoisonError::into_inner).as_deref() {
        note(format_args!("\ninterrupted; {words}"));
    }
    std::process::exit(INTERRUPTED);
}
