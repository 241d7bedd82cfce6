//! Generic code for both number formats, made once, with this crate.
//!
//! Code of generic functions is made by the crate that first calls them, and in builds without much optimisation, those of tests,
//! the crates behind it take it from there. Without these calls every test program, example and documentation test would
//! make the transformer again, which takes longer than running them. Nothing ever calls them.

use crate::{Base, Batch, Config, Encoder, Insertions, Pass, Selection};
use adaptune_tensor::{Gradients, Scalar, Seed};
use std::path::Path;

fn all<S: Scalar>(path: &Path, batch: &Batch, insertions: &dyn Insertions<S>) -> Option<Encoder<S>> {
    let base = Encoder::<S>::load(path).ok()?;
    let encoded = base.forward(batch, insertions, Pass::differentiate()).ok()?;
    encoded.trace.backward(encoded.hidden, &mut Gradients::new());
    let _ = Base::from(&base).read(batch, insertions, Pass::evaluate(), &Selection::First).ok()?;
    Some(Encoder::random(Config::bert(1, 1, 1, 1), 0.1, Seed::new(0)))
}

#[doc(hidden)]
pub fn single(path: &Path, batch: &Batch, insertions: &dyn Insertions<f32>) -> bool {
    all(path, batch, insertions).is_some()
}

#[doc(hidden)]
pub fn double(path: &Path, batch: &Batch, insertions: &dyn Insertions<f64>) -> bool {
    all(path, batch, insertions).is_some()
}
