//! Numbers of the Python library, reproduced: hidden states, logits, loss and the gradient of every
//! trainable tensor, for every preset and many odd configurations, and of every tensor of the base, in f32 and f64.

use crate::common::{Fixture, Recorder, base, difference, files, folder, size};
use adaptune_adapters::{Adapter, AdapterModel, Head, HeadConfig, Method, Stack, Task, format};
use adaptune_tensor::{Gradients, Parameters, Scalar, Seed};
use adaptune_transformer::{Encoder, Pass, Thaw, Thawed};
use ndarray::ArrayD;

/// What may differ: hidden states, logits and loss absolutely, gradients relative to the largest
/// number of their tensor.
struct Tolerance {
    values: f64,
    gradients: f64,
}

const SINGLE: Tolerance = Tolerance { values: 2e-5, gradients: 1e-4 };
const DOUBLE: Tolerance = Tolerance { values: 1e-9, gradients: 1e-9 };

#[test]
fn bases_in_single_precision() {
    check_bases::<f32>(&SINGLE);
}

#[test]
fn bases_in_double_precision() {
    check_bases::<f64>(&DOUBLE);
}

#[test]
fn cases_in_single_precision() {
    check_cases::<f32>(&SINGLE);
}

#[test]
fn cases_in_double_precision() {
    check_cases::<f64>(&DOUBLE);
}

/// The base alone, in all the number formats and file layouts that it may come in.
fn check_bases<S: Scalar>(tolerance: &Tolerance) {
    for path in files("base") {
        let fixture = Fixture::open(&path);
        let model = base::<S>(&fixture.name);
        let recorder = Recorder::new(&());
        let batch = fixture.batch("input.");
        let encoded = model.forward(&batch, &recorder, Pass::evaluate()).unwrap_or_else(|e| panic!("{e}"));
        drop(encoded);
        check_states(&fixture, recorder.states(), tolerance);
    }
}

fn check_cases<S: Scalar>(tolerance: &Tolerance) {
    let mut cases = 0;
    for path in files("cases") {
        let fixture = Fixture::open(&path);
        let model = fixture.model::<S>();
        check_forward(&fixture, &model, tolerance);
        check_gradients(&fixture, &model, tolerance);
        check_configuration(&fixture, &model);
        cases += 1;
    }
    assert!(cases >= 30, "only {cases} cases");
}

fn check_forward<S: Scalar>(fixture: &Fixture, model: &AdapterModel<S>, tolerance: &Tolerance) {
    let batch = fixture.batch("input.");
    let recorder = Recorder::new(model.adapter().expect("cases have adapters"));
    drop(model.base().forward(&batch, &recorder, Pass::evaluate()).unwrap_or_else(|e| panic!("{e}")));
    check_states(fixture, recorder.states(), tolerance);
    let logits = model.logits(&batch).unwrap_or_else(|e| panic!("{e}"));
    let off = difference(logits, &fixture.floats("logits"));
    assert!(off < tolerance.values, "{}: logits are off by {off:.1e}", fixture.name);
}

fn check_states<S: Scalar>(fixture: &Fixture, states: Vec<ndarray::Array2<S>>, tolerance: &Tolerance) {
    assert!(states.len() > 1);
    for (i, state) in states.into_iter().enumerate() {
        let off = difference(state, &fixture.floats(&format!("hidden.{i}")));
        assert!(off < tolerance.values, "{}: hidden state {i} is off by {off:.1e}", fixture.name);
    }
}

fn check_gradients<S: Scalar>(fixture: &Fixture, model: &AdapterModel<S>, tolerance: &Tolerance) {
    let targets = fixture.targets::<S>("input.", model.head().config().task);
    let weight = S::from_f64(1.0 / targets.count() as f64);
    let mut gradients = Gradients::new();
    let loss = model
        .loss_and_gradients(&fixture.batch("input."), &*targets, weight, Pass::differentiate(), &mut gradients)
        .unwrap_or_else(|e| panic!("{e}"));
    let off = difference([loss], &fixture.floats("loss"));
    assert!(off < tolerance.values, "{}: the loss is off by {off:.1e}", fixture.name);
    for (names, parameter) in format::named_parameters(model) {
        let part = if names[0].starts_with("heads.") { "head" } else { "adapter" };
        let expected =
            as_ours(model, &names[0], parameter.shape(), fixture.floats(&format!("grad:{part}:{}", names[0])));
        let slot = parameter.slot().expect("everything trains");
        let gradient = gradients.get(slot).unwrap_or_else(|| panic!("{}: no gradient of {}", fixture.name, names[0]));
        let off = difference(gradient.iter().copied(), &expected) / size(&expected);
        assert!(off < tolerance.gradients, "{}: the gradient of {} is off by {off:.1e}", fixture.name, names[0]);
    }
    assert_eq!(gradients.len(), format::named_parameters(model).len(), "a buffer for each trainable tensor, no other");
}

/// The gradient of our parameter, from that of what AdapterHub has in its place: VeRA's vectors are diagonals there, and
/// `B` beside a gate has the scaling in it.
fn as_ours<S: Scalar>(model: &AdapterModel<S>, name: &str, shape: &[usize], expected: ArrayD<f64>) -> ArrayD<f64> {
    let members = model.adapter().and_then(Adapter::method).map(Method::members).unwrap_or_default();
    let lora = members.iter().find_map(|member| if let Method::Lora(config) = member { Some(config) } else { None });
    match lora {
        Some(config) if config.use_gating && name.ends_with("lora_B") => expected * config.scaling(),
        _ if shape.len() == 1 && expected.len() == shape[0] * shape[0] => expected.diag().to_owned().into_dyn(),
        _ => expected,
    }
}

/// The configuration files that we write are those that Python writes, to the letter, but for the
/// name that a model gives itself.
fn check_configuration<S: Scalar>(fixture: &Fixture, model: &AdapterModel<S>) {
    let directory = tempfile::tempdir().expect("a temporary folder");
    format::save(model, directory.path()).unwrap_or_else(|e| panic!("{e}"));
    let without_name =
        |text: &str| text.lines().filter(|l| !l.contains("\"model_name\"")).collect::<Vec<_>>().join("\n");
    for (key, file) in [("adapter_config", "adapter_config.json"), ("head_config", "head_config.json")] {
        let written = std::fs::read_to_string(directory.path().join(file)).expect("saved");
        assert_eq!(without_name(&written), without_name(fixture.metadata(key)), "{}: {file}", fixture.name);
    }
}

/// Directories as Python saved them give Python's logits; `.bin` and safetensors alike.
#[test]
fn saved_directories_give_the_same_logits() {
    let expected = Fixture::open(&folder("saved/expected.safetensors"));
    let cases = [
        ("bert-seq_bn-safetensors", "logits"),
        ("bert-seq_bn-bin", "logits"),
        ("bert-ln_before-bin", "ln_before.logits"),
    ];
    for (name, logits) in cases {
        let model =
            format::load::<f32>(&folder("saved").join(name), base("bert")).unwrap_or_else(|e| panic!("{name}: {e}"));
        let off = difference(model.logits(&expected.batch("input.")).expect("a good batch"), &expected.floats(logits));
        assert!(off < 2e-5, "{name}: logits are off by {off:.1e}");
    }
    let base = base::<f32>("bert");
    let adapter = format::load_adapter(&folder("saved/bert-bare-bin"), &base).unwrap_or_else(|e| panic!("{e}"));
    let encoded = base.forward(&expected.batch("input."), &adapter, Pass::evaluate()).expect("a good batch");
    let off = difference(encoded.hidden, &expected.floats("bare.last_hidden_state"));
    assert!(off < 2e-5, "bert-bare-bin: the hidden state is off by {off:.1e}");
}

/// A LoReFT that begins at PyTorch's own base, which is taken in; saved again, it begins at the identity.
#[test]
fn a_frame_of_pytorchs_is_taken_in() {
    let expected = Fixture::open(&folder("saved/expected-loreft.safetensors"));
    let model =
        format::load::<f32>(&folder("saved/bert-loreft-safetensors"), base("bert")).unwrap_or_else(|e| panic!("{e}"));
    let directory = tempfile::tempdir().expect("a temporary folder");
    format::save(&model, directory.path()).unwrap_or_else(|e| panic!("{e}"));
    let again = format::load::<f32>(directory.path(), base("bert")).unwrap_or_else(|e| panic!("{e}"));
    for model in [model, again] {
        let logits = model.logits(&expected.batch("input.")).expect("a good batch");
        let off = difference(logits, &expected.floats("logits"));
        assert!(off < 2e-5, "logits are off by {off:.1e}");
    }
}

/// What is saved here and loaded again gives the same bits, and the same files.
#[test]
fn what_is_saved_loads_unchanged() {
    for path in files("cases") {
        let fixture = Fixture::open(&path);
        let model = fixture.model::<f32>();
        let (first, second) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        format::save(&model, first.path()).unwrap_or_else(|e| panic!("{e}"));
        let copy = format::load(first.path(), model.base().clone()).unwrap_or_else(|e| panic!("{}: {e}", fixture.name));
        format::save(&copy, second.path()).unwrap_or_else(|e| panic!("{e}"));
        let batch = fixture.batch("input.");
        assert_eq!(model.logits(&batch).expect("good"), copy.logits(&batch).expect("good"), "{}", fixture.name);
        for file in std::fs::read_dir(first.path()).expect("saved") {
            let name = file.expect("saved").file_name();
            let read = |d: &tempfile::TempDir| std::fs::read(d.path().join(&name)).expect("saved");
            assert_eq!(read(&first), read(&second), "{}: {name:?}", fixture.name);
        }
    }
}

/// A union is written as AdapterHub writes it, and comes back as it was.
#[test]
fn a_union_comes_back() {
    let base = base::<f32>("bert");
    let text = "par_bn[leave_out=[0]]|seq_bn[mh_adapter=True,output_adapter=False,ln_before=True,init_weights=bert]";
    let method: Method = text.parse().expect("a good union");
    let adapter = Adapter::new("both", &method, base.config(), Seed::new(3)).expect("it fits");
    let directory = tempfile::tempdir().expect("a temporary folder");
    format::save_adapter(&adapter, &base, directory.path()).unwrap_or_else(|e| panic!("{e}"));
    let file = std::fs::read(directory.path().join("adapter_config.json")).expect("saved");
    let file: serde_json::Value = serde_json::from_slice(&file).expect("JSON");
    assert_eq!(file["config"]["architecture"], "union");
    assert_eq!(
        (&file["config"]["configs"][0]["scaling"], &file["config"]["configs"][1]["ln_before"]),
        (&4.0.into(), &true.into())
    );
    let copy = format::load_adapter(directory.path(), &base).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(copy.method(), adapter.method());
    let values = |adapter: &Adapter<f32>| {
        let all = adapter.parameters().into_iter().map(|(name, p)| (name, p.values().to_vec()));
        all.collect::<Vec<_>>()
    };
    assert_eq!(values(&copy), values(&adapter));
}

/// A model without an adapter, saved where there was one, loads as a model without an adapter.
#[test]
fn a_head_alone_replaces_an_adapter() {
    let model = Fixture::open(&files("cases")[0]).model::<f32>();
    let directory = tempfile::tempdir().expect("a temporary folder");
    format::save(&model, directory.path()).unwrap_or_else(|e| panic!("{e}"));
    let alone = AdapterModel::new(model.base().clone(), None, model.head().clone());
    format::save(&alone, directory.path()).unwrap_or_else(|e| panic!("{e}"));
    let loaded = format::load(directory.path(), model.base().clone()).unwrap_or_else(|e| panic!("{e}"));
    assert!(loaded.adapter().is_none());
}

/// Masked language modelling with the whole base thawed: logits, loss, and the gradient of every tensor of base and head.
#[test]
fn language_models_in_double_precision() {
    check_language::<f64>(&DOUBLE);
}

#[test]
fn language_models_in_single_precision() {
    check_language::<f32>(&SINGLE);
}

fn check_language<S: Scalar>(tolerance: &Tolerance) {
    for path in files("language") {
        let fixture = Fixture::open(&path);
        let base = base::<S>(fixture.metadata("model"));
        let head = format::load_language_head(fixture.language_head().path(), &base).unwrap_or_else(|e| panic!("{e}"));
        let adapter = fixture.adapter("adapter", &base);
        // Where there is an adapter, it trains and the base does not.
        let thawed = adapter.is_none().then(|| Thawed::new(&base, Thaw::ALL, false));
        let model = AdapterModel::new(base, adapter, head).with_thawed(thawed);
        let logits = model.logits(&fixture.batch("input.")).unwrap_or_else(|e| panic!("{e}"));
        let off = difference(logits, &fixture.floats("logits"));
        assert!(off < tolerance.values, "{}: logits are off by {off:.1e}", fixture.name);
        check_language_gradients(&fixture, &model, tolerance);
    }
}

fn check_language_gradients<S: Scalar>(fixture: &Fixture, model: &AdapterModel<S>, tolerance: &Tolerance) {
    let targets = fixture.targets::<S>("input.", Task::MASKED_LANGUAGE);
    let (weight, mut gradients) = (S::from_f64(1.0 / targets.count() as f64), Gradients::new());
    let loss = model
        .loss_and_gradients(&fixture.batch("input."), &*targets, weight, Pass::differentiate(), &mut gradients)
        .unwrap_or_else(|e| panic!("{e}"));
    let off = difference([loss], &fixture.floats("loss"));
    assert!(off < tolerance.values, "{}: the loss is off by {off:.1e}", fixture.name);
    let tensors = format::named_parameters(model);
    assert_eq!(gradients.len(), tensors.len());
    for (names, parameter) in tensors {
        let name = &names[0];
        let expected = fixture.floats(&format!("grad:{name}"));
        let gradient = gradients.get(parameter.slot().expect("everything trains")).expect("it has a gradient");
        // Softmax does not see a shift of all keys, so the gradient of their bias is zero but for rounding.
        let scale = size(&expected).max(1e-3);
        let off = difference(gradient.iter().copied(), &expected) / scale;
        assert!(off < tolerance.gradients, "{}: the gradient of {name} is off by {off:.1e}", fixture.name);
    }
}

#[test]
fn stacks_in_double_precision() {
    check_stacks::<f64>(&DOUBLE);
}

#[test]
fn stacks_in_single_precision() {
    check_stacks::<f32>(&SINGLE);
}

/// Two adapters upon each other: the last hidden state, a weighted sum of it, and the gradients of both.
fn check_stacks<S: Scalar>(tolerance: &Tolerance) {
    for path in files("stacks") {
        let fixture = Fixture::open(&path);
        let base = base::<S>(fixture.metadata("model"));
        let mut adapters = ["below", "above"].map(|name| fixture.adapter(name, &base).expect("the fixture has two"));
        let first = adapters[0].train_from(0);
        adapters[1].train_from(first);
        let gradients = stack_gradients(&fixture, &base, &adapters, tolerance);
        let mut checked = 0;
        for adapter in adapters {
            let head = HeadConfig::new(Task::CLASSIFICATION, vec!["a".into(), "b".into()]);
            let head = Head::new("none", &head, &base, Seed::new(0)).expect("fits");
            let slots: Vec<_> = adapter.parameters().iter().map(|(_, p)| p.slot().expect("it trains")).collect();
            let model = AdapterModel::new(base.clone(), Some(adapter), head);
            let adapter = format::named_parameters(&model).into_iter().zip(slots);
            for ((names, _), slot) in adapter {
                let expected = fixture.floats(&format!("grad:{}", names[0]));
                let gradient = gradients.get(slot).unwrap_or_else(|| panic!("no gradient of {}", names[0]));
                let off = difference(gradient.iter().copied(), &expected) / size(&expected);
                assert!(
                    off < tolerance.gradients,
                    "{}: the gradient of {} is off by {off:.1e}",
                    fixture.name,
                    names[0]
                );
                checked += 1;
            }
        }
        assert_eq!(checked, gradients.len());
    }
}

fn stack_gradients<S: Scalar>(
    fixture: &Fixture,
    base: &Encoder<S>,
    [below, above]: &[Adapter<S>; 2],
    tolerance: &Tolerance,
) -> Gradients<S> {
    let stack = Stack::new(base.config(), vec![below, above]).unwrap_or_else(|e| panic!("{e}"));
    let encoded = base.forward(&fixture.batch("input."), &stack, Pass::differentiate()).expect("a good batch");
    let off = difference(encoded.hidden.iter().copied(), &fixture.floats("hidden"));
    assert!(off < tolerance.values, "{}: the hidden state is off by {off:.1e}", fixture.name);
    let weight = fixture.floats("weight").mapv(S::from_f64).into_dimensionality().expect("[T, D]");
    let mut gradients = Gradients::new();
    encoded.trace.backward(weight, &mut gradients);
    gradients
}
