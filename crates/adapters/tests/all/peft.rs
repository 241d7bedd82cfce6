//! PEFT directories: what Python computed with them, in f64, and what comes back of them.

use crate::common::{Fixture, Recorder, base, difference, files, folder, size};
use adaptune_adapters::{Adapter, AdapterModel, Head, HeadConfig, Method, Pooling, Task, format};
use adaptune_tensor::{Activation, Gradients, Parameters, Scalar, Seed};
use adaptune_transformer::weights::{TensorFile, TensorSource};
use adaptune_transformer::{Batch, Encoder, Pass};
use std::path::Path;

fn adapter(directory: &Path, base: &Encoder<f64>) -> Adapter<f64> {
    let mut adapter = format::load_adapter(directory, base).unwrap_or_else(|e| panic!("{e}"));
    adapter.train_from(0);
    adapter
}

/// Hidden states, and gradients of the weighed sum of the last one: DoRA's norm is a constant in both libraries.
#[test]
fn numbers_are_pythons() {
    for directory in files("peft") {
        let fixture = Fixture::open(&directory.join("expected.safetensors"));
        let (base, title) = (base::<f64>("bert"), directory.display());
        let adapter = adapter(&directory, &base);
        let (batch, recorder) = (fixture.batch("input."), Recorder::new(&adapter));
        drop(base.forward(&batch, &recorder, Pass::evaluate()).unwrap_or_else(|e| panic!("{e}")));
        for (i, state) in recorder.states().into_iter().enumerate() {
            let off = difference(state, &fixture.floats(&format!("hidden.{i}")));
            assert!(off < 1e-9, "{title}: hidden state {i} is off by {off:.1e}");
        }
        let encoded = base.forward(&batch, &adapter, Pass::differentiate()).unwrap_or_else(|e| panic!("{e}"));
        let weights = fixture.floats("weights").into_dimensionality().expect("[T, D]");
        let mut gradients = Gradients::new();
        encoded.trace.backward(weights, &mut gradients);
        check_gradients(&fixture, &adapter, &base, &gradients);
    }
}

fn check_gradients(fixture: &Fixture, adapter: &Adapter<f64>, base: &Encoder<f64>, gradients: &Gradients<f64>) {
    let Some(Method::Lora(config)) = adapter.method() else { panic!("it is a LoRA or a related method") };
    let expected = fixture.file.names_with("grad:");
    assert_eq!(adapter.parameters().len(), expected.len(), "as many trainable tensors as in Python");
    for (name, parameter) in adapter.parameters() {
        let names = format::peft_names(config, base.config().family, &name);
        let name = expected.iter().find(|e| names.iter().any(|n| **e == format!("grad:{n}"))).expect("Python has it");
        let expected = fixture.floats(name);
        let gradient = gradients.get(parameter.slot().expect("everything trains")).expect("it has a gradient");
        let off = difference(gradient.iter().copied(), &expected) / size(&expected);
        assert!(off < 1e-9, "{}: the gradient of {name} is off by {off:.1e}", fixture.name);
    }
}

trait NamesWith {
    fn names_with(&self, prefix: &str) -> Vec<String>;
}

impl NamesWith for TensorFile {
    fn names_with(&self, prefix: &str) -> Vec<String> {
        self.names().into_iter().filter(|name| name.starts_with(prefix)).map(str::to_owned).collect()
    }
}

/// Prefixes, prompts and heads: logits of sequences and of tokens, and the gradients of everything that trains. The prefix
/// that came out of a projection is flat in the file, where no gradient belongs to it.
#[test]
fn prefixes_and_prompts_are_pythons() {
    for directory in files("peft-prompts") {
        let fixture = Fixture::open(&directory.join("expected.safetensors"));
        let (base, title) = (base::<f64>(fixture.metadata("model")), directory.display());
        let mut model = format::load(&directory, base).unwrap_or_else(|e| panic!("{title}: {e}"));
        model.train_from(0);
        let batch = fixture.batch("input.");
        let off = difference(model.logits(&batch).expect("good"), &fixture.floats("logits"));
        assert!(off < 1e-9, "{title}: logits are off by {off:.1e}");
        let gradients = gradients_of(&model, &batch, &fixture);
        let expected = fixture.file.names_with("grad:");
        assert_eq!(expected.is_empty(), title.to_string().ends_with("projection"), "{title}");
        for name in &expected {
            let (expected, found) = (fixture.floats(name), gradient(&model, &gradients, name));
            let off = difference(found, &expected) / size(&expected);
            assert!(off < 1e-9, "{title}: the gradient of {name} is off by {off:.1e}");
        }
        assert!(expected.is_empty() || expected.len() == model.parameters().len(), "{title}: nothing else trains");
    }
}

/// Gradients of the sum of the logits, each weighed by `weights`.
fn gradients_of(model: &AdapterModel<f64>, batch: &Batch, fixture: &Fixture) -> Gradients<f64> {
    let mut gradients = Gradients::new();
    let (base, head) = (model.thawed_base(), model.head());
    let adapter = model.adapter().expect("it has one");
    let encoded = base.forward(batch, adapter, Pass::differentiate()).expect("a good batch");
    let (tags, layout) = (head.config().task == Task::TAGGING, encoded.layout);
    let text = |sequence| layout.text(sequence).collect::<Vec<_>>();
    let first = |sequence| vec![layout.range(sequence).start];
    let places: Vec<usize> =
        (0..layout.sequences()).flat_map(|sequence| if tags { text(sequence) } else { first(sequence) }).collect();
    let rows = encoded.hidden.select(ndarray::Axis(0), &places);
    let (_, trace) = head.forward(base, None, rows.view(), Pass::differentiate());
    let weights = fixture.floats("weights").into_dimensionality().expect("a row for each prediction");
    let d_rows = head.backward(base, trace, weights, true, &mut gradients).expect("it was asked for");
    let mut d_hidden = ndarray::Array2::zeros(encoded.hidden.dim());
    places.iter().zip(d_rows.rows()).for_each(|(place, row)| d_hidden.row_mut(*place).assign(&row));
    encoded.trace.backward(d_hidden, &mut gradients);
    gradients
}

/// The gradient that Python calls by this name.
fn gradient(model: &AdapterModel<f64>, gradients: &Gradients<f64>, name: &str) -> Vec<f64> {
    let layers =
        [["classifier.dense", "classifier.out_proj"], ["pre_classifier", "classifier"], ["classifier", "classifier"]];
    let two = model.head().config().layers == 2;
    let of_head = |our: &str| {
        let (layer, part) = our.trim_start_matches("layer.").split_once('.').expect("a layer and a part of it");
        let layer: usize = layer.parse().expect("a number");
        let known = |names: &[&str; 2]| name == format!("grad:base_model.{}.{part}", names[layer]);
        if two { layers[..2].iter().any(known) } else { known(&layers[2]) }
    };
    let adapter = model.adapter().expect("it has one").parameters();
    let parameter = match name {
        "grad:prompt_embeddings" => adapter[0].1,
        _ => model.head().parameters().into_iter().find(|(our, _)| of_head(our)).expect("the head has it").1,
    };
    let slot = parameter.slot().expect("everything trains");
    gradients.get(slot).expect("it has a gradient").iter().copied().collect()
}

fn refusal(method: &str, model: &str) -> String {
    let base = base::<f32>(model);
    let adapter = Adapter::on("mine", &method.parse().expect("a method"), &base, Seed::new(1)).expect("it fits");
    let directory = tempfile::tempdir().expect("a folder");
    let error = format::save_peft(&adapter, &base, directory.path()).expect_err(method).to_string();
    let left = std::fs::read_dir(directory.path()).expect("there").count();
    assert_eq!(left, 0, "{method}: nothing is half written");
    error
}

/// AdapterHub's prefixes and prompts are other functions of the same numbers, and some have no form there at all.
#[test]
fn what_would_be_another_function_in_peft_is_refused() {
    for (method, model, words) in [
        ("prefix_tuning_flat[prefix_length=2]", "bert", "AdapterHub's positions"),
        ("prefix_tuning[prefix_length=2,position_shift=True,use_gating=True]", "bert", "it has no gates"),
        ("prefix_tuning[prefix_length=2,position_shift=True,leave_out=[1]]", "bert", "in every block"),
        ("prefix_tuning[prefix_length=2,position_shift=True]", "distilbert", "no prefixes for DistilBERT"),
        ("prompt_tuning", "roberta", "goes through the embeddings' norm"),
        ("prompt_tuning[combine=prefix_after_bos]", "bert", "before the first token"),
        ("prefix_tuning[prefix_length=2,position_shift=True]|par_bn", "bert", "kind union"),
    ] {
        let error = refusal(method, model);
        assert!(error.contains(words), "{method}: {error}");
    }
    let base = base::<f32>("bert");
    for (method, words) in [
        ("prefix_tuning[prefix_length=2,position_shift=True]", "positions stay as they are"),
        ("par_bn|prefix_tuning_flat[prefix_length=2,position_shift=True]", "positions stay as they are"),
        ("prompt_tuning[combine=as_tokens]", "take no positions"),
    ] {
        let adapter = Adapter::on("mine", &method.parse().expect("a method"), &base, Seed::new(1)).expect("it fits");
        let directory = tempfile::tempdir().expect("a folder");
        let error = format::save_adapterhub(&adapter, &base, directory.path()).expect_err(method).to_string();
        assert!(error.contains(words), "{method}: {error}");
    }
}

/// A network is left behind; what comes back is flat and computes the same to the bit.
#[test]
fn a_prefix_is_ejected_when_it_is_written() {
    let base = base::<f32>("bert");
    let method: Method =
        "prefix_tuning[prefix_length=3,bottleneck_size=5,dropout=0.2,position_shift=True]".parse().expect("good");
    let deep = Adapter::on("mine", &method, &base, Seed::new(1)).expect("it fits");
    let directory = tempfile::tempdir().expect("a folder");
    format::save_peft(&deep, &base, directory.path()).unwrap_or_else(|e| panic!("{e}"));
    let flat = format::load_adapter(directory.path(), &base).unwrap_or_else(|e| panic!("{e}"));
    let expected: Method = "prefix_tuning_flat[prefix_length=3,position_shift=True]".parse().expect("good");
    assert_eq!((flat.name(), flat.method()), ("mine", Some(&expected)));
    let batch = Batch::from_ids(&[&[7, 8, 9], &[10]]);
    let hidden = |adapter: &Adapter<f32>| base.forward(&batch, adapter, Pass::evaluate()).expect("good").hidden;
    assert_eq!(hidden(&flat), hidden(&deep));
}

/// What is saved is loaded, with the same configuration, numbers and name; and saved again it gives the same bytes.
#[test]
fn what_is_saved_loads_unchanged() {
    for directory in files("peft").into_iter().chain(files("peft-prompts")).chain(files("peft-heads")) {
        let fixture = Fixture::open(&directory.join("expected.safetensors"));
        let base = base::<f64>(fixture.metadata("model"));
        let (adapter, title) = (adapter(&directory, &base), directory.display());
        let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
        format::save_peft(&adapter, &base, folders[0].path()).unwrap_or_else(|e| panic!("{title}: {e}"));
        let copy = format::load_adapter(folders[0].path(), &base).unwrap_or_else(|e| panic!("{title}: {e}"));
        assert_eq!((copy.name(), copy.method()), (adapter.name(), adapter.method()), "{title}");
        for ((name, a), (_, b)) in copy.parameters().into_iter().zip(adapter.parameters()) {
            assert_eq!(a.values(), b.values(), "{title}: {name}");
        }
        format::save_peft(&copy, &base, folders[1].path()).unwrap_or_else(|e| panic!("{title}: {e}"));
        for file in ["adapter_config.json", "adapter_model.safetensors"] {
            let [first, second] = folders.each_ref().map(|f| std::fs::read(f.path().join(file)).expect("saved"));
            assert_eq!(first, second, "{title}: {file}");
        }
    }
}

/// A model whose adapter AdapterHub does not have is saved with PEFT's files, its name in them; nothing of another
/// adapter stays beside it.
#[test]
fn models_are_saved_for_the_library_that_has_their_method() {
    let base = base::<f32>("bert");
    let directory = tempfile::tempdir().expect("a folder");
    for (text, file, other) in [
        ("lora[r=2]", "adapter.safetensors", "adapter_model.safetensors"),
        ("dora[r=2,leave_out=[1]]", "adapter_model.safetensors", "adapter.safetensors"),
        ("ia3", "adapter.safetensors", "adapter_model.safetensors"),
        ("lora[attn_matrices=[o],use_rslora=True]", "adapter_model.safetensors", "adapter.safetensors"),
        ("vera[intermediate_lora=True]", "adapter_model.safetensors", "adapter.safetensors"),
        ("prompt_tuning", "adapter.safetensors", "adapter_model.safetensors"),
        ("prompt_tuning[combine=as_tokens]", "adapter_model.safetensors", "adapter.safetensors"),
        ("prefix_tuning[position_shift=True,prefix_length=2]", "adapter.safetensors", "adapter_model.safetensors"),
        ("prefix_tuning_flat[position_shift=True,prefix_length=2]", "adapter_model.safetensors", "adapter.safetensors"),
    ] {
        let adapter = Adapter::on("mine", &text.parse().expect("a method"), &base, Seed::new(1)).expect("it fits");
        let config = HeadConfig::new(Task::CLASSIFICATION, vec!["a".into(), "b".into()]);
        let head = Head::new("mine", &config, &base, Seed::new(2)).expect("it fits");
        let model = AdapterModel::new(base.clone(), Some(adapter), head);
        format::save(&model, directory.path()).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert!(directory.path().join(file).exists() && !directory.path().join(other).exists(), "{text}");
        let copy = format::load(directory.path(), base.clone()).unwrap_or_else(|e| panic!("{text}: {e}"));
        let described = format::describe(directory.path()).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!((described[0].name.as_str(), described[0].file.as_str()), ("mine", file), "{text}");
        assert_eq!(copy.adapter().expect("there").name(), "mine", "{text}");
        let batch = Batch::from_ids(&[&[7, 8, 9], &[10]]);
        assert_eq!(copy.logits(&batch).expect("good"), model.logits(&batch).expect("good"), "{text}");
    }
}

#[test]
fn what_neither_library_has_is_refused() {
    let base = base::<f32>("bert");
    for (text, words) in [
        ("lora[attn_matrices=[o],use_gating=True]", "nor has PEFT: it has no gates"),
        ("ia3[scale_inputs=[k],alpha=2]", "nor has PEFT: its IA3 has no alpha"),
        ("mtl_lora[use_rslora=True]", "nor has PEFT: it has no adapters of kind mtl_lora"),
        ("dora|par_bn", "nor has PEFT: it has no adapters of kind union"),
        ("prompt_tuning[combine=as_tokens]|par_bn", "nor has PEFT: it has no adapters of kind union"),
    ] {
        let adapter = Adapter::on("mine", &text.parse().expect("a method"), &base, Seed::new(1)).expect("it fits");
        let config = HeadConfig::new(Task::CLASSIFICATION, vec!["a".into(), "b".into()]);
        let head = Head::new("mine", &config, &base, Seed::new(2)).expect("it fits");
        let directory = tempfile::tempdir().expect("a folder");
        let saved = format::save(&AdapterModel::new(base.clone(), Some(adapter), head), directory.path());
        let error = saved.expect_err(text).to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
}

/// The classifier that PEFT saves beside an adapter is the head of the model that is loaded.
#[test]
fn heads_come_along() {
    for directory in files("peft-heads") {
        let fixture = Fixture::open(&directory.join("expected.safetensors"));
        let base = base::<f64>(fixture.metadata("model"));
        let model = format::load(&directory, base).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(model.head().config().labels, ["LABEL_0", "LABEL_1", "LABEL_2"]);
        let off = difference(model.logits(&fixture.batch("input.")).expect("good"), &fixture.floats("logits"));
        assert!(off < 1e-9, "{}: logits are off by {off:.1e}", directory.display());
    }
    let error = format::load(&folder("peft/dora"), base::<f64>("bert")).expect_err("it has no head").to_string();
    assert!(error.contains("task_type is null"), "{error}");
}

/// What Python wrote with a classifier is written so again, under the names that it had, and loaded once more; as a model of
/// ours it is written in the same form, with the names of its classes.
#[test]
fn heads_are_written_as_peft_has_them() {
    for directory in files("peft-heads").into_iter().chain(files("peft-prompts")) {
        let fixture = Fixture::open(&directory.join("expected.safetensors"));
        let (base, title) = (base::<f64>(fixture.metadata("model")), directory.display());
        let model = format::load(&directory, base.clone()).unwrap_or_else(|e| panic!("{title}: {e}"));
        let to = tempfile::tempdir().expect("a folder");
        std::fs::write(to.path().join("head_config.json"), "another's").expect("written");
        let adapter = model.adapter().expect("it has one");
        format::save_peft_with_head(adapter, model.head(), &base, to.path()).unwrap_or_else(|e| panic!("{title}: {e}"));
        assert_eq!(tensors(&directory), tensors(to.path()), "{title}");
        let [theirs, ours] = [directory.as_path(), to.path()].map(config);
        for field in ["peft_type", "task_type", "num_virtual_tokens", "token_dim", "num_layers", "num_attention_heads"]
        {
            assert_eq!(theirs.get(field), ours.get(field), "{title}: {field}");
        }
        let saved = |file: &serde_json::Value| {
            let saved = file["modules_to_save"].as_array().expect("a list").iter();
            saved.filter_map(|m| m.as_str().map(str::to_owned)).collect::<std::collections::BTreeSet<_>>()
        };
        assert!(!saved(&ours).is_empty() && saved(&ours).is_subset(&saved(&theirs)), "{title}");
        let copy = format::load(to.path(), base).unwrap_or_else(|e| panic!("{title}: {e}"));
        let batch = fixture.batch("input.");
        assert_eq!(copy.logits(&batch).expect("good"), model.logits(&batch).expect("good"), "{title}");
    }
}

/// Names and shapes of the weights.
fn tensors(directory: &Path) -> Vec<(String, Vec<usize>)> {
    let file = TensorFile::open(directory.join("adapter_model.safetensors")).expect("there");
    let names = file.names();
    let mut all: Vec<_> = names.iter().map(|n| (n.to_string(), file.shape(n).expect("it has one").to_vec())).collect();
    all.sort();
    all
}

fn config(directory: &Path) -> serde_json::Value {
    let text = std::fs::read_to_string(directory.join("adapter_config.json")).expect("there");
    serde_json::from_str(&text).expect("JSON")
}

fn model_with<S: Scalar>(family: &str, method: &str, head: &HeadConfig) -> AdapterModel<S> {
    let base = base::<S>(family);
    let adapter = Adapter::on("mine", &method.parse().expect("a method"), &base, Seed::new(1)).expect("it fits");
    let head = Head::new("a head", head, &base, Seed::new(2)).expect("it fits");
    AdapterModel::new(base, Some(adapter), head)
}

/// Which heads go along among PEFT's tensors, and that those which do not are beside them; names of classes and dropout stay.
#[test]
fn other_heads_stay_in_adapterhubs_form() {
    let labels = || vec!["no".to_owned(), "yes".to_owned()];
    let plain = |task, layers, pooler: bool| HeadConfig {
        layers,
        pooling: pooler.then_some(Pooling::Pooler),
        dropout: Some(0.25),
        ..HeadConfig::new(task, labels())
    };
    let relu = |head: HeadConfig| HeadConfig { activation: Some(Activation::Relu), ..head };
    let (classes, tags, numbers) = (Task::CLASSIFICATION, Task::TAGGING, Task::REGRESSION);
    let prefix = "prefix_tuning_flat[prefix_length=2,position_shift=True]";
    for (family, method, head, along) in [
        ("bert", "dora", plain(classes, 1, true), true),
        ("bert", "dora", plain(classes, 2, false), true),
        ("bert", "dora", relu(plain(classes, 2, false)), false),
        ("bert", "dora", plain(classes, 1, false), false),
        ("bert", "dora", HeadConfig { bias: false, ..plain(classes, 1, true) }, false),
        ("bert", "lora[use_rslora=True]", plain(numbers, 1, true), true),
        ("bert", prefix, plain(tags, 1, false), true),
        ("bert", prefix, plain(tags, 2, false), false),
        ("bert", "prompt_tuning[combine=as_tokens]", relu(plain(classes, 1, true)), true),
        ("roberta", "dora", plain(classes, 2, false), true),
        ("roberta", "dora", relu(plain(classes, 2, false)), false),
        ("roberta", prefix, plain(classes, 2, false), false),
        ("roberta", prefix, plain(tags, 1, false), true),
        ("distilbert", "dora", relu(plain(classes, 2, false)), true),
        ("distilbert", "prompt_tuning[combine=as_tokens]", plain(classes, 2, false), false),
    ] {
        let (model, to) = (model_with::<f32>(family, method, &head), tempfile::tempdir().expect("a folder"));
        let title = format!("{family} {method} {head:?}");
        format::save(&model, to.path()).unwrap_or_else(|e| panic!("{title}: {e}"));
        assert_eq!(to.path().join("head_config.json").exists(), !along, "{title}");
        assert_eq!(tensors(to.path()).iter().any(|(name, _)| name.contains("classifier")), along, "{title}");
        let described = format::describe(to.path()).unwrap_or_else(|e| panic!("{title}: {e}"));
        let kinds: Vec<_> = described.iter().map(|part| (part.kind, part.name.as_str())).collect();
        assert_eq!(kinds, [("adapter", "mine"), ("head", "a head")], "{title}");
        let counts = described.iter().map(format::Described::parameters).sum::<usize>();
        assert_eq!(counts, model.parameter_count(), "{title}");
        let copy = format::load(to.path(), model.base().clone()).unwrap_or_else(|e| panic!("{title}: {e}"));
        let same = HeadConfig { activation: copy.head().config().activation, ..head.clone() };
        assert_eq!((copy.head().name(), copy.head().config().labels.len()), ("a head", same.labels.len()), "{title}");
        assert!(head.task == numbers || *copy.head().config() == same, "{title}: {:?}", copy.head().config());
        let batch = Batch::from_ids(&[&[7, 8, 9], &[10]]);
        assert_eq!(copy.logits(&batch).expect("good"), model.logits(&batch).expect("good"), "{title}");
    }
}

/// Files of the same adapter with one field changed, and the reason for which each is refused.
#[test]
fn what_cannot_be_computed_is_refused() {
    let base = base::<f64>("bert");
    for (case, field, value, words) in [
        ("dora", "peft_type", "\"LOHA\"", "peft_type LOHA are not supported"),
        ("dora", "rank_pattern", "{\"query\": 4}", "has the rank 3, and r and rank_pattern say 4"),
        ("dora", "rank_pattern", "{\".*query\": 3}", "a pattern; names of modules"),
        ("dora", "rank_pattern", "[3]", "must be a map from modules to numbers"),
        ("dora", "alpha_pattern", "{\"query\": \"x\"}", "alpha_pattern says \"x\""),
        ("dora", "alpha_pattern", "{\"query\": 4, \"self.query\": 5}", "by several keys with several values"),
        ("dora", "lora_bias", "true", "lora_bias=true is not supported: its B have biases"),
        ("dora", "trainable_token_indices", "[3]", "rows of the token embeddings"),
        ("dora", "modules_to_save", "[\"embeddings\"]", "modules_to_save holds \"embeddings\", which is no head"),
        ("dora", "bias", "\"all\"", "bias=\"all\" is not supported: biases of the base"),
        ("dora", "layers_pattern", "\"h\"", "layers_pattern=\"h\" names no list of blocks of this base"),
        ("dora", "init_lora_weights", "\"pissa\"", "changes the base too"),
        ("dora", "target_modules", "[\"query\"]", "the weights differ about layer.0.attention_output"),
        ("dora", "r", "0", "r is 0"),
        ("dora", "r", "4", "has shape [3, 12], but [4, 12] was expected"),
        ("dora", "use_dora", "false", "lora_magnitude_vector"),
        ("vera", "save_projection", "false", "save_projection is false"),
        ("ia3", "feedforward_modules", "[\"encoder.layer.1.output.dense\"]", "otherwise than other blocks"),
    ] {
        let error = changed(&folder("peft").join(case), field, value, &base);
        assert!(error.contains(words), "{case} {field}: {error}");
    }
    for (case, field, value, words) in [
        ("bert-prefix", "num_virtual_tokens", "4", "should have shape [4, 72], but it has [3, 72]"),
        ("bert-prefix", "num_virtual_tokens", "null", "num_virtual_tokens is null"),
        ("bert-prefix", "num_virtual_tokens", "0", "must be a whole number from 1 on"),
        ("bert-prefix", "token_dim", "24", "token_dim is 24, but this base has 12"),
        ("bert-prefix", "num_layers", "2", "num_layers is 2, but this base has 3"),
        ("bert-prefix", "num_attention_heads", "4", "num_attention_heads is 4, but this base has 3"),
        ("bert-prefix", "num_transformer_submodules", "2", "num_transformer_submodules is 2, but this base has 1"),
        ("bert-prefix", "peft_type", "\"PROMPT_TUNING\"", "should have shape [3, 12], but it has [3, 72]"),
        ("bert-prefix", "peft_type", "\"LORA\"", "target_modules"),
        ("bert-prompt", "num_virtual_tokens", "24", "should have shape [24, 12], but it has [4, 12]"),
        ("bert-prompt", "peft_type", "\"P_TUNING\"", "peft_type P_TUNING are not supported"),
        ("bert-prompt", "modules_to_save", "[\"embeddings\"]", "is no head"),
        ("roberta-prefix-tags", "num_virtual_tokens", "1", "num_layers is 2, but this base has 3"),
    ] {
        let error = changed(&folder("peft-prompts").join(case), field, value, &base);
        assert!(error.contains(words), "{case} {field}: {error}");
    }
    let distilbert = crate::common::base::<f64>("distilbert");
    let error = changed(&folder("peft-prompts/distilbert-prompt"), "peft_type", "\"PREFIX_TUNING\"", &distilbert);
    assert!(error.contains("no prefixes for DistilBERT"), "{error}");
}

/// Why a copy of a directory with one field changed does not load.
fn changed(from: &Path, field: &str, value: &str, base: &Encoder<f64>) -> String {
    let (to, weights) = (tempfile::tempdir().expect("a folder"), "adapter_model.safetensors");
    std::fs::copy(from.join(weights), to.path().join(weights)).expect("copied");
    let mut file = config(from);
    file[field] = serde_json::from_str(value).expect("JSON");
    std::fs::write(to.path().join("adapter_config.json"), file.to_string()).expect("written");
    format::load_adapter(to.path(), base).expect_err(field).to_string()
}
