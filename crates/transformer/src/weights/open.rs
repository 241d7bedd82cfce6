//! Opening files: what is no file is called what it is, and nothing is read without a bound.

use std::fs::{self, File, FileType};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// The most bytes that a configuration may have: `config.json`, `adapter_config.json`, `run.json` and the like. The largest have
/// some kilobytes.
pub const CONFIGURATION_LIMIT: u64 = 16 << 20;
/// The most bytes that a tokenizer or the index of a sharded model may have. The largest have some tens of megabytes.
pub const TOKENIZER_LIMIT: u64 = 256 << 20;

/// What a pointer of Git LFS begins with.
pub(super) const LFS: &[u8] = b"version https://git-lfs.";

/// Opens a file to be read, which is a regular one or a link to one. Nothing else is opened, so that no pipe is waited for and no
/// device is read.
///
/// ```
/// use adaptune_transformer::weights::open_file;
/// # let folder = tempfile::tempdir()?;
/// assert_eq!(open_file(folder.path()).unwrap_err().to_string(), "it is a folder, not a file");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// What the operating system says, or that there is a folder, a pipe, a device, a socket, or a link that leads nowhere.
pub fn open_file(path: &Path) -> io::Result<File> {
    check_regular(fs::metadata(path).map_err(|error| dangling(path, error))?.file_type())?;
    let file = File::open(path)?;
    // Something else may stand in its place by now.
    check_regular(file.metadata()?.file_type())?;
    Ok(file)
}

/// Opens a file to be read, or a pipe, as the user of a program may name one in the place of a file; it waits for whoever writes
/// into that.
///
/// # Errors
/// As [`open_file`], but for pipes.
pub fn open_stream(path: &Path) -> io::Result<File> {
    match fs::metadata(path) {
        Ok(found) if is_pipe(found.file_type()) => File::open(path),
        _ => open_file(path),
    }
}

/// Reads a whole file of at most `limit` bytes.
///
/// # Errors
/// As [`open_file`]; and if the file is longer, or a pointer of Git LFS.
pub fn read_file(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open_file(path)?;
    let length = file.metadata()?.len();
    let too_long = |length: u64| {
        let words = format!("it is {length} bytes long, and a file of its kind has at most {limit}");
        Err(io::Error::new(ErrorKind::FileTooLarge, words))
    };
    if length > limit {
        return too_long(length);
    }
    let mut bytes = Vec::with_capacity(length as usize);
    // A file may grow while it is read, and those of the kernel have no length.
    file.take(limit + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 {
        length if length > limit => too_long(length),
        _ if bytes.starts_with(LFS) => Err(io::Error::new(
            ErrorKind::InvalidData,
            "it is a Git LFS pointer, not the file itself; fetch that with `git lfs pull`",
        )),
        _ => Ok(bytes),
    }
}

/// Reads a whole file of at most `limit` bytes as text.
///
/// # Errors
/// As [`read_file`], and if it is not UTF-8.
pub fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    String::from_utf8(read_file(path, limit)?).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        io::Error::new(ErrorKind::InvalidData, format!("it is no UTF-8 text: byte {at} begins no character"))
    })
}

/// True if something of this name is there, even a link that leads nowhere: so that it is called that and not missing.
#[must_use]
pub fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// What is wrong with a path that the operating system calls missing: there may be a link of its name.
fn dangling(path: &Path, error: io::Error) -> io::Error {
    match fs::read_link(path) {
        Ok(target) if error.kind() == ErrorKind::NotFound => {
            io::Error::other(format!("it is a link to {}, where nothing is", target.display()))
        }
        _ => error,
    }
}

fn check_regular(found: FileType) -> io::Result<()> {
    if found.is_file() {
        return Ok(());
    }
    let kind = if found.is_dir() { ErrorKind::IsADirectory } else { ErrorKind::InvalidInput };
    Err(io::Error::new(kind, format!("it is {}, not a file", name(found))))
}

#[cfg(unix)]
fn is_pipe(found: FileType) -> bool {
    std::os::unix::fs::FileTypeExt::is_fifo(&found)
}

#[cfg(not(unix))]
fn is_pipe(_: FileType) -> bool {
    false
}

fn name(found: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        match () {
            () if found.is_fifo() => return "a pipe (FIFO)",
            () if found.is_socket() => return "a socket",
            () if found.is_char_device() || found.is_block_device() => return "a device",
            () => {}
        }
    }
    if found.is_dir() { "a folder" } else { "something else" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use adaptune_test_support::Folder;

    fn words(path: &Path) -> String {
        let text = read_text(path, 8).expect_err("refused").to_string();
        assert_eq!(read_file(path, 8).expect_err("refused").to_string(), text, "{}", path.display());
        text
    }

    #[test]
    fn what_is_no_file_is_called_what_it_is() {
        let folder = Folder::new();
        assert_eq!(words(&folder.path("")), "it is a folder, not a file");
        assert!(words(&folder.path("none")).contains("No such file"));
        assert_eq!(read_file(&folder.path("none"), 8).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(read_text(&folder.write("eight", b"12345678"), 8).unwrap(), "12345678");
        assert_eq!(read_text(&folder.write("empty", b""), 8).unwrap(), "");
        let nine = folder.write("nine", b"123456789");
        assert_eq!(words(&nine), "it is 9 bytes long, and a file of its kind has at most 8");
        let latin = read_text(&folder.write("latin", b"ab\xFF"), 8).unwrap_err().to_string();
        assert_eq!(latin, "it is no UTF-8 text: byte 2 begins no character");
        let pointer = folder.write("pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:0");
        assert!(read_file(&pointer, 1000).unwrap_err().to_string().contains("git lfs pull"));
    }

    #[test]
    #[cfg(unix)]
    fn links_lead_to_files_alone() {
        use std::os::unix::fs::symlink;
        let folder = Folder::new();
        let link = |name: &str, target: &str| {
            symlink(target, folder.path(name)).unwrap();
            folder.path(name)
        };
        folder.write("file", b"ab");
        assert_eq!(read_text(&link("good", "file"), 8).unwrap(), "ab");
        assert_eq!(words(&link("endless", "/dev/zero")), "it is a device, not a file");
        assert_eq!(words(&link("up", "..")), "it is a folder, not a file");
        let lost = link("lost", "nowhere");
        assert_eq!(words(&lost), "it is a link to nowhere, where nothing is");
        assert_ne!(open_file(&lost).unwrap_err().kind(), ErrorKind::NotFound, "it must not be taken for missing");
        assert!(is_there(&lost) && !lost.exists() && !is_there(&folder.path("none")));
        assert!(!words(&link("round", "round")).is_empty());
    }

    /// Opening a pipe would wait for somebody to write into it.
    #[test]
    #[cfg(unix)]
    fn pipes_and_sockets_are_not_waited_for() {
        let folder = Folder::new();
        let pipe = folder.path("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert_eq!(words(&pipe), "it is a pipe (FIFO), not a file");
        let writer = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::write(pipe, "ab")
        });
        assert_eq!(io::read_to_string(open_stream(&pipe).unwrap()).unwrap(), "ab");
        writer.join().unwrap().unwrap();
        assert!(open_stream(Path::new("/dev/zero")).unwrap_err().to_string().contains("a device"));
        let _socket = std::os::unix::net::UnixListener::bind(folder.path("socket")).unwrap();
        assert_eq!(words(&folder.path("socket")), "it is a socket, not a file");
    }
}
