//! Every family of bases, a row of `families.json` each: the last hidden state, the logits of the family's own head, and
//! adapters with their gradients are what transformers, AdapterHub and PEFT compute; gradients follow finite differences.
//!
//! Every tensor is filled by a formula of the name that Python has for it, so a tensor under a wrong name is off in value too.

use crate::common;
use adaptune_adapters::objective::Classification;
use adaptune_adapters::{Adapter, AdapterModel, Head, HeadConfig, Method, Pooling, Task, format};
use adaptune_autograd::{CheckOptions, check_gradients_with};
use adaptune_tensor::{Gradients, Parameters, Scalar, Seed};
use adaptune_transformer::weights::{FloatFormat, TensorFile, TensorSource, write_safetensors};
use adaptune_transformer::{Batch, ClassifierReads, Config, Encoder, Pass, Thaw, Thawed};
use ndarray::{Array2, ArrayD};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// What may differ: values absolutely, gradients relative to the largest number of their tensors.
#[derive(Clone, Copy)]
struct Tolerance {
    values: f64,
    gradients: f64,
}

const DOUBLE: Tolerance = Tolerance { values: 1e-9, gradients: 1e-9 };
const SINGLE: Tolerance = Tolerance { values: 2e-5, gradients: 1e-4 };

/// Norms of a few numbers bend a lot, so differences are taken closer than usual.
const STEP: CheckOptions = CheckOptions { step: 1e-4, tolerance: 1e-7, scale: 1.0 };

fn families() -> Map<String, Value> {
    let text = std::fs::read_to_string(common::folder("families.json")).expect("it is in the repository");
    let mut file: Value = serde_json::from_str(&text).expect("JSON");
    let Value::Object(families) = file["families"].take() else { panic!("a map") };
    assert!(families.len() >= 3);
    families
}

fn check_all<S: Scalar>(tolerance: Tolerance) {
    for (name, case) in families() {
        let base = base_of::<S>(&case);
        check_base(&name, &case, &base, tolerance);
        for case_of_method in list(&case["adapters"]) {
            let method = text(&case_of_method["method"]);
            let has_own_head =
                case_of_method["gradients"].as_object().is_some_and(|of| of.keys().all(|kind| is_of_adapter(kind)));
            let model = if has_own_head {
                hub_model(&base, method, head(&base))
            } else {
                hub_model(&base, method, hub_head(&base))
            };
            check_model(&format!("{name}, {method}"), &case, case_of_method, &model, tolerance);
        }
        let model = peft_model(&case, &base);
        check_model(&format!("{name}, PEFT"), &case, &case["peft"], &model, tolerance);
    }
}

#[test]
fn families_in_double_precision() {
    check_all::<f64>(DOUBLE);
}

#[test]
fn families_in_single_precision() {
    check_all::<f32>(SINGLE);
}

/// LoRAs of PEFT with ranks and scales by layer: what Python computes, and again when they are saved with one of each.
#[test]
fn ranks_and_scales_by_layer() {
    let fixture = std::fs::read_to_string(common::folder("families.json")).expect("it is in the repository");
    let file: Value = serde_json::from_str(&fixture).expect("JSON");
    for (name, run) in file["patterns"].as_object().expect("a map") {
        let case = &file["families"][text(&run["of"])];
        let base = base_of::<f64>(case);
        let (folder, mut config) = (tempfile::tempdir().expect("a temporary folder"), run["config"].clone());
        config["peft_type"] = "LORA".into();
        std::fs::write(folder.path().join("adapter_config.json"), config.to_string()).expect("written");
        let shape = |shape: &Value| numbers_of(shape).into_iter().map(|n| n as usize).collect::<Vec<_>>();
        let shapes = run["shapes"].as_object().expect("a map").iter();
        let tensors: Vec<_> = shapes.map(|(name, of)| (name.clone(), filled(name, &shape(of)))).collect();
        let views: Vec<_> = tensors.iter().map(|(name, tensor)| (name.clone(), tensor.view())).collect();
        write_safetensors(&folder.path().join("adapter_model.safetensors"), &views, &[].into()).expect("written");
        let again = tempfile::tempdir().expect("a temporary folder");
        for from in [folder.path(), again.path()] {
            let adapter = format::load_peft(from, &base).unwrap_or_else(|e| panic!("{name}: {e}"));
            format::save_peft(&adapter, &base, again.path()).unwrap_or_else(|e| panic!("{name}: {e}"));
            let model = AdapterModel::new(base.clone(), Some(adapter), head(&base));
            close_table(name, &logits(&model, case), &run["logits"], DOUBLE);
        }
    }
}

/// The base's own parameters, and those of methods of all shapes.
#[test]
fn gradients_follow_finite_differences() {
    let methods = [
        "double_seq_bn[reduction_factor=4,non_linearity=gelu,inv_adapter=nice,inv_adapter_reduction_factor=2]",
        "lora[r=2,alpha=3,attn_matrices=[q,k,v,o],intermediate_lora=True,output_lora=True]",
        "prefix_tuning[prefix_length=2,bottleneck_size=3]",
        "prompt_tuning[prompt_length=2]",
        "loreft[r=2,prefix_positions=2,suffix_positions=1]",
    ];
    for (name, case) in families() {
        let base = base_of::<f64>(&case);
        let thawed = Thawed::new(&base, Thaw::ALL, own_head(&base).reads_pooler());
        check_differences(&name, &case, AdapterModel::new(base.clone(), None, head(&base)).with_thawed(Some(thawed)));
        for method in methods {
            check_differences(&format!("{name}, {method}"), &case, stirred(hub_model(&base, method, hub_head(&base))));
        }
    }
}

/// A sentence is what it would be alone, and a folder with the base is read as it was written.
#[test]
fn bases_are_read_as_they_were_written() {
    for (name, case) in families() {
        let base = base_of::<f32>(&case);
        let folder = tempfile::tempdir().expect("a temporary folder");
        format::save_base(&base, folder.path(), FloatFormat::F32).unwrap_or_else(|e| panic!("{name}: {e}"));
        let read = Encoder::<f32>::load(folder.path()).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!((read.fingerprint(), read.config()), (base.fingerprint(), base.config()), "{name}");
        assert_eq!(read.parameter_count(), base.config().parameter_count(), "{name}");
    }
}

/// Files of AdapterHub whose numbers would mean another function here, and the other way round; our own are read.
#[test]
fn what_adapter_hub_computes_otherwise_is_refused() {
    let all = families();
    for (family, method, words) in [
        ("albert", "double_seq_bn[reduction_factor=3]", Some("behind the attention of models of the family albert")),
        ("albert", "seq_bn[reduction_factor=3]", None),
        ("modernbert", "seq_bn[reduction_factor=3]", Some("no such adapters on models of the family modernbert")),
        ("modernbert", "lora[r=2]", Some("no such adapters on models of the family modernbert")),
        ("electra", "double_seq_bn[reduction_factor=3]", None),
    ] {
        let base = base_of::<f32>(&all[family]);
        let adapter = Adapter::on("mood", &method.parse().expect("a method"), &base, Seed::new(5)).expect("it fits");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let exported = format::save_adapterhub(&adapter, &base, folder.path()).map_err(|e| e.to_string());
        let refused = |result: Result<(), String>| match (&result, words) {
            (Err(message), Some(words)) => assert!(message.contains(words), "{message}"),
            (result, words) => assert_eq!(result.is_ok(), words.is_none(), "{family}, {method}: {result:?}"),
        };
        refused(exported);
        format::save_adapter(&adapter, &base, folder.path()).unwrap_or_else(|e| panic!("{e}"));
        let read = format::load_adapter(folder.path(), &base).unwrap_or_else(|e| panic!("{family}, {method}: {e}"));
        for ((name, a), (_, b)) in adapter.parameters().into_iter().zip(read.parameters()) {
            assert_eq!(a.values(), b.values(), "{name}");
        }
        // Without our mark in it, the file is AdapterHub's.
        let path = folder.path().join("adapter.safetensors");
        let file = TensorFile::open(&path).expect("a file");
        let tensors: Vec<(String, ArrayD<f32>)> =
            file.names().into_iter().map(|name| (name.to_owned(), file.read(name).expect("a tensor"))).collect();
        let views: Vec<_> = tensors.iter().map(|(name, tensor)| (name.clone(), tensor.view())).collect();
        drop(file);
        write_safetensors(&path, &views, &[].into()).expect("written");
        refused(format::load_adapter(folder.path(), &base).map(|_| ()).map_err(|e| e.to_string()));
    }
}

// ---- Models, filled as Python fills them ----

pub(crate) fn base_of<S: Scalar>(case: &Value) -> Arc<Encoder<S>> {
    let config = Config::from_json(&case["config"].to_string(), Path::new("config.json"));
    let config = config.unwrap_or_else(|e| panic!("{e}"));
    let blank = Encoder::<f64>::random(config.clone(), 0.1, Seed::new(1));
    let tensors: Vec<(String, ArrayD<f64>)> =
        blank.tensors().into_iter().map(|(name, tensor)| (name.clone(), filled(&name, tensor.shape()))).collect();
    let views: Vec<_> = tensors.iter().map(|(name, tensor)| (name.clone(), tensor.view())).collect();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("model.safetensors");
    write_safetensors(&path, &views, &[].into()).expect("written");
    let file = TensorFile::open(&path).expect("a file");
    Arc::new(Encoder::from_weights(config, &file).unwrap_or_else(|e| panic!("{e}")))
}

/// A value for each number of a tensor, by its name.
fn filled(name: &str, shape: &[usize]) -> ArrayD<f64> {
    let around = if shape.len() == 1 && name.ends_with(".weight") { 1.0 } else { 0.0 };
    let start = f64::from(common::crc32(name.as_bytes()) % 1000);
    let value = |i: f64| around + 0.5 * (start + 1.7 * i + 0.013 * (i * i)).sin();
    let values = (0..shape.iter().product()).map(|i: usize| value(i as f64)).collect();
    ArrayD::from_shape_vec(shape, values).expect("as many numbers")
}

fn fill<S: Scalar>(name: &str, parameter: &mut dyn adaptune_tensor::AnyParameter<S>) {
    let values = filled(name, parameter.shape());
    parameter.values_mut().iter_mut().zip(&values).for_each(|(to, from)| *to = S::from_f64(*from));
}

fn labels() -> Vec<String> {
    ["x", "y", "z"].map(str::to_owned).to_vec()
}

/// The head that transformers has for the family.
fn own_head<S: Scalar>(base: &Encoder<S>) -> HeadConfig {
    let own = &base.config().family.python().classifier;
    let of_mean = base.config().architecture.classifier_reads == ClassifierReads::Mean;
    let pooling = match (own.pooled, of_mean) {
        (true, true) => Some(Pooling::MeanPooler),
        (true, false) => Some(Pooling::Pooler),
        (false, true) => Some(Pooling::Mean),
        (false, false) => None,
    };
    HeadConfig {
        layers: own.layers.len(),
        activation: Some(own.activation),
        pooling,
        ..HeadConfig::new(Task::CLASSIFICATION, labels())
    }
}

fn head<S: Scalar>(base: &Encoder<S>) -> Head<S> {
    let mut head = Head::new("mood", &own_head(base), base, Seed::new(1)).unwrap_or_else(|e| panic!("{e}"));
    let layers = base.config().family.python().classifier.layers;
    for (name, parameter) in head.parameters_mut() {
        let (number, rest) = name.strip_prefix("layer.").and_then(|n| n.split_once('.')).expect("a layer of the head");
        fill(&format!("{}.{rest}", layers[number.parse::<usize>().expect("a number")]), parameter);
    }
    head
}

/// AdapterHub has no class of models for a family whose own head stands there.
fn is_of_adapter(kind: &str) -> bool {
    !kind.starts_with("heads.")
}

fn hub_head<S: Scalar>(base: &Encoder<S>) -> Head<S> {
    let config = HeadConfig::new(Task::CLASSIFICATION, labels());
    let mut head = Head::new("mood", &config, base, Seed::new(1)).expect("it fits");
    for (name, parameter) in head.parameters_mut() {
        let (number, rest) = name.strip_prefix("layer.").and_then(|n| n.split_once('.')).expect("a layer of the head");
        let module = if number == "0" { 1 } else { 4 };
        fill(&format!("heads.mood.{module}.{rest}"), parameter);
    }
    head
}

/// An adapter of AdapterHub's under a head.
pub(crate) fn hub_model<S: Scalar>(base: &Arc<Encoder<S>>, method: &str, head: Head<S>) -> AdapterModel<S> {
    let parsed: Method = method.parse().unwrap_or_else(|e| panic!("{method}: {e}"));
    let adapter = Adapter::on("mood", &parsed, base, Seed::new(5)).unwrap_or_else(|e| panic!("{method}: {e}"));
    let mut model = AdapterModel::new(base.clone(), Some(adapter), head);
    let names = names(&model);
    for (name, (own, parameter)) in names.iter().zip(model.parameters_mut()) {
        if own.starts_with("adapter.") {
            fill(name, parameter);
        }
    }
    model
}

/// The tensors' names in AdapterHub's files.
fn names<S: Scalar>(model: &AdapterModel<S>) -> Vec<String> {
    format::named_parameters(model).into_iter().map(|(mut names, _)| names.swap_remove(0)).collect()
}

/// A LoRA out of PEFT's files, under the family's own head.
fn peft_model<S: Scalar>(case: &Value, base: &Arc<Encoder<S>>) -> AdapterModel<S> {
    let adapter = format::load_peft(peft_folder(case).path(), base).unwrap_or_else(|e| panic!("{e}"));
    AdapterModel::new(base.clone(), Some(adapter), head(base))
}

/// PEFT's files of a LoRA.
pub(crate) fn peft_folder(case: &Value) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = json!({
        "peft_type": "LORA", "task_type": null, "r": 2, "lora_alpha": 3, "lora_dropout": 0.0, "bias": "none",
        "target_modules": case["peft"]["targets"],
    });
    std::fs::write(folder.path().join("adapter_config.json"), config.to_string()).expect("written");
    let tensors: Vec<_> = peft_tensors(&case["peft"]["gradients"]);
    let views: Vec<_> = tensors.iter().map(|(name, tensor)| (name.clone(), tensor.view())).collect();
    write_safetensors(&folder.path().join("adapter_model.safetensors"), &views, &[].into()).expect("written");
    folder
}

/// All tensors of the kinds that have gradients.
fn peft_tensors(kinds: &Value) -> Vec<(String, ArrayD<f64>)> {
    let mut all = Vec::new();
    for (kind, numbers) in kinds.as_object().expect("a map") {
        let [count, shape @ ..] = &numbers_of(numbers)[2..] else { panic!("a number and a shape") };
        let shape: Vec<usize> = shape.iter().map(|n| *n as usize).collect();
        let names = (0..*count as usize).map(|layer| kind.replacen(".N.", &format!(".{layer}."), 1));
        all.extend(names.map(|name| (name.clone(), filled(&name, &shape))));
    }
    all
}

// ---- Against Python ----

fn check_base<S: Scalar>(name: &str, case: &Value, base: &Arc<Encoder<S>>, tolerance: Tolerance) {
    let hidden = base.forward(&batch(case), &(), Pass::evaluate()).unwrap_or_else(|e| panic!("{name}: {e}")).hidden;
    let rows = list(&case["hidden"]["rows"]);
    for (row, expected) in [0, 5, hidden.nrows() - 1].into_iter().zip(rows) {
        let found: Vec<f64> = hidden.row(row).iter().map(|v| v.to_f64()).collect();
        close(&format!("{name}: row {row} of the last hidden state"), &found, &numbers_of(expected), tolerance.values);
    }
    let states: Vec<f64> = hidden.iter().map(|v| v.to_f64()).collect();
    check_probe(&format!("{name}: the last hidden state"), &states, &case["hidden"]["probe"], tolerance.values);
    let model = AdapterModel::new(base.clone(), None, head(base));
    close_table(&format!("{name}: the logits of its own head"), &logits(&model, case), &case["logits"], tolerance);
}

fn check_model<S: Scalar>(name: &str, case: &Value, run: &Value, model: &AdapterModel<S>, tolerance: Tolerance) {
    close_table(&format!("{name}: the logits"), &logits(model, case), &run["logits"], tolerance);
    let (loss, gradients) = loss(model, case, Pass::differentiate());
    close(&format!("{name}: the loss"), &[loss.to_f64()], &[run["loss"].as_f64().expect("a number")], tolerance.values);
    let found = kinds(model, &gradients, &run["gradients"]);
    let expected = run["gradients"].as_object().expect("a map");
    assert!(found.keys().eq(expected.keys()), "{name}: {:?}", found.keys());
    for (kind, gradient) in found {
        check_probe(&format!("{name}: the gradient of {kind}"), &gradient, &expected[&kind], tolerance.gradients);
    }
}

fn logits<S: Scalar>(model: &AdapterModel<S>, case: &Value) -> Array2<S> {
    model.logits(&batch(case)).unwrap_or_else(|e| panic!("{e}"))
}

fn loss<S: Scalar>(model: &AdapterModel<S>, case: &Value, pass: Pass) -> (S, Gradients<S>) {
    let targets = Classification(serde_json::from_value(case["labels"].clone()).expect("numbers of classes"));
    let (weight, mut gradients) = (S::from_f64(1.0 / targets.0.len() as f64), Gradients::new());
    let loss = model.loss_and_gradients(&batch(case), &targets, weight, pass, &mut gradients);
    (loss.unwrap_or_else(|e| panic!("{e}")), gradients)
}

/// For each kind of tensor the gradients of those of all layers, one behind the other: those kinds that Python has.
pub(crate) fn kinds<S: Scalar>(
    model: &AdapterModel<S>,
    gradients: &Gradients<S>,
    expected: &Value,
) -> BTreeMap<String, Vec<f64>> {
    let (mut kinds, mut tensors): (BTreeMap<String, Vec<f64>>, _) = (BTreeMap::new(), Vec::new());
    let adapter = model.adapter().expect("it has one");
    let peft = expected.as_object().is_some_and(|kinds| kinds.keys().all(|kind| kind.starts_with("base_model.")));
    let named: Vec<_> = match adapter.method() {
        Some(Method::Lora(config)) if peft => {
            let name = |name: &str| format::peft_names(config, model.base().config().family, name).swap_remove(0);
            adapter.parameters().into_iter().map(|(own, parameter)| (name(&own), parameter)).collect()
        }
        _ => names(model).into_iter().zip(model.parameters().into_iter().map(|(_, parameter)| parameter)).collect(),
    };
    for (name, parameter) in named {
        if expected.get(kind(&name)).is_none() && name.starts_with("heads.") {
            continue; // the family's own head, which does not train there
        }
        let gradient = gradients.get(parameter.slot().expect("it trains")).expect("it has one");
        add(&mut tensors, &whole(&name), gradient.iter().map(|g| g.to_f64()).collect());
    }
    for (name, gradient) in tensors {
        kinds.entry(kind(&name)).or_default().extend(gradient);
    }
    kinds
}

/// The name of a tensor of PEFT's: where a stored layer is several here, `A` and `B` of the stored one.
fn whole(name: &str) -> String {
    let parts: Vec<&str> = name.split('.').collect();
    match parts.as_slice() {
        [before @ .., number, lora @ ("lora_A" | "lora_B"), last] if number.parse::<usize>().is_ok() => {
            [before, &[lora, last]].concat().join(".")
        }
        _ => name.to_owned(),
    }
}

/// The gradient of `A` is the sum of those of its copies, that of `B` has those of its rows upon each other.
fn add(tensors: &mut Vec<(String, Vec<f64>)>, name: &str, gradient: Vec<f64>) {
    match tensors.iter_mut().find(|(known, _)| known == name) {
        Some((_, sum)) if name.contains("lora_A") => sum.iter_mut().zip(gradient).for_each(|(sum, g)| *sum += g),
        Some((_, rows)) => rows.extend(gradient),
        None => tensors.push((name.to_owned(), gradient)),
    }
}

/// A name without its first number.
fn kind(name: &str) -> String {
    let mut parts: Vec<&str> = name.split('.').collect();
    if let Some(number) = parts.iter().position(|part| part.parse::<usize>().is_ok()) {
        parts[number] = "N";
    }
    parts.join(".")
}

// ---- Finite differences ----

/// Every parameter is moved from where its name has put it: gates of zero and the like would hide what stands behind them.
fn stirred(mut model: AdapterModel<f64>) -> AdapterModel<f64> {
    for (name, parameter) in model.parameters_mut() {
        let seed = Seed::new(7).named(&name);
        parameter.values_mut().iter_mut().enumerate().for_each(|(i, v)| *v += 0.2 * seed.unit(i as u64) - 0.1);
    }
    model
}

/// Some numbers of every tensor, the first ones and others at odd distances.
fn check_differences(name: &str, case: &Value, mut model: AdapterModel<f64>) {
    let gradients = loss(&model, case, Pass::differentiate()).1;
    for i in 0..model.parameters().len() {
        let (tensor, slot, values) = {
            let (tensor, parameter) = model.parameters().swap_remove(i);
            (tensor, parameter.slot().expect("everything trains"), parameter.values().to_vec())
        };
        let gradient: Vec<f64> =
            gradients.get(slot).unwrap_or_else(|| panic!("{name}: {tensor}")).iter().copied().collect();
        let places: Vec<usize> = (0..values.len()).step_by(1 + 2 * (values.len() / 14)).collect();
        let at = |of: &[f64]| -> Vec<f64> { places.iter().map(|place| of[*place]).collect() };
        let f = |x: &[f64]| {
            let mut parameters = model.parameters_mut();
            let moved = parameters[i].1.values_mut();
            places.iter().zip(x).for_each(|(place, x)| moved[*place] = *x);
            loss(&model, case, Pass::evaluate()).0
        };
        check_gradients_with(STEP, f, &at(&values), &at(&gradient)).unwrap_or_else(|e| panic!("{name}: {tensor}: {e}"));
        model.parameters_mut().swap_remove(i).1.values_mut().copy_from_slice(&values);
    }
}

// ---- Reading the fixture ----

fn batch(case: &Value) -> Batch {
    let rows = |key: &str| -> Vec<Vec<u32>> { serde_json::from_value(case[key].clone()).expect("numbers") };
    let (ids, types) = (rows("ids"), rows("types"));
    let sequences = ids.iter().zip(&types).map(|(ids, types)| (ids.as_slice(), types.as_slice()));
    Batch::new(sequences).expect("as many types as ids")
}

pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn numbers_of(value: &Value) -> Vec<f64> {
    list(value).iter().map(|number| number.as_f64().expect("a number")).collect()
}

fn close_table<S: Scalar>(what: &str, found: &Array2<S>, expected: &Value, tolerance: Tolerance) {
    let expected: Vec<f64> = list(expected).iter().flat_map(numbers_of).collect();
    let found: Vec<f64> = found.iter().map(|v| v.to_f64()).collect();
    close(what, &found, &expected, tolerance.values);
}

fn close(what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let off = found.iter().zip(expected).map(|(a, b)| if (a - b).is_nan() { f64::MAX } else { (a - b).abs() });
    let off = off.fold(0.0, f64::max);
    assert!(off < tolerance, "{what} is off by {off:.1e}");
}

/// A weighed sum of all numbers, relative to the largest of them and the number of them.
pub(crate) fn check_probe(what: &str, found: &[f64], expected: &Value, tolerance: f64) {
    let expected = numbers_of(expected);
    let (sum, largest) = (expected[0], expected[1]);
    let probe: f64 = found.iter().enumerate().map(|(i, g)| g * (1.0 + 0.37 * i as f64).cos()).sum();
    // Softmax does not see a shift of all scores, so gradients of what shifts them are zero but for rounding.
    let off = (probe - sum).abs() / largest.max(1e-2) / (found.len() as f64).sqrt();
    assert!(off < tolerance, "{what} is off by {off:.1e}");
}
