//! Reading the `.bin` files of `torch.save`, without running what is in them.
//!
//! Such a file is a zip archive of uncompressed entries under one folder, whatever its name:
//!
//! | entry | holds |
//! |---|---|
//! | `data.pkl` | a pickled dictionary from names to tensors; a tensor is a storage with an offset, sizes and strides |
//! | `data/0`, `data/1`, ... | the storages: numbers end to end, each shared by any number of tensors |
//! | `byteorder` | `little` or `big`; older files have none, and are little |
//!
//! Python reads the pickle by running it. Here [`Pickle`] only builds values, and this
//! module says what the three functions that may occur in them mean.

mod archive;
mod error;
mod numbers;
mod pickle;
mod places;
mod tensors;

use super::open::open_file;
use adaptune_tensor::Scalar;
use archive::Archive;
use ndarray::ArrayD;
use pickle::Pickle;
use std::collections::BTreeMap;
use std::io::{BufReader, Read, Seek};
use std::path::Path;
use tensors::Tensors;

pub use error::TorchBinError;
pub use pickle::PickleError;
pub(super) use places::places;

/// The longest pickle that is read, in bytes. That of an ordinary adapter has some ten thousand.
const LONGEST_PICKLE: u64 = 16 << 20;

/// Reads a dictionary of tensors that Python wrote with `torch.save`: `pytorch_adapter.bin`,
/// `pytorch_model_head.bin` and the like.
///
/// No code of the file is run: it may name the few functions that tensors are made of, and is
/// refused if it names any other. Tensors may lie in their storages in any order (transposed, sliced,
/// shared); each comes out as an array of its own in row-major order. Floats of 16, 32 and 64 bits
/// are converted to `S`; so are integers and booleans, provided that `S` can hold them exactly.
///
/// ```no_run
/// use adaptune_transformer::weights::read_torch_bin;
/// let tensors = read_torch_bin::<f32>("adapter/pytorch_adapter.bin".as_ref())?;
/// for (name, tensor) in &tensors {
///     println!("{name}: {:?}", tensor.shape());
/// }
/// # Ok::<(), adaptune_transformer::weights::TorchBinError>(())
/// ```
///
/// # Errors
/// If the file cannot be read, is damaged, is in the format of before PyTorch 1.6, asks to run
/// code, holds anything but tensors, or a tensor has NaN or infinities: see [`TorchBinError`].
pub fn read_torch_bin<S: Scalar>(path: &Path) -> Result<BTreeMap<String, ArrayD<S>>, TorchBinError> {
    let failed = |source| TorchBinError::Io { path: path.into(), source };
    let file = open_file(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    read(path, BufReader::new(file), length)
}

fn read<S: Scalar>(
    path: &Path,
    mut file: impl Read + Seek,
    length: u64,
) -> Result<BTreeMap<String, ArrayD<S>>, TorchBinError> {
    check_beginning(path, &mut file)?;
    let mut archive = Archive::open(path, file, length)?;
    let pickle = pickle_of(&mut archive)?;
    Tensors::new(&pickle, archive).read_all()
}

/// The values that the pickle in an archive builds.
fn pickle_of(archive: &mut Archive<'_, impl Read + Seek>) -> Result<Pickle, TorchBinError> {
    archive.check_byte_order()?;
    let pickle = archive.read("data.pkl", LONGEST_PICKLE)?;
    Pickle::read(&pickle).map_err(|reason| TorchBinError::Pickle { path: archive.path.into(), reason })
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

#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;
