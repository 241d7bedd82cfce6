//! AdapterHub directories: `adapter_config.json`, `adapter.safetensors`, `head_config.json`,
//! `model_head.safetensors`; and the `.bin` files that Python writes by default. PEFT directories of LoRA and its
//! kin, of prefixes and prompts.
//! Folders with several adapters and how they are put together, `adapter_setup.json`.
//! Beside them thawed tensors, language models as Hugging Face directories, and the numbers of a user-defined adapter.

mod classifier;
mod composed;
mod describe;
mod directory;
pub(crate) mod error;
mod family;
mod files;
mod hub;
mod json;
mod language;
mod lookup;
mod names;
mod notes;
mod parameters;
mod peft;
mod setup;
mod setup_file;
mod tensors;
mod thawed;

pub use crate::core::stored::{Form, Stored};
pub use adaptune_transformer::weights::{PickleError, TorchBinError, read_torch_bin};
pub use composed::{NewParts, load_composed};
pub use describe::{Described, describe};
pub use directory::{load_adapter, load_head, named_parameters, save, save_headless};
pub use error::FormatError;
pub use hub::{load_fusion, load_router, save_adapter, save_adapterhub, save_head, save_mixing};
pub use language::{load_language_head, save_base, save_language_model};
pub use notes::{Note, notes};
pub use parameters::{load_parameters, save_parameters};
pub use peft::{load_peft, peft_names, save_peft, save_peft_with_head};
pub use setup::{Parts, load, load_parts, save_setup, setup_expression};
