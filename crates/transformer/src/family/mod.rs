//! The model families. Each is a description, and this folder is the only place that tells them apart.
//!
//! | file | |
//! |---|---|
//! | `description.rs` | [`Family`], and what a description says |
//! | `names.rs`, `stored.rs` | where a layer lies in a checkpoint: a name, rows of it, transposed or not |
//! | `bert.rs`, `distilbert.rs`, `electra.rs`, `albert.rs`, `mpnet.rs`, `deberta.rs`, `modernbert.rs`, `eurobert.rs`, `gpt2.rs`, `llama.rs` (several) | one description each, with its `config.json` |
//! | `registry.rs` | all of them by `model_type` |

mod albert;
mod bert;
mod deberta;
mod description;
mod distilbert;
mod electra;
mod eurobert;
mod format;
mod gpt2;
mod llama;
mod llama_blocks;
mod modernbert;
mod mpnet;
mod names;
mod registry;
#[cfg(test)]
pub(crate) mod samples;
mod stored;

pub use description::{
    AdapterPaths, ChoiceHead, Classifier, Family, FamilyDescription, FieldNames, LanguageHeadNames, PastKeyValues,
    PythonNames,
};
pub use format::FamilyFormat;
pub use names::{StoredLinear, TensorNames};
pub use stored::StoredRows;
