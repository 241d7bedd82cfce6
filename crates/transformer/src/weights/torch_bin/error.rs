//! What can be wrong with a file of `torch.save`.

use super::pickle::PickleError;
use std::io;
use std::path::PathBuf;

/// How many times the length of the file all tensors together may take. Prefix tuning lists its one
/// tensor once per layer; a file that was made to exhaust the memory does so a million times.
pub(super) const AMPLIFICATION: u64 = 128;

/// Why a file of `torch.save` could not be read. Every variant names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TorchBinError {
    /// The operating system refused.
    #[error("cannot read {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },

    /// It is something else.
    #[error("{path} is no file of torch.save: it does not begin like a zip archive; download it again")]
    NotTorch {
        /// The file.
        path: PathBuf,
    },

    /// It is the format that PyTorch wrote before version 1.6.
    #[error(
        "{path} is in the format of PyTorch before 1.6; convert it once with\n  python -c \"import torch; \
         torch.save(torch.load(r'{path}', map_location='cpu', weights_only=True), r'{path}')\""
    )]
    Legacy {
        /// The file.
        path: PathBuf,
    },

    /// The zip archive, or one of its entries, is damaged.
    #[error("{path} is a damaged zip archive ({reason}); download or copy it again")]
    Archive {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },

    /// The archive is not laid out as `torch.save` does.
    #[error("{path} is a zip archive, but not one of torch.save: {reason}")]
    Layout {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },

    /// An entry is compressed, which `torch.save` never does.
    #[error(
        "entry {entry} of {path} is compressed, but torch.save stores its entries as they are; unpack the archive and \
         pack it again without compression (`zip -0`)"
    )]
    Compressed {
        /// The file.
        path: PathBuf,
        /// The entry.
        entry: String,
    },

    /// It was written by a machine with the other order of bytes.
    #[error(
        "{path} was written with the byte order `{found}`, and only `little` is read; save it again on a \
         little-endian machine"
    )]
    ByteOrder {
        /// The file.
        path: PathBuf,
        /// The byte order.
        found: String,
    },

    /// Its pickle was not understood, or was refused.
    #[error("{path}: {reason}")]
    Pickle {
        /// The file.
        path: PathBuf,
        /// Why it was not understood.
        reason: PickleError,
    },

    /// It holds something else than a dictionary of tensors.
    #[error("{path}: {what}; save a dictionary of tensors, as `torch.save(module.state_dict(), ...)` does")]
    NotTensors {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },

    /// A tensor contradicts its storage, or has integers that the scalar cannot hold.
    #[error("tensor `{name}` in {path} cannot be read: {what}; save it again with torch.save")]
    Tensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// What is wrong.
        what: String,
    },

    /// The tensors share storages so often that copying them apart would take far more memory than the file.
    #[error(
        "{path} is {file} bytes long, but its tensors would take more than {AMPLIFICATION} times as much; if that is \
         meant, save them with `{{name: tensor.clone() ...}}`"
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        file: u64,
    },

    /// A tensor holds NaN or infinities, or numbers that the scalar cannot hold.
    #[error(
        "{count} of the {total} numbers of tensor `{name}` in {path} are NaN, infinite or beyond what {scalar} holds; \
         the file is damaged, or the training that made it diverged"
    )]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// How many of its numbers.
        count: usize,
        /// Of how many.
        total: usize,
        /// The type that they were converted to.
        scalar: &'static str,
    },
}
