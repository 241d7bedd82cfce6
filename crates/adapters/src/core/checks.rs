//! Checks that the configurations of several methods have in common.

use crate::core::error::MethodError;
use adaptune_transformer::Config;
use std::collections::BTreeSet;

/// Layers named in a field must be in the model.
pub(crate) fn check_layers<'a>(
    field: &'static str,
    layers: impl IntoIterator<Item = &'a usize>,
    model: &Config,
) -> Result<(), MethodError> {
    match layers.into_iter().find(|layer| **layer >= model.blocks()) {
        Some(&layer) => Err(MethodError::NoLayer { field, layer, last: model.blocks() - 1 }),
        None => Ok(()),
    }
}

/// The model's layers but for those that `leave_out` names, which must be in the model.
pub(crate) fn layers_but(leave_out: &BTreeSet<usize>, model: &Config) -> Result<Vec<usize>, MethodError> {
    check_layers("leave_out", leave_out, model)?;
    Ok((0..model.blocks()).filter(|layer| !leave_out.contains(layer)).collect())
}

/// A length or width must be at least 1, and not more than a damaged file may ask memory for.
pub(crate) fn check_count(field: &'static str, found: usize) -> Result<(), MethodError> {
    match found {
        1..=65536 => Ok(()),
        found => Err(MethodError::Range { field, found: found as f64, expected: "from 1 to 65536" }),
    }
}

/// A factor must be a finite number in f32 too, in which runs compute.
pub(crate) fn check_factor(field: &'static str, found: f64) -> Result<(), MethodError> {
    if (found as f32).is_finite() {
        return Ok(());
    }
    Err(MethodError::Range { field, found, expected: "a finite number, in f32 too (at most 3.4e38)" })
}

/// A rate of dropout must leave something over.
pub(crate) fn check_rate(field: &'static str, found: f64) -> Result<(), MethodError> {
    if (0.0..1.0).contains(&found) {
        return Ok(());
    }
    Err(MethodError::Range { field, found, expected: "from 0 up to, but not, 1" })
}
