//! Generic code, made once, with this crate, as the crates below do: every test program, example and documentation test takes it
//! from here. Nothing ever calls these functions.

use crate::{Dataset, TrainOptions, Trainer, evaluate, predict};
use adaptune_adapters::AdapterModel;

#[doc(hidden)]
pub fn single(model: AdapterModel<f32>, data: &Dataset, options: TrainOptions) -> Option<f64> {
    let trained = Trainer::new(model, data, Some(data), options).ok()?.run(&mut ()).ok()?;
    let _ = predict(&trained.model, data, 1).ok()?;
    Some(evaluate(&trained.model, data, 1).ok()?.loss)
}
