//! A file of `torch.save`, opened: its archive, and the values that the pickle in it builds.

use super::archive::Archive;
use super::error::TorchBinError;
use super::pickle::Pickle;
use std::io::{Read, Seek};
use std::path::Path;

/// The longest pickle that is read, in bytes. That of an ordinary adapter has some ten thousand.
const LONGEST_PICKLE: u64 = 16 << 20;

pub(super) fn opened<R: Read + Seek>(
    path: &Path,
    mut file: R,
    length: u64,
) -> Result<(Archive<'_, R>, Pickle), TorchBinError> {
    check_beginning(path, &mut file)?;
    let mut archive = Archive::open(path, file, length)?;
    archive.check_byte_order()?;
    let pickle = archive.read("data.pkl", LONGEST_PICKLE)?;
    let pickle = Pickle::read(&pickle).map_err(|reason| TorchBinError::Pickle { path: path.into(), reason })?;
    Ok((archive, pickle))
}

fn check_beginning(path: &Path, file: &mut (impl Read + Seek)) -> Result<(), TorchBinError> {
    // The old format begins with a pickle of protocol 2 of this integer.
    const LEGACY: [u8; 14] = *b"\x80\x02\x8A\x0A\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19";
    let mut beginning = Vec::new();
    let read = file.by_ref().take(LEGACY.len() as u64).read_to_end(&mut beginning);
    read.and_then(|_| file.rewind()).map_err(|source| TorchBinError::Io { path: path.into(), source })?;
    if beginning == LEGACY {
        return Err(TorchBinError::Legacy { path: path.into() });
    }
    if !beginning.starts_with(b"PK\x03\x04") {
        return Err(TorchBinError::NotTorch { path: path.into() });
    }
    Ok(())
}
