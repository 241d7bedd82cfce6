//! Heads of multi-label classification, question answering and multiple choice against AdapterHub's: logits, loss, gradients, files.

use crate::common::{Fixture, base, difference, files, size};
use adaptune_adapters::{AdapterModel, format};
use adaptune_tensor::{Gradients, Scalar};
use adaptune_transformer::Pass;

#[test]
fn heads_in_double_precision() {
    for path in files("heads") {
        check::<f64>(&Fixture::open(&path), 1e-9);
    }
}

#[test]
fn heads_in_single_precision() {
    for path in files("heads") {
        check::<f32>(&Fixture::open(&path), 1e-4);
    }
}

/// The head is Python's, and written again its file is Python's to the letter.
fn check<S: Scalar>(fixture: &Fixture, tolerance: f64) {
    let base = base::<S>(fixture.metadata("model"));
    let model = AdapterModel::new(base.clone(), None, fixture.head(&base));
    let logits = model.logits(&fixture.batch("input.")).unwrap_or_else(|e| panic!("{e}"));
    let off = difference(logits, &fixture.floats("logits"));
    assert!(off < tolerance, "{}: logits are off by {off:.1e}", fixture.name);
    check_gradients(fixture, &model, tolerance);

    let directory = tempfile::tempdir().expect("a temporary folder");
    format::save_head(model.head(), &base, directory.path()).unwrap_or_else(|e| panic!("{e}"));
    let written = std::fs::read_to_string(directory.path().join("head_config.json")).expect("saved");
    let nameless = |text: &str| text.lines().filter(|l| !l.contains("\"model_name\"")).collect::<Vec<_>>().join("\n");
    assert_eq!(nameless(&written), nameless(fixture.metadata("head_config")), "{}", fixture.name);
    let again = format::load_head::<S>(directory.path(), &base).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(again.config(), model.head().config());
}

fn check_gradients<S: Scalar>(fixture: &Fixture, model: &AdapterModel<S>, tolerance: f64) {
    let targets = fixture.targets::<S>("input.", model.head().config().task);
    targets.check(model.head().config(), model.base().config().vocabulary).expect("they fit");
    let (weight, mut gradients) = (S::from_f64(1.0 / targets.count() as f64), Gradients::new());
    let loss = model
        .loss_and_gradients(&fixture.batch("input."), &*targets, weight, Pass::differentiate(), &mut gradients)
        .unwrap_or_else(|e| panic!("{e}"));
    let off = difference([loss], &fixture.floats("loss"));
    assert!(off < tolerance, "{}: the loss is off by {off:.1e}", fixture.name);
    for (names, parameter) in format::named_parameters(model) {
        let expected = fixture.floats(&format!("grad:head:{}", names[0]));
        let gradient = gradients.get(parameter.slot().expect("everything trains")).expect("it has a gradient");
        // What all choices share makes no choice: its gradient is zero, but for rounding.
        let off = difference(gradient.iter().copied(), &expected) / size(&expected).max(1e-3);
        assert!(off < tolerance, "{}: the gradient of {} is off by {off:.1e}", fixture.name, names[0]);
    }
}
