//! The journal of files that are replaced together: which of them are not in their places yet.

use super::file_name::is_component;
use super::open::{CONFIGURATION_LIMIT, read_file};
use super::{WeightError, replace_file};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The file that is in a directory from the moment at which the new files count until the last of them is in its place.
pub(super) const JOURNAL: &str = ".adaptune-replacing.json";
/// What the names of folders begin with in which new files are written.
pub(super) const STAGING: &str = ".adaptune-new-";

/// The path of a file of a directory, which exists if the file does.
///
/// That is `directory/name`, unless a replacement of several files ([`replace_files`](super::replace_files)) was
/// interrupted: then a new file may still lie in a hidden folder, and an old one that is to be removed may still be in its
/// place. Nothing is written, so directories that are read-only can be read too. A journal one directory above
/// counts where it names files of this one.
///
/// # Errors
/// If the journal cannot be read or is broken, or if it names the file and the file is lost.
pub fn resolve(directory: &Path, name: &str) -> Result<PathBuf, WeightError> {
    if let Some(path) = journaled(directory, name)? {
        return Ok(path);
    }
    if let Some((above, folder)) = above(directory)
        && let Some(path) = journaled(&above, &format!("{folder}/{name}"))?
    {
        return Ok(path);
    }
    Ok(directory.join(name))
}

/// Where a file is, if the directory has a journal that names it.
fn journaled(directory: &Path, name: &str) -> Result<Option<PathBuf>, WeightError> {
    match Journal::read(directory)? {
        Some(journal) => journal.place(directory, name),
        None => Ok(None),
    }
}

/// The directory above, and the name of this one in it.
fn above(directory: &Path) -> Option<(PathBuf, String)> {
    let whole = fs::canonicalize(directory).ok()?;
    Some((whole.parent()?.to_owned(), whole.file_name()?.to_str()?.to_owned()))
}

/// What the journal says. Names are relative to its directory; those in a folder of it are `folder/file`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Journal {
    /// The folder of the new files.
    pub(super) staged: String,
    /// The files that are put in place.
    pub(super) replace: Vec<String>,
    /// The files of the old set that the new one does not have.
    pub(super) remove: Vec<String>,
}

impl Journal {
    /// The journal of a directory, if it has one.
    pub(super) fn read(directory: &Path) -> Result<Option<Self>, WeightError> {
        let path = directory.join(JOURNAL);
        let bytes = match read_file(&path, CONFIGURATION_LIMIT) {
            Ok(bytes) => bytes,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            Err(source) => return Err(WeightError::Io { path, action: "read", source }),
        };
        let journal: Self = match serde_json::from_slice(&bytes) {
            Ok(journal) => journal,
            Err(error) => return Err(WeightError::Journal { path, reason: error.to_string() }),
        };
        journal.check(&path)?;
        Ok(Some(journal))
    }

    /// All names are of files in the directory. A journal may come with files that somebody else has made.
    fn check(&self, path: &Path) -> Result<(), WeightError> {
        let Some(name) = self.foreign_name() else { return Ok(()) };
        Err(WeightError::Journal { path: path.to_owned(), reason: format!("{name:?} is no file of the directory") })
    }

    /// Writes the journal into its directory: from then on the new files count.
    pub(super) fn write(&self, directory: &Path) -> Result<(), WeightError> {
        let path = directory.join(JOURNAL);
        self.check(&path)?;
        replace_file(&path, |file| {
            let text = serde_json::to_string_pretty(self).map_err(io::Error::other)?;
            file.write_all(text.as_bytes())
        })
    }

    /// Where a file is; `None` if the journal does not name it.
    pub(super) fn place(&self, directory: &Path, name: &str) -> Result<Option<PathBuf>, WeightError> {
        let named = |list: &[String]| list.iter().any(|listed| listed == name);
        let (staged, place) = (directory.join(&self.staged).join(name), directory.join(name));
        if named(&self.remove) || named(&self.replace) && staged.exists() {
            return Ok(Some(staged)); // one that is to be removed is not there either
        }
        match (named(&self.replace), place.exists()) {
            (true, false) => Err(self.lost(directory, name)),
            (true, true) => Ok(Some(place)),
            (false, _) => Ok(None),
        }
    }

    fn lost(&self, directory: &Path, name: &str) -> WeightError {
        WeightError::LostFile {
            journal: directory.join(JOURNAL),
            file: directory.join(name),
            staged: directory.join(&self.staged),
        }
    }

    /// A name that leads out of the directory.
    fn foreign_name(&self) -> Option<&str> {
        if !(self.staged.starts_with(STAGING) && is_component(&self.staged)) {
            return Some(&self.staged);
        }
        let ours = |name: &str| name.split('/').count() <= 2 && name.split('/').all(is_component);
        self.replace.iter().chain(&self.remove).map(String::as_str).find(|name| !ours(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use adaptune_test_support::Folder;

    fn refusal(text: &str) -> String {
        let folder = Folder::new();
        folder.write(JOURNAL, text.as_bytes());
        let error = resolve(&folder.path(""), "config.json").unwrap_err().to_string();
        assert!(error.contains(JOURNAL), "{error}");
        error
    }

    #[test]
    fn a_journal_names_files_of_its_directory_alone() {
        for name in ["../a", "/etc/passwd", "a/b/c", "", "a/..", "a\\b"] {
            let of = |staged: &str, replace: &str, remove: &str| {
                serde_json::json!({ "staged": staged, "replace": [replace], "remove": [remove] }).to_string()
            };
            for text in [of(name, "a", "b"), of(".adaptune-new-x", name, "b"), of(".adaptune-new-x", "a", name)] {
                assert!(refusal(&text).contains("is no file of the directory"), "{text}");
            }
        }
        assert!(refusal(r#"{ "staged": "kept", "replace": [], "remove": [] }"#).contains("\"kept\" is no file"));
    }

    #[test]
    fn a_journal_that_is_none_is_explained() {
        assert!(refusal("{").contains("EOF"));
        assert!(refusal("{}").contains("missing field `staged`"));
    }

    #[test]
    fn without_a_journal_a_file_is_in_its_place() {
        let folder = Folder::new();
        assert_eq!(resolve(&folder.path(""), "a").unwrap(), folder.path("").join("a"));
        assert_eq!(resolve(&folder.path("none"), "a").unwrap(), folder.path("none").join("a"));
        let file = folder.write("file", b"x");
        assert_eq!(resolve(&file, "a").unwrap(), file.join("a"));
    }
}
