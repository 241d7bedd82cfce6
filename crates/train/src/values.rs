//! The values of all parameters of a model, by name.

use adaptune_tensor::{Parameters, Scalar};
use ndarray::ArrayD;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Named arrays.
pub(crate) type Tensors<S> = Vec<(String, ArrayD<S>)>;

/// Numbers that one thread looks at at a time.
const PIECE: usize = 1 << 14;

/// The largest absolute value among all parameters; NaN if one is.
pub(crate) fn largest<S: Scalar>(model: &impl Parameters<S>) -> f64 {
    let parameters = model.parameters();
    let pieces: Vec<&[S]> = parameters.iter().flat_map(|(_, p)| p.values().chunks(PIECE)).collect();
    let larger = |largest: f64, v: f64| if v > largest || v.is_nan() { v } else { largest };
    let largest = |piece: &[S]| piece.iter().map(|v| v.to_f64().abs()).fold(0.0, larger);
    let found: Vec<f64> = pieces.into_par_iter().map(largest).collect();
    found.into_iter().fold(0.0, larger)
}

/// All parameters of a model, their names behind a prefix.
pub(crate) fn tensors<S: Scalar>(model: &impl Parameters<S>, prefix: &str) -> Tensors<S> {
    model.parameters().into_iter().map(|(name, p)| (format!("{prefix}{name}"), p.to_view().to_owned())).collect()
}

/// Checks that there are values for all parameters of a model, of the right shapes, and for nothing else.
pub(crate) fn check_values<S: Scalar>(
    model: &impl Parameters<S>,
    values: &BTreeMap<String, ArrayD<S>>,
) -> Result<(), String> {
    let parameters = model.parameters();
    for (name, parameter) in &parameters {
        let (value, expected) =
            (values.get(name).ok_or_else(|| format!("the values of {name} are missing"))?, parameter.shape());
        if value.shape() != expected {
            return Err(format!("{name} has shape {:?}, but {expected:?} was expected", value.shape()));
        }
    }
    match values.keys().find(|name| parameters.iter().all(|(known, _)| known != *name)) {
        Some(name) => Err(format!("{name} is unexpected")),
        None => Ok(()),
    }
}

/// Sets all parameters of a model to values that were checked.
pub(crate) fn set_values<S: Scalar>(model: &mut impl Parameters<S>, values: &BTreeMap<String, ArrayD<S>>) {
    for (name, parameter) in model.parameters_mut() {
        parameter.values_mut().iter_mut().zip(&values[&name]).for_each(|(p, v)| *p = *v);
    }
}
