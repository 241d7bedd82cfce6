//! Adapter fusion: gradients against finite differences in every nesting and with every field, what it is in simple cases, its
//! penalty, its files, and what cannot be fused.

use crate::stirred::{Stirred, base, batch, check, hidden, loss, off, setup};
use adaptune_adapters::objective::Classification;
use adaptune_adapters::{
    Adapter, AdapterModel, CompositionError, ExpressionError, Fuse, Fusion, Head, HeadConfig, Mixer, MixerKind, Setup,
    Supply, Task, WantedMixer, format,
};
use adaptune_autograd::check_gradients;
use adaptune_tensor::{Gradients, Parameters, Scalar, Seed};
use adaptune_transformer::{Encoder, Pass};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Methods that stand at the same points, one list for each kind of wiring.
const KINDS: [[&str; 3]; 4] = [
    [
        "seq_bn[reduction_factor=3,non_linearity=gelu]",
        "seq_bn[reduction_factor=2,non_linearity=tanh,use_gating=True]",
        "seq_bn[reduction_factor=6,non_linearity=gelu,ln_after=True,scaling=learned]",
    ],
    [
        "double_seq_bn[reduction_factor=3,non_linearity=gelu]",
        "double_seq_bn[reduction_factor=2,non_linearity=tanh]",
        "compacter[reduction_factor=3,phm_dim=2,non_linearity=gelu]",
    ],
    [
        "par_bn[reduction_factor=3,non_linearity=gelu]",
        "par_bn[reduction_factor=2,non_linearity=tanh,scaling=0.7]",
        "par_bn[reduction_factor=6,non_linearity=gelu]",
    ],
    [
        "seq_bn[reduction_factor=3,non_linearity=gelu,dropout=0.3]",
        "par_bn[reduction_factor=2,non_linearity=tanh]",
        "seq_bn[reduction_factor=2,non_linearity=tanh,original_ln_before=False]",
    ],
];

/// Every field away from both presets.
const FUSIONS: [&str; 9] = [
    "dynamic",
    "static",
    "dynamic[query_before_ln=True]",
    "dynamic[residual_before=True]",
    "static[residual_before=True]",
    "dynamic[key=False]",
    "dynamic[query=False,value_before_softmax=False]",
    "static[query=False,key=False]",
    "dynamic[dropout_prob=0.4,value_initialized=False]",
];

#[test]
fn every_field_has_gradients_for_every_wiring() {
    let base = base::<f64>();
    for (i, methods) in KINDS.iter().enumerate() {
        // Each wiring with three of the configurations, so that each of these is seen.
        for fusion in FUSIONS.iter().skip(i % 3).step_by(3) {
            let tree = setup("fuse(a, b, c)", methods, fusion, &base).unwrap_or_else(|e| panic!("{methods:?}: {e}"));
            check(&format!("{fusion} {methods:?}"), tree, &base);
        }
    }
}

#[test]
fn every_nesting_has_gradients() {
    let base = base::<f64>();
    for text in [
        "fuse(a)",
        "stack(a, fuse(b, c))",
        "stack(fuse(a, b), c)",
        "fuse(stack(a, b), c)",
        "fuse(fuse(a, b; x), c; y)",
        "average(0.3*fuse(a, b), 0.7*c)",
        "fuse(average(0.4*a, 0.6*b), c)",
        "layer_drop(fuse(a, b), layers=[0])",
        "per_sequence(fuse(a, b), c, none, part_of=[1, 0, 2, 0])",
    ] {
        let tree = setup(text, &KINDS[0], "dynamic", &base).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(tree.to_string(), text);
        check(text, tree, &base);
    }
}

/// Adapters that stay as they are: only the fusion has gradients, and they are those that it has with all of them training.
#[test]
fn a_fusion_trains_over_frozen_adapters() {
    let base = base::<f64>();
    let all = setup("fuse(a, b, c)", &KINDS[0], "dynamic", &base).expect("a fusion");
    let fusion = all.fusion().expect("it is one").clone();
    let parts = ["a", "b", "c"].map(|name| setup(name, &KINDS[0], "dynamic", &base).expect("an adapter").frozen());
    let mut frozen = Setup::from(Fuse::new(base.config(), parts.into(), fusion).expect("a fusion"));
    let mut all = all;
    all.train_from(0);
    let slots = frozen.train_from(0);
    let ((loss_all, expected), (loss_frozen, found)) = (loss(&base, &all), loss(&base, &frozen));
    assert!((loss_all - loss_frozen).abs() < 1e-12);
    assert_eq!(found.len(), slots);
    let of_fusion = all.parameters().into_iter().filter(|(name, _)| name.starts_with("fusion:a,b,c."));
    let mut checked = 0;
    for ((name, parameter), (own, of)) in of_fusion.zip(frozen.parameters()) {
        assert_eq!(name.strip_prefix("fusion:a,b,c."), Some(own.as_str()));
        let (expected, found) = (expected.get(parameter.slot().unwrap()), found.get(of.slot().unwrap()));
        let (expected, found) = (expected.expect("it trains"), found.expect("it trains"));
        assert!((&expected - &found).iter().all(|d| d.abs() < 1e-12), "{name}");
        checked += 1;
    }
    assert_eq!(checked, slots);
}

#[test]
fn a_fusion_of_one_and_the_same_is_that_one() {
    let base = base::<f64>();
    for methods in KINDS {
        let fused = setup("fuse(a, a, a)", &methods[..1], "static", &base).unwrap_or_else(|e| panic!("{e}"));
        let before = setup("fuse(a, a)", &methods[..1], "static[residual_before=True]", &base).expect("a fusion");
        let alone = setup("a", &methods[..1], "static", &base).expect("an adapter");
        let expected = hidden(&base, &alone);
        assert!(off(&hidden(&base, &fused), &expected) < 1e-12, "{methods:?}");
        assert!(off(&hidden(&base, &before), &expected) < 1e-12, "{methods:?}");
        assert!(off(&expected, &hidden(&base, &())) > 1e-3, "{methods:?} does nothing");
    }
}

/// Without a bias of the value matrix, mixing values and taking the value of the mixture are the same.
#[test]
fn values_may_be_made_before_or_behind_the_mixing() {
    let base = base::<f64>();
    let [before, behind] = ["dynamic", "dynamic[value_before_softmax=False]"]
        .map(|fusion| hidden(&base, &setup("fuse(a, b, c)", &KINDS[0], fusion, &base).expect("a fusion")));
    assert_eq!(before, behind);
}

fn model<S: Scalar>(base: &Arc<Encoder<S>>, setup: Setup<S>) -> AdapterModel<S> {
    let config = HeadConfig::new(Task::CLASSIFICATION, vec!["x".into(), "y".into()]);
    let head = Head::new("mood", &config, base, Seed::new(1)).expect("it fits");
    AdapterModel::new(base.clone(), None, head).with_setup(setup).expect("it trains")
}

#[test]
fn the_value_matrix_is_pulled_to_the_identity_once_a_step() {
    let base = Arc::new(base::<f64>());
    let mut model = model(&base, setup("fuse(a, b)", &KINDS[0], "dynamic", &base).expect("a fusion"));
    let mut gradients = Gradients::new();
    let penalty = model.penalty(&mut gradients);
    let values: Vec<usize> =
        (0..model.parameters().len()).filter(|i| model.parameters()[*i].0.ends_with("value.weight")).collect();
    assert_eq!((gradients.len(), values.len()), (2, 2), "those of two layers, and nothing else");
    for i in values {
        let (name, parameter) = model.parameters().swap_remove(i);
        let (slot, point) = (parameter.slot().expect("it trains"), parameter.values().to_vec());
        let gradient: Vec<f64> = gradients.get(slot).expect("it has one").iter().copied().collect();
        let f = |x: &[f64]| {
            model.parameters_mut().swap_remove(i).1.values_mut().copy_from_slice(x);
            model.penalty(&mut Gradients::new())
        };
        check_gradients(f, &point, &gradient).unwrap_or_else(|e| panic!("{name}: {e}"));
        model.parameters_mut().swap_remove(i).1.values_mut().copy_from_slice(&point);
    }
    let by_hand: f64 = model
        .parameters()
        .into_iter()
        .filter(|(name, _)| name.ends_with("value.weight"))
        .flat_map(|(_, p)| p.values().to_vec().into_iter().enumerate())
        .map(|(i, v)| if i % 7 == 0 { (v - 1.0) * (v - 1.0) } else { v * v })
        .sum();
    assert!((penalty - 0.01 * by_hand).abs() < 1e-12 && by_hand > 0.1);
    let still = self::model(&base, setup("fuse(a, b)", &KINDS[0], "static", &base).expect("a fusion"));
    assert_eq!(still.penalty(&mut gradients), 0.0, "static has no value matrix");
}

/// Frozen adapters, one for each name however often it stands there.
struct Shared<'a> {
    adapters: BTreeMap<String, Arc<Adapter<f32>>>,
    base: &'a Encoder<f32>,
}

impl Shared<'_> {
    fn stirred(&self) -> Stirred<'_, f32> {
        Stirred { methods: &KINDS[0], fusion: "dynamic[query_before_ln=True]", base: self.base }
    }
}

impl Supply<Setup<f32>, Mixer<f32>> for Shared<'_> {
    fn adapter(&mut self, name: &str) -> Option<Setup<f32>> {
        if !self.adapters.contains_key(name) {
            let Setup::Frozen(adapter) = self.stirred().adapter(name)?.frozen() else { return None };
            self.adapters.insert(name.to_owned(), adapter);
        }
        Some(Setup::Frozen(self.adapters[name].clone()))
    }

    fn mixer(&mut self, wanted: &WantedMixer<'_>, parts: &[Setup<f32>]) -> Option<Mixer<f32>> {
        self.stirred().mixer(wanted, parts)
    }
}

#[test]
fn what_is_saved_is_loaded_with_the_same_results() {
    let base = Arc::new(base::<f32>());
    for (text, fusions) in [
        ("fuse(a, b, c)", &["a,b,c"][..]),
        ("stack(c, fuse(a, b; both))", &["both"]),
        ("average(0.5*fuse(a, b), 0.5*fuse(a, b; again))", &["a,b", "again"]),
    ] {
        let mut supply = Shared { adapters: BTreeMap::new(), base: &base };
        let expression = text.parse().expect("an expression");
        let model = model(&base, Setup::supplied(&expression, base.config(), &mut supply).expect("a fusion"));
        let directory = tempfile::tempdir().expect("a temporary folder");
        format::save_setup(&model, directory.path()).unwrap_or_else(|e| panic!("{text}: {e}"));
        for fusion in fusions {
            assert!(directory.path().join(fusion).join("adapter_fusion_config.json").is_file(), "{text}: {fusion}");
        }
        assert!(format::notes(directory.path()).expect("it can be read").is_empty(), "{text}");
        let loaded = format::load(directory.path(), base.clone()).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(loaded.setup().to_string(), text);
        assert!(loaded.setup().fusions().iter().all(|fusion| fusion.config().query_before_ln));
        let batch = batch(4);
        assert_eq!(loaded.logits(&batch).expect("a batch"), model.logits(&batch).expect("a batch"), "{text}");
        let kinds = format::describe(directory.path()).expect("it is described");
        assert_eq!(kinds.iter().filter(|part| part.kind == "fusion").count(), fusions.len(), "{text}");
    }
}

#[test]
fn a_loaded_fusion_trains_on() {
    let base = Arc::new(base::<f64>());
    let before = model(&base, setup("fuse(a, b)", &KINDS[0], "dynamic", &base).expect("a fusion"));
    let directory = tempfile::tempdir().expect("a temporary folder");
    format::save_setup(&before, directory.path()).expect("it is saved");
    let loaded = format::load(directory.path(), base).expect("it is loaded");
    assert_eq!(loaded.counts(), before.counts());
    let mut gradients = Gradients::new();
    let targets = Classification(vec![0, 1, 1, 0]);
    loaded.loss_and_gradients(&batch(4), &targets, 0.25, Pass::differentiate(), &mut gradients).expect("a batch");
    assert_eq!(gradients.len(), loaded.parameters().len());
}

/// AdapterHub's `save_adapter_setup` leaves the name of a fusion out, and cannot load what it has written then.
#[test]
fn a_named_fusion_is_found_where_its_name_was_left_out() {
    let base = Arc::new(base::<f32>());
    let model = model(&base, setup("fuse(b, a; both)", &KINDS[0], "dynamic", &base).expect("a fusion"));
    let directory = tempfile::tempdir().expect("a temporary folder");
    format::save_setup(&model, directory.path()).expect("it is saved");
    let path = directory.path().join("adapter_setup.json");
    let mut file: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).expect("a file")).expect("JSON");
    assert_eq!(file["adapter_setup"]["kwargs"]["name"], "both");
    file["adapter_setup"].as_object_mut().expect("a map").remove("kwargs");
    std::fs::write(&path, file.to_string()).expect("written");
    let loaded = format::load(directory.path(), base).expect("the fusion is found");
    assert_eq!(loaded.setup().to_string(), "fuse(b, a; both)");
}

#[test]
fn broken_files_are_refused_by_name() {
    let base = Arc::new(base::<f32>());
    let model = model(&base, setup("fuse(a, b; both)", &KINDS[0], "dynamic", &base).expect("a fusion"));
    let directory = tempfile::tempdir().expect("a temporary folder");
    format::save_setup(&model, directory.path()).expect("it is saved");
    let config = directory.path().join("both/adapter_fusion_config.json");
    let good = std::fs::read_to_string(&config).expect("a file");
    let error = |text: &str| {
        std::fs::write(&config, text).expect("written");
        format::load(directory.path(), base.clone()).map(|_| ()).unwrap_err().to_string()
    };
    for (from, to, words) in [
        ("\"key\": true", "\"key\": false", "key"),
        ("\"query_before_ln\"", "\"qery_before_ln\"", "did you mean `query_before_ln`"),
        ("\"name\": \"both\"", "\"name\": \"other\"", "other"),
        ("\"dropout_prob\": null", "\"dropout_prob\": 1.5", "dropout_prob"),
        ("\"hidden_size\": 6", "\"hidden_size\": 8", "hidden size"),
    ] {
        assert!(good.contains(from), "{from} is in the file:\n{good}");
        let error = error(&good.replace(from, to));
        assert!(
            error.contains(words) && error.contains("adapter_fusion_config.json") || error.contains("fusion"),
            "{error}"
        );
    }
    std::fs::remove_file(&config).expect("it was there");
    let missing = format::load(directory.path(), base.clone()).map(|_| ()).unwrap_err().to_string();
    assert!(missing.contains("adapter_fusion_config.json"), "{missing}");
}

/// Python divides scores by a temperature that falls to 1 with every pass and begins at 50 again in a loaded model.
#[test]
fn a_temperature_has_fallen_to_one_in_files_and_is_refused_in_new_fusions() {
    let base = Arc::new(base::<f32>());
    let model = model(&base, setup("fuse(a, b; both)", &KINDS[0], "dynamic", &base).expect("a fusion"));
    let directory = tempfile::tempdir().expect("a temporary folder");
    format::save_setup(&model, directory.path()).expect("it is saved");
    let config = directory.path().join("both/adapter_fusion_config.json");
    let text = std::fs::read_to_string(&config).expect("a file");
    let warm = text.replace("\"temperature\": false", "\"temperature\": true");
    assert_ne!(text, warm);
    std::fs::write(&config, warm).expect("written");
    let loaded = format::load(directory.path(), base.clone()).expect("it is loaded");
    assert_eq!(loaded.logits(&batch(4)).expect("a batch"), model.logits(&batch(4)).expect("a batch"));
    let config = "dynamic[temperature=True]".parse().expect("a fusion");
    let part = setup("a", &KINDS[0], "dynamic", &base).expect("an adapter");
    let error = Fusion::new("x", &config, base.config(), &part, Seed::new(1)).expect_err("it is refused").to_string();
    assert!(error.contains("temperature is not trained here"), "{error}");
}

fn refused(text: &str, methods: &[&str]) -> CompositionError {
    match setup::<f32>(text, methods, "dynamic", &base()) {
        Err(ExpressionError::Composition(error)) => error,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn what_cannot_be_fused_is_refused_with_the_place() {
    let with = |method| ["seq_bn", method, "seq_bn"];
    for (method, words) in [
        ("lora", "layer.0.query: part 1 of the fusion has a module there that cannot be fused"),
        ("prefix_tuning[prefix_length=2]", "layer.0.keys_values: part 1"),
        ("seq_bn_inv", "embeddings: part 1"),
        ("adapter_plus", "layer.0.feed_forward: part 1"),
        ("seq_bn[residual_before_ln=False]", "layer.0.feed_forward: part 1"),
        ("double_seq_bn", "part 1 has a module there and the fusion \"a,b\" has no layer"),
        ("seq_bn[leave_out=[1]]", "the fusion \"a,b\" has a layer there and part 1 has no module"),
    ] {
        let error = refused("fuse(a, b)", &with(method)).to_string();
        assert!(error.contains(words), "{method}: {error}");
    }
    let other =
        |text: &str| setup::<f32>(text, &with("seq_bn"), "dynamic", &base()).map(|_| ()).unwrap_err().to_string();
    assert!(other("stack(a, b; x)").contains("stack has nothing of its own that could be called `x`"));
    assert!(other("fuse(a, b; )").contains("a name was expected at `)`"), "{}", other("fuse(a, b; )"));
    assert!(other("fuse(a, b; x, c)").contains("`)` was expected at `, c)`"), "{}", other("fuse(a, b; x, c)"));
    let without = Setup::<f32>::of(&"fuse(a)".parse().expect("an expression"), base::<f32>().config(), |name| {
        Stirred { methods: &KINDS[0], fusion: "dynamic", base: &base() }.adapter(name)
    });
    assert_eq!(without.map(|_| ()), Err(ExpressionError::UnknownMixer { kind: MixerKind::Fusion, name: "a".into() }));
}
