//! Inputs as files.

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// What stands between the files of one input.
const BETWEEN: &[u8] = b"\n=====\n";

/// The files that an input consists of.
pub fn parts(data: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let mut rest = data;
    while let Some(at) = rest.windows(BETWEEN.len()).position(|window| window == BETWEEN) {
        parts.push(&rest[..at]);
        rest = &rest[at + BETWEEN.len()..];
    }
    parts.push(rest);
    parts
}

/// Several files as one input.
pub fn joined(files: &[Vec<u8>]) -> Vec<u8> {
    files.join(BETWEEN)
}

/// The archive that `torch.save` makes of these entries.
pub fn archive<'a>(entries: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        zip.start_file(format!("archive/{name}"), options).expect("an entry can be begun");
        zip.write_all(bytes).expect("memory can be written");
    }
    zip.finish().expect("memory can be written").into_inner()
}

/// A folder of this process in the system's temporary folder.
pub struct Folder(PathBuf);

impl Folder {
    /// The folder.
    pub fn new() -> &'static Self {
        static FOLDER: OnceLock<Folder> = OnceLock::new();
        FOLDER.get_or_init(|| {
            let path = std::env::temp_dir().join(format!("adaptune-fuzz-{}", std::process::id()));
            fs::create_dir_all(&path).expect("a folder can be made");
            Self(path)
        })
    }

    /// The folder with the files of an input; those for which it has no part are not there.
    pub fn of(names: &[&str], parts: &[&[u8]]) -> &'static Self {
        let folder = Self::new();
        for (i, name) in names.iter().enumerate() {
            match parts.get(i) {
                Some(bytes) => fs::write(folder.0.join(name), bytes).expect("a file can be written"),
                None => folder.remove(name),
            }
        }
        folder
    }

    /// Removes a file, if it is there.
    pub fn remove(&self, name: &str) {
        let _ = fs::remove_file(self.0.join(name));
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}
