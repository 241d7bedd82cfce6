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
//! Python reads the pickle by running it. Here `pickle` only builds values, and this
//! module says what the three functions that may occur in them mean.

mod archive;
mod error;
mod numbers;
mod opened;
mod pickle;
mod places;
mod tensors;

use super::open::open_file;
use adaptune_tensor::Scalar;
use ndarray::ArrayD;
use opened::opened;
use std::collections::BTreeMap;
use std::io::{BufReader, Read, Seek};
use std::path::Path;
use tensors::Tensors;

pub use error::TorchBinError;
pub use pickle::PickleError;
pub(super) use places::places;

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
    file: impl Read + Seek,
    length: u64,
) -> Result<BTreeMap<String, ArrayD<S>>, TorchBinError> {
    let (archive, pickle) = opened(path, file, length)?;
    Tensors::new(&pickle, archive).read_all()
}

#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;
