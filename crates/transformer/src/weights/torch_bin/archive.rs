//! The zip archive around a pickle and its storages.

use super::error::TorchBinError;
use std::io::{Read, Seek};
use std::ops::Range;
use std::path::Path;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

/// The zip archive, with a limit on what is read from it.
pub(super) struct Archive<'a, R> {
    pub(super) path: &'a Path,
    /// Of the file, in bytes.
    pub(super) length: u64,
    zip: ZipArchive<R>,
    /// Everything before `data.pkl`.
    folder: String,
    /// How many bytes may still be read. As entries are not compressed, together they are shorter
    /// than the file, unless some claim the same bytes over and over.
    left: u64,
}

impl<'a, R: Read + Seek> Archive<'a, R> {
    pub(super) fn open(path: &'a Path, file: R, length: u64) -> Result<Self, TorchBinError> {
        let zip = ZipArchive::new(file).map_err(|e| damaged(path, &e))?;
        let folders = zip.file_names().filter_map(|name| name.strip_suffix("data.pkl"));
        let folders: Vec<_> = folders.filter(|folder| folder.is_empty() || folder.ends_with('/')).collect();
        let [folder] = folders[..] else {
            return Err(TorchBinError::Layout { path: path.into(), reason: "it should have one data.pkl".into() });
        };
        let folder = folder.into();
        Ok(Self { path, zip, folder, length, left: length })
    }

    pub(super) fn check_byte_order(&mut self) -> Result<(), TorchBinError> {
        if self.zip.index_for_name(&format!("{}byteorder", self.folder)).is_none() {
            return Ok(());
        }
        match &self.read("byteorder", 16)?[..] {
            b"little" => Ok(()),
            other => {
                let found = String::from_utf8_lossy(other).into_owned();
                Err(TorchBinError::ByteOrder { path: self.path.into(), found })
            }
        }
    }

    /// The bytes of the file that are an entry.
    pub(super) fn place(&mut self, name: &str) -> Result<Range<u64>, TorchBinError> {
        let (path, entry) = (self.path, format!("{}{name}", self.folder));
        let layout = |reason| TorchBinError::Layout { path: path.into(), reason };
        let index = self.zip.index_for_name(&entry).ok_or_else(|| layout(format!("entry {entry} is missing")))?;
        let file = self.zip.by_index_raw(index).map_err(|e| damaged(path, &e))?;
        if file.compression() != CompressionMethod::Stored {
            return Err(TorchBinError::Compressed { path: path.into(), entry });
        }
        let start = file.data_start();
        let end = start.checked_add(file.size()).filter(|end| *end <= self.length);
        end.map(|end| start..end).ok_or_else(|| layout(format!("entry {entry} reaches beyond the end of the file")))
    }

    /// A whole entry of at most `most` bytes.
    pub(super) fn read(&mut self, name: &str, most: u64) -> Result<Vec<u8>, TorchBinError> {
        let (path, entry) = (self.path, format!("{}{name}", self.folder));
        let layout = |reason| TorchBinError::Layout { path: path.into(), reason };
        let index = self.zip.index_for_name(&entry).ok_or_else(|| layout(format!("entry {entry} is missing")))?;
        let method = self.zip.by_index_raw(index).map_err(|e| damaged(path, &e))?.compression();
        if method != CompressionMethod::Stored {
            return Err(TorchBinError::Compressed { path: path.into(), entry });
        }
        let most = most.min(self.left);
        let (reader, mut bytes) = (self.zip.by_index(index).map_err(|e| damaged(path, &e))?, Vec::new());
        reader.take(most + 1).read_to_end(&mut bytes).map_err(|e| damaged(path, &ZipError::Io(e)))?;
        if bytes.len() as u64 > most {
            return Err(layout(format!("entry {entry} has more than the {most} bytes that it can have")));
        }
        self.left -= bytes.len() as u64;
        Ok(bytes)
    }
}

fn damaged(path: &Path, error: &ZipError) -> TorchBinError {
    let reason = match error {
        ZipError::Io(e) => e.to_string(),
        other => other.to_string(),
    };
    TorchBinError::Archive { path: path.into(), reason }
}
