//! Writing a file so that it is there entirely or not at all.

use super::WeightError;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use tempfile::NamedTempFile;

/// Writes a file beside its target, flushes it to the disk, and only then renames it, so that the
/// target is the old file or the whole new one at any time, and maps of the old one stay valid.
///
/// Where anything fails, from `fill` to a full disk, what was written is removed and the target is
/// as it was.
///
/// ```
/// use adaptune_transformer::weights::replace_file;
/// use std::io::Write;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("adapter_config.json");
/// replace_file(&path, |writer| writer.write_all(b"{}"))?;
/// assert_eq!(std::fs::read(&path)?, b"{}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`WeightError::Io`] with what the operating system, or `fill`, says.
pub fn replace_file(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> Result<(), WeightError> {
    written(path, fill).map_err(|source| WeightError::Io { path: path.into(), action: "write", source })
}

fn written(path: &Path, fill: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let temporary = beside(folder)?; // dropping it before it is renamed removes it
    let mut writer = BufWriter::with_capacity(1 << 20, temporary.as_file());
    fill(&mut writer)?;
    writer.flush()?;
    drop(writer);
    temporary.as_file().sync_all()?;
    temporary.persist(path).map_err(|e| e.error)?;
    // The new name outlives a power failure only once the folder is on the disk too. Not every system and disk can do that.
    _ = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}

/// Temporary files are for their owner alone by default; these become ordinary files, so they get
/// what the user's umask allows.
fn beside(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".adaptune-").suffix(".part");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use adaptune_test_support::Folder;
    use std::fs;

    #[test]
    fn a_failure_leaves_the_old_file_and_nothing_else() {
        let folder = Folder::new();
        let path = folder.write("kept.bin", b"old");
        let full = |writer: &mut BufWriter<&File>| {
            writer.write_all(&[7; 3 << 20])?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        };
        let error = replace_file(&path, full).unwrap_err().to_string();
        assert!(error.starts_with("cannot write") && error.contains("kept.bin"), "{error}");
        assert_eq!((fs::read(&path).unwrap(), folder.listing()), (b"old".to_vec(), vec!["kept.bin".to_string()]));
    }

    #[test]
    fn a_target_that_cannot_be_replaced_leaves_nothing_behind() {
        let folder = Folder::new();
        let path = folder.path("taken");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("inside"), b"x").unwrap();
        assert!(replace_file(&path, |writer| writer.write_all(b"new")).is_err());
        assert_eq!(folder.listing(), ["taken"]);
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let folder = Folder::new();
        let error = replace_file(&folder.path("none/file.bin"), |_| Ok(())).unwrap_err().to_string();
        assert!(error.contains("none") && folder.listing().is_empty(), "{error}");
    }

    #[test]
    #[cfg(unix)]
    fn the_file_has_the_permissions_of_an_ordinary_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = Folder::new();
        let (ours, ordinary) = (folder.path("ours"), folder.write("ordinary", b"y"));
        replace_file(&ours, |writer| writer.write_all(b"x")).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&ordinary));
    }
}
