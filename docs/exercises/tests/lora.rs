//! Exercise 3: LoRA against the sum of two matrices, and its gradients against finite differences.

mod common;

use adaptune_exercises::lora::LowRanks;
use adaptune_tensor::ndarray::Array2;
use adaptune_transformer::{Batch, Linear, Pass, Projection};
use common::{base, check, matrix};

const SCALING: f64 = 1.3;

fn pairs() -> [(Array2<f64>, Array2<f64>); 2] {
    ["first", "second"].map(|name| (matrix(2, 6, name), matrix(6, 2, &format!("{name} up"))))
}

#[test]
fn forward_is_that_of_a_changed_weight() {
    let (base, pairs) = (base(), pairs());
    let batch = Batch::from_ids(&[&[1, 2, 3], &[4]]);
    let merged = base.with_linears(|point, layer| {
        let (a, b) = pairs.get(point.layer).filter(|_| point.projection == Projection::Query)?;
        Some(Linear::new(layer.to_weight() + b.dot(a) * SCALING, layer.bias().map(|bias| bias.to_owned())))
    });
    let expected = merged.forward(&batch, &(), Pass::evaluate()).expect("the batch fits").hidden;
    let lora = LowRanks::new(pairs, SCALING);
    let found = base.forward(&batch, &lora, Pass::evaluate()).expect("the batch fits").hidden;
    let difference = (found - expected).iter().fold(0.0_f64, |most, d| most.max(d.abs()));
    assert!(
        difference < 1e-12,
        "docs/exercises/src/blank/lora.rs is to be filled in, or not right yet: states differ by {difference}"
    );
}

#[test]
fn backward_belongs_to_forward() {
    check(&mut LowRanks::new(pairs(), SCALING), "docs/exercises/src/blank/lora.rs");
}
