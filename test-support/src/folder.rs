//! Folders for what a test writes.

use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// An empty folder that is removed when dropped.
///
/// # Panics
/// So do all methods if the file system refuses.
pub struct Folder(TempDir);

impl Folder {
    /// An empty one.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "it touches the disk")]
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    /// Where a file of this name lies in it, or would lie; for no name the folder itself.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file, and returns its path.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path
    }

    /// The names of everything in it, sorted.
    #[must_use]
    pub fn listing(&self) -> Vec<String> {
        let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("names are text");
        let entries = fs::read_dir(self.0.path()).expect("a readable folder");
        let mut names: Vec<String> = entries.map(|entry| name(entry.expect("a readable entry"))).collect();
        names.sort();
        names
    }
}
