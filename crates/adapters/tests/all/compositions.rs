//! What Python computes for compositions: logits, loss, and a number for each gradient; every tensor is filled by a formula of its
//! name, here as there.

use crate::common;
use adaptune_adapters::objective::Classification;
use adaptune_adapters::{
    Adapter, AdapterModel, AdapterPool, Expression, Fusion, FusionConfig, Head, HeadConfig, Mixer, Setup, Supply, Task,
    WantedMixer, format,
};
use adaptune_tensor::{Gradients, Parameters, Scalar, Seed};
use adaptune_transformer::{Batch, Encoder, Pass};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What may differ: logits and loss absolutely, gradients relative to the largest number of their tensors.
fn check_all<S: Scalar>(values: f64, gradients: f64) {
    let text = std::fs::read_to_string(common::folder("compositions.json")).expect("it is in the repository");
    let file: Value = serde_json::from_str(&text).expect("JSON");
    let cases = file["cases"].as_object().expect("a map");
    assert!(cases.len() >= 27);
    for (name, case) in cases {
        check_case::<S>(name, case, values, gradients);
    }
}

#[test]
fn compositions_in_double_precision() {
    check_all::<f64>(1e-9, 1e-9);
}

#[test]
fn compositions_in_single_precision() {
    check_all::<f32>(2e-5, 1e-4);
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|number| number.as_f64().expect("a number")).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// Adapters and fusions of a case, with initial values.
struct Blank<'a, S> {
    case: &'a Value,
    base: &'a Encoder<S>,
}

impl<S: Scalar> Supply<Setup<S>, Mixer<S>> for Blank<'_, S> {
    fn adapter(&mut self, name: &str) -> Option<Setup<S>> {
        let method = text(&self.case["methods"][name]).parse().unwrap_or_else(|e| panic!("{name}: {e}"));
        Some(Adapter::on(name, &method, self.base, Seed::new(5)).unwrap_or_else(|e| panic!("{e}")).into())
    }

    fn mixer(&mut self, wanted: &WantedMixer<'_>, parts: &[Setup<S>]) -> Option<Mixer<S>> {
        let mut config: FusionConfig = text(&self.case["fusion"]).parse().expect("a fusion");
        for (field, value) in self.case["fields"].as_object().expect("a map") {
            config.set(field, value).expect("a field");
        }
        let fusion = Fusion::new(wanted.name(), &config, self.base.config(), parts.first()?, Seed::new(2));
        fusion.ok().map(Mixer::from)
    }
}

/// The model of an expression, with a head of this name.
fn model_of<S: Scalar>(case: &Value, base: &Arc<Encoder<S>>, expression: &Expression, head: &str) -> AdapterModel<S> {
    let setup = Setup::supplied(expression, base.config(), &mut Blank { case, base });
    let setup = setup.unwrap_or_else(|e| panic!("{expression}: {e}"));
    let labels = ["x", "y", "z"].map(str::to_owned).to_vec();
    let head = Head::new(head, &HeadConfig::new(Task::CLASSIFICATION, labels), base, Seed::new(1)).expect("it fits");
    let mut model = AdapterModel::new(base.clone(), None, head).with_setup(setup).expect("it trains");
    let names: Vec<String> =
        format::named_parameters(&model).into_iter().map(|(mut names, _)| names.swap_remove(0)).collect();
    for (name, (_, parameter)) in names.into_iter().zip(model.parameters_mut()) {
        let start = f64::from(common::crc32(name.as_bytes()) % 1000);
        for (i, value) in parameter.values_mut().iter_mut().enumerate() {
            *value = S::from_f64(0.5 * (start + 1.7 * i as f64).sin());
        }
    }
    model
}

/// The model of a case; of `parallel(…)` one for each part, whose head has the name of its adapter.
fn models_of<S: Scalar>(case: &Value) -> Vec<(String, AdapterModel<S>)> {
    let base = common::base::<S>(text(&case["model"]));
    let expression: Expression = text(&case["setup"]).parse().expect("an expression");
    let Some(parts) = expression.parallel().expect("it is well-formed") else {
        return vec![("mood".to_owned(), model_of(case, &base, &expression, "mood"))];
    };
    let of_part = |part: &Expression| {
        let name = part.names().last().expect("it has an adapter").to_string();
        (name.clone(), model_of(case, &base, part, &name))
    };
    parts.iter().map(of_part).collect()
}

/// The logits of each model, one behind the other; of several as a pool gives them in one pass.
fn logits_of<S: Scalar>(case: &Value, models: &[(String, AdapterModel<S>)], batch: &Batch) -> Vec<f64> {
    if let [(_, model)] = models {
        return model.logits(batch).expect("a good batch").iter().map(|x| x.to_f64()).collect();
    }
    let mut pool = AdapterPool::new(models[0].1.base().clone());
    let names: Vec<&str> = models.iter().map(|(name, _)| name.as_str()).collect();
    for (name, model) in models_of(case) {
        // Each has its own copy of the base, which the pool knows by what it computes.
        pool.add(&name, model).expect("it has the same base");
    }
    let logits = pool.parallel(batch, &names).expect("a good batch");
    logits.iter().flatten().flat_map(|logits| logits.iter().map(|x| x.to_f64())).collect()
}

fn check_case<S: Scalar>(name: &str, case: &Value, values: f64, tolerance: f64) {
    let models = models_of::<S>(case);
    let ids: Vec<Vec<u32>> = serde_json::from_value(case["ids"].clone()).expect("numbers of tokens");
    let batch = Batch::from_ids(&ids.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let logits = logits_of(case, &models, &batch);
    let expected: Vec<f64> = case["logits"].as_array().expect("a list").iter().flat_map(numbers).collect();
    let off = logits.iter().zip(&expected).fold(0.0, |most: f64, (a, b)| most.max((a - b).abs()));
    assert!(logits.len() == expected.len() && off < values, "{name}: logits are off by {off:.1e}");
    let targets = Classification(serde_json::from_value(case["labels"].clone()).expect("numbers of classes"));
    let weight = S::from_f64(1.0 / ids.len() as f64);
    let (mut loss, mut of_kinds) = (0.0, BTreeMap::new());
    for (_, model) in &models {
        let (pass, mut gradients) = (Pass::differentiate(), Gradients::new());
        let found = model.loss_and_gradients(&batch, &targets, weight, pass, &mut gradients).expect("a good batch");
        loss += found.to_f64();
        of_kinds.extend(kinds(model, &gradients));
    }
    let off = (loss - case["loss"].as_f64().expect("a number")).abs();
    assert!(off < values, "{name}: the loss is off by {off:.1e}");
    check_gradients(name, &of_kinds, &case["gradients"], tolerance);
}

/// For each kind of tensor the gradients of those of all layers, one behind the other.
fn kinds<S: Scalar>(model: &AdapterModel<S>, gradients: &Gradients<S>) -> BTreeMap<String, Vec<f64>> {
    let mut kinds: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for (names, parameter) in format::named_parameters(model) {
        let layer = names[0].split('.').find(|part| part.parse::<usize>().is_ok() && !names[0].starts_with("heads."));
        let kind = match layer {
            Some(layer) => names[0].replacen(&format!(".{layer}."), ".N.", 1),
            None => names[0].replacen(".1.", ".N.", 1).replacen(".4.", ".N.", 1),
        };
        let gradient = gradients.get(parameter.slot().expect("it trains")).expect("it has one");
        kinds.entry(kind).or_default().extend(gradient.iter().map(|g| g.to_f64()));
    }
    kinds
}

fn check_gradients(name: &str, found: &BTreeMap<String, Vec<f64>>, expected: &Value, tolerance: f64) {
    let expected = expected.as_array().expect("a list");
    assert_eq!(found.len(), expected.len(), "{name}: {:?}", found.keys());
    for ((kind, gradient), expected) in found.iter().zip(expected) {
        let numbers = numbers(expected);
        let (sum, largest) = (numbers[0], numbers[1]);
        let probe: f64 = gradient.iter().enumerate().map(|(i, g)| g * (1.0 + 0.37 * i as f64).cos()).sum();
        // Softmax does not see a shift of all scores, so gradients of what shifts them are zero but for rounding.
        let off = (probe - sum).abs() / largest.max(1e-2) / (gradient.len() as f64).sqrt();
        assert!(off < tolerance, "{name}: the gradients of {kind} are off by {off:.1e}");
    }
}
