//! Arrow: what PEFT computes, gradients through it, what it is in simple cases, and its files.

use crate::common;
use crate::stirred::{base, check, hidden, off, setup};
use adaptune_adapters::{
    Adapter, AdapterModel, Expression, Head, HeadConfig, Mixing, Route, RoutedBy, Router, RouterConfig, Setup, Task,
    format,
};
use adaptune_tensor::{Parameters, Scalar, Seed};
use adaptune_transformer::{Batch, Encoder, Pass};
use ndarray::Array2;
use serde_json::Value;
use std::sync::Arc;

const LORAS: [&str; 3] = ["lora[r=2,alpha=3]", "lora[r=1,alpha=4]", "lora[r=3,alpha=2]"];

fn config(top: Option<usize>) -> RouterConfig {
    RouterConfig { by: RoutedBy::Arrow, top, ..RouterConfig::default() }
}

/// A LoRA with the numbers that the script gives it: the larger of its singular values by far is the first.
fn lora<S: Scalar>(name: &str, rank: u64, alpha: f64, base: &Encoder<S>) -> Adapter<S> {
    let method = format!("lora[r={rank},alpha={alpha}]").parse().expect("a method");
    let mut adapter = Adapter::on(name, &method, base, Seed::new(1)).expect("it fits");
    for (parameter, values) in adapter.parameters_mut() {
        let named = format!("{name}.{}", parameter.trim_start_matches("layer."));
        let (start, width) = (f64::from(common::crc32(named.as_bytes()) % 1000), values.shape()[1]);
        for (i, value) in values.values_mut().iter_mut().enumerate() {
            let small = if named.ends_with("lora_A") && i >= width { 0.2 } else { 1.0 };
            *value = S::from_f64(small * 0.5 * (start + 1.7 * i as f64).sin());
        }
    }
    adapter
}

fn of_peft<S: Scalar>(name: &str, rank: u64, alpha: f64, base: &Encoder<S>) -> Setup<S> {
    Setup::from(lora(name, rank, alpha, base)).frozen()
}

fn numbers<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).expect("numbers")
}

#[test]
fn it_computes_what_peft_does() {
    let text = std::fs::read_to_string(common::folder("compositions.json")).expect("it is in the repository");
    let arrow = &serde_json::from_str::<Value>(&text).expect("JSON")["arrow"];
    let base = common::base::<f64>("bert");
    let ids: Vec<Vec<u32>> = numbers(&arrow["ids"]);
    let batch = Batch::from_ids(&ids.iter().map(Vec::as_slice).collect::<Vec<_>>());
    for top in 1..=3 {
        let loras: std::collections::BTreeMap<String, (u64, f64)> = numbers(&arrow["loras"]);
        let parts: Vec<_> = loras.iter().map(|(name, (rank, alpha))| of_peft(name, *rank, *alpha, &base)).collect();
        let router = Router::arrow("r", &config(Some(top)), &parts).expect("they are LoRAs");
        let route = Route::new(base.config(), parts, router).expect("a route");
        let state = base.forward(&batch, &route, Pass::evaluate()).expect("a good batch");
        let expected: Vec<Vec<f64>> = numbers(&arrow["states"][top.to_string()]);
        for (sequence, expected) in expected.iter().enumerate() {
            let found = state.hidden.row(state.layout.range(sequence).start);
            let most = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(found.len() == expected.len() && most < 1e-5, "top {top}, sequence {sequence}: {most:.1e}");
        }
    }
}

#[test]
fn every_setting_and_nesting_has_gradients() {
    let base = base::<f64>();
    for text in [
        "route(a, b, c, by=arrow)",
        "route(a, b, c, by=arrow, top=2)",
        "route(a, b, c, by=arrow, top=1)",
        "route(a, by=arrow)",
        "stack(c, route(a, b, by=arrow, top=2))",
        "stack(route(a, b, by=arrow), c)",
        "average(0.3*route(a, b, by=arrow), 0.7*c)",
        "layer_drop(route(a, b, by=arrow), layers=[0])",
    ] {
        let tree = setup(text, &LORAS, "", &base).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert!(tree.router().is_none_or(Mixing::is_frozen), "{text}: it does not train");
        check(text, tree, &base);
    }
    // A layer above others: what is read there has a gradient.
    let mixed = ["lora[r=2,alpha=3,output_lora=True,intermediate_lora=True]"; 3];
    let tree = setup("route(a, b, c, by=arrow, top=2)", &mixed, "", &base).expect("a setup");
    check("route(a, b, c, by=arrow, top=2)", tree, &base);
}

#[test]
fn among_one_and_the_same_it_is_that_one_and_signs_do_not_count() {
    let base = base::<f64>();
    let same = |name: &str| of_peft::<f64>(name, 2, 3.0, &base);
    let alone = hidden(&base, &same("a"));
    for (names, top) in [(vec!["a"], None), (vec!["a"; 3], None), (vec!["a"; 3], Some(2)), (vec!["a"; 2], Some(1))] {
        let parts: Vec<Setup<f64>> = names.iter().map(|name| same(name)).collect();
        let router = Router::arrow("r", &config(top), &parts).expect("they are LoRAs");
        let route = Route::new(base.config(), parts, router).expect("a route");
        assert!(off(&hidden(&base, &route), &alone) < 1e-12, "{names:?} {top:?}");
    }
    // Both matrices negated are the same change, whatever the sign of the direction.
    let negated = |name: &str| {
        let mut adapter = same(name).unfrozen().expect("it is held once");
        adapter.parameters_mut().into_iter().flat_map(|(_, p)| p.values_mut()).for_each(|value| *value = -*value);
        adapter.frozen()
    };
    let routed = |parts: Vec<Setup<f64>>| {
        let router = Router::arrow("r", &config(Some(1)), &parts).expect("they are LoRAs");
        hidden(&base, &Route::new(base.config(), parts, router).expect("a route"))
    };
    assert!(off(&routed(vec![same("a"), same("b")]), &routed(vec![negated("a"), same("b")])) < 1e-12);
}

/// Of three adapters one reads what no token has: nothing goes to it, and the others are as they are without it.
#[test]
fn an_adapter_that_nothing_goes_to_changes_nothing() {
    let base = base::<f64>();
    let parts = |names: &[&str]| names.iter().map(|name| of_peft::<f64>(name, 2, 3.0, &base)).collect::<Vec<_>>();
    let expected = {
        let parts = parts(&["a", "b"]);
        let router = Router::arrow("r", &config(Some(1)), &parts).expect("they are LoRAs");
        hidden(&base, &Route::new(base.config(), parts, router).expect("a route"))
    };
    let parts = parts(&["a", "b", "c"]);
    let mut router = Router::arrow("r", &config(Some(1)), &parts).expect("they are LoRAs");
    for (_, directions) in router.parameters_mut() {
        let width = directions.shape()[1];
        directions.values_mut()[2 * width..].fill(0.0);
    }
    assert!(off(&hidden(&base, &Route::new(base.config(), parts, router).expect("a route")), &expected) < 1e-12);
}

#[test]
fn it_is_made_of_directories_and_saved_with_its_directions() {
    let base = Arc::new(base::<f32>());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name);
    let head = || {
        let head = HeadConfig::new(Task::CLASSIFICATION, vec!["x".into(), "y".into()]);
        Head::new("mood", &head, &base, Seed::new(4)).expect("it fits")
    };
    for name in ["law", "food"] {
        let adapter = lora::<f32>(name, 2, 3.0, &base);
        format::save(&AdapterModel::new(base.clone(), Some(adapter), head()), &path(name)).expect("it can be written");
    }
    let composed = |settings: &str| {
        let text = format!("route({:?}, {:?}, {settings})", path("law"), path("food"));
        let expression: Expression = text.parse().expect("an expression");
        format::load_composed::<f32>(&expression, &base, None)
    };
    let parts = composed("by=arrow, top=1").expect("both are LoRAs");
    let model = AdapterModel::new(base.clone(), None, head()).with_setup(parts.setup).expect("nothing of it trains");
    let batch = Batch::from_ids(&[&[1, 2, 3], &[4], &[5, 6]]);
    let expected: Array2<f32> = model.logits(&batch).expect("a good batch");
    format::save_setup(&model, &path("both")).expect("it can be written");
    let loaded: AdapterModel<f32> = format::load(&path("both"), base.clone()).expect("it was saved");
    assert_eq!(loaded.logits(&batch).expect("a good batch"), expected);
    assert_eq!(
        loaded.setup().router().map(|router| (router.config().by, router.is_frozen())),
        Some((RoutedBy::Arrow, true))
    );
    assert_ne!(
        composed("by=arrow").map(|p| hidden_of(&base, &batch, &p.setup)).ok(),
        Some(hidden_of(&base, &batch, loaded.setup()))
    );
    for (settings, words) in [
        ("by=arrow, top=3", "from 1 to the number of adapters"),
        ("by=arow", "token, sequence, chance, arrow"),
        ("by=arrow, tpo=1", "did you mean `top`"),
        ("top=1", "no router"),
    ] {
        let error = composed(settings).map(|_| ()).expect_err(settings).to_string();
        assert!(error.contains(words), "{settings}: {error}");
    }
}

fn hidden_of(base: &Encoder<f32>, batch: &Batch, setup: &Setup<f32>) -> Array2<f32> {
    base.forward(batch, setup, Pass::evaluate()).expect("a good batch").hidden
}
