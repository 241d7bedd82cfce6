//! Adapter fusion: gradients against finite differences in every nesting and with every field, what it is in simple cases, its
//! penalty, its files, and what cannot be fused.

use crate::stirred::{Stirred, base, batch, check, hidden, loss, off, setup};
use adaptune_adapters::objective::Classification;
use adaptune_adapters::{
    Adapter, AdapterModel, CompositionError, ExpressionError, Fuse, Fusion, FusionConfig, Head, HeadConfig, Mixer,
    MixerKind, Setup, Supply, Task, WantedMixer, format,
};
use adaptune_autograd::check_gradients;
use adaptune_tensor::{Gradients, Parameters, Scalar, Seed};
use adaptune_transformer::{Batch, Encoder, Pass};
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

/// What Python computes for compositions: logits, loss, and a number for each gradient; every tensor is filled by a formula of its
/// name, here as there.
mod golden {
    use super::*;
    use crate::common;
    use serde_json::Value;

    /// What may differ: logits and loss absolutely, gradients relative to the largest number of their tensors.
    fn check_all<S: Scalar>(values: f64, gradients: f64) {
        let text = std::fs::read_to_string(common::folder("compositions.json")).expect("it is in the repository");
        let file: Value = serde_json::from_str(&text).expect("JSON");
        let cases = file["cases"].as_object().expect("a map");
        assert!(cases.len() >= 17);
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

    fn model_of<S: Scalar>(case: &Value) -> AdapterModel<S> {
        let base = common::base::<S>(text(&case["model"]));
        let expression = text(&case["setup"]).parse().expect("an expression");
        let setup = Setup::supplied(&expression, base.config(), &mut Blank { case, base: &base });
        let setup = setup.unwrap_or_else(|e| panic!("{expression}: {e}"));
        let labels = ["x", "y", "z"].map(str::to_owned).to_vec();
        let head =
            Head::new("mood", &HeadConfig::new(Task::CLASSIFICATION, labels), &base, Seed::new(1)).expect("it fits");
        let mut model = AdapterModel::new(base, None, head).with_setup(setup).expect("it trains");
        let names: Vec<String> =
            format::named_parameters(&model).into_iter().map(|(mut names, _)| names.swap_remove(0)).collect();
        for (name, (_, parameter)) in names.into_iter().zip(model.parameters_mut()) {
            let start = f64::from(crc32(name.as_bytes()) % 1000);
            for (i, value) in parameter.values_mut().iter_mut().enumerate() {
                *value = S::from_f64(0.5 * (start + 1.7 * i as f64).sin());
            }
        }
        model
    }

    fn check_case<S: Scalar>(name: &str, case: &Value, values: f64, tolerance: f64) {
        let model = model_of::<S>(case);
        let ids: Vec<Vec<u32>> = serde_json::from_value(case["ids"].clone()).expect("numbers of tokens");
        let batch = Batch::from_ids(&ids.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let logits = model.logits(&batch).unwrap_or_else(|e| panic!("{name}: {e}"));
        let expected: Vec<f64> = case["logits"].as_array().expect("a list").iter().flat_map(numbers).collect();
        let off = logits.iter().zip(&expected).fold(0.0, |most: f64, (a, b)| most.max((a.to_f64() - b).abs()));
        assert!(logits.len() == expected.len() && off < values, "{name}: logits are off by {off:.1e}");
        let targets = Classification(serde_json::from_value(case["labels"].clone()).expect("numbers of classes"));
        let (weight, mut gradients) = (S::from_f64(1.0 / ids.len() as f64), Gradients::new());
        let pass = Pass::differentiate();
        let loss = model.loss_and_gradients(&batch, &targets, weight, pass, &mut gradients).expect("a good batch");
        let off = (loss.to_f64() - case["loss"].as_f64().expect("a number")).abs();
        assert!(off < values, "{name}: the loss is off by {off:.1e}");
        check_gradients(name, &kinds(&model, &gradients), &case["gradients"], tolerance);
    }

    /// For each kind of tensor the gradients of those of all layers, one behind the other.
    fn kinds<S: Scalar>(model: &AdapterModel<S>, gradients: &Gradients<S>) -> BTreeMap<String, Vec<f64>> {
        let mut kinds: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for (names, parameter) in format::named_parameters(model) {
            let layer =
                names[0].split('.').find(|part| part.parse::<usize>().is_ok() && !names[0].starts_with("heads."));
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

    /// The checksum that Python's `zlib.crc32` gives.
    fn crc32(bytes: &[u8]) -> u32 {
        let step = |crc: u32, _: u32| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
        !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
    }
}
