//! AdapterHub directories: `adapter_config.json`, `adapter.safetensors`, `head_config.json`,
//! `model_head.safetensors`; and the `.bin` files that Python writes by default. PEFT directories of LoRA and its
//! kin, of prefixes and prompts.
//! Beside them thawed tensors, language models as Hugging Face directories, and the numbers of an adapter of one's own.

mod adapter_file;
mod describe;
mod directory;
mod error;
mod json;
mod language;
pub(crate) mod names;
mod parameters;
mod peft;
mod stored;
mod tensors;
mod thawed;

mod pickle;
mod torch_bin;

pub use describe::{Described, describe};
pub use directory::{load, load_adapter, load_head, named_parameters, save, save_adapter, save_adapterhub, save_head};
pub use error::FormatError;
pub use language::{load_language_head, save_base, save_language_model};
pub use parameters::{load_parameters, save_parameters};
pub use peft::{load_peft, peft_names, save_peft, save_peft_with_head};
pub use pickle::PickleError;
pub use stored::{Form, Stored};
pub use torch_bin::{TorchBinError, read_torch_bin};
