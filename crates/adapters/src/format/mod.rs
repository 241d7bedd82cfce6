//! AdapterHub directories: `adapter_config.json`, `adapter.safetensors`, `head_config.json`,
//! `model_head.safetensors`; and the `.bin` files that Python writes by default.

mod describe;
mod directory;
mod error;
mod json;
mod names;
mod tensors;
mod thawed;

mod pickle;
mod torch_bin;

pub use describe::{Described, describe};
pub use directory::{load, load_adapter, load_head, named_parameters, save, save_adapter, save_head};
pub use error::FormatError;
pub use pickle::PickleError;
pub use torch_bin::{TorchBinError, read_torch_bin};
