//! A base in bf16 and adapters that are wide enough to be computed in it too.

use adaptune_adapters::objective::Classification;
use adaptune_adapters::{Adapter, AdapterModel, Head, HeadConfig, Task};
use adaptune_tensor::{Gradients, Parameters, Precision, Seed};
use adaptune_transformer::{Batch, Config, Encoder, Pass};
use ndarray::Array2;
use std::sync::Arc;

/// Logits and gradients of a model whose base is in a precision; `half` makes the bottlenecks 128 wide.
fn run(precision: Precision, half: bool, checkpointing: bool) -> (Array2<f32>, Gradients<f32>) {
    let config = Config { vocabulary: 50, ..Config::bert(256, 2, 4, 300).with_dropout(0.1, 0.1) };
    let base = Arc::new(Encoder::random(config, 0.05, Seed::new(1)).with_precision(precision));
    let method = format!("par_bn[reduction_factor={},dropout=0.1]", if half { 2 } else { 16 });
    let mut adapter = Adapter::on("a", &method.parse().expect("a method"), &base, Seed::new(2)).expect("it fits");
    for (name, parameter) in adapter.parameters_mut() {
        let draws = Seed::new(3).named(&name);
        parameter.values_mut().iter_mut().enumerate().for_each(|(i, v)| *v += 0.05 * draws.unit(i as u64) as f32);
    }
    let head = HeadConfig::new(Task::CLASSIFICATION, vec!["x".into(), "y".into()]);
    let model =
        AdapterModel::new(base.clone(), Some(adapter), Head::new("a", &head, &base, Seed::new(4)).expect("it fits"));
    // Long enough for attention in bf16, too.
    let long: Vec<_> = (0..70).map(|i| i % 50).collect();
    let batch = Batch::from_ids(&[&[1, 2, 3, 4, 5], &[6, 7], &[8, 9, 10], &long]);
    let logits = model.logits(&batch).expect("a good batch");
    let (mut gradients, targets) = (Gradients::new(), Classification(vec![0, 1, 1, 0]));
    let pass = Pass::train(Seed::new(5)).with_checkpointing(checkpointing);
    model.loss_and_gradients(&batch, &targets, 0.5, pass, &mut gradients).expect("a good batch");
    (logits, gradients)
}

fn flat(gradients: &Gradients<f32>) -> Vec<f32> {
    gradients.iter().flat_map(|(_, g)| g.to_vec()).collect()
}

#[test]
fn gradients_point_where_they_pointed() {
    for half in [true, false] {
        let (full, rounded) = (run(Precision::Full, half, false), run(Precision::Bf16, half, false));
        let (a, b) = (flat(&full.1), flat(&rounded.1));
        let product = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
        let cosine = product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt();
        assert!(a != b && cosine > 0.999, "{half}: {cosine}");
        assert!((full.0 - rounded.0).iter().all(|d| d.abs() < 0.02));
    }
}

/// What runs again runs in the same precision.
#[test]
fn checkpointing_changes_no_bit() {
    let (kept, again) = (run(Precision::Bf16, true, false), run(Precision::Bf16, true, true));
    assert!(kept.0 == again.0 && flat(&kept.1) == flat(&again.1));
}
