//! The bytes of a file, as a slice.

use std::fs::File;
use std::io;
use std::ops::Deref;

#[cfg(feature = "mmap")]
type Bytes = memmap2::Mmap;
#[cfg(not(feature = "mmap"))]
type Bytes = Vec<u8>;

/// The bytes of a file, as [`map_read_only`] gives them.
#[derive(Debug)]
pub struct Mapped(Bytes);

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// Shows a whole file as a slice of bytes, wherever the file's cursor stands.
///
/// With the feature `mmap` (the default) the file is mapped: nothing is read before it is looked
/// at, and what was looked at lies in the cache of the operating system, not in memory of our
/// own. Without the feature the file is read into memory.
///
/// A mapped file must stay as it is for as long as the map is held: where another process cuts it
/// short, looking at the part that is gone ends this process (`SIGBUS` on Unix), and where another
/// process writes into it, the bytes change under the reader. So copy what you need out at once,
/// check the copy rather than the map, and replace files by renaming, which leaves the old bytes to
/// those who hold them.
///
/// ```
/// # let path = std::env::temp_dir().join(format!("map-{}", std::process::id()));
/// std::fs::write(&path, b"frozen")?;
/// let bytes = adaptune_tensor::kernel::map_read_only(&std::fs::File::open(&path)?)?;
/// assert_eq!(&bytes[1..4], b"roz");
/// # drop(bytes);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// What the operating system says when it cannot map or read the file.
pub fn map_read_only(file: &File) -> io::Result<Mapped> {
    bytes_of(file).map(Mapped)
}

#[cfg(feature = "mmap")]
fn bytes_of(file: &File) -> io::Result<Bytes> {
    // SAFETY: the map is read-only and as long as the file is now, so nothing in this process writes
    // through it or reaches past its end. What remains is another process that truncates or
    // overwrites the file meanwhile, which no check here can exclude. The readers of this project
    // keep that risk small: they copy numbers out at once, validate the copies, hand out no
    // reference into the map, and our own writers replace a file instead of changing it.
    unsafe { memmap2::Mmap::map(file) }
}

#[cfg(not(feature = "mmap"))]
fn bytes_of(mut file: &File) -> io::Result<Bytes> {
    use std::io::{Read, Seek};
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::{Read, Seek};
    use std::path::PathBuf;

    /// A path of this process' own; removed when dropped.
    struct Scratch(PathBuf);

    impl Scratch {
        fn holding(name: &str, bytes: &[u8]) -> Self {
            let path = std::env::temp_dir().join(format!("adaptune-map-{name}-{}", std::process::id()));
            fs::write(&path, bytes).unwrap();
            Self(path)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            fs::remove_file(&self.0).ok();
        }
    }

    #[test]
    fn all_bytes_are_there_wherever_the_cursor_stands() {
        let bytes: Vec<u8> = (0..10_007_u32).map(|i| (i * i % 251) as u8).collect();
        let scratch = Scratch::holding("cursor", &bytes);
        let mut file = File::open(&scratch.0).unwrap();
        file.read_exact(&mut [0; 5]).unwrap();
        assert_eq!(file.stream_position().unwrap(), 5);
        assert_eq!(*map_read_only(&file).unwrap(), *bytes);
    }

    #[test]
    fn an_empty_file_gives_no_bytes() {
        let scratch = Scratch::holding("empty", b"");
        assert!(map_read_only(&File::open(&scratch.0).unwrap()).unwrap().is_empty());
    }

    #[test]
    fn the_bytes_outlive_the_file_handle_and_a_file_renamed_over_it() {
        let (old, new) = (Scratch::holding("old", b"old bytes"), Scratch::holding("new", b"new"));
        let bytes = map_read_only(&File::open(&old.0).unwrap()).unwrap();
        if cfg!(unix) {
            fs::rename(&new.0, &old.0).unwrap();
        }
        assert_eq!(*bytes, *b"old bytes");
    }

    #[test]
    fn a_directory_is_an_error() {
        if let Ok(folder) = File::open(std::env::temp_dir()) {
            assert!(map_read_only(&folder).is_err());
        }
    }
}
