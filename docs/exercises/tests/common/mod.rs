//! What the tests have in common: random numbers, and gradients through a model against finite differences.
#![allow(dead_code)] // each test uses a part of it

use adaptune_autograd::check_gradients;
use adaptune_tensor::ndarray::{Array1, Array2, Axis};
use adaptune_tensor::{Gradients, Parameters, Seed, init};
use adaptune_transformer::{Batch, Config, Encoder, Insertions, Pass};

pub(crate) fn matrix(rows: usize, columns: usize, name: &str) -> Array2<f64> {
    init::normal((rows, columns), 0.6, Seed::new(11).named(name))
}

pub(crate) fn vector(length: usize, name: &str) -> Array1<f64> {
    matrix(1, length, name).remove_axis(Axis(0))
}

/// The base that modules are plugged into: two blocks, so that the upper one's module has something that trains below it.
pub(crate) fn base() -> Encoder<f64> {
    let config = Config { vocabulary: 13, positions: 8, ..Config::bert(6, 2, 2, 10) };
    Encoder::random(config, 0.4, Seed::new(5))
}

/// Compares the gradients of all parameters of modules in [`base`] with finite differences. `place` says what to fill in if there are none.
pub(crate) fn check<M: Insertions<f64> + Parameters<f64>>(modules: &mut M, place: &str) {
    let base = base();
    let batch = Batch::from_ids(&[&[1, 2, 3], &[4], &[5, 6, 7, 8, 9]]);
    let c = matrix(9, 6, "weights of the loss");
    modules.train_from(0);
    let gradient = {
        let plain = base.forward(&batch, &(), Pass::evaluate()).expect("the batch fits").hidden;
        let encoded = base.forward(&batch, &*modules, Pass::differentiate()).expect("the batch fits");
        assert!(plain != encoded.hidden, "{place} is to be filled in: the model computes what it computes without it");
        let mut gradients = Gradients::new();
        encoded.trace.backward(c.clone(), &mut gradients);
        let mut all = Vec::new();
        for (name, parameter) in modules.parameters() {
            let slot = parameter.slot().expect("it trains");
            let found = gradients.get(slot);
            let found = found.unwrap_or_else(|| panic!("{place} is to be filled in: {name} got no gradient"));
            all.extend(found.iter().copied());
        }
        all
    };
    let point: Vec<f64> = modules.parameters().iter().flat_map(|(_, parameter)| parameter.values().to_vec()).collect();
    let loss = |values: &[f64]| {
        let mut values = values.iter();
        for (_, parameter) in modules.parameters_mut() {
            parameter.values_mut().iter_mut().zip(&mut values).for_each(|(place, value)| *place = *value);
        }
        (base.forward(&batch, &*modules, Pass::evaluate()).expect("the batch fits").hidden * &c).sum()
    };
    if let Err(mismatch) = check_gradients(loss, &point, &gradient) {
        panic!("{mismatch}; all numbers of the lower block come before those of the upper one");
    }
}
