//! The numbers of an adapter that was put together from modules.
//!
//! What such an adapter computes stands in the user's program and in no file. So the file holds the parameters under their
//! names (`layer.0.feed_forward.down`), and whoever loads it builds the adapter first.

use super::error::FormatError;
use super::tensors::{Tensors, write};
use crate::core::stored::Stored;
use adaptune_tensor::{AnyParameter, Parameters, Scalar};
use adaptune_transformer::Encoder;
use std::path::Path;

/// Saves parameters under their own names as a safetensors file that says which base they belong to.
///
/// It is meant for an adapter [of modules](crate::Adapter::of_modules); others have a format that Python reads too,
/// [`save_adapter`](super::save_adapter).
///
/// # Errors
/// If the file cannot be written.
pub fn save_parameters<S: Scalar>(
    parameters: &impl Parameters<S>,
    base: &Encoder<S>,
    path: &Path,
) -> Result<(), FormatError> {
    let tensor = |(name, p): (String, &dyn AnyParameter<S>)| (name, p.to_view().to_owned());
    write(path, &parameters.parameters().into_iter().map(tensor).collect::<Vec<_>>(), base, [])
}

/// Loads what [`save_parameters`] has written into parameters of the same names and shapes.
///
/// # Errors
/// If the file is broken, a tensor is missing, unexpected or misshapen, or the base was another.
pub fn load_parameters<S: Scalar>(
    parameters: &mut impl Parameters<S>,
    base: &Encoder<S>,
    path: &Path,
) -> Result<(), FormatError> {
    let mut tensors = Tensors::read_file(path, "the program", base)?;
    for (name, parameter) in parameters.parameters_mut() {
        tensors.take(&Stored::same(name), parameter)?;
    }
    tensors.finish()
}
