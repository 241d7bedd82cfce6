//! Weights on disk: safetensors files, read strictly and written deterministically, and those of `torch.save`, read without running
//! what is in them.
//!
//! A safetensors file is an eight-byte little-endian length, a JSON header of that length that
//! gives each tensor's type, shape and place, and then the numbers of all tensors, end to end. A
//! model is one such file or several (*shards*) with an index that says which tensor lies where.
//!
//! | to | use |
//! |---|---|
//! | read one file | [`TensorFile`] |
//! | read all tensors of a `.bin`, in whatever order they lie | [`read_torch_bin`] |
//! | read a model's directory, sharded or not | [`WeightDirectory`] |
//! | load a model and notice what it did not use | [`Reader`] |
//! | write a file | [`write_safetensors`] |
//! | write several files of a directory together, and find them | [`replace_files`], [`resolve`] |
//! | open any file that is read | [`open_file`], [`read_file`], [`read_text`] |
//!
//! The first two are [`TensorSource`]s, the trait that carries the reading methods. Numbers of any
//! float type are converted to the [`Scalar`](adaptune_tensor::Scalar) of the caller, in one
//! pass that also counts NaN and infinities. Everything unusual is a [`WeightError`] that names the
//! file; nothing in a file, however damaged, makes this module panic or reserve more memory than
//! the file is long.
//!
//! ```
//! use adaptune_transformer::weights::{Reader, TensorFile, write_safetensors};
//! use ndarray::arr2;
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("model.safetensors");
//! let weight = arr2(&[[1.0_f32, -2.0, 0.5]]);
//! write_safetensors(&path, &[("bert.pooler.weight".into(), weight.view().into_dyn())], &[].into())?;
//!
//! let file = TensorFile::open(&path)?;
//! let mut reader = Reader::new(&file, &["bert.", ""], "pooler.weight")?;
//! let read = reader.take::<f64>("pooler.weight", &[1, 3])?;
//! assert_eq!(read[[0, 1]], -2.0);
//! reader.finish(|_| false)?; // nothing was left over
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod file_name;
mod number;
mod open;

mod torch_bin;

mod file;
mod header;
mod source;

mod directory;
mod reader;

mod journal;
mod replace;
mod replace_files;
mod write;

#[cfg(test)]
mod testing;

pub use directory::WeightDirectory;
pub use error::WeightError;
pub use file::TensorFile;
pub use journal::resolve;
pub use number::FloatFormat;
pub use open::{CONFIGURATION_LIMIT, TOKENIZER_LIMIT, is_there, open_file, open_stream, read_file, read_text};
pub use reader::Reader;
pub use replace::replace_file;
pub use replace_files::{finish_replacing, replace_files};
pub use safetensors::Dtype;
pub use source::TensorSource;
pub use torch_bin::{PickleError, TorchBinError, read_torch_bin};
pub use write::{write_safetensors, write_safetensors_as};
