//! Writing several files of a directory so that a reader finds all of the old ones or all of the new ones.
//!
//! Only the renaming of one file is a single step. So the new files are written into a hidden folder of the directory, and
//! a journal that names them is the one step from which on they count: before it readers find the old files, and after it
//! [`resolve`](super::resolve) finds the new ones, in the hidden folder or in their places. Whoever writes next finishes
//! what the journal says.

use super::WeightError;
use super::journal::{JOURNAL, Journal, STAGING};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;
use tempfile::TempDir;

/// Replaces files of a directory together: `fill` writes the new ones into the folder that it is given, and when it has
/// returned they take the places of those in `directory`. Of `names` those that `fill` did not write are removed from the
/// directory, and all other files in it stay. A name may be `folder/file`. The directory is made if it is not there.
///
/// At any moment, a crash included, a reader that looks by [`resolve`](super::resolve) finds either all of the old
/// files or all of the new ones. A reader that does not finds no `.json` of the new or the old ones while the others change.
/// Two processes must not write into one directory at once.
///
/// # Errors
/// What `fill` returns, and [`WeightError::Io`]: the directory is as it was. [`WeightError::NotInPlace`] if the new files
/// are written, and count, but one of them cannot be moved. [`WeightError::LostFile`] and [`WeightError::Journal`] as
/// [`finish_replacing`].
pub fn replace_files<E: From<WeightError>>(
    directory: &Path,
    names: &[&str],
    fill: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<(), E> {
    fs::create_dir_all(directory).map_err(failed("create", directory))?;
    finish_replacing(directory)?;
    let folder = stage(directory)?; // dropping it before the journal is written removes it
    fill(folder.path())?;
    let journal = prepare(directory, folder.path(), names)?;
    journal.write(directory)?;
    _ = folder.keep();
    Ok(run(directory, &journal, &journal.steps())?)
}

/// Finishes what an interrupted [`replace_files`] has left in a directory; without a journal there is nothing to do.
///
/// # Errors
/// [`WeightError::LostFile`] if a file of the new set is nowhere, before anything is moved; [`WeightError::NotInPlace`] if
/// one cannot be moved; [`WeightError::Journal`] if the journal is broken.
pub fn finish_replacing(directory: &Path) -> Result<(), WeightError> {
    let Some(journal) = Journal::read(directory)? else { return Ok(()) };
    for name in &journal.replace {
        journal.place(directory, name)?;
    }
    run(directory, &journal, &journal.steps())
}

/// Makes a folder for the new files, which others may read as the files themselves.
fn stage(directory: &Path) -> Result<TempDir, WeightError> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(STAGING);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
    builder.tempdir_in(directory).map_err(failed("create a folder in", directory))
}

/// The journal for the files that were written into `folder`. The folders that they belong into are made.
fn prepare(directory: &Path, folder: &Path, names: &[&str]) -> Result<Journal, WeightError> {
    let (mut replace, remove): (Vec<_>, Vec<_>) =
        names.iter().map(|name| (*name).to_owned()).partition(|name| folder.join(name).exists());
    for name in &replace {
        let parent = directory.join(name).parent().unwrap_or(directory).to_owned();
        fs::create_dir_all(&parent).map_err(failed("create", &parent))?;
        synced(folder.join(name).parent().unwrap_or(folder));
    }
    replace.sort_by_key(|name| is_configuration(name)); // stable: configurations come last
    let staged = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Journal { staged, replace, remove })
}

/// Other libraries read these first, and without them nothing else.
fn is_configuration(name: &str) -> bool {
    name.ends_with(".json")
}

/// One change of a directory. Each may be done again, and after each the journal is as true as before.
#[derive(Clone, Copy)]
enum Step<'a> {
    /// Removes an old file whose successor is staged.
    Clear(&'a str),
    /// Moves a new file to its place.
    Place(&'a str),
    /// Removes a file that the new set does not have.
    Remove(&'a str),
    /// Removes the journal.
    Close,
    /// Removes the folder in which the new files were.
    Tidy,
}

impl Journal {
    fn steps(&self) -> Vec<Step<'_>> {
        let replace = || self.replace.iter().map(String::as_str);
        let cleared = replace().filter(|name| is_configuration(name)).map(Step::Clear);
        let removed = self.remove.iter().map(|name| Step::Remove(name));
        let placed = replace().map(Step::Place);
        cleared.chain(removed).chain(placed).chain([Step::Close, Step::Tidy]).collect()
    }
}

fn run(directory: &Path, journal: &Journal, steps: &[Step<'_>]) -> Result<(), WeightError> {
    let staged = directory.join(&journal.staged);
    for step in steps {
        let name = match step {
            Step::Clear(name) | Step::Place(name) | Step::Remove(name) => name,
            Step::Close | Step::Tidy => JOURNAL,
        };
        let path = directory.join(name);
        let done = take(*step, directory, &staged);
        done.map_err(|source| WeightError::NotInPlace { path, staged: staged.clone(), source })?;
    }
    Ok(())
}

fn take(step: Step<'_>, directory: &Path, staged: &Path) -> io::Result<()> {
    match step {
        Step::Clear(name) if staged.join(name).exists() => unless_gone(fs::remove_file(directory.join(name))),
        Step::Clear(_) => Ok(()),
        Step::Place(name) => {
            unless_gone(fs::rename(staged.join(name), directory.join(name)))?;
            synced(directory.join(name).parent().unwrap_or(directory));
            Ok(())
        }
        Step::Remove(name) => unless_gone(fs::remove_file(directory.join(name))),
        Step::Close => {
            synced(directory);
            unless_gone(fs::remove_file(directory.join(JOURNAL)))?;
            synced(directory);
            Ok(())
        }
        Step::Tidy => unless_gone(fs::remove_dir_all(staged)),
    }
}

/// What is not there has been moved or removed before.
fn unless_gone(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Flushes the names in a folder to the disk. Not every system and disk can do that.
fn synced(folder: &Path) {
    _ = File::open(folder).and_then(|folder| folder.sync_all());
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> WeightError {
    let path = path.to_owned();
    move |source| WeightError::Io { path, action, source }
}

#[cfg(test)]
#[path = "replace_files_tests.rs"]
mod tests;
