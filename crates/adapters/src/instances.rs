//! Generic code for both number formats, made once, with this crate, as the crate below does: every test program, example and
//! documentation test takes it from here. Nothing ever calls these functions.

use crate::format::{load, load_parts, save, save_setup};
use crate::{Adapter, AdapterModel, Method, Objective, merge};
use adaptune_tensor::{Gradients, Scalar, Seed};
use adaptune_transformer::{Batch, Pass};
use std::path::Path;

fn all<S: Scalar>(
    model: &AdapterModel<S>,
    method: &Method,
    path: &Path,
    objective: &dyn Objective<S>,
    batch: &Batch,
) -> Option<S> {
    let adapter = Adapter::<S>::on("", method, model.base(), Seed::new(0)).ok()?;
    let _ = merge(model.base(), &adapter).ok()?;
    let _ = model.logits(batch).ok()?;
    save(model, path).ok()?;
    save_setup(model, path).ok()?;
    let _ = load::<S>(path, model.base().clone()).ok()?;
    let _ = load_parts::<S>(path, model.base()).ok()?;
    model.loss_and_gradients(batch, objective, S::one(), Pass::differentiate(), &mut Gradients::new()).ok()
}

#[doc(hidden)]
pub fn single(
    model: &AdapterModel<f32>,
    method: &Method,
    path: &Path,
    objective: &dyn Objective<f32>,
    batch: &Batch,
) -> Option<f32> {
    all(model, method, path, objective, batch)
}

#[doc(hidden)]
pub fn double(
    model: &AdapterModel<f64>,
    method: &Method,
    path: &Path,
    objective: &dyn Objective<f64>,
    batch: &Batch,
) -> Option<f64> {
    all(model, method, path, objective, batch)
}
