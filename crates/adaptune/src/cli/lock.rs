//! One process at a time writes into a folder.

use anyhow::{Context, Result, bail};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

/// The file that is locked. The lock is the operating system's, so it ends with the process, however that ends.
pub(crate) const LOCK: &str = ".adaptune-lock";

/// A folder that no other process of ours writes into.
#[derive(Debug)]
pub(crate) struct Lock {
    path: PathBuf,
    /// Locked for as long as it is open.
    _file: File,
}

impl Lock {
    /// Takes the lock of a folder.
    ///
    /// # Errors
    /// Another process has it; the message says which.
    pub(crate) fn take(folder: &Path) -> Result<Self> {
        let path = folder.join(LOCK);
        // Whoever had the lock may have removed the file between our opening and locking it.
        for _ in 0..16 {
            let mut file = open(&path)?;
            match file.try_lock() {
                Ok(()) if is_there(&file, &path) => {
                    sign(&mut file).with_context(|| format!("cannot write {}", path.display()))?;
                    return Ok(Self { path, _file: file });
                }
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    bail!("{} is being written by {}", folder.display(), holder(&mut file))
                }
                // Some network file systems know no locks; then there is nobody to ask.
                Err(TryLockError::Error(_)) => return Ok(Self { path, _file: file }),
            }
        }
        bail!("{}: other processes keep starting and ending here; try again", folder.display())
    }
}

/// Refuses a folder that another process writes into, and changes nothing.
///
/// # Errors
/// Another process has its lock; the message says which.
pub(crate) fn refuse_if_held(folder: &Path) -> Result<()> {
    let Ok(mut file) = OpenOptions::new().read(true).write(true).open(folder.join(LOCK)) else { return Ok(()) };
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => bail!("{} is being written by {}", folder.display(), holder(&mut file)),
        _ => Ok(()),
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // If it stays, it holds nobody up: the lock ends with the file's being open.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn open(path: &Path) -> Result<File> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    file.with_context(|| format!("cannot open {}", path.display()))
}

/// Who holds the lock, for those who come later.
fn sign(file: &mut File) -> std::io::Result<()> {
    let command: Vec<String> = std::env::args().take(2).collect();
    let command = command.iter().map(|part| part.rsplit('/').next().unwrap_or(part)).collect::<Vec<_>>().join(" ");
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "process {} ({command})", std::process::id())
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.take(200).read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => {
            format!("{}; wait for its end, or name another folder with --out", text.trim().escape_debug())
        }
        _ => "another process; wait for its end, or name another folder with --out".to_owned(),
    }
}

/// True if the path still leads to this file.
#[cfg(unix)]
fn is_there(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let [ours, there] =
        [file.metadata(), std::fs::metadata(path)].map(|data| data.ok().map(|data| (data.dev(), data.ino())));
    ours.is_some() && ours == there
}

#[cfg(not(unix))]
fn is_there(_: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_held_by_one_at_a_time_and_free_again_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let first = Lock::take(folder.path()).unwrap();
        let message = Lock::take(folder.path()).unwrap_err().to_string();
        let us = format!("is being written by process {}", std::process::id());
        assert!(message.contains(&us) && message.contains("--out"), "{message}");
        assert!(refuse_if_held(folder.path()).unwrap_err().to_string().contains(&us));
        drop(first);
        refuse_if_held(folder.path()).unwrap();
        assert!(!folder.path().join(LOCK).exists());
        Lock::take(folder.path()).unwrap();
    }

    /// The file of a process that was killed holds nobody up.
    #[test]
    fn a_file_that_nobody_holds_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(LOCK), "process 1 (a killed one, of a long name)").unwrap();
        let lock = Lock::take(folder.path()).unwrap();
        let text = std::fs::read_to_string(folder.path().join(LOCK)).unwrap();
        assert!(text.starts_with(&format!("process {} (", std::process::id())), "{text}");
        drop(lock);
    }
}
