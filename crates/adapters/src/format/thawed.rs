//! Thawed tensors in a file beside the adapter.
//!
//! Neither AdapterHub nor PEFT has a format for them. They are kept as a part of the model's state dictionary, under the
//! names of Hugging Face, so in Python `model.load_state_dict(load_file("thawed.safetensors"), strict=False)` puts them in.

use super::error::FormatError;
use super::tensors::{Tensors, write};
use crate::core::stored::Stored;
use adaptune_tensor::{Parameters, Scalar};
use adaptune_transformer::weights::{is_there, resolve};
use adaptune_transformer::{Encoder, Thawed};
use std::path::Path;

pub(super) const FILE: &str = "thawed.safetensors";

pub(super) fn save<S: Scalar>(thawed: &Thawed<S>, base: &Encoder<S>, directory: &Path) -> Result<(), FormatError> {
    let family = base.config().family;
    let tensor =
        |(name, p): (String, &dyn adaptune_tensor::AnyParameter<S>)| (family.full_name(&name), p.to_view().to_owned());
    write(&directory.join(FILE), &thawed.parameters().into_iter().map(tensor).collect::<Vec<_>>(), base, [])
}

/// What is thawed is what the file holds.
pub(super) fn load<S: Scalar>(directory: &Path, base: &Encoder<S>) -> Result<Option<Thawed<S>>, FormatError> {
    let path = resolve(directory, FILE)?;
    if !is_there(&path) {
        return Ok(None);
    }
    let mut tensors = Tensors::read_file(&path, "config.json", base)?;
    let mut thawed = Thawed::select(base, |name, _| tensors.has(name));
    for (name, parameter) in thawed.parameters_mut() {
        tensors.take(&Stored::same(name), parameter)?;
    }
    tensors.finish()?;
    Ok(Some(thawed))
}
